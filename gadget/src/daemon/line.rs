//! The line between the loop and a switch under way: how far it is, and that it shall be cancelled.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::control::Progress;

/// Shared by the loop and its worker; readable when there is news.
#[derive(Debug)]
pub struct Line {
    cancelled: AtomicBool,
    /// It is too late for that: the switch is being undone.
    closed: AtomicBool,
    /// The host's serial port is about to be removed.
    wants_port: AtomicBool,
    said: Mutex<Said>,
    news: EventFd,
}

#[derive(Debug, Default)]
struct Said {
    now: Option<Progress>,
    /// What was told and nobody has heard yet: some of it is told once.
    unheard: Vec<Progress>,
}

impl Line {
    /// A new one, for one switch.
    ///
    /// # Errors
    /// The kernel's, out of descriptors.
    pub fn new() -> nix::Result<Self> {
        let news = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self {
            cancelled: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            wants_port: AtomicBool::new(false),
            said: Mutex::default(),
            news,
        })
    }

    /// Asks the switch to end and be undone, at its next step; false if it is being undone already.
    pub fn cancel(&self) -> bool {
        self.cancelled.store(true, Ordering::Release);
        !self.closed.load(Ordering::Acquire)
    }

    /// From here on the switch cannot be cancelled: it is being undone.
    pub fn ignore_cancel(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) && !self.closed.load(Ordering::Acquire)
    }

    /// Asks the loop to close the host's serial port.
    pub fn want_port(&self) {
        self.wants_port.store(true, Ordering::Release);
        let _ = self.news.write(1);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn wants_port(&self) -> bool {
        self.wants_port.load(Ordering::Acquire)
    }

    /// Tells what the switch waits for; none when it goes on.
    pub fn say(&self, progress: Option<Progress>) {
        let mut said = self.said();
        said.unheard.extend(progress.clone());
        said.now = progress;
        let _ = self.news.write(1);
    }

    /// All that was told since the last time. Makes the line unreadable until more is told.
    #[must_use]
    pub fn heard(&self) -> Vec<Progress> {
        let _ = self.news.read();
        std::mem::take(&mut self.said().unheard)
    }

    /// What was told last.
    #[must_use]
    pub fn now(&self) -> Option<Progress> {
        self.said().now.clone()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_undone_cannot_be_cancelled() {
        let line = Line::new().expect("a descriptor");
        assert!(!line.is_cancelled());
        assert!(line.cancel() && line.is_cancelled());
        line.ignore_cancel();
        assert!(
            !line.cancel() && !line.is_cancelled(),
            "neither by what came before nor by what comes after"
        );
    }
}
