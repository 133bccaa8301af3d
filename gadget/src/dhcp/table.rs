//! Who has which address.
//!
//! One entry an address, so the table cannot outgrow the addresses whatever comes over the cable. Decides which
//! address a client may get; never one that [`Settings`] cannot assign, and never one in use by another client,
//! except that without a pool the only address follows the newest client.

use super::Settings;
use super::request::{Request, station};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Addresses used of a pool, however large it is.
const POOL: u32 = 256;
/// How long an offered address is kept from other clients, as long as there are others.
const OFFER: Duration = Duration::from_secs(60);
/// How long a declined address is the last choice.
const DECLINE: Duration = Duration::from_secs(600);
/// How long a declined address is not given out at all: a client waits at least as long before it tries again
/// (RFC 2131 §3.1, step 5).
const DECLINE_HOLD: Duration = Duration::from_secs(10);
/// A DNS label's worth of host name.
const HOSTNAME: usize = 63;

/// What an entry of the table stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Offered, not yet asked for; not part of [`super::Server::leases`].
    Offered,
    /// Leased; past `expires` (or after a release) only remembered for the client's return.
    Bound,
    /// A client found it in use by somebody else; set aside until `expires`.
    Declined,
}

/// One address and its client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The client's Ethernet address.
    pub mac: [u8; 6],
    /// Option 61, unless it only repeats the Ethernet address. At most 255 octets.
    pub client_id: Option<Vec<u8>>,
    /// The address.
    pub address: Ipv4Addr,
    /// Option 12: letters, digits, `-`, `_` and `.`, at most 63.
    pub hostname: Option<String>,
    /// When the state ends, on the clock of the `now` passed in.
    pub expires: Duration,
    /// What this entry stands for.
    pub state: State,
}

/// A client as the table knows it: by its identifier, else by its hardware address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client<'a> {
    pub mac: [u8; 6],
    pub id: Option<&'a [u8]>,
}

impl<'a> From<&Request<'a>> for Client<'a> {
    fn from(request: &Request<'a>) -> Self {
        Self { mac: request.mac, id: request.client_id() }
    }
}

impl Lease {
    fn is_of(&self, client: Client<'_>) -> bool {
        match client.id {
            Some(id) => self.client_id.as_deref() == Some(id),
            None => self.client_id.is_none() && self.mac == client.mac,
        }
    }

    /// Offered or leased to this client, if only in the past.
    fn serves(&self, client: Client<'_>) -> bool {
        self.state != State::Declined && self.is_of(client)
    }

    /// Set aside so recently that nobody gets it.
    fn withheld(&self, now: Duration) -> bool {
        self.state == State::Declined && now.saturating_add(DECLINE - DECLINE_HOLD) < self.expires
    }
}

/// How good an address is for a client that asks; the least is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Own,
    Requested,
    Host,
    Unused,
    Expired,
    OfferedToOther,
    Displaced,
    Declined,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    leases: Vec<Lease>,
    pub changed: bool,
}

/// The addresses that may be given out, in order of preference.
fn addresses(settings: &Settings) -> impl Iterator<Item = Ipv4Addr> + '_ {
    let (first, last) = settings.pool.map_or((1, 0), |(first, last)| (first.to_bits(), last.to_bits()));
    let pool = (first..=last.min(first.saturating_add(POOL - 1))).map(Ipv4Addr::from);
    std::iter::once(settings.host)
        .chain(pool.filter(|address| *address != settings.host))
        .filter(|address| settings.assignable(*address))
}

/// Whether `address` is one of [`addresses`], without going through them.
fn given_out(settings: &Settings, address: Ipv4Addr) -> bool {
    let pooled = |(first, last): (Ipv4Addr, Ipv4Addr)| {
        (first..=last).contains(&address) && address.to_bits() - first.to_bits() < POOL
    };
    (address == settings.host || settings.pool.is_some_and(pooled)) && settings.assignable(address)
}

