//! Reading a client's datagram: header checks first, then the options that a server looks at.
//!
//! Nothing is copied or allocated. Whatever is not exactly as RFC 2131 and RFC 2132 have it is refused with the
//! reason; options that the server does not know are skipped unread.

use dhcproto::v4::borrowed::Message;
use dhcproto::v4::{Decoder, Flags, MAGIC, MessageType, Opcode, OptionCode};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The BOOTP header with the magic cookie.
pub(super) const HEADER: usize = 240;
/// More than any client sends; a longer datagram is not worth reading.
const LONGEST: usize = 2048;

/// Why a datagram got no answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, thiserror::Error,
)]
#[serde(rename_all = "kebab-case")]
pub enum Dropped {
    /// Fewer octets than header and magic cookie.
    #[error("datagram is shorter than a dhcp header")]
    Short,
    /// More than 2048 octets.
    #[error("datagram is longer than any dhcp client sends")]
    Long,
    /// `op` is not BOOTREQUEST.
    #[error("message is not a request")]
    NotRequest,
    /// `hlen` is not 6.
    #[error("hardware address is not six octets long")]
    HardwareLength,
    /// `chaddr` is all zero or a group address.
    #[error("hardware address is not that of one interface")]
    HardwareAddress,
    /// Plain BOOTP, or not DHCP at all.
    #[error("magic cookie is missing")]
    NoCookie,
    /// An option's length points past the end of its field.
    #[error("option is cut off")]
    TruncatedOption,
    /// A field of options without the end option.
    #[error("options do not end")]
    NoEnd,
    /// An option has a length that RFC 2132 does not allow.
    #[error("option has a wrong length")]
    OptionLength,
    /// An option that the server reads came twice.
    #[error("option is repeated")]
    RepeatedOption,
    /// Option 52 is not 1, 2 or 3.
    #[error("option overload names no field")]
    Overload,
    /// Option 53 is missing.
    #[error("message type is missing")]
    NoMessageType,
    /// Option 53 is not one that clients send to servers.
    #[error("message type is not for a server")]
    MessageType,
    /// An address that this kind of message must carry is missing.
    #[error("address is missing from the message")]
    NoAddress,
    /// `giaddr` or an INFORM's `ciaddr` is not a client's or relay's of this subnet.
    #[error("address is not of this network")]
    WrongNetwork,
    /// Meant for another DHCP server.
    #[error("message is for another server")]
    OtherServer,
    /// RELEASE or DECLINE of an address that this client does not hold.
    #[error("client does not hold the address it gives back")]
    NotHeld,
    /// Every address is in use or set aside.
    #[error("no address is free")]
    Exhausted,
}

/// The five messages a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Discover,
    Request,
    Decline,
    Release,
    Inform,
}

/// A checked message, borrowing from the datagram.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub kind: Kind,
    /// The header as received; the reply keeps most of it.
    pub header: &'a [u8; HEADER],
    pub mac: [u8; 6],
    pub ciaddr: Ipv4Addr,
    pub giaddr: Ipv4Addr,
    pub broadcast: bool,
    pub options: Options<'a>,
}

/// The options a server reads.
#[derive(Debug, Default)]
pub(super) struct Options<'a> {
    kind: Option<u8>,
    overload: Option<u8>,
    pub requested: Option<Ipv4Addr>,
    pub server: Option<Ipv4Addr>,
    pub lease: Option<u32>,
    pub largest: Option<u16>,
    pub wanted: Option<&'a [u8]>,
    pub hostname: Option<&'a [u8]>,
    pub client_id: Option<&'a [u8]>,
    pub rapid_commit: bool,
}

