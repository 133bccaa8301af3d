//! What the applet meets: a daemon with a script, and a desktop that notes what it is told.

mod bridge;
mod daemon;
mod desktop;
mod screen;

use std::process::{Child, Command};
use std::sync::mpsc::Receiver;
use std::time::Duration;

pub use bridge::{Call, Failure};
pub use daemon::{
    Daemon, refuse_at_length, refuse_busy, refuse_host_busy, refuse_nothing_to_cancel, refuse_user,
};
use desktop::bus;
pub use desktop::{Desktop, Entry};
pub use screen::{Picture, Screen};

/// Nothing that happens at all takes this long.
const BOUND: Duration = Duration::from_secs(120);

/// The next of what is told in another thread.
#[track_caller]
pub fn next<T>(told: &Receiver<T>, what: &str) -> T {
    told.recv_timeout(BOUND).unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// A process that ends with the test.
pub struct Process(pub Child);

impl Process {
    /// The applet of a daemon, to be started.
    pub fn applet(daemon: &Daemon) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usbnet-applet"));
        command.arg("--run-dir").arg(daemon.directory());
        command.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("LANGUAGE").env("LC_ALL", "C");
        command.env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}/no-bus", daemon.directory().display()));
        command
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
