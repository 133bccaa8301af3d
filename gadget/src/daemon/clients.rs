//! The connections of the control socket: reads calls, queues replies, and drops whoever is too slow.
//!
//! Decides nothing about modes; never blocks, and holds a bounded number of bounded buffers.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::control::{Call, Event, FrameError, Inbox, Incoming, Outbox, Peer, Reply, receive};
use crate::sys::peer::credentials;
use crate::sys::stream::Stream;

/// More connections than this are closed at once.
const MAX_CLIENTS: usize = 64;
const LISTENER: u64 = 0;
const EVENTS_AT_ONCE: usize = 16;

/// Names one connection; never used again.
pub type ClientId = u64;

/// A call that waits for its reply.
#[derive(Debug)]
pub struct Asked {
    /// Who is to be answered; nobody if the call was `oneway`.
    pub client: Option<ClientId>,
    /// Who asked.
    pub peer: Peer,
    /// What.
    pub call: Call,
}

#[derive(Debug)]
struct Client {
    stream: Stream,
    peer: Peer,
    inbox: Inbox,
    outbox: Outbox,
    /// It called `Watch`.
    watching: bool,
    /// Its last call has no reply yet: Varlink answers in order, so nothing more is read from it.
    waiting: bool,
    /// It will not ask any more, and may still wait for its answer.
    ended: bool,
}

/// The listening socket and all its connections, behind one descriptor to poll.
#[derive(Debug)]
pub struct Clients {
    listener: UnixListener,
    epoll: Epoll,
    last: ClientId,
    list: BTreeMap<ClientId, Client>,
}

impl Clients {
    /// Takes over a listening socket.
    ///
    /// # Errors
    /// The kernel's, out of descriptors for instance.
    pub fn new(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        Ok(Self { listener, epoll, last: LISTENER, list: BTreeMap::new() })
    }

    /// Accepts, reads and writes as far as it goes without waiting; answers what needs no decision.
    ///
    /// # Errors
    /// The kernel's on the poll itself; a client's failure ends that client only.
    pub fn serve(&mut self) -> io::Result<Vec<Asked>> {
        let mut events = [EpollEvent::empty(); EVENTS_AT_ONCE];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        let mut asked = Vec::new();
        for event in &events[..ready] {
            match event.data() {
                LISTENER => self.accept(),
                client => asked.extend(self.progress(client)),
            }
        }
        Ok(asked)
    }

    /// Answers a call. A client that is gone is no error.
    pub fn reply(&mut self, id: Option<ClientId>, reply: &Reply) {
        let Some(id) = id else { return };
        let Some(client) = self.list.get_mut(&id) else { return };
        client.waiting = client.watching && reply.continues;
        let queued = client.queue(reply);
        self.settle(id, queued);
    }

    /// Makes a client that called `Watch` hear of every event.
    pub fn watch(&mut self, id: Option<ClientId>) {
        if let Some(client) = id.and_then(|id| self.list.get_mut(&id)) {
            client.watching = true;
        }
    }

    /// Tells every watcher.
    pub fn publish(&mut self, event: &Event) {
        let reply = Reply::more(serde_json::json!({ "event": event }));
        let watchers: Vec<ClientId> =
            self.list.iter().filter(|(_, client)| client.watching).map(|(id, _)| *id).collect();
        for id in watchers {
            self.reply(Some(id), &reply);
        }
    }

    fn accept(&mut self) {
        while let Ok((socket, _)) = self.listener.accept() {
            if self.list.len() >= MAX_CLIENTS {
                self.make_room();
            }
            if let Err(error) = self.add(socket) {
                log::debug!("control: a client could not be taken on: {error}");
            }
        }
    }

    /// Whoever has the most connections gives up its oldest: nobody can keep others out, least of all root.
    fn make_room(&mut self) {
        let mut held = BTreeMap::<u32, usize>::new();
        for client in self.list.values() {
            *held.entry(client.peer.uid).or_default() += 1;
        }
        let greediest = held.into_iter().max_by_key(|(uid, connections)| (*connections, *uid));
        let oldest = greediest.and_then(|(uid, _)| {
            self.list.iter().find(|(_, client)| client.peer.uid == uid).map(|(id, _)| *id)
        });
        if let Some(id) = oldest {
            log::debug!("control: {MAX_CLIENTS} clients are connected; client {id} makes room");
            self.list.remove(&id);
        }
    }

    fn add(&mut self, socket: std::os::unix::net::UnixStream) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let peer = credentials(&socket)?;
        self.last += 1;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, self.last))?;
        let stream = Stream::new(socket.into());
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        self.list.insert(
            self.last,
            Client { stream, peer, inbox, outbox, watching: false, waiting: false, ended: false },
        );
        Ok(())
    }

    /// One client's turn: what it asks, if it asks.
    fn progress(&mut self, id: ClientId) -> Option<Asked> {
        let client = self.list.get_mut(&id)?;
        let (result, asked) = match client.take_turn() {
            Ok(asked) => (Ok(()), asked),
            Err(error) => (Err(error), None),
        };
        client.waiting |= asked.as_ref().is_some_and(|(_, oneway)| !oneway);
        let peer = client.peer.clone();
        self.settle(id, result);
        let (call, oneway) = asked?;
        Some(Asked { client: (!oneway).then_some(id), peer, call })
    }

    /// Writes what waits, and asks the kernel for exactly what is of interest next; drops a failed client.
    fn settle(&mut self, id: ClientId, result: Result<(), FrameError>) {
        let Some(client) = self.list.get_mut(&id) else { return };
        let flushed = result.and_then(|()| client.outbox.flush(&mut client.stream));
        let flushed = flushed.and_then(|()| if client.is_done() { Err(FrameError::Closed) } else { Ok(()) });
        let armed = flushed.map_err(|error| error.to_string()).and_then(|()| {
            let mut event = EpollEvent::new(client.interest(), id);
            self.epoll.modify(&client.stream, &mut event).map_err(|error| error.to_string())
        });
        if let Err(why) = armed {
            log::debug!("control: client {id} (pid {}) ends: {why}", client.peer.pid);
            self.list.remove(&id); // closing the descriptor takes it out of the epoll set
        }
    }
}

