//! DNS over TCP (RFC 1035 §4.2.2, RFC 7766): a few connections, each with bounded buffers and a
//! deadline, so that a slow or silent client costs nothing but its own place.

use crate::dns::MAX_QUERY;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, SockFlag, accept4, recv, send};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Connections at one time; with more, the one closest to its deadline gives way.
const CONNECTIONS: usize = 8;
/// Connections taken before others have their turn.
const TURN: usize = 4;
/// How long a client may take for a query, and stay silent after an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connections there are. Each has a place; `first` plus its number is its epoll token.
#[derive(Debug, Default)]
pub(super) struct Places {
    list: [Option<Connection>; CONNECTIONS],
    /// Queries received.
    pub queries: u64,
    /// Connections ended by this side.
    pub cut: u64,
}

impl Places {
    /// Takes what waits on a listening socket.
    pub fn accept(&mut self, epoll: &Epoll, first: u64, listener: BorrowedFd<'_>, now: Duration) {
        for _ in 0..TURN {
            let Some(connection) = Connection::accept(listener, now) else { return };
            // An empty place is closest to its deadline of all.
            let places = (first..).zip(&mut self.list);
            let Some((token, place)) = places.min_by_key(|(_, place)| place.as_ref().map(|c| c.deadline))
            else {
                return;
            };
            self.cut += u64::from(place.is_some());
            let readable = EpollEvent::new(EpollFlags::EPOLLIN, token);
            *place = epoll.add(connection.as_fd(), readable).is_ok().then_some(connection);
        }
    }

    /// Serves the connection with this token, if it is still there.
    pub fn serve(
        &mut self,
        epoll: &Epoll,
        first: u64,
        token: u64,
        now: Duration,
        mut answer: impl FnMut(&[u8], &mut Vec<u8>) -> bool,
    ) {
        let number = usize::try_from(token - first).unwrap_or(usize::MAX);
        let Some(place) = self.list.get_mut(number) else { return };
        let Some(connection) = place else { return };
        let queries = &mut self.queries;
        let next = connection.serve(now, |query, output| {
            *queries += 1;
            answer(query, output)
        });
        self.cut += u64::from(next == Next::Cut);
        if !connection.wait(epoll, token, next) {
            *place = None;
        }
    }

    /// Ends those whose time is over.
    pub fn expire(&mut self, now: Duration) {
        for place in &mut self.list {
            if place.take_if(|connection| connection.deadline <= now).is_some() {
                self.cut += 1;
            }
        }
    }

    /// When the next one's time is over.
    pub fn deadline(&self) -> Option<Duration> {
        self.list.iter().flatten().map(|connection| connection.deadline).min()
    }
}

/// One client.
#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Not moved by single bytes, only by whole answers.
    deadline: Duration,
    /// What epoll waits for.
    waits: Next,
}

/// What to do with a connection after it was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Wait for the client to send.
    Read,
    /// Wait for the client to receive.
    Write,
    /// It has ended, by the client.
    End,
    /// It has to end: too long a message, or none.
    Cut,
}

impl Connection {
    /// Takes a connection from a listening socket; none if it has gone already.
    fn accept(listener: BorrowedFd<'_>, now: Duration) -> Option<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = accept4(listener.as_raw_fd(), flags).ok()?;
        // SAFETY: just made, owned by nothing else.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        Some(Self {
            socket,
            input: Vec::new(),
            output: Vec::new(),
            deadline: now + PATIENCE,
            waits: Next::Read,
        })
    }

    /// Makes epoll wait for what comes next; false if nothing does.
    fn wait(&mut self, epoll: &Epoll, token: u64, next: Next) -> bool {
        let flags = match next {
            Next::Read => EpollFlags::EPOLLIN,
            Next::Write => EpollFlags::EPOLLOUT,
            Next::End | Next::Cut => return false,
        };
        let change = std::mem::replace(&mut self.waits, next) != next;
        !change || epoll.modify(&self.socket, &mut EpollEvent::new(flags, token)).is_ok()
    }

    /// Reads, answers and writes as far as possible without waiting. `answer` appends what goes
    /// back for a message and returns false if nothing does.
    fn serve(&mut self, now: Duration, mut answer: impl FnMut(&[u8], &mut Vec<u8>) -> bool) -> Next {
        if let Some(next) = self.write() {
            return next;
        }
        let mut chunk = [0; 512];
        match recv(self.socket.as_raw_fd(), &mut chunk, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Next::End,
            Ok(length) => self.input.extend_from_slice(&chunk[..length]),
            Err(Errno::EAGAIN | Errno::EINTR) => return Next::Read,
            Err(_) => return Next::End,
        }
        // Several queries may have come together; their answers go together too. The input is
        // one chunk longer than the longest message at most, so all of this is bounded.
        while let Some(length) = message(&self.input) {
            let Some(query) = self.input.get(2..2 + length) else {
                return if length > MAX_QUERY { Next::Cut } else { self.write().unwrap_or(Next::Read) };
            };
            let start = self.output.len();
            self.output.extend([0; 2]);
            if !answer(query, &mut self.output) {
                return Next::Cut;
            }
            let Ok(size) = u16::try_from(self.output.len() - start - 2) else { return Next::Cut };
            self.output[start..start + 2].copy_from_slice(&size.to_be_bytes());
            self.input.drain(..2 + length);
            self.deadline = now + PATIENCE;
        }
        self.write().unwrap_or(Next::Read)
    }

    /// Writes what is there; none when all of it is written.
    fn write(&mut self) -> Option<Next> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while !self.output.is_empty() {
            match send(self.socket.as_raw_fd(), &self.output, flags) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Some(Next::Write),
                Err(_) => return Some(Next::End),
            }
        }
        None
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The length of the message that begins here, once it is known.
fn message(input: &[u8]) -> Option<usize> {
    input.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests;
