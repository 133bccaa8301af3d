//! The connections of the control socket: reads calls, queues replies, and drops whoever is too slow.
//!
//! Decides nothing about modes; never blocks, and holds a bounded number of bounded buffers. Nobody is asked to hurry: a
//! connection that is silent costs little, and gives way to the next one when there are too many.

mod turns;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::control::{Call, Caller, Event, FrameError, Inbox, Incoming, Outbox, Reply, Role, receive};
use crate::sys::peer::credentials;
use crate::sys::stream::Stream;
use turns::{Turn, Turns};

/// With more connections than this, one has to go.
const MAX_CLIENTS: usize = 64;
/// How many are taken on before those that are there get their turn.
const ACCEPTS_AT_ONCE: usize = 1024;
const LISTENER: u64 = 0;

/// Names one connection; never used again.
pub type ClientId = u64;

/// A call that waits for its reply.
#[derive(Debug)]
pub struct Asked {
    /// Who is to be answered; nobody if the call was `oneway`.
    pub client: Option<ClientId>,
    /// Who asked.
    pub caller: Caller,
    /// What.
    pub call: Call,
}

#[derive(Debug)]
struct Client {
    stream: Stream,
    caller: Caller,
    inbox: Inbox,
    outbox: Outbox,
    /// It called `Watch`.
    watching: bool,
    /// Its last call has no reply yet: Varlink answers in order, so nothing more is read from it.
    waiting: bool,
    /// It will not ask any more, and may still wait for its answer.
    ended: bool,
    /// When it was served last, or came.
    turn: Turn,
    /// The console that was told which port is the host's.
    has_port: bool,
}

/// The listening socket and all its connections, behind one descriptor to poll.
#[derive(Debug)]
pub struct Clients {
    listener: UnixListener,
    /// The number of the group that may switch.
    group: Option<u32>,
    /// The process whose connections are the console.
    daemon: i32,
    epoll: Epoll,
    last: ClientId,
    list: BTreeMap<ClientId, Client>,
    turns: Turns,
}

impl Clients {
    /// Takes over a listening socket. `group` is the number of the group that may switch, `daemon` this process's own.
    ///
    /// # Errors
    /// The kernel's, out of descriptors for instance.
    pub fn new(listener: UnixListener, group: Option<u32>, daemon: i32) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, newcomers())?;
        Ok(Self {
            listener,
            group,
            daemon,
            epoll,
            last: LISTENER,
            list: BTreeMap::new(),
            turns: Turns::default(),
        })
    }

    /// Accepts, reads and writes as far as it goes without waiting; answers what needs no decision. Whoever may switch
    /// never waits behind more than one of the others, however many these are: they take turns.
    ///
    /// # Errors
    /// The kernel's on the poll itself; a client's failure ends that client only.
    pub fn serve(&mut self) -> io::Result<Vec<Asked>> {
        let mut events = [EpollEvent::empty(); MAX_CLIENTS + 1];
        let ready = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
            Err(Errno::EINTR) => 0,
            other => other?,
        };
        let ready = events[..ready].iter().map(EpollEvent::data);
        let (readers, others): (Vec<_>, Vec<_>) = ready.partition(|id| self.place(*id).is_some());
        let mut asked = Vec::new();
        for id in others {
            match id {
                LISTENER => self.accept(),
                client => asked.extend(self.progress(client)),
            }
        }
        let next = readers.into_iter().filter_map(|id| Some((self.place(id)?, id))).min();
        if let Some((_, id)) = next {
            asked.extend(self.progress(id));
        }
        Ok(asked)
    }

    /// Where a connection stands among those that may only read, if it is one of them.
    fn place(&self, id: ClientId) -> Option<impl Ord + use<>> {
        let Client { caller, turn, .. } = self.list.get(&id)?;
        (caller.role == Role::Reader).then(|| self.turns.place(caller.uid, *turn))
    }

    /// Tells the console which serial port is the host's, if it waits for one.
    pub fn lend_port(&mut self, port: impl FnOnce() -> Option<PathBuf>) {
        let waits = |client: &Client| client.caller.role == Role::Console && !client.has_port;
        let Some((&id, client)) = self.list.iter_mut().find(|(_, client)| waits(client)) else { return };
        let Some(port) = port() else { return };
        client.has_port = true;
        let told = client.outbox.push(port.as_os_str().as_bytes());
        self.settle(id, told);
    }

    /// Makes the console close its port.
    pub fn close_port(&mut self) {
        let console = self.list.iter().find(|(_, client)| client.has_port).map(|(id, _)| *id);
        console.map(|id| self.list.remove(&id));
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

    /// The kernel tells of newcomers once. Those that are left are asked for again, unless that cannot go better: out of
    /// descriptors and with nobody to make room, they wait for the next one, and the loop does not spin.
    fn accept(&mut self) {
        for _ in 0..ACCEPTS_AT_ONCE {
            let taken = self.listener.accept().and_then(|(socket, _)| self.add(socket));
            let is_full = self.list.len() > MAX_CLIENTS;
            match taken {
                Ok(()) if !is_full => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(()) => drop(self.make_room("too many clients are connected")),
                Err(error) if self.is_awaited() && self.make_room(&error.to_string()) => {}
                Err(_) => return,
            }
        }
        let _ = self.epoll.modify(&self.listener, &mut newcomers());
    }

    /// Whether there is a newcomer. Out of descriptors, the kernel does not say so when it is asked for one.
    fn is_awaited(&self) -> bool {
        let mut door = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        poll(&mut door, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Whoever may only read makes room first, and of these, whoever has the most connections gives up its oldest:
    /// nobody can keep others out, least of all root. Never the console. False if there is nobody.
    fn make_room(&mut self, why: &str) -> bool {
        // Counted once: with a thousand at the door, this is what the loop does most.
        let mut held = BTreeMap::<u32, usize>::new();
        for client in self.list.values() {
            *held.entry(client.caller.uid).or_default() += 1;
        }
        let others = self.list.iter().filter(|(_, client)| client.caller.role != Role::Console);
        let first = others.max_by_key(|(id, Client { caller, .. })| {
            (caller.role == Role::Reader, held.get(&caller.uid), caller.uid, std::cmp::Reverse(**id))
        });
        let first = first.map(|(id, _)| *id);
        log::debug!("control: {why}; makes room: {first:?}");
        first.and_then(|id| self.list.remove(&id)).is_some()
    }

    fn add(&mut self, socket: UnixStream) -> io::Result<()> {
        let caller = Caller::new(&credentials(&socket)?, self.group, self.daemon);
        self.add_as(caller, socket)
    }

    fn add_as(&mut self, caller: Caller, socket: UnixStream) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        self.last += 1;
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, self.last))?;
        let is_here = |uid| self.list.values().any(|client| client.caller.uid == uid);
        let turn = self.turns.arrive(caller.uid, is_here);
        let client = Client {
            stream: Stream::new(socket.into()),
            caller,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            watching: false,
            waiting: false,
            ended: false,
            turn,
            has_port: false,
        };
        self.list.insert(self.last, client);
        Ok(())
    }

    /// One client's turn: what it asks, if it asks.
    fn progress(&mut self, id: ClientId) -> Option<Asked> {
        let client = self.list.get_mut(&id)?;
        client.turn = self.turns.serve(client.caller.uid);
        let (result, asked) = match client.take_turn() {
            Ok(asked) => (Ok(()), asked),
            Err(error) => (Err(error), None),
        };
        client.waiting |= asked.as_ref().is_some_and(|(_, oneway)| !oneway);
        let caller = client.caller;
        self.settle(id, result);
        let (call, oneway) = asked?;
        Some(Asked { client: (!oneway).then_some(id), caller, call })
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
            log::debug!("control: client {id}, {}, ends: {why}", client.caller);
            self.list.remove(&id); // closing the descriptor takes it out of the epoll set
        }
    }
}

