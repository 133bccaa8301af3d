//! What others do to interfaces, addresses and routes, as it happens.

use std::{
    collections::VecDeque,
    io,
    net::Ipv4Addr,
    os::fd::{AsFd, BorrowedFd},
};

use netlink_packet_core::DecodeError;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;

use super::{NetlinkError, wire};

/// The groups listened to, as `bind(2)` wants them (one bit each, counted from 1).
const GROUPS: u32 =
    group(libc::RTNLGRP_LINK) | group(libc::RTNLGRP_IPV4_IFADDR) | group(libc::RTNLGRP_IPV4_ROUTE);

const fn group(number: libc::c_uint) -> u32 {
    1 << (number - 1)
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An interface appeared or changed. Also comes when nothing of this changed (statistics, wireless).
    LinkChanged {
        /// The interface.
        index: u32,
        /// Its name now.
        name: String,
        /// Whether it is set up.
        up: bool,
        /// Whether the other end is there.
        carrier: bool,
    },
    /// An interface is gone, or was moved to another network namespace.
    LinkRemoved {
        /// What its index was.
        index: u32,
        /// What its name was.
        name: String,
    },
    /// An IPv4 address appeared, or its lifetime or flags changed.
    AddressAdded {
        /// The interface.
        index: u32,
        /// The address.
        address: Ipv4Addr,
        /// Length of its prefix.
        prefix: u8,
    },
    /// An IPv4 address is gone.
    AddressRemoved {
        /// The interface.
        index: u32,
        /// The address.
        address: Ipv4Addr,
        /// Length of its prefix.
        prefix: u8,
    },
    /// An IPv4 route outside the local table came or went.
    RouteChanged {
        /// Its interface; `None` with several next hops.
        index: Option<u32>,
    },
    /// Events were lost (ENOBUFS): read the state anew.
    Resync,
}

/// A non-blocking subscription to the routing netlink of the namespace it was opened in.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    pending: VecDeque<Event>,
}

impl Monitor {
    /// Subscribes; needs no privileges. What happens from now on is reported, so read the state *after* this.
    ///
    /// # Errors
    /// [`NetlinkError::Socket`].
    pub fn open() -> Result<Self, NetlinkError> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        Ok(Self { socket, pending: VecDeque::new() })
    }

    /// The next event, or `None` when there is nothing more for now (wait for the descriptor to be readable).
    ///
    /// # Errors
    /// [`NetlinkError::Socket`] when the socket is of no use any more.
    pub fn next_event(&mut self) -> Result<Option<Event>, NetlinkError> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(Some(event));
            }
            match self.socket.recv_from_full() {
                Ok((datagram, sender)) if sender.port_number() == 0 => self.take(&datagram),
                Ok(_) => {} // only the kernel is listened to
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    return Ok(Some(Event::Resync));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        for message in wire::Messages(datagram) {
            let parsed = message.and_then(|message| event(message.message_type(), message.payload()));
            // What cannot be read may have been what mattered.
            self.pending.extend(parsed.unwrap_or(Some(Event::Resync)));
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

pub(super) fn event(kind: u16, payload: &[u8]) -> Result<Option<Event>, DecodeError> {
    Ok(match kind {
        libc::RTM_NEWLINK => wire::interface(payload)?.map(|link| Event::LinkChanged {
            index: link.index,
            name: link.name,
            up: link.up,
            carrier: link.carrier,
        }),
        libc::RTM_DELLINK => {
            wire::interface(payload)?.map(|link| Event::LinkRemoved { index: link.index, name: link.name })
        }
        libc::RTM_NEWADDR | libc::RTM_DELADDR => wire::address(payload)?.map(|found| {
            let (index, address, prefix) = (found.index, found.address, found.prefix);
            if kind == libc::RTM_NEWADDR {
                Event::AddressAdded { index, address, prefix }
            } else {
                Event::AddressRemoved { index, address, prefix }
            }
        }),
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
            wire::route(payload)?.map(|route| Event::RouteChanged { index: route.index })
        }
        _ => None,
    })
}
