//! The caller's end of the control socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use embedded_io::Write;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::control::{FrameError, INTERFACE, Inbox, ModeReply, Refusal, Reply, Request, SetMode};
use crate::exit::Exit;
use crate::sys::stream::{Stream, StreamError};

/// How long a daemon may take for an answer that it has at hand: longer than it waits for the responder's figures, and
/// than many clients at once keep it busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the daemon was not reached or did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// nobody listens
    #[error("the daemon is not running (nobody listens on {}); run usbnet start", .0.display())]
    NotRunning(PathBuf),
    /// the socket cannot be used
    #[error("cannot connect to {}: {cause}; run it as root", path.display())]
    Connect {
        /// The control socket.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// it went away
    #[error("the daemon closed the connection: {0}; see its log for the reason")]
    Lost(#[from] FrameError),
    /// it went away while it was being written to
    #[error("the daemon does not take the request: {0}; see its log for the reason")]
    Send(#[from] StreamError),
    /// it is there and does nothing
    #[error(
        "the daemon does not answer within {} s; see its log. If it hangs: eject its cards on the host, end it with SIGKILL, \
         and run usbnet start",
        .0.as_secs()
    )]
    Silent(Duration),
    /// it speaks something else
    #[error("the daemon's answer is not understood: {0}; are usbnet and its daemon of one version?")]
    Answer(#[from] serde_json::Error),
    /// it refused
    #[error("{0}")]
    Refused(Refusal),
}

impl ClientError {
    /// What the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotRunning(_) => Exit::NotRunning,
            Self::Connect { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            Self::Refused(refusal) => refusal.exit(),
            Self::Connect { .. } | Self::Lost(_) | Self::Send(_) | Self::Silent(_) | Self::Answer(_) => {
                Exit::Failed
            }
        }
    }

    /// Whether there is no such daemon any more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::NotRunning(_) | Self::Lost(_) | Self::Send(_))
    }
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    inbox: Inbox,
    patience: Duration,
}

impl Connection {
    /// Connects to the daemon whose run directory this is.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`] if nobody listens there.
    pub fn open(run: &Path) -> Result<Self, ClientError> {
        let path = run.join("control");
        match UnixStream::connect(&path) {
            Ok(socket) => {
                Ok(Self { stream: Stream::new(socket.into()), inbox: Inbox::default(), patience: PATIENCE })
            }
            Err(cause) => Err(match cause.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning(path),
                _ => ClientError::Connect { path, cause },
            }),
        }
    }

    /// Calls a method that is answered at once, and waits for its one reply.
    ///
    /// # Errors
    /// The daemon's refusal, or the connection's failure.
    pub fn call<T: DeserializeOwned>(&mut self, method: &str, parameters: Value) -> Result<T, ClientError> {
        self.ask(method, parameters)?;
        self.sign_of_life()?;
        self.receive()
    }

    /// Switches, and waits for that as long as it takes: holders and hosts may be waited for.
    ///
    /// # Errors
    /// The daemon's refusal, or the connection's failure.
    pub fn switch(&mut self, set: &SetMode) -> Result<ModeReply, ClientError> {
        self.ask("SetMode", json!(set))?;
        self.receive()
    }

    /// Calls a method; its one reply is for [`Connection::receive`].
    ///
    /// # Errors
    /// The connection's failure.
    pub fn ask(&mut self, method: &str, parameters: Value) -> Result<(), ClientError> {
        self.send(method, parameters, false)
    }

    /// Whether [`Connection::receive`] would not wait.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.inbox.has_message()
    }

    /// Calls a method whose replies go on; the first comes at once.
    ///
    /// # Errors
    /// The connection's failure.
    pub fn subscribe(&mut self, method: &str) -> Result<(), ClientError> {
        self.send(method, Value::Null, true)?;
        self.sign_of_life()
    }

    /// Waits until there is something to receive, but not for ever: a daemon that hangs must not hang its callers.
    fn sign_of_life(&self) -> Result<(), ClientError> {
        let timeout = PollTimeout::try_from(self.patience).unwrap_or(PollTimeout::MAX);
        loop {
            match poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Err(ClientError::Silent(self.patience)),
                Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return Ok(()), // what fails is told by whoever receives
            }
        }
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// The daemon's refusal, or the connection's failure.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<T, ClientError> {
        let reply: Reply = serde_json::from_slice(&self.inbox.wait(&mut self.stream)?)?;
        match reply.error {
            Some(error) => Err(ClientError::Refused(Refusal::from_reply(&error, &reply.parameters))),
            None => Ok(serde_json::from_value(reply.parameters)?),
        }
    }

    fn send(&mut self, method: &str, parameters: Value, more: bool) -> Result<(), ClientError> {
        let request = Request { method: format!("{INTERFACE}.{method}"), parameters, more, oneway: false };
        let mut message = serde_json::to_vec(&request)?;
        message.push(0);
        Ok(self.stream.write_all(&message)?)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_daemon_that_hangs_does_not_hang_its_callers() {
        let run = tempfile::tempdir().expect("a directory");
        let _hangs = UnixListener::bind(run.path().join("control")).expect("a socket");
        let open = || Connection {
            patience: Duration::from_millis(10),
            ..Connection::open(run.path()).expect("one")
        };
        let called = open().call::<Value>("Status", Value::Null).expect_err("silence");
        let subscribed = open().subscribe("Watch").expect_err("silence");
        for error in [called, subscribed] {
            assert!(matches!(error, ClientError::Silent(_)), "{error}");
            assert_eq!(error.exit(), Exit::Failed);
        }
    }
}