impl Client {
    fn take_turn(&mut self) -> Result<Option<(Call, bool)>, FrameError> {
        if !self.waiting
            && let Some(asked) = self.understand()?
        {
            return Ok(Some(asked));
        }
        match self.inbox.fill(&mut self.stream) {
            Err(FrameError::Closed) if !self.ended => self.ended = true,
            filled => filled?,
        }
        if self.waiting { Ok(None) } else { self.understand() }
    }

    /// Nothing more comes from it and nothing more goes to it.
    fn is_done(&self) -> bool {
        self.ended && !self.waiting && self.outbox.is_empty() && !self.inbox.has_message()
    }

    fn understand(&mut self) -> Result<Option<(Call, bool)>, FrameError> {
        while let Some(message) = self.inbox.take() {
            match receive(&message) {
                Incoming::Call { call, oneway, .. } => return Ok(Some((call, oneway))),
                Incoming::Answer(reply) => self.queue(&reply)?,
                Incoming::Silence => {}
                Incoming::Garbage => return Err(FrameError::Closed),
            }
        }
        Ok(None)
    }

    fn queue(&mut self, reply: &Reply) -> Result<(), FrameError> {
        self.outbox.push(&serde_json::to_vec(reply).unwrap_or_default())
    }

    fn interest(&self) -> EpollFlags {
        let read = match (self.ended, self.waiting && !self.watching) {
            (true, _) => EpollFlags::empty(), // that the connection is closed for good comes unasked
            (false, true) => EpollFlags::EPOLLRDHUP,
            (false, false) => EpollFlags::EPOLLIN,
        };
        // A call that is already here makes no descriptor readable; a writable one comes back at once.
        let at_once = !self.outbox.is_empty() || (!self.waiting && self.inbox.has_message());
        if at_once { read | EpollFlags::EPOLLOUT } else { read }
    }
}

impl AsFd for Clients {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use serde_json::json;

    use super::*;

    struct Bench {
        _directory: tempfile::TempDir,
        path: std::path::PathBuf,
        clients: Clients,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("control");
            let clients = Clients::new(UnixListener::bind(&path).expect("binds")).expect("listens");
            Self { _directory: directory, path, clients }
        }

        fn connect(&mut self) -> UnixStream {
            let stream = UnixStream::connect(&self.path).expect("connects");
            let before = self.clients.last;
            while self.clients.last == before {
                assert!(self.serve().is_empty());
            }
            stream
        }

        /// One round of the loop, once there is something to do.
        fn serve(&mut self) -> Vec<Asked> {
            let limit = PollTimeout::from(60_000_u16);
            let ready = poll(&mut [PollFd::new(self.clients.as_fd(), PollFlags::POLLIN)], limit);
            assert_eq!(ready, Ok(1), "nothing happens");
            self.clients.serve().expect("serves")
        }

        fn asked(&mut self) -> Asked {
            loop {
                if let Some(asked) = self.serve().pop() {
                    return asked;
                }
            }
        }
    }

    const STATUS: &[u8] = b"{\"method\":\"org.usbnet.Control.Status\"}\0";

    #[test]
    fn a_client_that_only_listens_any_more_gets_its_answer() {
        let mut bench = Bench::new();
        let mut stream = bench.connect();
        stream.write_all(STATUS).expect("sends");
        stream.shutdown(Shutdown::Write).expect("half closes");
        let asked = bench.asked();
        bench.clients.reply(asked.client, &Reply::done(json!({ "answer": 42 })));
        while !bench.clients.list.is_empty() {
            bench.serve();
        }
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer, then the end");
        assert_eq!(text, "{\"parameters\":{\"answer\":42}}\0");
    }

    #[test]
    fn calls_that_came_together_are_answered_in_order() {
        let mut bench = Bench::new();
        let mut stream = bench.connect();
        stream.write_all(&[STATUS, b"{\"method\":\"org.usbnet.Control.Modes\"}\0"].concat()).expect("sends");
        for expected in [Call::Status, Call::Modes] {
            let asked = bench.asked();
            assert_eq!(asked.call, expected);
            bench.clients.reply(asked.client, &Reply::done(json!({})));
        }
    }

    #[test]
    fn whoever_holds_most_connections_makes_room() {
        let mut bench = Bench::new();
        let mut held: Vec<UnixStream> = (0..MAX_CLIENTS).map(|_| bench.connect()).collect();
        let mut newest = bench.connect();
        assert_eq!(bench.clients.list.len(), MAX_CLIENTS);
        assert_eq!(held[0].read(&mut [0]).expect("its end"), 0);
        newest.write_all(STATUS).expect("sends");
        assert_eq!(bench.asked().call, Call::Status);
    }

    #[test]
    fn a_client_that_goes_is_forgotten() {
        let mut bench = Bench::new();
        let mut stream = bench.connect();
        stream.write_all(STATUS).expect("sends");
        let asked = bench.asked();
        drop(stream);
        while !bench.clients.list.is_empty() {
            bench.serve();
        }
        bench.clients.reply(asked.client, &Reply::done(json!({})));
    }
}
