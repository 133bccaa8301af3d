//! DHCP for the one computer at the other end of the cable (RFC 2131, RFC 2132, RFC 4039, RFC 6842).
//!
//! Decides, for one datagram and the time, what to answer and to whom. It is pure: no sockets, no clock, no files.
//! It must never hand out the server's own address or one outside the subnet, never announce a router or a name
//! server that the settings do not carry (that would cost the host its own network), never grow without bound, and
//! never panic on what comes over the cable.
//!
//! Without a pool the configured host address goes to whoever asks last: a cable has one host, which may have
//! rebooted into something with another client identifier and must not wait for a lease to run out.

mod reply;
mod request;
mod server;
mod table;

pub use request::Dropped;
pub use server::{Counters, Server};
pub use table::{Lease, State};

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// What the server hands out. Addresses are those of the cable's subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// This end's address: the server identifier, never handed out.
    pub server: Ipv4Addr,
    /// Length of the subnet's prefix, 0 to 32.
    pub prefix: u8,
    /// The address for the one host.
    pub host: Ipv4Addr,
    /// First and last address for further clients; the first 256 that can be handed out are used.
    pub pool: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Lease time, whole seconds, at least one.
    pub lease: Duration,
    /// Option 3; `None` unless the device shares an uplink.
    pub router: Option<Ipv4Addr>,
    /// Option 6; empty unless the device shares an uplink.
    pub dns: Vec<Ipv4Addr>,
    /// Option 15, for clients that ask for it.
    pub domain: Option<String>,
    /// Option 26, for clients that ask for it.
    pub mtu: Option<u16>,
}

impl Settings {
    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0)
    }

    fn subnet_mask(&self) -> Ipv4Addr {
        self.mask().into()
    }

    /// `None` where a prefix has no broadcast address (RFC 3021).
    fn broadcast(&self) -> Option<Ipv4Addr> {
        (self.prefix < 31).then(|| (self.server.to_bits() | !self.mask()).into())
    }

    fn in_subnet(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.server.to_bits()) & self.mask() == 0
    }

    /// Whether `address` may ever be a client's: a host address of the subnet that is not the server's own.
    fn assignable(&self, address: Ipv4Addr) -> bool {
        let network = self.server.to_bits() & self.mask();
        self.in_subnet(address)
            && address != self.server
            && (self.prefix >= 31 || (address.to_bits() != network && Some(address) != self.broadcast()))
            && !address.is_unspecified()
    }
}

/// Where a reply goes (RFC 2131 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// 255.255.255.255, port 68.
    Broadcast,
    /// A client that has its address already (port 68), or a relay (port 67).
    Unicast(SocketAddrV4),
    /// A client that has no address yet and did not ask for a broadcast: IP `address` port 68 at Ethernet `mac`,
    /// without asking by ARP.
    Hardware {
        /// The client's Ethernet address.
        mac: [u8; 6],
        /// The address just offered or granted.
        address: Ipv4Addr,
    },
}

#[cfg(test)]
mod tests;
