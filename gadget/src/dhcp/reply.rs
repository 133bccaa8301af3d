//! Writing a reply: the client's header turned round (RFC 2131 table 3), then the options.
//!
//! Options are appended straight to the caller's buffer: nothing is allocated, nothing can fail, and they come in
//! the order in which the client asks for them, which a sorted map of options could not give. Never longer than
//! the client accepts, never shorter than a BOOTP message.

use super::request::{HEADER, Request};
use super::{Destination, Settings};
use dhcproto::v4::{CLIENT_PORT, MIN_PACKET_SIZE, MessageType, Opcode, OptionCode, SERVER_PORT};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Every client takes this much (RFC 2131 §2), as an IP datagram.
const SMALLEST_LIMIT: u16 = 576;
/// Not to be fragmented on the cable, whatever the client says it takes.
const LARGEST_LIMIT: u16 = 1500;
/// IP and UDP header.
const OVERHEAD: u16 = 28;
const BROADCAST_FLAG: u8 = 0x80;
/// Octets of an option that holds one address.
const ADDRESS_OPTION: usize = 6;

/// What is said to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Offer {
        address: Ipv4Addr,
        seconds: u32,
    },
    Ack {
        address: Ipv4Addr,
        seconds: u32,
        /// Straight from a DISCOVER (RFC 4039).
        rapid: bool,
    },
    /// To an INFORM: parameters without an address.
    Inform,
    Nak,
}

impl Answer {
    fn message_type(self) -> MessageType {
        match self {
            Self::Offer { .. } => MessageType::Offer,
            Self::Ack { .. } | Self::Inform => MessageType::Ack,
            Self::Nak => MessageType::Nak,
        }
    }

    fn lease(self) -> Option<(Ipv4Addr, u32)> {
        match self {
            Self::Offer { address, seconds } | Self::Ack { address, seconds, .. } => Some((address, seconds)),
            Self::Inform | Self::Nak => None,
        }
    }

    /// RFC 2131 §4.1.
    pub fn destination(self, request: &Request<'_>) -> Destination {
        if !request.giaddr.is_unspecified() {
            return Destination::Unicast(SocketAddrV4::new(request.giaddr, SERVER_PORT));
        }
        match self.lease() {
            _ if self == Self::Nak => Destination::Broadcast,
            _ if self.is_to_address_in_use(request) => {
                Destination::Unicast(SocketAddrV4::new(request.ciaddr, CLIENT_PORT))
            }
            Some((address, _)) if !request.broadcast => Destination::Hardware { mac: request.mac, address },
            _ => Destination::Broadcast,
        }
    }

    /// Whether the client can be reached at `ciaddr`: it says so, and the address has been found to be right.
    fn is_to_address_in_use(self, request: &Request<'_>) -> bool {
        match self {
            Self::Inform => true,
            Self::Ack { address, .. } => request.ciaddr == address,
            Self::Offer { .. } | Self::Nak => false,
        }
    }

    /// Fills `reply` with the BOOTP message.
    pub fn write(self, settings: &Settings, request: &Request<'_>, reply: &mut Vec<u8>) {
        reply.clear();
        reply.extend_from_slice(&self.header(request));
        let limit = request.options.largest.unwrap_or(0).clamp(SMALLEST_LIMIT, LARGEST_LIMIT) - OVERHEAD;
        let mut options = Options { reply, limit: limit.into(), sent: 0 };
        options.put(OptionCode::MessageType, &[self.message_type().into()]);
        options.put(OptionCode::ServerIdentifier, &settings.server.octets());
        if let Some((_, seconds)) = self.lease() {
            options.put(OptionCode::AddressLeaseTime, &seconds.to_be_bytes());
            options.put(OptionCode::Renewal, &(seconds / 2).to_be_bytes());
            options.put(OptionCode::Rebinding, &(seconds - seconds / 8).to_be_bytes());
        }
        if let Some(id) = request.options.client_id {
            // RFC 6842: two clients behind one hardware address tell replies apart by it.
            options.put(OptionCode::ClientIdentifier, id);
        }
        match self {
            Self::Nak => options.put(OptionCode::Message, b"address is not available on this network"),
            Self::Ack { rapid: true, .. } => options.put(OptionCode::RapidCommit, &[]),
            _ => {}
        }
        if self != Self::Nak {
            options.parameters(settings, request.options.wanted.unwrap_or_default());
        }
        reply.push(OptionCode::End.into());
        if reply.len() < MIN_PACKET_SIZE {
            reply.resize(MIN_PACKET_SIZE, 0);
        }
    }