impl<'a> Request<'a> {
    /// Reads one datagram; cheap checks come first, so that noise costs next to nothing.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Dropped> {
        let header = packet.first_chunk::<HEADER>().ok_or(Dropped::Short)?;
        if packet.len() > LONGEST {
            return Err(Dropped::Long);
        }
        let message = Message::new(packet).map_err(|_| Dropped::Short)?;
        if message.opcode() != Opcode::BootRequest {
            return Err(Dropped::NotRequest);
        }
        if message.hlen() != 6 {
            return Err(Dropped::HardwareLength);
        }
        if !header.ends_with(&MAGIC) {
            return Err(Dropped::NoCookie);
        }
        let mac = station(message.chaddr()).ok_or(Dropped::HardwareAddress)?;
        let options = Options::parse(packet)?;
        Ok(Self {
            kind: options.message_type()?,
            header,
            mac,
            ciaddr: message.ciaddr(),
            giaddr: message.giaddr(),
            broadcast: Flags::broadcast(&message.flags()),
            options,
        })
    }

    /// The client's key: its identifier if that says more than the hardware address (RFC 2131 §4.2).
    pub fn client_id(&self) -> Option<&'a [u8]> {
        self.options.client_id.filter(|id| id[0] != self.header[1] || id[1..] != self.mac)
    }
}

/// The address of one interface: neither zero nor a group's.
pub(super) fn station(octets: &[u8]) -> Option<[u8; 6]> {
    let mac = <[u8; 6]>::try_from(octets).ok()?;
    (mac != [0; 6] && mac[0] & 1 == 0).then_some(mac)
}

impl<'a> Options<'a> {
    /// The options field, then `file` and `sname` if option 52 says so, in that order (RFC 2131 §4.1).
    fn parse(packet: &'a [u8]) -> Result<Self, Dropped> {
        let mut options = Self::default();
        options.read(&packet[HEADER..])?;
        let overload = options.overload.unwrap_or(0);
        if overload & 1 != 0 {
            options.read(&packet[108..236])?;
        }
        if overload & 2 != 0 {
            options.read(&packet[44..108])?;
        }
        Ok(options)
    }

    fn read(&mut self, field: &'a [u8]) -> Result<(), Dropped> {
        let mut decoder = Decoder::new(field);
        loop {
            match decoder.read_u8().map_err(|_| Dropped::NoEnd)? {
                0 => {}
                255 => return Ok(()),
                code => {
                    let length = decoder.read_u8().map_err(|_| Dropped::TruncatedOption)?;
                    let data = decoder.read_slice(length.into()).map_err(|_| Dropped::TruncatedOption)?;
                    self.take(code.into(), data)?;
                }
            }
        }
    }

    fn take(&mut self, code: OptionCode, data: &'a [u8]) -> Result<(), Dropped> {
        match code {
            OptionCode::MessageType => once(&mut self.kind, fixed::<1>(data)?[0]),
            OptionCode::OptionOverload => match fixed::<1>(data)?[0] {
                value @ 1..=3 => once(&mut self.overload, value),
                _ => Err(Dropped::Overload),
            },
            OptionCode::RequestedIpAddress => once(&mut self.requested, fixed::<4>(data)?.into()),
            OptionCode::ServerIdentifier => once(&mut self.server, fixed::<4>(data)?.into()),
            OptionCode::AddressLeaseTime => once(&mut self.lease, u32::from_be_bytes(fixed(data)?)),
            OptionCode::MaxMessageSize => once(&mut self.largest, u16::from_be_bytes(fixed(data)?)),
            OptionCode::ParameterRequestList => once(&mut self.wanted, data),
            OptionCode::Hostname => once(&mut self.hostname, data),
            OptionCode::ClientIdentifier if data.is_empty() => Err(Dropped::OptionLength),
            OptionCode::ClientIdentifier => once(&mut self.client_id, data),
            OptionCode::RapidCommit => {
                fixed::<0>(data)?;
                self.rapid_commit = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn message_type(&self) -> Result<Kind, Dropped> {
        match self.kind.ok_or(Dropped::NoMessageType)?.into() {
            MessageType::Discover => Ok(Kind::Discover),
            MessageType::Request => Ok(Kind::Request),
            MessageType::Decline => Ok(Kind::Decline),
            MessageType::Release => Ok(Kind::Release),
            MessageType::Inform => Ok(Kind::Inform),
            _ => Err(Dropped::MessageType),
        }
    }
}

fn fixed<const N: usize>(data: &[u8]) -> Result<[u8; N], Dropped> {
    data.try_into().map_err(|_| Dropped::OptionLength)
}

/// RFC 3396 would have repeated options joined; none that the server reads is long enough for that.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Dropped> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Dropped::RepeatedOption),
    }
}
