//! From sockets to [`crate::dhcp`] and [`crate::dns`] and back: what may be looked at at all, and
//! which way a reply goes.

use super::batch::{Datagram, Inbox, Outbox, SLOTS, Target};
use super::report::Flow;
use super::sockets::Sockets;
use crate::dhcp::{self, Destination};
use crate::dns::{self, Transport};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Batches taken from one socket before the others have their turn.
const TURN: usize = 4;
const CLIENT_PORT: u16 = 68;

/// The two services and the buffers they share.
pub(super) struct Answerer {
    /// The device's address: where replies come from.
    pub address: Ipv4Addr,
    pub dhcp: Option<dhcp::Server>,
    pub dns: Option<dns::Resolver>,
    pub dhcp_flow: Flow,
    pub dns_flow: Flow,
    inbox: Inbox,
    outbox: Outbox,
    scratch: Vec<u8>,
}

impl Answerer {
    pub fn new(address: Ipv4Addr, dhcp: Option<dhcp::Server>, dns: Option<dns::Resolver>) -> Self {
        let (inbox, outbox) = (Inbox::new(), Outbox::new());
        let (dhcp_flow, dns_flow) = (Flow::default(), Flow::default());
        Self { address, dhcp, dns, dhcp_flow, dns_flow, inbox, outbox, scratch: Vec::new() }
    }

    /// Answers what waits on the DHCP socket; returns whether the lease table changed.
    pub fn dhcp(&mut self, sockets: &Sockets, now: Duration) -> bool {
        let (Some(server), Some(udp)) = (&mut self.dhcp, &sockets.dhcp) else { return false };
        let way = Way { index: sockets.index, packet: sockets.packet.is_some(), address: self.address };
        let pump = Pump {
            inbox: &mut self.inbox,
            outbox: &mut self.outbox,
            flow: &mut self.dhcp_flow,
            index: sockets.index,
        };
        pump.run(udp, sockets.packet.as_ref(), |datagram, reply| {
            match server.handle(now, datagram.bytes, reply) {
                Ok(destination) => destination.map(|destination| way.target(destination)),
                Err(reason) => {
                    log::debug!("dhcp from {}: {reason}", datagram.from);
                    None
                }
            }
        });
        server.changed()
    }

    /// Answers what waits on the DNS socket.
    pub fn dns(&mut self, sockets: &Sockets) {
        let (Some(resolver), Some((udp, _))) = (&mut self.dns, &sockets.dns) else { return };
        let pump = Pump {
            inbox: &mut self.inbox,
            outbox: &mut self.outbox,
            flow: &mut self.dns_flow,
            index: sockets.index,
        };
        pump.run(udp, None, |datagram, reply| match resolver.answer(Transport::Udp, datagram.bytes, reply) {
            Ok(()) => Some(Target::Udp { to: datagram.from, from: None }),
            Err(reason) => {
                log::debug!("dns from {}: {reason}", datagram.from);
                None
            }
        });
    }

    /// Appends the answer to one DNS message of a TCP connection; false if there is none.
    pub fn tcp(&mut self, query: &[u8], output: &mut Vec<u8>) -> bool {
        let Some(resolver) = &mut self.dns else { return false };
        let answered = resolver.answer(Transport::Tcp, query, &mut self.scratch).is_ok();
        if answered {
            output.extend_from_slice(&self.scratch);
        }
        answered
    }
}

/// Datagrams in, replies out.
struct Pump<'a> {
    inbox: &'a mut Inbox,
    outbox: &'a mut Outbox,
    flow: &'a mut Flow,
    index: u32,
}

