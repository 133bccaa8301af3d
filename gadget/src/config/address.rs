//! The two address shapes that people write: `A.B.C.D/N` and `FIRST-LAST`.
//!
//! Pure arithmetic; whether an address is a good choice is decided elsewhere.

use std::{
    fmt,
    net::{AddrParseError, Ipv4Addr},
    num::ParseIntError,
    str::FromStr,
};

/// An interface's IPv4 address together with its prefix length, `192.168.2.15/27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface's own address, host bits included.
    pub address: Ipv4Addr,
    /// The prefix length in bits, 0 to 32.
    pub prefix: u8,
}

impl InterfaceAddress {
    /// The netmask as a number: the highest `prefix` bits set.
    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0)
    }

    /// The subnet's own address (all host bits zero).
    #[must_use]
    pub fn network(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & self.mask())
    }

    /// The subnet's broadcast address (all host bits one).
    #[must_use]
    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !self.mask())
    }

    /// Whether `other` lies in the subnet, network and broadcast address included.
    #[must_use]
    pub fn contains(self, other: Ipv4Addr) -> bool {
        u32::from(other) & self.mask() == u32::from(self.network())
    }

    /// Whether `other` can be an interface's address in this subnet: inside it, and neither its
    /// network nor its broadcast address.
    #[must_use]
    pub fn can_hold(self, other: Ipv4Addr) -> bool {
        self.contains(other) && other != self.network() && other != self.broadcast()
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Why a text is no [`InterfaceAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The prefix is missing.
    #[error("{0:?} has no prefix; write it like 192.168.2.15/27")]
    NoPrefix(String),
    /// What stands before the slash is no address.
    #[error("{0:?} is not an IPv4 address; write it like 192.168.2.15/27")]
    Address(String, #[source] AddrParseError),
    /// What stands behind the slash is no number.
    #[error("{0:?} is not a prefix length; write it like 192.168.2.15/27")]
    Prefix(String, #[source] ParseIntError),
    /// The prefix does not fit an IPv4 address.
    #[error("a prefix of {0} bits is longer than an IPv4 address; use 8 to 30")]
    TooLong(u8),
}

impl FromStr for InterfaceAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, prefix) = text.split_once('/').ok_or_else(|| AddressError::NoPrefix(text.into()))?;
        let address = address.parse().map_err(|cause| AddressError::Address(address.into(), cause))?;
        let prefix = prefix.parse().map_err(|cause| AddressError::Prefix(prefix.into(), cause))?;
        if prefix > 32 {
            return Err(AddressError::TooLong(prefix));
        }
        Ok(Self { address, prefix })
    }
}

/// The addresses that further hosts may get, both ends included: `192.168.2.16-192.168.2.20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The lowest address.
    pub first: Ipv4Addr,
    /// The highest address.
    pub last: Ipv4Addr,
}

impl Pool {
    /// Whether `address` is one of the pool's.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// How many addresses the pool has; 0 when its ends are the wrong way round.
    #[must_use]
    pub fn size(self) -> u64 {
        (u64::from(u32::from(self.last)) + 1).saturating_sub(u64::from(u32::from(self.first)))
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Why a text is no [`Pool`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// There is no dash.
    #[error("{0:?} is not a range; write it like 192.168.2.16-192.168.2.20")]
    NoDash(String),
    /// One of the ends is no address.
    #[error("{0:?} is not an IPv4 address; write the range like 192.168.2.16-192.168.2.20")]
    Address(String, #[source] AddrParseError),
}

impl FromStr for Pool {
    type Err = PoolError;

    fn from_str(text: &str) -> Result<Self, PoolError> {
        let (first, last) = text.split_once('-').ok_or_else(|| PoolError::NoDash(text.into()))?;
        let end =
            |end: &str| end.trim().parse().map_err(|cause| PoolError::Address(end.trim().into(), cause));
        Ok(Self { first: end(first)?, last: end(last)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> InterfaceAddress {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn subnets() {
        // (address, network, broadcast, an address inside, one outside)
        let table = [
            ("192.168.2.15/28", "192.168.2.0", "192.168.2.15", "192.168.2.1", "192.168.2.16"),
            ("192.168.2.15/27", "192.168.2.0", "192.168.2.31", "192.168.2.30", "192.168.2.32"),
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255", "10.9.9.9", "11.0.0.1"),
            ("10.0.0.1/30", "10.0.0.0", "10.0.0.3", "10.0.0.2", "10.0.0.4"),
            ("10.0.0.1/32", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ];
        for (text, network, broadcast, inside, outside) in table {
            let address = at(text);
            assert_eq!(address.network().to_string(), network, "{text}");
            assert_eq!(address.broadcast().to_string(), broadcast, "{text}");
            assert!(address.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!address.contains(outside.parse().unwrap()), "{text} {outside}");
            assert!(!address.can_hold(address.network()), "{text}");
            assert!(!address.can_hold(address.broadcast()), "{text}");
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(at("1.2.3.4/0").broadcast(), Ipv4Addr::BROADCAST);
    }

    #[test]
    fn refused_texts() {
        for (text, reason) in [
            ("192.168.2.15", r#""192.168.2.15" has no prefix; write it like 192.168.2.15/27"#),
            ("192.168.2/24", r#""192.168.2" is not an IPv4 address; write it like 192.168.2.15/27"#),
            ("192.168.2.15/", r#""" is not a prefix length; write it like 192.168.2.15/27"#),
            ("192.168.2.15/33", "a prefix of 33 bits is longer than an IPv4 address; use 8 to 30"),
            ("192.168.2.15/300", r#""300" is not a prefix length; write it like 192.168.2.15/27"#),
        ] {
            assert_eq!(text.parse::<InterfaceAddress>().unwrap_err().to_string(), reason, "{text}");
        }
        for (text, reason) in [
            ("10.0.0.1", r#""10.0.0.1" is not a range; write it like 192.168.2.16-192.168.2.20"#),
            ("10.0.0.1-9", r#""9" is not an IPv4 address; write the range like 192.168.2.16-192.168.2.20"#),
        ] {
            assert_eq!(text.parse::<Pool>().unwrap_err().to_string(), reason, "{text}");
        }
    }

    #[test]
    fn pools() {
        let pool: Pool = "10.0.0.2-10.0.0.9".parse().unwrap();
        assert_eq!((pool.size(), pool.to_string().as_str()), (8, "10.0.0.2-10.0.0.9"));
        assert!(pool.contains(pool.first) && pool.contains(pool.last));
        assert!(!pool.contains("10.0.0.10".parse().unwrap()));
        assert_eq!(Pool { first: pool.last, last: pool.first }.size(), 0);
        assert_eq!("0.0.0.0-255.255.255.255".parse::<Pool>().unwrap().size(), 1 << 32);
    }
}
