//! What a profile is made from.
//!
//! The names that stand where nothing can be quoted (host name, domain, interface) have types that hold only
//! harmless ones. Product and manufacturer are whatever somebody wrote.

use std::{fmt, net::Ipv4Addr};

/// Everything that is known about the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFacts {
    /// The product's name as the device tells it; any text.
    pub product: String,
    /// The manufacturer's name as the device tells it; any text.
    pub manufacturer: String,
    /// USB vendor id.
    pub vendor_id: u16,
    /// USB product id.
    pub product_id: u16,
    /// The network function.
    pub function: Function,
    /// In a composite device, the number of the network function's first USB interface.
    pub interface: Option<u8>,
    /// The hardware address of the host's end.
    pub host_mac: [u8; 6],
    /// The device's address.
    pub device: Ipv4Addr,
    /// The host's address.
    pub host: Ipv4Addr,
    /// The prefix length of both, 0 to 32.
    pub prefix: u8,
    /// The device's name.
    pub name: Label,
    /// The domain of that name.
    pub domain: Domain,
    /// Whether the device answers DHCP. Hosts that can take an address alone, without routes and name servers, then
    /// ask for it; the others have the static address always.
    pub dhcp: bool,
    /// Whether the device answers DNS.
    pub dns: bool,
    /// The link's MTU in bytes, where it differs from the function's own.
    pub mtu: Option<u16>,
    /// The bridge that the host has already, for [`crate::Shape::Bridge`].
    pub bridge: InterfaceName,
}

/// The network function that the device shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// CDC Ethernet Control Model.
    Ecm,
    /// CDC Network Control Model.
    Ncm,
    /// Microsoft's Remote NDIS.
    Rndis,
    /// CDC Ethernet Emulation Model.
    Eem,
    /// The CDC subset.
    EcmSubset,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 5] = [Self::Ecm, Self::Ncm, Self::Rndis, Self::Eem, Self::EcmSubset];

    /// Whether a descriptor or message of the function has the host's hardware address. Without it only hosts that can
    /// find the link by driver or USB id have a profile.
    #[must_use]
    pub const fn tells_mac(self) -> bool {
        matches!(self, Self::Ecm | Self::Ncm | Self::Rndis)
    }
}

/// Why a text is no name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// It is no DNS label.
    #[error("{0:?} is not a host name; use 1 to 63 letters, digits, `_` and `-`, no `-` at the ends")]
    Label(String),
    /// It is no domain.
    #[error("{0:?} is not a domain; use up to 189 letters, digits, `-` and single dots")]
    Domain(String),
    /// It is no interface name.
    #[error(
        "{0:?} is not an interface name; use 1 to 15 letters, digits, `.`, `_` and `-`, a letter in front"
    )]
    Interface(String),
}

/// One DNS label (RFC 1123, section 2.1; and `_`, which devices have in their names although they should not).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The label, if it is one.
    ///
    /// # Errors
    /// [`FactError::Label`] if it is not.
    pub fn new(text: &str) -> Result<Self, FactError> {
        if is_label(&text.replace('_', "x")) {
            Ok(Self(text.into()))
        } else {
            Err(FactError::Label(text.into()))
        }
    }
}

/// DNS labels with dots between; short enough for a host name in front (RFC 1035, section 2.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// The domain, if it is one.
    ///
    /// # Errors
    /// [`FactError::Domain`] if it is not.
    pub fn new(text: &str) -> Result<Self, FactError> {
        let holds = text.len() <= 189 && text.split('.').all(is_label);
        if holds { Ok(Self(text.into())) } else { Err(FactError::Domain(text.into())) }
    }
}

/// The name of a network interface (Linux has 16 bytes for it, the last one NUL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// [`FactError::Interface`] if it is not.
    pub fn new(text: &str) -> Result<Self, FactError> {
        let holds = (1..=15).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if holds { Ok(Self(text.into())) } else { Err(FactError::Interface(text.into())) }
    }
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_no_quoting() {
        // (text, label, domain, interface)
        let table = [
            ("n800", true, true, true),
            ("usb.home.arpa", false, true, true),
            ("", false, false, false),
            ("-a", false, false, false),
            ("a b", false, false, false),
            ("a'b", false, false, false),
            ("$(reboot)", false, false, false),
            ("a\nb", false, false, false),
            ("br_0", true, false, true),
            ("0br", true, true, false),
            ("sixteen-letters-", false, false, false),
            ("a..b", false, false, true),
        ];
        for (text, label, domain, interface) in table {
            assert_eq!(Label::new(text).is_ok(), label, "label {text:?}");
            assert_eq!(Domain::new(text).is_ok(), domain, "domain {text:?}");
            assert_eq!(InterfaceName::new(text).is_ok(), interface, "interface {text:?}");
        }
    }
}
