//! What the tests share: settings, packets built octet by octet, and replies read without the code under test.

mod addresses;
mod captures;
mod hostile;
mod replies;
mod restore;
mod states;

use super::{Destination, Dropped, Server, Settings};
use std::net::Ipv4Addr;
use std::time::Duration;

pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 14);
pub(super) const MAC: [u8; 6] = [0x02, 0x1a, 0x4b, 0, 0, 0x0e];
pub(super) const OTHER_MAC: [u8; 6] = [0x02, 0x1a, 0x4b, 0, 0, 0xfe];

pub(super) const DISCOVER: u8 = 1;
pub(super) const REQUEST: u8 = 3;
pub(super) const DECLINE: u8 = 4;
pub(super) const RELEASE: u8 = 7;
pub(super) const INFORM: u8 = 8;

pub(super) const fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 2, last)
}

pub(super) const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 192.168.2.0/27 with an hour's lease and nothing shared.
pub(super) fn settings() -> Settings {
    Settings {
        server: SERVER,
        prefix: 27,
        host: HOST,
        pool: None,
        lease: at(3600),
        router: None,
        dns: Vec::new(),
        domain: Some("usbnet".into()),
        mtu: None,
    }
}

pub(super) fn pooled(first: u8, last: u8) -> Settings {
    Settings { pool: Some((ip(first), ip(last))), ..settings() }
}

/// A message from a client: header and options without the end.
#[derive(Debug, Clone)]
pub(super) struct Packet(Vec<u8>);

impl Packet {
    pub fn new(kind: u8) -> Self {
        let mut octets = vec![0; 240];
        octets[..8].copy_from_slice(&[1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
        octets[28..34].copy_from_slice(&MAC);
        octets[236..].copy_from_slice(&[99, 130, 83, 99]);
        Self(octets).option(53, &[kind])
    }

    pub fn set(mut self, offset: usize, octets: &[u8]) -> Self {
        self.0[offset..offset + octets.len()].copy_from_slice(octets);
        self
    }

    pub fn option(mut self, code: u8, data: &[u8]) -> Self {
        self.0.extend([code, u8::try_from(data.len()).expect("an option's length")]);
        self.0.extend(data);
        self
    }

    pub fn raw(mut self, octets: &[u8]) -> Self {
        self.0.extend(octets);
        self
    }

    pub fn mac(self, mac: [u8; 6]) -> Self {
        self.set(28, &mac)
    }

    pub fn broadcast(self) -> Self {
        self.set(10, &[0x80])
    }

    pub fn ciaddr(self, address: Ipv4Addr) -> Self {
        self.set(12, &address.octets())
    }

    pub fn giaddr(self, address: Ipv4Addr) -> Self {
        self.set(24, &address.octets())
    }

    pub fn requested(self, address: Ipv4Addr) -> Self {
        self.option(50, &address.octets())
    }

    pub fn server(self, address: Ipv4Addr) -> Self {
        self.option(54, &address.octets())
    }

    pub fn id(self, id: &[u8]) -> Self {
        self.option(61, id)
    }

    pub fn bytes(mut self) -> Vec<u8> {
        self.0.push(255);
        self.0
    }
}

pub(super) fn discover() -> Packet {
    Packet::new(DISCOVER)
}

/// A REQUEST in the state SELECTING.
pub(super) fn select(address: Ipv4Addr) -> Packet {
    Packet::new(REQUEST).requested(address).server(SERVER)
}

/// A REQUEST in the state INIT-REBOOT.
pub(super) fn reboot(address: Ipv4Addr) -> Packet {
    Packet::new(REQUEST).requested(address)
}

/// A REQUEST in the states RENEWING and REBINDING; only the way it travels differs.
pub(super) fn renew(address: Ipv4Addr) -> Packet {
    Packet::new(REQUEST).ciaddr(address)
}

/// What a client makes of the server's reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Offer(Ipv4Addr),
    Ack(Ipv4Addr),
    Nak,
    Nothing,
    Dropped(Dropped),
}

/// The data of an option, found without the code under test.
pub(super) fn option(reply: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = &reply[240..];
    while let [code, length, tail @ ..] = rest {
        match *code {
            0 => rest = &rest[1..],
            255 => return None,
            code if code == wanted => return Some(&tail[..usize::from(*length)]),
            _ => rest = &tail[usize::from(*length)..],
        }
    }
    None
}

/// The codes of a reply's options in order.
pub(super) fn codes(reply: &[u8]) -> Vec<u8> {
    let mut rest = &reply[240..];
    let mut codes = Vec::new();
    while let [code, tail @ ..] = rest {
        if *code == 255 {
            return codes;
        }
        codes.push(*code);
        rest = &tail[1 + usize::from(tail[0])..];
    }
    panic!("options without an end");
}

pub(super) fn address(octets: &[u8]) -> Ipv4Addr {
    <[u8; 4]>::try_from(octets).expect("four octets").into()
}

/// One exchange: the reaction, the destination and the reply.
pub(super) fn exchange(
    server: &mut Server,
    now: Duration,
    packet: &[u8],
) -> (Heard, Option<Destination>, Vec<u8>) {
    let mut reply = vec![0xaa; 7];
    let result = server.handle(now, packet, &mut reply);
    let heard = match result {
        Err(reason) => Heard::Dropped(reason),
        Ok(None) => Heard::Nothing,
        Ok(Some(_)) => {
            let yours = address(&reply[16..20]);
            match option(&reply, 53) {
                Some([2]) => Heard::Offer(yours),
                Some([5]) => Heard::Ack(yours),
                Some([6]) => Heard::Nak,
                other => panic!("message type {other:?}"),
            }
        }
    };
    (heard, result.ok().flatten(), reply)
}

pub(super) fn hear(server: &mut Server, now: u64, packet: Packet) -> Heard {
    exchange(server, at(now), &packet.bytes()).0
}
