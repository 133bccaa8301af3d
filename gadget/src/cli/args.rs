//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use usbnet_host_profiles::{InterfaceName, Label, Shape};

use super::bar;
use crate::config::{OnBusy, station};
use crate::control::WAIT_SECONDS;
use crate::exit::Exit;
use crate::identity::{Identity, MacAddr};
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
    Stop {
        /// How cards come back from the host.
        #[command(flatten)]
        taking: Taking,
    },
    /// Stop, then start
    Restart {
        /// How cards come back from the host.
        #[command(flatten)]
        taking: Taking,
        /// Configuration file [default: /etc/usbnet/config.ron, or the built-in defaults]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the current mode, or switch to another
    #[command(mut_group("Taking", |group| group.requires("name").conflicts_with("cancel")))]
    Mode {
        /// The mode to switch to
        name: Option<String>,
        /// Print the shell lines the switch equals, and change nothing
        #[arg(long, requires = "name")]
        plan: bool,
        /// What to do when a card is in use on the device: refuse, wait=SECONDS, or terminate=SECONDS (SIGTERM
        /// first, then wait) [default: storage.on_busy of the configuration]
        #[arg(long, requires = "name", value_name = "WHAT", value_parser = on_busy)]
        on_busy: Option<OnBusy>,
        /// Give up the switch that is under way
        #[arg(long, conflicts_with_all = ["name", "plan", "on_busy"])]
        cancel: bool,
        /// How cards come back from the host.
        #[command(flatten)]
        taking: Taking,
    },
    /// What can be chosen here and now, and why the rest cannot
    Modes,
    /// Mode, UDC and its state, link, addresses, leases, cards, traffic
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
        /// For a status bar: a line whenever the mode or its state has changed, until the bar ends
        #[arg(long, value_parser = [bar::WAYBAR, "plain"], conflicts_with = "json")]
        format: Option<String>,
    },
    /// Print or write what a host needs: the files of its own network configuration
    Profile(ProfileArgs),
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

/// Which profile, of which device, to where.
#[derive(Debug, clap::Args)]
pub struct ProfileArgs {
    /// The host, or all of them
    #[arg(value_name = "HOST|all", required_unless_present = "list")]
    pub host: Option<String>,
    /// List the hosts, what each is for and which shapes it has
    #[arg(long, conflicts_with_all = ["host", "shape", "out"])]
    pub list: bool,
    /// The list as JSON
    // With a host alone, clap would drop the requirement: the host excludes what is required.
    #[arg(long, requires = "list", conflicts_with = "host")]
    pub json: bool,
    /// What the link is for: link, share-from-host, uplink or bridge [default: link, or the first that the host has; without it, profile all has every shape]
    #[arg(long)]
    pub shape: Option<Shape>,
    /// Write the files below this directory, as they lie on the host, with a README.md
    #[arg(long, value_name = "DIR", group = "place")]
    pub out: Option<PathBuf>,
    /// Write all of them as the image of a small disk: the one that profile_disk: true of a mode offers
    #[arg(long, value_name = "FILE", group = "place", conflicts_with_all = ["list", "out", "shape"])]
    pub image: Option<PathBuf>,
    /// Replace files that have another content
    #[arg(long, requires = "place", conflicts_with = "list")]
    pub force: bool,
    /// The mode that the profile is for [default: the one that is set, else the one to start with]
    #[arg(long)]
    pub mode: Option<String>,
    /// Configuration file of the device [default: what the running daemon has, else /etc/usbnet/config.ron]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The machine-id of the device [default: this machine is the device]
    #[arg(long, value_name = "ID", value_parser = Identity::from_machine_id)]
    pub machine_id: Option<Identity>,
    /// The hardware address of the host's end, instead of the one that the device derives
    #[arg(long, value_parser = station)]
    pub mac: Option<MacAddr>,
    /// What the device is called, instead of link.name or this machine's name
    #[arg(long, value_parser = Label::new)]
    pub name: Option<Label>,
    /// The host's bridge, for the shape of that name
    #[arg(long, value_name = "INTERFACE", default_value = "br0", value_parser = InterfaceName::new)]
    pub bridge: InterfaceName,
}

