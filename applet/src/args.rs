//! The command line. By itself, so that the manual page and completions can be made from it.

use std::path::PathBuf;

use clap::Parser;

/// The status-bar applet of usbnet.
#[derive(Debug, Parser)]
#[command(name = "usbnet-applet", version)]
pub struct Args {
    /// Where the daemon's socket is.
    #[arg(long, value_name = "DIR", default_value = "/run/usbnet", hide_short_help = true)]
    pub run_dir: PathBuf,
}