    fn header(self, request: &Request<'_>) -> [u8; HEADER] {
        let mut header = *request.header;
        header[0] = Opcode::BootReply.into();
        header[3] = 0; // hops
        header[8..10].fill(0); // secs
        header[10] &= BROADCAST_FLAG;
        header[11] = 0;
        if !self.is_to_address_in_use(request) {
            header[12..16].fill(0); // ciaddr
        }
        let yours = self.lease().map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| address);
        header[16..20].copy_from_slice(&yours.octets());
        header[20..24].fill(0); // siaddr: nothing to boot from
        header[44..236].fill(0); // sname, file
        if self == Self::Nak && !request.giaddr.is_unspecified() {
            // So that the relay reaches a client whose address is wrong (RFC 2131 §4.3.2).
            header[10] |= BROADCAST_FLAG;
        }
        header
    }
}

struct Options<'a> {
    reply: &'a mut Vec<u8>,
    limit: usize,
    /// Bit per parameter already written; all have codes below 32.
    sent: u32,
}

impl Options<'_> {
    /// Appends an option, or leaves it out where it would not fit.
    fn put(&mut self, code: OptionCode, data: &[u8]) {
        let Ok(length) = u8::try_from(data.len()) else { return };
        // One more for the end option.
        if self.reply.len() + 2 + data.len() < self.limit {
            self.reply.extend_from_slice(&[code.into(), length]);
            self.reply.extend_from_slice(data);
        }
    }

    /// What the client asks for, in its order, and in any case what makes an address usable. A client that does
    /// not say gets what there is about routes and names as well.
    fn parameters(&mut self, settings: &Settings, wanted: &[u8]) {
        const ADDRESS: [u8; 2] = [1, 28];
        const UNASKED: [u8; 4] = [1, 28, 3, 6];
        // Room for both is kept whatever the client puts before them.
        self.limit -= ADDRESS.len() * ADDRESS_OPTION;
        let wanted = if wanted.is_empty() { &UNASKED } else { wanted };
        for code in wanted.iter().chain(&ADDRESS) {
            let bit = 1u32.checked_shl((*code).into()).unwrap_or(0);
            if bit & !self.sent != 0 {
                self.sent |= bit;
                if ADDRESS.contains(code) {
                    self.limit += ADDRESS_OPTION;
                }
                self.parameter(settings, (*code).into());
            }
        }
    }

    fn parameter(&mut self, settings: &Settings, code: OptionCode) {
        match code {
            OptionCode::SubnetMask => self.put(code, &settings.subnet_mask().octets()),
            OptionCode::BroadcastAddr => {
                if let Some(address) = settings.broadcast() {
                    self.put(code, &address.octets());
                }
            }
            OptionCode::Router => {
                if let Some(router) = settings.router {
                    self.put(code, &router.octets());
                }
            }
            OptionCode::DomainNameServer if !settings.dns.is_empty() => {
                let octets: Vec<u8> = settings.dns.iter().flat_map(Ipv4Addr::octets).collect();
                self.put(code, &octets);
            }
            OptionCode::DomainName => {
                if let Some(domain) = &settings.domain {
                    self.put(code, domain.as_bytes());
                }
            }
            OptionCode::InterfaceMtu => {
                if let Some(mtu) = settings.mtu {
                    self.put(code, &mtu.to_be_bytes());
                }
            }
            _ => {}
        }
    }
}
