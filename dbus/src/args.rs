//! The command line. By itself, so that the manual page can be made from it.

use std::path::PathBuf;

use clap::Parser;

/// Speaks usb-moded's D-Bus interface on the system bus, for usbnet.
#[derive(Debug, Parser)]
#[command(name = "usbnet-dbus", version)]
pub struct Arguments {
    /// The daemon's run directory
    #[arg(long, value_name = "DIR", default_value = "/run/usbnet")]
    pub run: PathBuf,
    /// Where settings are kept
    #[arg(long, value_name = "DIR", default_value = "/var/lib/usbnet-dbus")]
    pub state: PathBuf,
    /// How long set_mode waits before it answers that the switch is under way
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub patience: u64,
}