impl Table {
    /// Takes over entries of an earlier run as far as the settings still allow them.
    pub fn restore(&mut self, settings: &Settings, leases: Vec<Lease>, now: Duration) {
        for mut lease in leases {
            let longest = match lease.state {
                State::Offered => continue,
                State::Bound => settings.lease,
                State::Declined => DECLINE,
            };
            let known = self.position(lease.address).is_some();
            if known || station(&lease.mac).is_none() || !given_out(settings, lease.address) {
                continue;
            }
            // The clock starts anew at boot, so an old entry may claim to last for months.
            lease.expires = lease.expires.min(now.saturating_add(longest));
            lease.hostname = lease.hostname.and_then(|name| hostname(name.as_bytes()));
            lease.client_id = lease.client_id.filter(|id| (1..=255).contains(&id.len()));
            self.leases.push(lease);
        }
    }

    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.leases.iter().filter(|lease| lease.state != State::Offered)
    }

    fn position(&self, address: Ipv4Addr) -> Option<usize> {
        self.leases.iter().position(|lease| lease.address == address)
    }

    fn at(&self, address: Ipv4Addr) -> Option<&Lease> {
        self.leases.iter().find(|lease| lease.address == address)
    }

    /// The address to offer (RFC 2131 §4.3.1): the client's own, the one it asks for, the host address, the
    /// pool's; `None` if all are in use.
    pub fn choose(
        &self,
        settings: &Settings,
        client: Client<'_>,
        requested: Option<Ipv4Addr>,
        now: Duration,
    ) -> Option<Ipv4Addr> {
        // The best rank there is, and what a client that comes back costs: no search through the pool.
        if let Some(own) = self.leases.iter().find(|lease| lease.serves(client)) {
            return Some(own.address);
        }
        let rated = addresses(settings).filter_map(|address| {
            let lease = self.at(address);
            let rank = rank(settings, address, lease, client, requested, now)?;
            // Of two equals the one that has rested longer, so that clients find theirs again.
            let age = lease.filter(|_| rank >= Rank::Expired).map_or(Duration::ZERO, |lease| lease.expires);
            Some((rank, age, address))
        });
        rated.min_by_key(|(rank, age, _)| (*rank, *age)).map(|(_, _, address)| address)
    }

    /// Whether the client may have this very address. `renewing`: it claims to be using it.
    pub fn grants(
        &self,
        settings: &Settings,
        client: Client<'_>,
        address: Ipv4Addr,
        renewing: bool,
        now: Duration,
    ) -> bool {
        if !given_out(settings, address) {
            return false;
        }
        let lease = self.at(address);
        match rank(settings, address, lease, client, None, now) {
            None => false,
            // Somebody newer has it. One interface keeps it under either name: no ping-pong of refusals.
            Some(Rank::Displaced) if renewing => lease.is_some_and(|lease| lease.mac == client.mac),
            Some(_) => true,
        }
    }

    /// Keeps an offered address from other clients for a while. With one address only there is nothing to keep:
    /// it is offered to everybody, and the table stays with whoever has it.
    pub fn offer(&mut self, settings: &Settings, client: Client<'_>, address: Ipv4Addr, now: Duration) {
        let kept = self
            .at(address)
            .is_some_and(|lease| lease.state == State::Bound && (lease.expires > now || lease.is_of(client)));
        if settings.pool.is_some() && !kept {
            self.put(client, address, State::Offered, now.saturating_add(OFFER), None);
        }
    }

    /// Drops what was offered to a client that chose another server.
    pub fn forget_offer(&mut self, client: Client<'_>) {
        self.leases.retain(|lease| lease.state != State::Offered || !lease.is_of(client));
    }

    pub fn bind(&mut self, client: Client<'_>, address: Ipv4Addr, expires: Duration, name: Option<&[u8]>) {
        self.leases.retain(|lease| {
            lease.address == address || lease.state == State::Declined || !lease.is_of(client)
        });
        self.put(client, address, State::Bound, expires, name);
        self.changed = true;
    }

    fn put(
        &mut self,
        client: Client<'_>,
        address: Ipv4Addr,
        state: State,
        expires: Duration,
        name: Option<&[u8]>,
    ) {
        match self.position(address) {
            Some(index) if self.leases[index].is_of(client) => {
                let lease = &mut self.leases[index];
                (lease.mac, lease.state, lease.expires) = (client.mac, state, expires);
                if name != lease.hostname.as_deref().map(str::as_bytes) {
                    lease.hostname = name.and_then(hostname).or(lease.hostname.take());
                }
            }
            found => {
                let (client_id, hostname) = (client.id.map(<[u8]>::to_vec), name.and_then(hostname));
                let lease = Lease { mac: client.mac, client_id, address, hostname, expires, state };
                match found {
                    Some(index) => self.leases[index] = lease,
                    None => self.leases.push(lease),
                }
            }
        }
    }

    /// Sets an address aside; `false` if the client does not hold it.
    pub fn decline(&mut self, client: Client<'_>, address: Ipv4Addr, now: Duration) -> bool {
        self.end(client, address, State::Declined, now.saturating_add(DECLINE))
    }

    /// Frees an address but remembers whose it was; `false` if the client does not hold it.
    pub fn release(&mut self, client: Client<'_>, address: Ipv4Addr, now: Duration) -> bool {
        self.end(client, address, State::Bound, now)
    }

    fn end(&mut self, client: Client<'_>, address: Ipv4Addr, state: State, expires: Duration) -> bool {
        let held = |lease: &&mut Lease| {
            lease.address == address && lease.state == State::Bound && lease.is_of(client)
        };
        let Some(lease) = self.leases.iter_mut().find(held) else { return false };
        (lease.state, lease.expires, self.changed) = (state, expires, true);
        true
    }
}