impl Pump<'_> {
    /// Takes batches until the socket is empty or it is somebody else's turn. `answer` writes a
    /// reply and says where it goes.
    fn run(
        self,
        udp: &OwnedFd,
        packet: Option<&OwnedFd>,
        mut answer: impl FnMut(&Datagram<'_>, &mut Vec<u8>) -> Option<Target>,
    ) {
        for _ in 0..TURN {
            // An error is the socket's way to say that it is empty; others are as little ours.
            let Ok(batch) = self.inbox.receive(udp.as_fd()) else { break };
            let mut count = 0;
            for datagram in batch {
                count += 1;
                if !admit(&datagram, self.index, self.flow) {
                    continue;
                }
                // A batch in fits a batch out.
                let Some(reply) = self.outbox.next() else { break };
                if let Some(target) = answer(&datagram, reply) {
                    self.outbox.push(target);
                }
            }
            let sent = self.outbox.flush(udp.as_fd(), packet.map(AsFd::as_fd));
            self.flow.received += count as u64;
            self.flow.unsent += sent.unsent;
            if let Some(reason) = sent.reason {
                log::debug!("{} replies were not sent: {reason}", sent.unsent);
            }
            if count < SLOTS {
                break;
            }
        }
    }
}

/// Whether to look at a datagram. The socket is bound to the interface; this is the second lock.
fn admit(datagram: &Datagram<'_>, index: u32, flow: &mut Flow) -> bool {
    let (here, whole) = (datagram.interface == Some(index), !datagram.cut);
    flow.wrong_interface += u64::from(!here);
    flow.oversized += u64::from(here && !whole);
    here && whole
}

/// What decides the way of a DHCP reply.
#[derive(Debug, Clone, Copy)]
struct Way {
    index: u32,
    packet: bool,
    address: Ipv4Addr,
}

impl Way {
    /// With the packet socket, replies to clients without an address are frames; without it, they
    /// are broadcast, which such a client hears as well.
    const fn target(self, destination: Destination) -> Target {
        let Self { index, address: from, packet } = self;
        let (mac, to) = match destination {
            Destination::Unicast(to) => return Target::Udp { to, from: Some(from) },
            Destination::Hardware { mac, address } => (mac, address),
            Destination::Broadcast => ([0xff; 6], Ipv4Addr::BROADCAST),
        };
        if packet {
            Target::Frame { index, mac, from, to }
        } else {
            Target::Udp { to: SocketAddrV4::new(Ipv4Addr::BROADCAST, CLIENT_PORT), from: Some(from) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
    const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 14);

    #[test]
    fn replies_go_the_way_their_client_can_hear() {
        let mac = [2, 0, 0, 0, 0, 1];
        let to = SocketAddrV4::new(HOST, 68);
        let broadcast = SocketAddrV4::new(Ipv4Addr::BROADCAST, 68);
        let frame = |mac, to| Target::Frame { index: 7, mac, from: DEVICE, to };
        let udp = |to| Target::Udp { to, from: Some(DEVICE) };
        let rows = [
            ("configured", true, Destination::Unicast(to), udp(to)),
            ("configured, no packet socket", false, Destination::Unicast(to), udp(to)),
            ("not configured", true, Destination::Hardware { mac, address: HOST }, frame(mac, HOST)),
            (
                "not configured, no packet socket",
                false,
                Destination::Hardware { mac, address: HOST },
                udp(broadcast),
            ),
            ("broadcast", true, Destination::Broadcast, frame([0xff; 6], Ipv4Addr::BROADCAST)),
            ("broadcast, no packet socket", false, Destination::Broadcast, udp(broadcast)),
        ];
        for (name, packet, destination, expected) in rows {
            let way = Way { index: 7, packet, address: DEVICE };
            assert_eq!(way.target(destination), expected, "{name}");
        }
    }

    #[test]
    fn only_whole_datagrams_of_the_right_interface_are_looked_at() {
        let rows = [
            ("ours", Some(7), false, true, (0, 0)),
            ("cut off", Some(7), true, false, (0, 1)),
            ("another interface", Some(8), false, false, (1, 0)),
            ("another interface, cut off", Some(8), true, false, (1, 0)),
            ("the kernel does not say", None, false, false, (1, 0)),
        ];
        for (name, interface, cut, admitted, counted) in rows {
            let datagram = Datagram { bytes: &[], from: SocketAddrV4::new(HOST, 68), interface, cut };
            let mut flow = Flow::default();
            assert_eq!(admit(&datagram, 7, &mut flow), admitted, "{name}");
            assert_eq!((flow.wrong_interface, flow.oversized), counted, "{name}");
        }
    }
}
