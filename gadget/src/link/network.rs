//! IPv4 networks, and which of them are taken on this device.

use std::{fmt, net::Ipv4Addr};

use crate::sys::netlink::{Address, Interface, Route};

/// The shortest prefix that says something about where a network is. Anything shorter is a way of
/// writing "everything" (a default route, or a VPN's 0.0.0.0/1 and 128.0.0.0/1) and occupies nothing.
const SHORTEST_OCCUPYING_PREFIX: u8 = 8;

/// An IPv4 network: an address without host bits, and a prefix length of 0 to 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: Ipv4Addr,
    prefix: u8,
}

impl Network {
    /// The network that `address` is in. A prefix over 32 counts as 32.
    #[must_use]
    pub const fn of(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = if prefix > 32 { 32 } else { prefix };
        Self { address: Ipv4Addr::from_bits(address.to_bits() & mask(prefix)), prefix }
    }

    /// Its first address.
    #[must_use]
    pub const fn address(self) -> Ipv4Addr {
        self.address
    }

    /// Length of its prefix.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether an address is in it.
    #[must_use]
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.address.to_bits()
    }

    /// Whether the two share any address; then one contains the other.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        let shorter = mask(if self.prefix < other.prefix { self.prefix } else { other.prefix });
        self.address.to_bits() & shorter == other.address.to_bits() & shorter
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The bits of a prefix; 32 at most.
pub(super) const fn mask(prefix: u8) -> u32 {
    match u32::MAX.checked_shl(32 - prefix as u32) {
        Some(mask) => mask,
        None => 0,
    }
}

/// A network that this device already reaches some other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupied {
    /// The network.
    pub network: Network,
    /// The interface it is reached through; `None` for a route with several next hops.
    pub interface: Option<String>,
}

impl fmt::Display for Occupied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{} on {interface}", self.network),
            None => write!(f, "the route to {}", self.network),
        }
    }
}

/// The networks that are taken by others than the gadget's `own` interfaces: those of all addresses
/// (also of interfaces that are down, which may come up) and of all routes.
#[must_use]
pub fn occupied(
    interfaces: &[Interface],
    addresses: &[Address],
    routes: &[Route],
    own: &[&str],
) -> Vec<Occupied> {
    let addressed =
        addresses.iter().map(|found| (Network::of(found.network, found.prefix), Some(found.index)));
    let routed = routes.iter().map(|route| (Network::of(route.destination, route.prefix), route.index));
    let mut list: Vec<Occupied> = Vec::new();
    for (network, index) in addressed.chain(routed) {
        let name = index.map(|index| name_of(interfaces, index));
        let ours = name.as_deref().is_some_and(|name| own.contains(&name));
        let entry = Occupied { network, interface: name };
        if !ours && network.prefix() >= SHORTEST_OCCUPYING_PREFIX && !list.contains(&entry) {
            list.push(entry);
        }
    }
    list
}

fn name_of(interfaces: &[Interface], index: u32) -> String {
    let found = interfaces.iter().find(|interface| interface.index == index);
    // It may have come after the interfaces were listed.
    found.map_or_else(|| format!("interface #{index}"), |interface| interface.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network::of(address.parse().unwrap(), prefix.parse().unwrap())
    }

    #[test]
    fn overlap_is_containment_either_way() {
        let rows = [
            ("the same", "192.168.2.0/27", "192.168.2.0/27", true),
            ("inside", "192.168.2.0/27", "192.168.2.0/24", true),
            ("neighbours", "192.168.2.0/27", "192.168.2.32/27", false),
            ("single address inside", "192.168.2.0/27", "192.168.2.9/32", true),
            ("single address outside", "192.168.2.0/27", "192.168.2.32/32", false),
            ("everything", "192.168.2.0/27", "0.0.0.0/0", true),
            ("other block", "192.168.2.0/24", "10.0.0.0/8", false),
        ];
        for (name, one, other, expected) in rows {
            assert_eq!(network(one).overlaps(network(other)), expected, "{name}");
            assert_eq!(network(other).overlaps(network(one)), expected, "{name}, other way round");
        }
    }

    #[test]
    fn drops_host_bits() {
        assert_eq!(network("192.168.2.15/27").to_string(), "192.168.2.0/27");
        assert_eq!(network("192.168.2.15/0").to_string(), "0.0.0.0/0");
        assert_eq!(network("192.168.2.15/32").to_string(), "192.168.2.15/32");
        assert!(network("192.168.2.0/27").contains(Ipv4Addr::new(192, 168, 2, 31)));
        assert!(!network("192.168.2.0/27").contains(Ipv4Addr::new(192, 168, 2, 32)));
    }

    fn interface(index: u32, name: &str) -> Interface {
        let name = name.to_owned();
        Interface { index, name, mac: None, mtu: 1500, up: true, carrier: true, rx_bytes: 0, tx_bytes: 0 }
    }

    fn address(index: u32, text: &str) -> Address {
        let (address, prefix) = text.split_once('/').unwrap();
        let address = address.parse().unwrap();
        Address { index, address, network: address, prefix: prefix.parse().unwrap() }
    }

    fn route(index: Option<u32>, text: &str, table: u32) -> Route {
        let network = network(text);
        Route { destination: network.address(), prefix: network.prefix(), gateway: None, index, table }
    }

    #[test]
    fn lists_what_others_hold() {
        let interfaces =
            [interface(1, "lo"), interface(2, "wlan0"), interface(3, "usb0"), interface(4, "wg0")];
        let rows: [(&str, Vec<Address>, Vec<Route>, &[&str]); 8] = [
            (
                "an address and its route are one",
                vec![address(2, "10.1.2.3/24")],
                vec![route(Some(2), "10.1.2.0/24", 254)],
                &["10.1.2.0/24 on wlan0"],
            ),
            ("a default route is none", vec![], vec![route(Some(2), "0.0.0.0/0", 254)], &[]),
            (
                "a VPN's two halves of everything are none",
                vec![],
                vec![route(Some(4), "0.0.0.0/1", 254), route(Some(4), "128.0.0.0/1", 254)],
                &[],
            ),
            (
                "our own is none",
                vec![address(3, "192.168.2.15/27")],
                vec![route(Some(3), "192.168.2.0/27", 254)],
                &[],
            ),
            (
                "a VPN's block, in any table",
                vec![],
                vec![route(Some(4), "10.0.0.0/8", 1000)],
                &["10.0.0.0/8 on wg0"],
            ),
            (
                "several next hops",
                vec![],
                vec![route(None, "10.9.0.0/16", 254)],
                &["the route to 10.9.0.0/16"],
            ),
            (
                "an interface that just came",
                vec![address(9, "10.1.2.3/24")],
                vec![],
                &["10.1.2.0/24 on interface #9"],
            ),
            (
                "a point-to-point link's far end",
                vec![Address { network: Ipv4Addr::new(10, 8, 0, 1), ..address(4, "10.8.0.2/32") }],
                vec![],
                &["10.8.0.1/32 on wg0"],
            ),
        ];
        for (name, addresses, routes, expected) in rows {
            let list = occupied(&interfaces, &addresses, &routes, &["usb0"]);
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            assert_eq!(list, expected, "{name}");
        }
    }
}
