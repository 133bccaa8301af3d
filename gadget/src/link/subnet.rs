//! Which subnet the cable gets.

use std::{fmt, net::Ipv4Addr};

use super::{
    candidates::{CANDIDATES, Candidate},
    network::{Network, Occupied},
};

/// The addresses of one link. All are inside one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// This device's.
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// The one host's.
    pub host: Ipv4Addr,
    /// First and last address for further hosts.
    pub pool: Option<(Ipv4Addr, Ipv4Addr)>,
}

impl Addresses {
    /// The network they are all in.
    #[must_use]
    pub const fn network(&self) -> Network {
        Network::of(self.address, self.prefix)
    }

    fn placed(&self, candidate: &Candidate) -> Option<Self> {
        let place = |address| candidate.place(address, self.prefix);
        let pool = match self.pool {
            Some((first, last)) => Some((place(first)?, place(last)?)),
            None => None,
        };
        Some(Self { address: place(self.address)?, prefix: self.prefix, host: place(self.host)?, pool })
    }
}

/// What to do about a subnet that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `avoid_overlap: true`: take the next free candidate.
    Avoid,
    /// `avoid_overlap: false`: the user wants this one; keep it and say what it collides with.
    Pinned,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The addresses to use.
    pub addresses: Addresses,
    /// What to tell the user, if there is something: goes to the log, to `status` and to `check`.
    pub notice: Option<Notice>,
}

/// Why the link is not where it was configured to be, or not well where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Another subnet is used.
    Moved {
        /// The configured network.
        from: Network,
        /// What it overlaps.
        occupied: Occupied,
        /// The network used instead.
        to: Network,
    },
    /// The pinned subnet is used although it is taken.
    Kept {
        /// The configured network.
        network: Network,
        /// What it overlaps.
        occupied: Occupied,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { from, occupied, to } => write!(f, "{from} overlaps {occupied}; using {to}"),
            Self::Kept { network, occupied } => write!(
                f,
                "{network} overlaps {occupied}, and is used because of avoid_overlap: false; \
                 some addresses will not be reached"
            ),
        }
    }
}

/// No subnet can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The configured one and all candidates are taken.
    #[error(
        "{wanted} overlaps {occupied}, and so do all other candidates overlap something; \
         choose a free link.address, or keep this one with avoid_overlap: false"
    )]
    NoFreeSubnet {
        /// The configured network.
        wanted: Network,
        /// What it overlaps.
        occupied: Occupied,
    },
}

/// Decides which addresses the link gets, given what [`super::occupied`] says is taken.
///
/// The same observation always gives the same answer.
///
/// # Errors
/// [`LinkError::NoFreeSubnet`], which cannot happen with [`Policy::Pinned`].
pub fn choose(wanted: &Addresses, occupied: &[Occupied], policy: Policy) -> Result<Choice, LinkError> {
    let from = wanted.network();
    let Some(collision) = collision(from, occupied) else {
        return Ok(Choice { addresses: *wanted, notice: None });
    };
    let collision = collision.clone();
    if policy == Policy::Pinned {
        let notice = Notice::Kept { network: from, occupied: collision };
        return Ok(Choice { addresses: *wanted, notice: Some(notice) });
    }
    let free = CANDIDATES
        .iter()
        .filter_map(|candidate| wanted.placed(candidate))
        .find(|addresses| self::collision(addresses.network(), occupied).is_none());
    match free {
        Some(addresses) => {
            let notice = Notice::Moved { from, occupied: collision, to: addresses.network() };
            Ok(Choice { addresses, notice: Some(notice) })
        }
        None => Err(LinkError::NoFreeSubnet { wanted: from, occupied: collision }),
    }
}

