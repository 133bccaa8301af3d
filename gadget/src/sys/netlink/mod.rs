//! Interfaces, IPv4 addresses and routes through the kernel's routing netlink: what `ip link`,
//! `ip address` and `ip route` do, without running them.
//!
//! [`Netlink`] asks and waits (bounded) for the answer; [`Monitor`] tells what others did. Nothing here
//! decides anything: what to do about an overlap or a removed address is [`crate::link`]'s business.

mod error;
mod monitor;
mod socket;
#[cfg(test)]
mod tests;
mod wire;

use std::{fmt, net::Ipv4Addr};

use netlink_packet_core::{DefaultNla, Emitable, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily,
    address::AddressHeader,
    link::{LinkFlags, LinkHeader},
    route::RouteHeader,
};
use nix::{errno::Errno, net::if_};

pub use error::NetlinkError;
pub use monitor::{Event, Monitor};
use socket::RequestSocket;

/// A network interface as the kernel describes it (RTM_NEWLINK).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number for it; never reused while it exists.
    pub index: u32,
    /// Its name; it can change while the index stays.
    pub name: String,
    /// Its hardware address, where that is six bytes long.
    pub mac: Option<[u8; 6]>,
    /// Largest payload of a frame, in bytes.
    pub mtu: u32,
    /// Set up by an administrator (IFF_UP).
    pub up: bool,
    /// The other end is there and listens (IFF_LOWER_UP). Never true while `up` is false.
    pub carrier: bool,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
}

/// An IPv4 address of an interface (RTM_NEWADDR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub index: u32,
    /// This end's address.
    pub address: Ipv4Addr,
    /// An address inside the network reached through it: the same as `address` but on a
    /// point-to-point link, where it is the peer's.
    pub network: Ipv4Addr,
    /// Length of the network's prefix, 0 to 32.
    pub prefix: u8,
}

/// An IPv4 unicast route outside the local table (RTM_NEWROUTE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// First address of the destination.
    pub destination: Ipv4Addr,
    /// Length of the destination's prefix, 0 (a default route) to 32.
    pub prefix: u8,
    /// The next hop, for what is not on the link itself.
    pub gateway: Option<Ipv4Addr>,
    /// The interface; `None` for a route with several next hops.
    pub index: Option<u32>,
    /// The routing table's number (main: 254).
    pub table: u32,
}

/// What a request was about, for its error line: "cannot {operation} of usb0".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Read a link.
    ReadLink,
    /// Set a link up or down.
    SetState,
    /// Set its MTU.
    SetMtu(u32),
    /// Read addresses.
    ReadAddresses,
    /// Add this address.
    AddAddress(Ipv4Addr, u8),
    /// Remove this address.
    RemoveAddress(Ipv4Addr, u8),
    /// Read routes.
    ReadRoutes,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadLink => f.write_str("read the state"),
            Self::SetState => f.write_str("change the up/down state"),
            Self::SetMtu(mtu) => write!(f, "set {mtu} as the MTU"),
            Self::ReadAddresses => f.write_str("read the addresses"),
            Self::AddAddress(address, prefix) => write!(f, "make {address}/{prefix} an address"),
            Self::RemoveAddress(address, prefix) => write!(f, "remove {address}/{prefix} as an address"),
            Self::ReadRoutes => f.write_str("read the routes"),
        }
    }
}

/// A connection to the routing netlink of the network namespace it was opened in.
#[derive(Debug)]
pub struct Netlink(RequestSocket);

impl Netlink {
    /// Opens it; needs no privileges (changing something does).
    ///
    /// # Errors
    /// [`NetlinkError::Socket`].
    pub fn open() -> Result<Self, NetlinkError> {
        RequestSocket::open().map(Self)
    }

    /// The interface of this name.
    ///
    /// # Errors
    /// [`NetlinkError::NoInterface`] when there is none.
    pub fn interface(&mut self, name: &str) -> Result<Interface, NetlinkError> {
        // By index, because kernels before 2.6.33 cannot be asked by name.
        let index = if_::if_nametoindex(name).map_err(|cause| {
            let cause = if cause == Errno::EINVAL { Errno::ENODEV } else { cause };
            NetlinkError::from_errno(cause, Operation::ReadLink, name.to_owned())
        })?;
        self.interface_by_index(index)
    }

    /// The interface of this index.
    ///
    /// # Errors
    /// [`NetlinkError::NoInterface`] when there is none.
    pub fn interface_by_index(&mut self, index: u32) -> Result<Interface, NetlinkError> {
        let mut found = None;
        self.0.ask(
            Query { operation: Operation::ReadLink, index, kind: libc::RTM_GETLINK, flags: 0 },
            &LinkHeader { index, ..LinkHeader::default() },
            &[],
            &mut |kind, payload| {
                if kind == libc::RTM_NEWLINK {
                    found = wire::interface(payload)?;
                }
                Ok(())
            },
        )?;
        found.ok_or_else(|| NetlinkError::from_errno(Errno::ENODEV, Operation::ReadLink, name_of(index)))
    }

    /// All interfaces of this network namespace.
    ///
    /// # Errors
    /// Any [`NetlinkError`].
    pub fn interfaces(&mut self) -> Result<Vec<Interface>, NetlinkError> {
        let query =
            Query { operation: Operation::ReadLink, index: 0, kind: libc::RTM_GETLINK, flags: NLM_F_DUMP };
        self.0.dump(query, &LinkHeader::default(), libc::RTM_NEWLINK, wire::interface)
    }