fn rank(
    settings: &Settings,
    address: Ipv4Addr,
    lease: Option<&Lease>,
    client: Client<'_>,
    requested: Option<Ipv4Addr>,
    now: Duration,
) -> Option<Rank> {
    let Some(lease) = lease else { return Some(free(settings, address, requested, Rank::Unused)) };
    match lease.state {
        State::Declined if lease.withheld(now) => None,
        State::Declined if now < lease.expires => Some(Rank::Declined),
        _ if lease.serves(client) => Some(Rank::Own),
        _ if now >= lease.expires => Some(free(settings, address, requested, Rank::Expired)),
        State::Offered => Some(Rank::OfferedToOther),
        // The one host, or the one interface, came back as somebody else.
        _ if settings.pool.is_none() || lease.mac == client.mac => Some(Rank::Displaced),
        _ => None,
    }
}

fn free(settings: &Settings, address: Ipv4Addr, requested: Option<Ipv4Addr>, otherwise: Rank) -> Rank {
    if requested == Some(address) {
        Rank::Requested
    } else if address == settings.host {
        Rank::Host
    } else {
        otherwise
    }
}

/// What a host calls itself, fit for a terminal and a JSON string.
fn hostname(name: &[u8]) -> Option<String> {
    let text = name.split(|octet| *octet == 0).next()?.iter().take(HOSTNAME);
    let clean = |octet: &u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(*octet),
        _ => '-',
    };
    let text: String = text.map(clean).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_out_knows_exactly_the_addresses() {
        let at = |last| Ipv4Addr::new(10, 0, 0, last);
        let rows = [
            ("no pool", 24, 14, None),
            ("host outside the pool", 24, 14, Some((at(20), at(40)))),
            ("host inside the pool", 24, 30, Some((at(20), at(40)))),
            ("pool around the server", 24, 14, Some((at(1), at(30)))),
            ("pool beyond the subnet", 28, 14, Some((at(0), at(40)))),
            ("pool longer than what is used of it", 8, 14, Some((at(20), Ipv4Addr::new(10, 0, 2, 0)))),
            ("pool that ends before it begins", 24, 14, Some((at(40), at(20)))),
            ("pool at the end of all addresses", 24, 14, Some((at(250), Ipv4Addr::BROADCAST))),
        ];
        for (name, prefix, host, pool) in rows {
            let settings = Settings {
                server: at(15),
                prefix,
                host: at(host),
                pool,
                lease: Duration::from_secs(60),
                router: None,
                dns: Vec::new(),
                domain: None,
                mtu: None,
            };
            let listed: Vec<_> = addresses(&settings).collect();
            let candidates = (0..1024).map(|offset| Ipv4Addr::from(at(0).to_bits() - 64 + offset));
            for address in candidates.chain([Ipv4Addr::BROADCAST, Ipv4Addr::UNSPECIFIED]) {
                assert_eq!(given_out(&settings, address), listed.contains(&address), "{name}: {address}");
            }
        }
    }
}
