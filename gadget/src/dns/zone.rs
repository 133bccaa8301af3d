//! The device's names and what is known about each.
//!
//! Decides which zone a name belongs to and what exists there. It must never claim a name that is
//! not the device's: everything outside is [`Lookup::Outside`], the place where a forwarder would
//! take over.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::rdata::{A, AAAA, NS, PTR, SOA};
use hickory_proto::rr::{Name, RecordType};

/// How long a resolver may remember that a name or type does not exist (RFC 2308 §5), in seconds.
/// Short, since devices come and go on a cable.
const NEGATIVE_TTL: u32 = 60;

/// The data of one record. Every record set of the device holds exactly one record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    A(A),
    Aaaa(AAAA),
    Ptr(PTR),
    Ns(NS),
    Soa(SOA),
}

/// One name that exists.
struct Node {
    name: Name,
    /// A zone starts here: SOA and NS exist.
    apex: bool,
    holds: Holds,
}

/// What a name holds beside the SOA and NS of a zone.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Nothing,
    Addresses,
    Pointer,
}

/// What the zone says about a question.
pub(super) enum Lookup {
    /// The record asked for.
    Found { ttl: u32, data: Data },
    /// The name exists, the type does not.
    NoData(Denial),
    /// Nothing of that name exists.
    NoName(Denial),
    /// The name belongs to somebody else.
    Outside,
}

/// The SOA that makes a negative answer cacheable (RFC 2308 §3).
pub(super) struct Denial {
    /// How many labels of the question, counted from the right, name the zone.
    pub labels: usize,
    pub ttl: u32,
    pub soa: SOA,
}

/// The device's names: forward and reverse, IPv4 and IPv6.
pub struct Zone {
    nodes: Vec<Node>,
    /// `<hostname>.<domain>`: what reverse lookups and NS records point to.
    canonical: Name,
    address: Ipv4Addr,
    v6: Option<Ipv6Addr>,
    ttl: u32,
    /// One SOA serves every zone.
    soa: SOA,
}

/// Why a [`Zone`] cannot be made from the names it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// A label is empty, too long or holds a character that host names may not have.
    #[error(
        "\"{name}\" is no host name: \"{label}\" must be 1 to 63 letters, digits, '-' or '_' (other scripts in their \"xn--\" form)"
    )]
    Label {
        /// The name as given.
        name: String,
        /// The part of it that is wrong.
        label: String,
    },
    /// Host name and domain together exceed the 255 octets of a name (RFC 1035 §3.1).
    #[error("\"{hostname}.{domain}\" is too long for a DNS name, at most 253 characters fit")]
    TooLong {
        /// The host name as given.
        hostname: String,
        /// The domain as given.
        domain: String,
    },
}

impl Zone {
    /// The zone of a device called `hostname` in `domain` (trailing dots are ignored), reached at
    /// `address` and, if it has one, `v6`; `ttl` in seconds is what hosts may cache.
    ///
    /// A host name with dots in it stands for its first label, and is answered in full as well.
    pub fn new(
        hostname: &str,
        domain: &str,
        address: Ipv4Addr,
        v6: Option<Ipv6Addr>,
        ttl: u32,
    ) -> Result<Self, ZoneError> {
        let too_long = || ZoneError::TooLong { hostname: hostname.to_owned(), domain: domain.to_owned() };
        let host_labels = labels(hostname)?;
        let domain_labels = labels(domain)?;
        let first = &host_labels[..1];
        let name_of = |parts: &[&[&str]]| name(&parts.concat()).ok_or_else(too_long);

        let canonical = name_of(&[first, &domain_labels])?;
        // Nobody transfers the zones, so serial and timers only have to be sane; there is no
        // mailbox, which RFC 6303 §3 spells so.
        let nobody = name(&["nobody", "invalid"]).ok_or_else(too_long)?;
        let soa = SOA::new(canonical.clone(), nobody, 1, 3600, 600, 86_400, ttl.min(NEGATIVE_TTL));
        let mut zone = Self { nodes: Vec::new(), canonical: canonical.clone(), address, v6, ttl, soa };
        zone.add(name_of(&[&domain_labels])?, true, Holds::Nothing);
        zone.add(canonical, false, Holds::Addresses);
        zone.add(name_of(&[first])?, true, Holds::Addresses);
        if host_labels.len() > 1 {
            zone.add(name_of(&[&host_labels])?, true, Holds::Addresses);
        }
        zone.add(reverse_v4(address).ok_or_else(too_long)?, true, Holds::Pointer);
        if let Some(v6) = v6 {
            zone.add(reverse_v6(v6).ok_or_else(too_long)?, true, Holds::Pointer);
        }
        Ok(zone)
    }

