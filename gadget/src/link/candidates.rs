//! Where the link goes when its configured subnet is taken: a fixed list, so that a device that moves
//! once moves to the same place again, and the host recognizes it.
//!
//! Chosen to be where nobody else is, on this device or on the host, which cannot be seen from here:
//!
//! | avoided | because |
//! |---|---|
//! | 192.168.0, .1, .100, .178 /24, 10.0.0 /24 | home routers and modems |
//! | 192.168.2 /24 | Internet sharing of macOS, some home routers |
//! | 192.168.137 /24, 10.42.0 /24 | Internet sharing of Windows and of NetworkManager |
//! | 192.168.42, .43, .49 /24 | tethering of Android |
//! | 192.168.39, .56, .64, .65, .122 /24, 10.0.2 /24, 10.211.55 /24 | virtual machines |
//! | 172.16 to 172.28, 192.168.16 to .255 in steps of /20 | containers, in that order of probability |
//! | 10.8 /16, 100.64 /10 | VPNs |
//! | 169.254 /16 | link-local, which hosts treat in their own way |
//!
//! The last one is for a device whose VPN takes all of RFC 1918: a block set aside for measuring
//! equipment (RFC 2544), that is routed nowhere.

use std::net::Ipv4Addr;

use super::network::{Network, mask};

/// How many of the last bits of the configured addresses are kept: with the usual narrow prefixes the
/// device stays ".15" wherever it goes.
const KEPT_BITS_PREFIX: u8 = 24;

/// A /24 to move to, and the block it must stay in when the configured prefix is shorter.
pub(super) struct Candidate {
    base: Network,
    block: Network,
}

const fn candidate(base: [u8; 4], block: [u8; 4], block_prefix: u8) -> Candidate {
    let [a, b, c, d] = base;
    let [e, f, g, h] = block;
    Candidate {
        base: Network::of(Ipv4Addr::new(a, b, c, d), KEPT_BITS_PREFIX),
        block: Network::of(Ipv4Addr::new(e, f, g, h), block_prefix),
    }
}

/// In this order.
pub(super) const CANDIDATES: [Candidate; 7] = [
    candidate([10, 209, 146, 0], [10, 0, 0, 0], 8),
    candidate([192, 168, 231, 0], [192, 168, 0, 0], 16),
    candidate([172, 30, 163, 0], [172, 16, 0, 0], 12),
    candidate([10, 98, 57, 0], [10, 0, 0, 0], 8),
    candidate([192, 168, 157, 0], [192, 168, 0, 0], 16),
    candidate([172, 31, 94, 0], [172, 16, 0, 0], 12),
    candidate([198, 19, 146, 0], [198, 18, 0, 0], 15),
];

impl Candidate {
    /// Moves an address here, keeping its host part (and, of a prefix over /24, the position of the
    /// subnet among its neighbours). `None` when a network of this size would leave the block.
    pub(super) fn place(&self, address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
        let kept = !mask(prefix.min(KEPT_BITS_PREFIX));
        let placed = (self.base.address().to_bits() & !kept) | (address.to_bits() & kept);
        (prefix >= self.block.prefix()).then(|| Ipv4Addr::from_bits(placed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_private_and_clear_of_the_common_collisions() {
        let common = [
            ("192.168.0.0", 24),
            ("192.168.1.0", 24),
            ("192.168.2.0", 24),
            ("192.168.39.0", 24),
            ("192.168.42.0", 24),
            ("192.168.43.0", 24),
            ("192.168.49.0", 24),
            ("192.168.56.0", 24),
            ("192.168.64.0", 24),
            ("192.168.65.0", 24),
            ("192.168.100.0", 24),
            ("192.168.122.0", 24),
            ("192.168.137.0", 24),
            ("192.168.178.0", 24),
            ("10.0.0.0", 24),
            ("10.0.2.0", 24),
            ("10.8.0.0", 16),
            ("10.42.0.0", 24),
            ("10.211.55.0", 24),
            ("100.64.0.0", 10),
            ("169.254.0.0", 16),
            ("172.17.0.0", 16),
        ];
        for (position, candidate) in CANDIDATES.iter().enumerate() {
            assert!(candidate.block.contains(candidate.base.address()), "{}", candidate.base);
            for (address, prefix) in common {
                let other = Network::of(address.parse().unwrap(), prefix);
                assert!(!candidate.base.overlaps(other), "{} and {other}", candidate.base);
            }
            for other in &CANDIDATES[position + 1..] {
                assert!(!candidate.base.overlaps(other.base), "{} and {}", candidate.base, other.base);
            }
        }
    }

    #[test]
    fn keeps_host_numbers() {
        let rows = [
            ("narrow", "192.168.2.15", 27, Some("10.209.146.15")),
            ("narrow, not the first of its /24", "192.168.7.201", 29, Some("10.209.146.201")),
            ("a whole /24", "192.168.0.202", 24, Some("10.209.146.202")),
            ("wide", "172.20.3.4", 16, Some("10.209.3.4")),
            ("the whole block", "10.1.2.3", 8, Some("10.1.2.3")),
            ("wider than the block", "10.1.2.3", 7, None),
        ];
        for (name, address, prefix, expected) in rows {
            let placed = CANDIDATES[0].place(address.parse().unwrap(), prefix);
            assert_eq!(placed, expected.map(|text| text.parse().unwrap()), "{name}");
        }
    }
}
