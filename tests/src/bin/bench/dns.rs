//! The DNS load: the device's address by its full name, as glibc asks for it, with a new ID each time.

use std::net::SocketAddrV4;

use crate::cable::SERVER;
use crate::load::{Load, Received};

/// Where the queries go.
pub const SERVERS: SocketAddrV4 = SocketAddrV4::new(SERVER, 53);

/// Everything after the ID: RD, one question, `phone.usbnet` A IN.
const QUESTION: &[u8] = b"\x01\0\0\x01\0\0\0\0\0\0\x05phone\x06usbnet\0\0\x01\0\x01";

/// As many askers as there are to be in flight.
pub struct Askers {
    ids: Vec<u16>,
    last: u16,
}

impl Askers {
    /// `count` askers who have not asked yet.
    pub fn new(count: usize) -> Self {
        Self { ids: vec![0; count], last: 0 }
    }
}

impl Load for Askers {
    fn next(&mut self, client: usize, packet: &mut Vec<u8>) {
        self.last = self.last.checked_add(1).unwrap_or(1);
        self.ids[client] = self.last;
        packet.clear();
        packet.extend(self.last.to_be_bytes());
        packet.extend(QUESTION);
    }

    fn receive(&mut self, packet: &[u8]) -> Received {
        // A reply, no error, one answer, which ends in the address.
        let [a, b, flags, code, _, _, _, 1, ..] = packet else { return Received::Stray };
        if flags & 0x80 == 0
            || code & 0x0F != 0
            || !packet[30..].windows(4).any(|four| four == SERVER.octets())
        {
            return Received::Stray;
        }
        let id = u16::from_be_bytes([*a, *b]);
        match self.ids.iter().position(|known| *known == id) {
            Some(client) => Received::Done(client),
            None => Received::Stray,
        }
    }
}
