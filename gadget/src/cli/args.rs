//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::responder::ResponderArgs;

/// The device end of a USB cable.
#[derive(Debug, Parser)]
#[command(name = "usbnet", version, after_help = exit_codes(), disable_help_subcommand = true)]
pub struct Args {
    /// Where the daemon's socket and state are.
    #[arg(long, global = true, value_name = "DIR", default_value = "/run/usbnet", hide_short_help = true)]
    pub run_dir: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run in the foreground (for init systems that supervise)
    Daemon {
        /// Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Descriptor on which the outcome of the first switch is reported.
        #[arg(long, hide = true, value_name = "N")]
        notify_fd: Option<i32>,
    },
    /// Start the daemon; returns when the mode is confirmed
    Start {
        /// Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Take the gadget down and end the daemon
    Stop,
    /// Stop, then start
    Restart {
        /// Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the current mode, or switch to another
    Mode {
        /// The mode to switch to
        name: Option<String>,
        /// Switch although the host still uses a card
        #[arg(long, requires = "name")]
        force: bool,
        /// Print the shell lines the switch equals, and change nothing
        #[arg(long, requires = "name")]
        plan: bool,
    },
    /// What can be chosen here and now, and why the rest cannot
    Modes,
    /// Mode, UDC and its state, link, addresses, leases, traffic
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one event a line
    Watch {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// What is missing or wrong, each with the next step to take
    Check {
        /// Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the effective configuration, or validate a file
    Config {
        /// The shipped configuration, with comments
        #[arg(long, conflicts_with = "file")]
        default: bool,
        /// The file to validate
        file: Option<PathBuf>,
    },
    /// Only the DHCP/DNS responder, on any interface
    Responder(ResponderArgs),
}

fn exit_codes() -> String {
    let rows = Exit::ALL.map(|exit| format!("  {}  {}", u8::from(exit), exit.meaning()));
    format!("Exit codes:\n{}", rows.join("\n"))
}