impl Client {
    /// Varlink answers in order: as long as a reply is under way, nothing more is understood, nor read.
    fn take_turn(&mut self) -> Result<Option<(Call, bool)>, FrameError> {
        self.outbox.flush(&mut self.stream)?;
        let asked = self.understand()?;
        if asked.is_some() || !self.outbox.is_empty() {
            return Ok(asked);
        }
        match self.inbox.fill(&mut self.stream) {
            Err(FrameError::Closed) if !self.ended => self.ended = true,
            // The host's port cannot be closed on it: whatever comes next ends with the next NUL.
            Err(FrameError::TooLong) if self.is_console() => self.inbox = Inbox::default(),
            filled => filled?,
        }
        self.understand()
    }

    fn is_console(&self) -> bool {
        self.caller.role == Role::Console
    }

    /// Nothing more comes from it and nothing more goes to it.
    fn is_done(&self) -> bool {
        self.ended && !self.waiting && self.outbox.is_empty() && !self.inbox.has_message()
    }

    fn understand(&mut self) -> Result<Option<(Call, bool)>, FrameError> {
        while !self.waiting
            && self.outbox.is_empty()
            && let Some(message) = self.inbox.take()
        {
            match receive(&message) {
                Incoming::Call { call, oneway, .. } => return Ok(Some((call, oneway))),
                Incoming::Answer(reply) => self.queue(&reply)?,
                Incoming::Silence => {}
                // What another program on the host has left, or its wish to begin anew.
                Incoming::Garbage if self.is_console() => {}
                Incoming::Garbage => return Err(FrameError::Closed),
            }
        }
        Ok(None)
    }

    fn queue(&mut self, reply: &Reply) -> Result<(), FrameError> {
        self.outbox.push(&serde_json::to_vec(reply).unwrap_or_default())
    }

    fn interest(&self) -> EpollFlags {
        // A call that is already here makes no descriptor readable; a writable one comes back at once.
        if !self.outbox.is_empty() || (!self.waiting && self.inbox.has_message()) {
            EpollFlags::EPOLLOUT
        } else if self.ended || (self.waiting && !self.watching) {
            EpollFlags::empty() // that the connection is closed for good comes unasked
        } else {
            EpollFlags::EPOLLIN
        }
    }
}

/// What the kernel tells of the listening socket.
fn newcomers() -> EpollEvent {
    EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, LISTENER)
}

impl AsFd for Clients {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
mod tests;
