//! The responder's end of the status socket: requests in, reports out, never waiting.

use super::Report;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The socket to the daemon.
#[derive(Debug)]
pub(super) struct Status(OwnedFd);

/// What the daemon said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// It wants a report.
    Request,
    /// It is gone.
    End,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It is on its way.
    Done,
    /// The daemon has not read the earlier ones yet.
    Full,
    /// Nobody will ever read it.
    Gone,
}

impl Status {
    pub const fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// Takes all requests that are waiting; they are all alike, so one report answers them.
    pub fn hear(&self) -> Heard {
        let mut heard = Heard::Nothing;
        loop {
            match recv(self.0.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Heard::End,
                Ok(_) => heard = Heard::Request,
                Err(Errno::EAGAIN) => return heard,
                Err(Errno::EINTR) => {}
                Err(_) => return Heard::End,
            }
        }
    }

    /// Sends a report.
    pub fn send(&self, report: &Report) -> Delivery {
        // Nothing in it can fail to become JSON.
        let Ok(datagram) = serde_json::to_vec(report) else { return Delivery::Done };
        match send(self.0.as_raw_fd(), &datagram, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Delivery::Done,
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => Delivery::Full,
            Err(_) => Delivery::Gone,
        }
    }
}

impl AsFd for Status {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    fn pair() -> (Status, OwnedFd) {
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        (Status::new(ours), theirs)
    }

    #[test]
    fn requests_are_taken_together_and_the_end_is_heard() {
        let (status, daemon) = pair();
        assert_eq!(status.hear(), Heard::Nothing);
        for _ in 0..3 {
            send(daemon.as_raw_fd(), b"report", MsgFlags::empty()).unwrap();
        }
        assert_eq!(status.hear(), Heard::Request);
        assert_eq!(status.hear(), Heard::Nothing);
        drop(daemon);
        assert_eq!(status.hear(), Heard::End);
        assert_eq!(status.send(&Report::default()), Delivery::Gone);
    }

    #[test]
    fn a_daemon_that_does_not_read_is_not_waited_for() {
        let (status, daemon) = pair();
        let report = Report { interface: "usb0".into(), ..Report::default() };
        let sent = (0..100_000).take_while(|_| status.send(&report) == Delivery::Done).count();
        assert!((1..100_000).contains(&sent), "{sent}");
        assert_eq!(status.send(&report), Delivery::Full);
        let mut datagram = [0; 4096];
        let length = recv(daemon.as_raw_fd(), &mut datagram, MsgFlags::empty()).unwrap();
        assert_eq!(Report::from_datagram(&datagram[..length]).unwrap(), report);
        assert_eq!(status.send(&report), Delivery::Done);
    }
}