/// How cards are taken back from a host that still uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Taking {
    /// Take cards from the host although it still uses them: what it has not written yet is lost
    #[arg(long)]
    pub force: bool,
    /// Wait for the host to eject its cards [default without SECONDS: 600]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "600",
        value_parser = clap::value_parser!(u32).range(wait_seconds())
    )]
    pub wait: Option<u32>,
}

/// [`WAIT_SECONDS`] as clap wants them.
fn wait_seconds() -> RangeInclusive<i64> {
    i64::from(*WAIT_SECONDS.start())..=i64::from(*WAIT_SECONDS.end())
}

/// `refuse`, `wait=SECONDS` or `terminate=SECONDS`.
fn on_busy(text: &str) -> Result<OnBusy, BadOnBusy> {
    let (word, time) = text.split_once('=').map_or((text, None), |(word, time)| (word, Some(time)));
    let seconds = |text: Option<&str>| {
        let seconds = text.and_then(|text| text.parse().ok());
        seconds.filter(|seconds| OnBusy::SECONDS.contains(seconds)).ok_or(BadOnBusy)
    };
    match word {
        "refuse" if text == word => Ok(OnBusy::Refuse),
        "wait" => Ok(OnBusy::Wait { seconds: seconds(time)? }),
        "terminate" => Ok(OnBusy::Terminate { grace: seconds(time)? }),
        _ => Err(BadOnBusy),
    }
}

/// an `--on-busy` that says nothing usbnet knows
#[derive(Debug, thiserror::Error)]
#[error("allowed: refuse, wait=SECONDS, terminate=SECONDS, with 1 to 3600 seconds")]
pub struct BadOnBusy;

fn exit_codes() -> String {
    let rows = Exit::ALL.map(|exit| format!("  {}  {}", u8::from(exit), exit.meaning()));
    format!("Exit codes:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<Command> {
        Args::try_parse_from(line.split(' ')).ok().map(|args| args.command)
    }

    #[test]
    fn how_cards_are_taken() {
        let taking = |force, wait| Some((None, Taking { force, wait }));
        let busy = |on_busy| Some((Some(on_busy), Taking { force: false, wait: None }));
        let table = [
            ("usbnet mode storage", taking(false, None)),
            ("usbnet mode storage --force --wait", taking(true, Some(600))),
            ("usbnet mode --wait=30 storage", taking(false, Some(30))),
            ("usbnet mode --wait storage", taking(false, Some(600))),
            ("usbnet mode storage --wait=86400", taking(false, Some(86_400))),
            ("usbnet mode storage --wait=86401", None),
            ("usbnet mode storage --wait=0", None),
            ("usbnet mode storage --wait 30", None),
            ("usbnet mode --force", None),
            ("usbnet mode --wait", None),
            ("usbnet mode --cancel --force", None),
            ("usbnet mode storage --on-busy refuse", busy(OnBusy::Refuse)),
            ("usbnet mode storage --on-busy=wait=3600", busy(OnBusy::Wait { seconds: 3600 })),
            ("usbnet mode storage --on-busy terminate=5", busy(OnBusy::Terminate { grace: 5 })),
            ("usbnet mode storage --on-busy terminate", None),
            ("usbnet mode storage --on-busy terminate=0", None),
            ("usbnet mode storage --on-busy wait=3601", None),
            ("usbnet mode storage --on-busy refuse=1", None),
            ("usbnet mode storage --on-busy lazy", None),
            ("usbnet stop --wait", taking(false, Some(600))),
            ("usbnet restart --force --config /a.ron", taking(true, None)),
        ];
        for (line, expected) in table {
            let found = parsed(line).map(|command| match command {
                Command::Mode { name: Some(name), plan: false, cancel: false, on_busy, taking } => {
                    assert_eq!(name, "storage", "{line}");
                    (on_busy, taking)
                }
                Command::Stop { taking } | Command::Restart { taking, .. } => (None, taking),
                other => panic!("{line}: {other:?}"),
            });
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_cancellation_names_no_mode() {
        assert!(matches!(
            parsed("usbnet mode --cancel"),
            Some(Command::Mode { name: None, cancel: true, .. })
        ));
        assert!(parsed("usbnet mode --cancel storage").is_none());
        assert!(matches!(parsed("usbnet mode"), Some(Command::Mode { name: None, cancel: false, .. })));
    }
}
