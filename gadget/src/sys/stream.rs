//! A file descriptor as an `embedded_io` byte stream: a socket now, a serial port as well.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

/// An open stream.
#[derive(Debug)]
pub struct Stream(OwnedFd);

/// the stream failed
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.desc())]
pub struct StreamError(Errno);

impl embedded_io::Error for StreamError {
    fn kind(&self) -> embedded_io::ErrorKind {
        std::io::Error::from(self.0).kind().into()
    }
}

impl Stream {
    /// Takes over a descriptor.
    #[must_use]
    pub const fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    fn ready(&self, for_what: PollFlags) -> Result<bool, StreamError> {
        let mut fds = [PollFd::new(self.0.as_fd(), for_what)];
        retry(|| poll(&mut fds, PollTimeout::ZERO)).map(|ready| ready > 0)
    }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, StreamError> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other.map_err(StreamError),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ErrorType for Stream {
    type Error = StreamError;
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, StreamError> {
        retry(|| unistd::read(&self.0, buf))
    }
}

impl ReadReady for Stream {
    fn read_ready(&mut self) -> Result<bool, StreamError> {
        self.ready(PollFlags::POLLIN)
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> Result<usize, StreamError> {
        retry(|| unistd::write(&self.0, buf))
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(()) // nothing is held back here
    }
}

impl WriteReady for Stream {
    fn write_ready(&mut self) -> Result<bool, StreamError> {
        self.ready(PollFlags::POLLOUT)
    }
}
