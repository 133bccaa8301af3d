//! The DHCP load: clients that go through DISCOVER, OFFER, REQUEST, ACK and begin again, each with its own
//! hardware address, with the options that busybox `udhcpc` sends and the broadcast flag set.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::load::{Load, Received};

/// Where the clients send to.
pub const SERVERS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
/// Where the clients listen.
pub const CLIENT_PORT: u16 = 68;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where options begin: after the fixed fields and the cookie.
const OPTIONS: usize = 240;

/// What a client waits for.
#[derive(Clone, Copy)]
enum Awaits {
    Offer,
    Ack { address: [u8; 4], server: [u8; 4] },
}

/// As many clients as there are to be in flight.
pub struct Clients {
    awaits: Vec<Awaits>,
    exchange: u32,
    /// Transaction of each client.
    transactions: Vec<u32>,
}

impl Clients {
    /// `count` clients at the beginning of their first exchange.
    pub fn new(count: usize) -> Self {
        Self { awaits: vec![Awaits::Offer; count], exchange: 0, transactions: vec![0; count] }
    }
}

/// A locally administered address for each client.
fn mac(client: usize) -> [u8; 6] {
    let [.., high, low] = client.to_be_bytes();
    [0x02, 0x55, 0x53, 0x42, high, low]
}

impl Load for Clients {
    fn next(&mut self, client: usize, packet: &mut Vec<u8>) {
        if matches!(self.awaits[client], Awaits::Offer) {
            self.exchange += 1;
            self.transactions[client] = self.exchange;
        }
        packet.clear();
        packet.extend([1, 1, 6, 0]);
        packet.extend(self.transactions[client].to_be_bytes());
        packet.extend([0, 0, 0x80, 0]);
        packet.resize(28, 0);
        packet.extend(mac(client));
        packet.resize(OPTIONS - 4, 0);
        packet.extend(COOKIE);
        let kind = if matches!(self.awaits[client], Awaits::Offer) { 1 } else { 3 };
        packet.extend([53, 1, kind, 61, 7, 1]);
        packet.extend(mac(client));
        packet.extend([57, 2, 2, 0x40]);
        if let Awaits::Ack { address, server } = self.awaits[client] {
            packet.extend([50, 4]);
            packet.extend(address);
            packet.extend([54, 4]);
            packet.extend(server);
        }
        packet.extend(b"\x37\x07\x01\x03\x06\x0c\x0f\x1c\x2a\x3c\x0cudhcp 1.35.0\xff");
        packet.resize(packet.len().max(300), 0);
    }

    fn receive(&mut self, packet: &[u8]) -> Received {
        let Some(reply) = Reply::read(packet) else { return Received::Stray };
        let Some(client) = self.transactions.iter().position(|id| *id == reply.transaction) else {
            return Received::Stray;
        };
        match (self.awaits[client], reply.kind) {
            (Awaits::Offer, 2) => {
                self.awaits[client] = Awaits::Ack { address: reply.address, server: reply.server };
                Received::Step(client)
            }
            (Awaits::Ack { address, .. }, 5) if address == reply.address => {
                self.awaits[client] = Awaits::Offer;
                Received::Done(client)
            }
            _ => Received::Stray,
        }
    }
}

/// What matters of a server's message.
struct Reply {
    transaction: u32,
    kind: u8,
    address: [u8; 4],
    server: [u8; 4],
}

impl Reply {
    fn read(packet: &[u8]) -> Option<Self> {
        let field = |at: usize| packet.get(at..)?.first_chunk::<4>().copied();
        let mut reply =
            Self { transaction: u32::from_be_bytes(field(4)?), kind: 0, address: field(16)?, server: [0; 4] };
        let mut options = packet.get(OPTIONS..)?;
        while let [code, length, rest @ ..] = options {
            let (value, after) = rest.split_at_checked(usize::from(*length))?;
            match (code, value) {
                (53, [kind]) => reply.kind = *kind,
                (54, value) => reply.server = value.try_into().ok()?,
                (255, _) => break,
                _ => {}
            }
            options = after;
        }
        (reply.kind != 0).then_some(reply)
    }
}
