//! `usbnet daemon` as a supervisor runs it: in the foreground, and with nobody who waits for its first mode.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use crate::wait::wait_for;

/// The daemon; killed when dropped.
#[derive(Debug)]
pub struct Supervised(Child);

impl Supervised {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// If there is no such program.
    #[must_use]
    pub fn begin() -> Self {
        Self(Command::new("usbnet").arg("daemon").spawn().expect("usbnet"))
    }

    /// The same by one that wants to know how it is, at this socket: sd_notify(3).
    ///
    /// # Panics
    ///
    /// If there is no such program.
    #[must_use]
    pub fn begin_telling(socket: &Path) -> Self {
        Self(Command::new("usbnet").arg("daemon").env("NOTIFY_SOCKET", socket).spawn().expect("usbnet"))
    }

    /// Its process id, as long as it has not ended.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it goes on.
    pub fn ended(mut self) -> ExitStatus {
        wait_for("the daemon to end", || self.0.try_wait().expect("its end"))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
