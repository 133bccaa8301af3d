//! Runs one switch at a time beside the event loop, so that status and watchers are served meanwhile.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

/// A switch under way: readable when it is done.
#[derive(Debug)]
pub struct Worker<T> {
    thread: thread::JoinHandle<T>,
    done: PipeReader,
}

impl<T: Send + 'static> Worker<T> {
    /// Runs `work` in a thread of its own.
    ///
    /// # Errors
    /// The kernel's, out of threads or descriptors.
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (done, alive) = io::pipe()?;
        let thread = thread::Builder::new().name("switch".to_owned()).spawn(move || {
            let result = work();
            drop(alive); // closing this end is the news
            result
        })?;
        Ok(Self { thread, done })
    }

    /// What it came to; waits for it. None if it panicked.
    pub fn finish(mut self) -> Option<T> {
        let _ = self.done.read(&mut [0]);
        self.thread.join().ok()
    }
}

impl<T> AsFd for Worker<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    #[test]
    fn it_is_readable_when_it_is_done() {
        let (gate, opened) = io::pipe().expect("a pipe");
        let mut gate = gate;
        let worker = Worker::start(move || gate.read(&mut [0]).map(|_| 42)).expect("a thread");
        let ready = |timeout| poll(&mut [PollFd::new(worker.as_fd(), PollFlags::POLLIN)], timeout);
        assert_eq!(ready(PollTimeout::ZERO), Ok(0));
        drop(opened);
        assert_eq!(ready(PollTimeout::from(60_000_u16)), Ok(1));
        assert!(matches!(worker.finish(), Some(Ok(42))));
    }
}
