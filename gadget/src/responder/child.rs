//! The daemon's side of a responder: start it, ask it, end it.
//!
//! Holds the process and the status socket; never blocks but in [`Child::kill`] and
//! [`Child::wait`], and never starts a process again by itself (see [`super::Backoff`]).

use super::{Report, ReportError, Settings};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// A running responder. Dropping it kills the process.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    status: OwnedFd,
    pidfd: Option<OwnedFd>,
}

/// What came on the status socket.
#[derive(Debug)]
pub enum Incoming {
    /// A report.
    Report(Box<Report>),
    /// Nothing more for now.
    Nothing,
    /// The responder is gone: [`Child::wait`] says how.
    Ended,
}

/// Why a responder cannot be started or talked to.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The program could not be started.
    #[error("the responder cannot be started: {0}")]
    Spawn(#[source] io::Error),
    /// The status socket failed.
    #[error("the responder's status socket failed: {0}")]
    Status(#[from] Errno),
    /// The responder sent something else than a report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The process could not be waited for.
    #[error("the responder cannot be waited for: {0}")]
    Wait(#[source] io::Error),
}

impl Child {
    /// Starts this very program as a responder. Its first report says that it serves.
    ///
    /// # Errors
    /// When the process cannot be made. What it finds wrong by itself comes as its end.
    pub fn spawn(settings: &Settings) -> Result<Self, ChildError> {
        Self::spawn_program(Path::new("/proc/self/exe"), settings)
    }

    /// Like [`Child::spawn`], with the `usbnet` program at `program`.
    ///
    /// # Errors
    /// As [`Child::spawn`].
    pub fn spawn_program(program: &Path, settings: &Settings) -> Result<Self, ChildError> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        // The socket becomes standard input: no descriptor has to lose its close-on-exec flag,
        // so none can leak into another process. A process group of its own, because Ctrl-C is
        // for the daemon, which ends the responder when it is its turn.
        let process = Command::new(program)
            .arg0("usbnet")
            .args(settings.args())
            .args(["--status-fd", "0"])
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(ChildError::Spawn)?;
        let pidfd = pidfd_open(process.id());
        Ok(Self { process, status: ours, pidfd })
    }

    /// The status socket, readable when a report or the end is there.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.status.as_fd()
    }

    /// Readable when the process has ended; none before Linux 5.3, where the end of
    /// [`Child::fd`] says the same.
    #[must_use]
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks for a report, which comes on [`Child::fd`]. Does nothing when it already has plenty
    /// of requests to work on, or is gone: both show on the socket.
    ///
    /// # Errors
    /// When the socket fails in another way.
    pub fn request_report(&self) -> Result<(), ChildError> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match send(self.status.as_raw_fd(), b"report", flags) {
            Ok(_) | Err(Errno::EAGAIN | Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes one datagram from the status socket without blocking.
    ///
    /// # Errors
    /// When it is no report, or the socket fails.
    pub fn read_report(&self) -> Result<Incoming, ChildError> {
        let fd = self.status.as_raw_fd();
        let peek = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC;
        let length = match recv(fd, &mut [], peek) {
            Ok(0) | Err(Errno::ECONNRESET) => return Ok(Incoming::Ended),
            Ok(length) => length,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Incoming::Nothing),
            Err(errno) => return Err(errno.into()),
        };
        // One byte more than allowed is enough to see that it is too long.
        let mut datagram = vec![0; length.min(Report::SIZE_MAX + 1)];
        let read = recv(fd, &mut datagram, MsgFlags::MSG_DONTWAIT)?;
        Ok(Incoming::Report(Box::new(Report::from_datagram(&datagram[..read])?)))
    }

    /// How the process ended, if it has.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, ChildError> {
        self.process.try_wait().map_err(ChildError::Wait)
    }

    /// Waits until the process has ended; call it when it is known to be ending.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn wait(&mut self) -> Result<ExitStatus, ChildError> {
        self.process.wait().map_err(ChildError::Wait)
    }

    /// Asks it to end (it writes its leases and exits 0); its end shows on [`Child::fd`].
    ///
    /// # Errors
    /// When the kernel refuses to say whether it still runs.
    pub fn terminate(&mut self) -> Result<(), ChildError> {
        if self.try_wait()?.is_none() {
            // Not reaped yet, so the number is still its own and the signal is ours to send.
            let pid = nix::unistd::Pid::from_raw(self.process.id().cast_signed());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        }
        Ok(())
    }

    /// How a process ended that closed its status socket. One that goes on without it is killed: it has a
    /// second to say by its exit status why it ended.
    ///
    /// # Errors
    /// As [`Child::kill`].
    pub fn reap(&mut self) -> Result<ExitStatus, ChildError> {
        const LEAVES_WITHIN_MS: u16 = 1000;
        if let Some(pidfd) = &self.pidfd {
            let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::from(LEAVES_WITHIN_MS))?;
        }
        self.kill()
    }

    /// Ends it at once and reaps it. Leases of its last seconds may be missing from its file, which
    /// is no harm to a host that asks again; [`Child::terminate`] lets it write them.
    ///
    /// # Errors
    /// When the process can be neither killed nor waited for.
    pub fn kill(&mut self) -> Result<ExitStatus, ChildError> {
        self.process.kill().map_err(ChildError::Wait)?;
        self.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            // A responder nobody listens to would keep the ports.
            let _ = self.kill();
        }
    }
}

fn pidfd_open(pid: u32) -> Option<OwnedFd> {
    // SAFETY: takes two numbers and gives a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the call above made it for us; nothing else owns it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
