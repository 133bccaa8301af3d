//! The line between the loop and a switch under way: how far it is, and that it shall be cancelled.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::control::Progress;

/// Shared by the loop and its worker; readable when there is news.
#[derive(Debug)]
pub struct Line {
    cancelled: AtomicBool,
    progress: Mutex<Option<Progress>>,
    news: EventFd,
}

impl Line {
    /// A new one, for one switch.
    ///
    /// # Errors
    /// The kernel's, out of descriptors.
    pub fn new() -> nix::Result<Self> {
        let news = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { cancelled: AtomicBool::new(false), progress: Mutex::new(None), news })
    }

    /// Asks the switch to end and be undone, at its next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// From here on the switch cannot be cancelled: it is being undone.
    pub fn ignore_cancel(&self) {
        self.cancelled.store(false, Ordering::Release);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Tells what the switch waits for; none when it goes on.
    pub fn say(&self, progress: Option<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let _ = self.news.write(1);
    }

    /// What was told last. Makes the line unreadable until more is told.
    #[must_use]
    pub fn heard(&self) -> Option<Progress> {
        let _ = self.news.read();
        self.now()
    }

    /// What was told last.
    #[must_use]
    pub fn now(&self) -> Option<Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }
}