fn collision(network: Network, occupied: &[Occupied]) -> Option<&Occupied> {
    occupied.iter().find(|other| other.network.overlaps(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    fn wanted(pool: Option<(&str, &str)>) -> Addresses {
        let pool = pool.map(|(first, last)| (ip(first), ip(last)));
        Addresses { address: ip("192.168.2.15"), prefix: 27, host: ip("192.168.2.14"), pool }
    }

    fn taken(rows: &[(&str, &str)]) -> Vec<Occupied> {
        let entry = |&(network, interface): &(&str, &str)| {
            let (address, prefix) = network.split_once('/').unwrap();
            let network = Network::of(ip(address), prefix.parse().unwrap());
            Occupied { network, interface: Some(interface.to_owned()) }
        };
        rows.iter().map(entry).collect()
    }

    const HOME: (&str, &str) = ("192.168.2.0/24", "wlan0");
    const VPN_10: (&str, &str) = ("10.0.0.0/8", "wg0");
    const VPN_172: (&str, &str) = ("172.16.0.0/12", "wg0");
    const VPN_192: (&str, &str) = ("192.168.0.0/16", "wg0");
    const LAB: (&str, &str) = ("198.18.0.0/15", "eth0");

    #[test]
    fn takes_the_first_free_one_and_says_so() {
        let rows: [(&str, &[(&str, &str)], &str, Option<&str>); 6] = [
            ("nothing else", &[], "192.168.2.15", None),
            ("neighbours only", &[("192.168.2.32/27", "eth0")], "192.168.2.15", None),
            (
                "the home network is the same",
                &[HOME],
                "10.209.146.15",
                Some("192.168.2.0/27 overlaps 192.168.2.0/24 on wlan0; using 10.209.146.0/27"),
            ),
            (
                "and a VPN takes 10/8",
                &[HOME, VPN_10],
                "192.168.231.15",
                Some("192.168.2.0/27 overlaps 192.168.2.0/24 on wlan0; using 192.168.231.0/27"),
            ),
            (
                "and 192.168/16",
                &[VPN_192, VPN_10],
                "172.30.163.15",
                Some("192.168.2.0/27 overlaps 192.168.0.0/16 on wg0; using 172.30.163.0/27"),
            ),
            (
                "a VPN takes all of RFC 1918",
                &[VPN_192, VPN_172, VPN_10],
                "198.19.146.15",
                Some("192.168.2.0/27 overlaps 192.168.0.0/16 on wg0; using 198.19.146.0/27"),
            ),
        ];
        for (name, occupied, address, notice) in rows {
            let choice = choose(&wanted(None), &taken(occupied), Policy::Avoid).unwrap();
            assert_eq!(choice.addresses.address, ip(address), "{name}");
            assert_eq!(choice.notice.map(|notice| notice.to_string()).as_deref(), notice, "{name}");
        }
    }

    #[test]
    fn everything_moves_together() {
        let pool = Some(("192.168.2.17", "192.168.2.30"));
        let choice = choose(&wanted(pool), &taken(&[HOME]), Policy::Avoid).unwrap();
        let expected = Addresses {
            address: ip("10.209.146.15"),
            prefix: 27,
            host: ip("10.209.146.14"),
            pool: Some((ip("10.209.146.17"), ip("10.209.146.30"))),
        };
        assert_eq!(choice.addresses, expected);
    }

    #[test]
    fn a_pinned_one_stays_with_a_warning() {
        let choice = choose(&wanted(None), &taken(&[HOME]), Policy::Pinned).unwrap();
        assert_eq!(choice.addresses, wanted(None));
        let notice = choice.notice.unwrap().to_string();
        assert!(
            notice.starts_with("192.168.2.0/27 overlaps 192.168.2.0/24 on wlan0, and is used"),
            "{notice}"
        );
    }

    #[test]
    fn nothing_free_is_an_error_that_says_what_to_do() {
        let occupied = taken(&[VPN_192, VPN_172, VPN_10, LAB]);
        let error = choose(&wanted(None), &occupied, Policy::Avoid).unwrap_err().to_string();
        assert!(error.starts_with("192.168.2.0/27 overlaps 192.168.0.0/16 on wg0"), "{error}");
        assert!(error.contains("avoid_overlap: false"), "{error}");
    }

    #[test]
    fn a_network_too_wide_for_a_block_is_not_put_there() {
        let wide = Addresses { address: ip("10.0.0.1"), prefix: 9, host: ip("10.0.0.2"), pool: None };
        let choice = choose(&wide, &taken(&[("10.1.0.0/16", "eth0")]), Policy::Avoid).unwrap();
        assert_eq!(choice.addresses.network().to_string(), "10.128.0.0/9");
        let occupied = taken(&[("10.1.0.0/16", "eth0"), ("10.200.0.0/16", "eth0")]);
        assert!(choose(&wide, &occupied, Policy::Avoid).is_err());
    }
}