    /// Adds a name, or to a name that is already there (a device called like its domain).
    fn add(&mut self, name: Name, apex: bool, holds: Holds) {
        match self.nodes.iter_mut().find(|node| node.name == name) {
            Some(node) => {
                // A name inside a zone that is there already needs no zone of its own.
                node.apex |= apex && node.holds == Holds::Nothing;
                if holds != Holds::Nothing {
                    node.holds = holds;
                }
            }
            None => self.nodes.push(Node { name, apex, holds }),
        }
    }

    /// What is known about `name` and `kind`, class IN.
    pub(super) fn lookup(&self, name: &Name, kind: RecordType) -> Lookup {
        let zone = self.nodes.iter().filter(|node| node.apex && is_within(name, &node.name));
        let Some(apex) = zone.max_by_key(|node| node.name.iter().len()) else {
            return Lookup::Outside;
        };
        match self.nodes.iter().find(|node| node.name == *name) {
            Some(node) => match self.data(node, kind) {
                Some(data) => Lookup::Found { ttl: self.ttl, data },
                None => Lookup::NoData(self.denial(apex)),
            },
            // A name without records exists if something exists below it (RFC 8020).
            None if self.nodes.iter().any(|node| is_within(&node.name, name)) => {
                Lookup::NoData(self.denial(apex))
            }
            None => Lookup::NoName(self.denial(apex)),
        }
    }

    /// The record of type `kind` at `node`. ANY gets one record set of the name (RFC 8482 §4.1).
    fn data(&self, node: &Node, kind: RecordType) -> Option<Data> {
        match (kind, node.holds) {
            (RecordType::A | RecordType::ANY, Holds::Addresses) => Some(Data::A(A(self.address))),
            (RecordType::AAAA, Holds::Addresses) => self.v6.map(|v6| Data::Aaaa(AAAA(v6))),
            (RecordType::PTR | RecordType::ANY, Holds::Pointer) => {
                Some(Data::Ptr(PTR(self.canonical.clone())))
            }
            (RecordType::SOA | RecordType::ANY, _) if node.apex => Some(Data::Soa(self.soa.clone())),
            (RecordType::NS, _) if node.apex => Some(Data::Ns(NS(self.canonical.clone()))),
            _ => None,
        }
    }

    fn denial(&self, apex: &Node) -> Denial {
        Denial { labels: apex.name.iter().len(), ttl: self.soa.minimum, soa: self.soa.clone() }
    }
}

/// Splits a host or domain name into labels that host names may have (RFC 1123 §2.1, and `_`,
/// which Linux lets people put into theirs).
fn labels(text: &str) -> Result<Vec<&str>, ZoneError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    match labels.iter().find(|label| !(1..=63).contains(&label.len()) || !label.bytes().all(allowed)) {
        Some(label) => Err(ZoneError::Label { name: text.to_owned(), label: (*label).to_owned() }),
        None => Ok(labels),
    }
}

/// Joins labels to an absolute name; `None` if it exceeds 255 octets.
///
/// Label by label from bytes: the library's conversions from text bring IDNA's tables along,
/// several hundred kilobytes of them.
pub(super) fn name<L: AsRef<[u8]>>(labels: &[L]) -> Option<Name> {
    labels.iter().try_fold(Name::root(), |name, label| name.append_label(label.as_ref()).ok())
}

/// `15.2.168.192.in-addr.arpa.` for 192.168.2.15 (RFC 1035 §3.5).
fn reverse_v4(address: Ipv4Addr) -> Option<Name> {
    let [a, b, c, d] = address.octets().map(|octet| octet.to_string());
    name(&[d.as_str(), &c, &b, &a, "in-addr", "arpa"])
}

/// 32 nibbles, the last first, below `ip6.arpa.` (RFC 3596 §2.5).
fn reverse_v6(address: Ipv6Addr) -> Option<Name> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
    let mut labels: Vec<Vec<u8>> = nibbles.map(|nibble| vec![DIGITS[usize::from(nibble)]]).collect();
    labels.extend([b"ip6".to_vec(), b"arpa".to_vec()]);
    name(&labels)
}

/// Whether `name` is `zone` or below it, without regard to case.
fn is_within(name: &Name, zone: &Name) -> bool {
    name.iter().len() >= zone.iter().len()
        && name.iter().rev().zip(zone.iter().rev()).all(|(a, b)| a.eq_ignore_ascii_case(b))
}
