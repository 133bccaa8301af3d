//! Bytes to values and back for the three kinds of message used here.
//!
//! Only the fixed headers come from `netlink-packet-route`; attributes are walked raw. Its full
//! message types know every attribute of every kind of link and would triple the size of the binary
//! for the dozen numbers needed here. Never allocates by what a length field claims.
//!
//! Shapes: `linux/netlink.h`, `linux/rtnetlink.h`, `linux/if_link.h`, `linux/if_addr.h`.

use std::net::Ipv4Addr;

use netlink_packet_core::{DecodeError, DefaultNla, Emitable, NetlinkBuffer, NetlinkHeader, NlasIterator};
use netlink_packet_route::{
    AddressFamily,
    address::AddressHeader,
    link::{LinkFlags, LinkHeader},
    route::{RouteFlags, RouteHeader, RouteType},
};

use super::{Address, Interface, Route};

const MESSAGE_ALIGNMENT: usize = 4;
/// Where `rx_bytes` and `tx_bytes` stand in `struct rtnl_link_stats64`, as counts of u64.
const STATS64_RX_BYTES: usize = 2;
const STATS64_TX_BYTES: usize = 3;

/// One request, ready to send.
pub(super) fn request(
    kind: u16,
    flags: u16,
    sequence_number: u32,
    header: &impl Emitable,
    attributes: &[DefaultNla],
) -> Vec<u8> {
    let mut head = NetlinkHeader::default();
    let body = head.buffer_len();
    let tail = body + header.buffer_len();
    let mut bytes = vec![0; tail + attributes.buffer_len()];
    head.length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    head.message_type = kind;
    head.flags = flags;
    head.sequence_number = sequence_number;
    head.emit(&mut bytes);
    header.emit(&mut bytes[body..tail]);
    attributes.emit(&mut bytes[tail..]);
    bytes
}

/// The messages in one datagram; ends after the first malformed one.
pub(super) struct Messages<'a>(pub &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Result<NetlinkBuffer<&'a [u8]>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let message = NetlinkBuffer::new_checked(self.0);
        self.0 = match &message {
            Ok(message) => {
                let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
                self.0.get(length.next_multiple_of(MESSAGE_ALIGNMENT)..).unwrap_or_default()
            }
            Err(_) => &[],
        };
        Some(message)
    }
}

/// The error number of an NLMSG_ERROR or NLMSG_DONE payload: 0 for success, else positive.
pub(super) fn error_number(payload: &[u8]) -> i32 {
    payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes).saturating_neg())
}

/// RTM_NEWLINK, RTM_DELLINK; `None` for a bridge's messages about its ports (AF_BRIDGE), whose "deleted"
/// only means that the port left the bridge.
pub(super) fn interface(payload: &[u8]) -> Result<Option<Interface>, DecodeError> {
    let header = LinkHeader::parse(payload)?;
    if header.interface_family != AddressFamily::Unspec {
        return Ok(None);
    }
    let mut interface = Interface {
        index: header.index,
        name: String::new(),
        mac: None,
        mtu: 0,
        up: header.flags.contains(LinkFlags::Up),
        carrier: header.flags.contains(LinkFlags::LowerUp),
        rx_bytes: 0,
        tx_bytes: 0,
    };
    attributes(payload, header.buffer_len(), |kind, value| match kind {
        libc::IFLA_IFNAME => interface.name = text(value),
        libc::IFLA_ADDRESS => interface.mac = value.try_into().ok(),
        libc::IFLA_MTU => interface.mtu = number(value).unwrap_or_default(),
        libc::IFLA_STATS64 => {
            interface.rx_bytes = counter(value, STATS64_RX_BYTES);
            interface.tx_bytes = counter(value, STATS64_TX_BYTES);
        }
        _ => {}
    })?;
    Ok(Some(interface))
}

/// RTM_NEWADDR, RTM_DELADDR; `None` for what is not IPv4.
pub(super) fn address(payload: &[u8]) -> Result<Option<Address>, DecodeError> {
    let header = AddressHeader::parse(payload)?;
    if header.family != AddressFamily::Inet {
        return Ok(None);
    }
    let (mut local, mut peer) = (None, None);
    attributes(payload, header.buffer_len(), |kind, value| match kind {
        libc::IFA_LOCAL => local = ipv4(value),
        libc::IFA_ADDRESS => peer = ipv4(value),
        _ => {}
    })?;
    // On a broadcast link both are the same and old kernels may send only one.
    Ok(local.or(peer).map(|address| Address {
        index: header.index,
        address,
        network: peer.unwrap_or(address),
        prefix: header.prefix_len.min(32),
    }))
}

/// RTM_NEWROUTE, RTM_DELROUTE; `None` for what sends no packet anywhere: not IPv4, not unicast, a
/// cached clone, or in the local table.
pub(super) fn route(payload: &[u8]) -> Result<Option<Route>, DecodeError> {
    let header = RouteHeader::parse(payload)?;
    if header.address_family != AddressFamily::Inet
        || header.kind != RouteType::Unicast
        || header.flags.contains(RouteFlags::Cloned)
    {
        return Ok(None);
    }
    let mut route = Route {
        destination: Ipv4Addr::UNSPECIFIED,
        prefix: header.destination_prefix_length.min(32),
        gateway: None,
        index: None,
        table: u32::from(header.table),
    };
    attributes(payload, header.buffer_len(), |kind, value| match kind {
        libc::RTA_DST => route.destination = ipv4(value).unwrap_or(Ipv4Addr::UNSPECIFIED),
        libc::RTA_GATEWAY => route.gateway = ipv4(value),
        libc::RTA_OIF => route.index = number(value),
        libc::RTA_TABLE => route.table = number(value).unwrap_or(route.table),
        _ => {}
    })?;
    Ok((route.table != u32::from(libc::RT_TABLE_LOCAL)).then_some(route))
}

fn attributes(payload: &[u8], start: usize, mut take: impl FnMut(u16, &[u8])) -> Result<(), DecodeError> {
    for attribute in NlasIterator::new(payload.get(start..).unwrap_or_default()) {
        let attribute = attribute?;
        take(attribute.kind(), attribute.value());
    }
    Ok(())
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

fn ipv4(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

fn number(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

fn counter(value: &[u8], position: usize) -> u64 {
    let (counters, _) = value.as_chunks::<8>();
    counters.get(position).map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}
