//! The server: which message gets which answer (RFC 2131 §4.3).

use super::reply::Answer;
use super::request::{Kind, Request};
use super::table::{Client, Table};
use super::{Destination, Dropped, Lease, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// The shortest lease a client gets by asking for it, in seconds.
const SHORTEST: u32 = 60;

/// What came in and what went out since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// DHCPDISCOVER answered.
    pub discovers: u64,
    /// DHCPREQUEST answered.
    pub requests: u64,
    /// DHCPDECLINE heeded: a client found its address in use.
    pub declines: u64,
    /// DHCPRELEASE heeded.
    pub releases: u64,
    /// DHCPINFORM answered.
    pub informs: u64,
    /// DHCPOFFER sent.
    pub offers: u64,
    /// DHCPACK sent.
    pub acks: u64,
    /// DHCPNAK sent.
    pub naks: u64,
    /// Datagrams without an answer, by reason.
    pub dropped: BTreeMap<Dropped, u64>,
}

/// A DHCP server for one cable.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    table: Table,
    counters: Counters,
}

impl Server {
    /// A server with an empty lease table.
    pub fn new(settings: Settings) -> Self {
        Self { settings, table: Table::default(), counters: Counters::default() }
    }

    /// Takes over the leases of an earlier run. What the settings no longer allow is left out, and nothing lasts
    /// longer than a fresh lease would (the clock may have started anew).
    pub fn restore(&mut self, leases: Vec<Lease>, now: Duration) {
        self.table.restore(&self.settings, leases, now);
    }

    /// Leases, bound, declined or remembered beyond their end; at most one an address. Offers are not among them.
    pub fn leases(&self) -> impl Iterator<Item = &Lease> {
        self.table.leases()
    }

    /// Whether [`Self::leases`] changed since this was last asked.
    pub fn changed(&mut self) -> bool {
        std::mem::take(&mut self.table.changed)
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes one datagram (the UDP payload). On `Ok(Some(_))` `reply` holds the BOOTP message to send there;
    /// on `Ok(None)` the message was heeded but has no answer. `now` is any clock that never goes back.
    ///
    /// # Errors
    /// Why the datagram was dropped; `reply` is then empty. Counted in [`Self::counters`].
    pub fn handle(
        &mut self,
        now: Duration,
        packet: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Destination>, Dropped> {
        reply.clear();
        let result = self.answer(now, packet, reply);
        if let Err(reason) = result {
            *self.counters.dropped.entry(reason).or_default() += 1;
        }
        result
    }

    fn answer(
        &mut self,
        now: Duration,
        packet: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Destination>, Dropped> {
        let request = Request::parse(packet)?;
        if !request.giaddr.is_unspecified() && !self.settings.assignable(request.giaddr) {
            return Err(Dropped::WrongNetwork);
        }
        let answer = match request.kind {
            Kind::Discover => self.discover(&request, now)?,
            Kind::Request => self.request(&request, now)?,
            Kind::Inform => self.inform(&request)?,
            Kind::Decline => return self.decline(&request, now).map(|()| None),
            Kind::Release => return self.release(&request, now).map(|()| None),
        };
        match answer {
            Answer::Offer { .. } => self.counters.offers += 1,
            Answer::Ack { .. } | Answer::Inform => self.counters.acks += 1,
            Answer::Nak => self.counters.naks += 1,
        }
        answer.write(&self.settings, &request, reply);
        Ok(Some(answer.destination(&request)))
    }

    fn discover(&mut self, request: &Request<'_>, now: Duration) -> Result<Answer, Dropped> {
        let client = Client::from(request);
        let address = self
            .table
            .choose(&self.settings, client, request.options.requested, now)
            .ok_or(Dropped::Exhausted)?;
        self.counters.discovers += 1;
        if request.options.rapid_commit {
            return Ok(self.bind(request, address, true, now));
        }
        self.table.offer(&self.settings, client, address, now);
        Ok(Answer::Offer { address, seconds: self.seconds(request) })
    }

    /// All four client states (RFC 2131 §4.3.2): SELECTING names a server and an address, INIT-REBOOT an address,
    /// RENEWING and REBINDING are using `ciaddr`. This server is the only one on its cable, so it refuses where
    /// RFC 2131 has others stay silent, and grants an address that it forgot but that nobody else has.
    fn request(&mut self, request: &Request<'_>, now: Duration) -> Result<Answer, Dropped> {
        let client = Client::from(request);
        if let Err(reason) = self.for_us(request) {
            self.table.forget_offer(client);
            return Err(reason);
        }
        let requested = request.options.requested;
        let address = requested.or(given(request.ciaddr)).ok_or(Dropped::NoAddress)?;
        self.counters.requests += 1;
        if self.table.grants(&self.settings, client, address, requested.is_none(), now) {
            Ok(self.bind(request, address, false, now))
        } else {
            Ok(Answer::Nak)
        }
    }

    fn bind(&mut self, request: &Request<'_>, address: Ipv4Addr, rapid: bool, now: Duration) -> Answer {
        let seconds = self.seconds(request);
        let expires = now.saturating_add(Duration::from_secs(seconds.into()));
        self.table.bind(Client::from(request), address, expires, request.options.hostname);
        Answer::Ack { address, seconds, rapid }
    }

    fn inform(&mut self, request: &Request<'_>) -> Result<Answer, Dropped> {
        let address = given(request.ciaddr).ok_or(Dropped::NoAddress)?;
        if !self.settings.assignable(address) {
            return Err(Dropped::WrongNetwork);
        }
        self.counters.informs += 1;
        Ok(Answer::Inform)
    }

    fn decline(&mut self, request: &Request<'_>, now: Duration) -> Result<(), Dropped> {
        self.for_us(request)?;
        let address = request.options.requested.ok_or(Dropped::NoAddress)?;
        if !self.table.decline(Client::from(request), address, now) {
            return Err(Dropped::NotHeld);
        }
        self.counters.declines += 1;
        Ok(())
    }

    fn release(&mut self, request: &Request<'_>, now: Duration) -> Result<(), Dropped> {
        self.for_us(request)?;
        let address = given(request.ciaddr).ok_or(Dropped::NoAddress)?;
        if !self.table.release(Client::from(request), address, now) {
            return Err(Dropped::NotHeld);
        }
        self.counters.releases += 1;
        Ok(())
    }

    fn for_us(&self, request: &Request<'_>) -> Result<(), Dropped> {
        match request.options.server {
            Some(server) if server != self.settings.server => Err(Dropped::OtherServer),
            _ => Ok(()),
        }
    }

    /// The lease time in seconds: what the client asks for, up to what is configured. Never `u32::MAX`, which
    /// stands for ever.
    fn seconds(&self, request: &Request<'_>) -> u32 {
        let most = u32::try_from(self.settings.lease.as_secs()).unwrap_or(u32::MAX).clamp(1, u32::MAX - 1);
        request.options.lease.map_or(most, |wish| wish.clamp(SHORTEST.min(most), most))
    }
}

fn given(address: Ipv4Addr) -> Option<Ipv4Addr> {
    (!address.is_unspecified()).then_some(address)
}
