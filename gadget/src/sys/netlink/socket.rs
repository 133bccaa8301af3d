//! One request at a time over a netlink socket: send, wait a bounded time, read until the kernel is done.

use std::{io, os::fd::AsFd, time::Duration};

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    sys::{
        socket::{setsockopt, sockopt},
        time::TimeVal,
    },
};

use super::{NetlinkError, Query, name_of, wire};

/// The kernel answers at once; this bounds what a defect could cost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often a dump is read again because something changed while it ran.
const DUMP_ATTEMPTS: u32 = 4;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

#[derive(Debug)]
pub(super) struct RequestSocket {
    socket: Socket,
    sequence: u32,
}

/// How a dump ended.
#[derive(PartialEq)]
enum End {
    Complete,
    /// The kernel's lists changed in the middle (NLM_F_DUMP_INTR).
    Inconsistent,
}

/// Takes one answer: the message's type and its payload.
type Take<'a> = &'a mut dyn FnMut(u16, &[u8]) -> Result<(), DecodeError>;

/// Reads one payload; `None` for what does not belong in the list.
pub(super) type Parse<T> = fn(&[u8]) -> Result<Option<T>, DecodeError>;

impl RequestSocket {
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        let timeout = TimeVal::new(ANSWER_WITHIN.as_secs().cast_signed(), 0);
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimeout, &timeout).map_err(io::Error::from)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Sends one request that is not a dump, hands every answer to `take`, returns at the acknowledgement.
    pub(super) fn ask(
        &mut self,
        query: Query,
        header: &impl Emitable,
        attributes: &[DefaultNla],
        take: Take<'_>,
    ) -> Result<(), NetlinkError> {
        let flags = query.flags | NLM_F_REQUEST | NLM_F_ACK;
        self.send(query.kind, flags, header, attributes)?;
        self.answers(query, take).map(|_| ())
    }

    /// Reads a whole list of messages of the `wanted` type, again if it changed meanwhile.
    pub(super) fn dump<T>(
        &mut self,
        query: Query,
        header: &impl Emitable,
        wanted: u16,
        parse: Parse<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let mut attempts = 0;
        loop {
            let mut list = Vec::new();
            self.send(query.kind, query.flags | NLM_F_REQUEST | NLM_F_DUMP, header, &[])?;
            let end = self.answers(query, &mut |kind, payload| {
                if kind == wanted {
                    list.extend(parse(payload)?);
                }
                Ok(())
            })?;
            attempts += 1;
            // On a machine whose lists never rest, the last reading has to do.
            if end == End::Complete || attempts == DUMP_ATTEMPTS {
                return Ok(list);
            }
        }
    }

    fn send(
        &mut self,
        kind: u16,
        flags: u16,
        header: &impl Emitable,
        attributes: &[DefaultNla],
    ) -> Result<(), NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = wire::request(kind, flags, self.sequence, header, attributes);
        self.socket.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        Ok(())
    }

    fn answers(&self, query: Query, take: Take<'_>) -> Result<End, NetlinkError> {
        let mut end = End::Complete;
        loop {
            let datagram = self.receive(query)?;
            for message in wire::Messages(&datagram) {
                let message = message?;
                if message.sequence_number() != self.sequence {
                    continue; // the late answer to a request that was given up
                }
                if message.flags() & NLM_F_DUMP_INTR != 0 {
                    end = End::Inconsistent;
                }
                match message.message_type() {
                    NLMSG_ERROR | NLMSG_DONE => return acknowledged(message.payload(), query).map(|()| end),
                    kind => take(kind, message.payload())?,
                }
            }
        }
    }

    fn receive(&self, query: Query) -> Result<Vec<u8>, NetlinkError> {
        loop {
            match self.socket.recv_from_full() {
                Ok((datagram, sender)) if sender.port_number() == 0 => return Ok(datagram),
                Ok(_) => {} // only the kernel is listened to
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(NetlinkError::NoAnswer {
                        operation: query.operation,
                        interface: name_of(query.index),
                        seconds: ANSWER_WITHIN.as_secs(),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn acknowledged(payload: &[u8], query: Query) -> Result<(), NetlinkError> {
    match wire::error_number(payload) {
        0 => Ok(()),
        number => {
            Err(NetlinkError::from_errno(Errno::from_raw(number), query.operation, name_of(query.index)))
        }
    }
}