    /// All IPv4 addresses of this network namespace.
    ///
    /// # Errors
    /// Any [`NetlinkError`].
    pub fn all_addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let header = AddressHeader { family: AddressFamily::Inet, ..AddressHeader::default() };
        let query = Query {
            operation: Operation::ReadAddresses,
            index: 0,
            kind: libc::RTM_GETADDR,
            flags: NLM_F_DUMP,
        };
        self.0.dump(query, &header, libc::RTM_NEWADDR, wire::address)
    }

    /// The IPv4 addresses of one interface; none for an interface that is not there.
    ///
    /// # Errors
    /// Any [`NetlinkError`].
    pub fn addresses(&mut self, index: u32) -> Result<Vec<Address>, NetlinkError> {
        // Filtered here: kernels before 4.20 ignore the index in the request.
        let mut addresses = self.all_addresses()?;
        addresses.retain(|address| address.index == index);
        Ok(addresses)
    }

    /// The IPv4 unicast routes of all tables but the local one.
    ///
    /// # Errors
    /// Any [`NetlinkError`].
    pub fn routes(&mut self) -> Result<Vec<Route>, NetlinkError> {
        let header = RouteHeader { address_family: AddressFamily::Inet, ..RouteHeader::default() };
        let query =
            Query { operation: Operation::ReadRoutes, index: 0, kind: libc::RTM_GETROUTE, flags: NLM_F_DUMP };
        self.0.dump(query, &header, libc::RTM_NEWROUTE, wire::route)
    }

    /// Sets the interface up.
    ///
    /// # Errors
    /// [`NetlinkError::NotPermitted`], [`NetlinkError::NoInterface`], …
    pub fn set_up(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.set_flags(index, LinkFlags::Up)
    }

    /// Sets the interface down. It keeps its IPv4 addresses and loses its routes; the ones that follow
    /// from addresses come back with [`Netlink::set_up`].
    ///
    /// # Errors
    /// [`NetlinkError::NotPermitted`], [`NetlinkError::NoInterface`], …
    pub fn set_down(&mut self, index: u32) -> Result<(), NetlinkError> {
        self.set_flags(index, LinkFlags::empty())
    }

    fn set_flags(&mut self, index: u32, flags: LinkFlags) -> Result<(), NetlinkError> {
        let header = LinkHeader { index, flags, change_mask: LinkFlags::Up, ..LinkHeader::default() };
        self.command(Operation::SetState, index, libc::RTM_NEWLINK, 0, &header, &[])
    }

    /// Sets the MTU, in bytes.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with EINVAL when the driver does not take this value, …
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), NetlinkError> {
        let header = LinkHeader { index, ..LinkHeader::default() };
        let attributes = [DefaultNla::new(libc::IFLA_MTU, mtu.to_ne_bytes().to_vec())];
        self.command(Operation::SetMtu(mtu), index, libc::RTM_NEWLINK, 0, &header, &attributes)
    }

    /// Gives the interface this address for ever, with the broadcast address and the prefix route that
    /// follow from it. An address that is already there is success, and is made to stay for ever.
    ///
    /// # Errors
    /// [`NetlinkError::NotPermitted`], [`NetlinkError::NoInterface`], …
    pub fn add_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) -> Result<(), NetlinkError> {
        let mut attributes = address_attributes(address);
        if prefix < 31 {
            let broadcast = address.to_bits() | u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            attributes.push(DefaultNla::new(libc::IFA_BROADCAST, broadcast.to_be_bytes().to_vec()));
        }
        let operation = Operation::AddAddress(address, prefix);
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        let header = address_header(index, prefix);
        match self.command(operation, index, libc::RTM_NEWADDR, flags, &header, &attributes) {
            Err(NetlinkError::Refused { cause: Errno::EEXIST, .. }) => Ok(()),
            result => result,
        }
    }

    /// Takes this address away. An address that is not there is success.
    ///
    /// # Errors
    /// [`NetlinkError::NotPermitted`], [`NetlinkError::NoInterface`], …
    pub fn remove_address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) -> Result<(), NetlinkError> {
        let operation = Operation::RemoveAddress(address, prefix);
        let header = address_header(index, prefix);
        match self.command(operation, index, libc::RTM_DELADDR, 0, &header, &address_attributes(address)) {
            Err(NetlinkError::Refused { cause: Errno::EADDRNOTAVAIL, .. }) => Ok(()),
            result => result,
        }
    }

    fn command(
        &mut self,
        operation: Operation,
        index: u32,
        kind: u16,
        flags: u16,
        header: &impl Emitable,
        attributes: &[DefaultNla],
    ) -> Result<(), NetlinkError> {
        self.0.ask(Query { operation, index, kind, flags }, header, attributes, &mut |_, _| Ok(()))
    }
}

/// What is asked, of whom, and what to call it if it fails.
#[derive(Debug, Clone, Copy)]
struct Query {
    operation: Operation,
    /// 0: not about one interface.
    index: u32,
    kind: u16,
    flags: u16,
}

fn address_header(index: u32, prefix_len: u8) -> AddressHeader {
    AddressHeader { family: AddressFamily::Inet, prefix_len, index, ..AddressHeader::default() }
}

fn address_attributes(address: Ipv4Addr) -> Vec<DefaultNla> {
    let bytes = address.octets().to_vec();
    vec![DefaultNla::new(libc::IFA_LOCAL, bytes.clone()), DefaultNla::new(libc::IFA_ADDRESS, bytes)]
}

/// What to call an interface in an error line.
fn name_of(index: u32) -> String {
    match index {
        0 => "this device".to_owned(),
        index => if_::if_indextoname(index)
            .ok()
            .and_then(|name| name.into_string().ok())
            // nix takes the C library's null pointer for success.
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("interface #{index}")),
    }
}
