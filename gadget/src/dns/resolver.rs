//! From query to reply: the order in which a query is judged, and the counters of the outcome.
//!
//! Decides the response code. It must never answer authoritatively for a name outside the zone.

use hickory_proto::op::{Query, ResponseCode};
use hickory_proto::rr::DNSClass;
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::reply::{self, Answer, Reply, Section};
use super::request::{self, Request};
use super::zone::{Data, Denial, Lookup, Zone, name};

/// The longest query that is looked at, in octets: the largest name, and room for every EDNS option
/// that clients send. What is longer was not meant for us.
pub const MAX_QUERY: usize = 1232;

/// The longest UDP reply, in octets: fits one frame on every link, never fragmented
/// (<https://www.dnsflagday.net/2020/>).
pub const MAX_UDP_REPLY: u16 = 1232;

/// The longest UDP reply to a client without EDNS, in octets (RFC 1035 §4.2.1).
const PLAIN_UDP_REPLY: u16 = 512;

/// How a query came and its reply will go; it decides how long the reply may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each.
    Udp,
    /// A stream; the two octets of length before each message (RFC 1035 §4.2.2) are the caller's.
    Tcp,
}

/// Why a packet gets no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// Shorter than a DNS header.
    #[error("packet is shorter than a dns header")]
    Short,
    /// Longer than [`MAX_QUERY`].
    #[error("packet is longer than the {MAX_QUERY} octets of the longest query")]
    Oversized,
    /// A reply, not a query: answering those lets two servers talk for ever.
    #[error("packet is a dns reply, not a query")]
    Response,
    /// The question cannot be read: cut short, a bad label, a compression pointer, a name too long.
    #[error("question of the dns query cannot be read")]
    Question,
    /// The reply did not fit into a DNS message.
    #[error("reply does not fit into a dns message")]
    Unencodable,
}

/// What became of the packets so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets that came in.
    pub queries: u64,
    /// Answered: with a record, or that the name has none of the type.
    pub answered: u64,
    /// Names in the device's zones that do not exist (NXDOMAIN).
    pub unknown: u64,
    /// Names, classes and types that are not ours to answer (REFUSED).
    pub refused: u64,
    /// Told that the query was wrong or beyond us (FORMERR, NOTIMP, BADVERS).
    pub faulty: u64,
    /// Replies that did not fit and said so.
    pub truncated: u64,
    /// Replies that came out of the cache.
    pub cached: u64,
    /// Dropped: [`Dropped::Short`].
    pub dropped_short: u64,
    /// Dropped: [`Dropped::Oversized`].
    pub dropped_oversized: u64,
    /// Dropped: [`Dropped::Response`].
    pub dropped_response: u64,
    /// Dropped: [`Dropped::Question`].
    pub dropped_question: u64,
    /// Dropped: [`Dropped::Unencodable`].
    pub dropped_unencodable: u64,
}

/// Answers queries for one [`Zone`].
pub struct Resolver {
    zone: Zone,
    cache: Cache,
    counters: Counters,
}

impl Resolver {
    /// A resolver for `zone`, with nothing cached.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self { zone, cache: Cache::new(), counters: Counters::default() }
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Answers one message. `reply` is cleared, and holds the message to send back on `Ok`.
    pub fn answer(&mut self, transport: Transport, query: &[u8], reply: &mut Vec<u8>) -> Result<(), Dropped> {
        reply.clear();
        self.counters.queries += 1;
        let outcome = self.answer_cached(transport, query, reply);
        match outcome {
            Ok(()) => self.counters.count_reply(reply),
            Err(reason) => self.counters.count_dropped(reason),
        }
        outcome
    }

    /// Answers from the cache, or works the answer out and keeps it.
    fn answer_cached(
        &mut self,
        transport: Transport,
        query: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<(), Dropped> {
        let (id, rest) = query.split_at_checked(2).ok_or(Dropped::Short)?;
        if query.len() > MAX_QUERY {
            return Err(Dropped::Oversized);
        }
        // The cache is for UDP: replies by TCP are rare, and not truncated at the same length.
        if transport == Transport::Tcp {
            return self.work_out(transport, query, reply);
        }
        if let Some(answer) = self.cache.get(rest) {
            reply.extend_from_slice(id);
            reply.extend_from_slice(answer);
            self.counters.cached += 1;
            return Ok(());
        }
        self.work_out(transport, query, reply)?;
        // Refusals are cheap to make, and a host asks for many names that are not ours.
        if let Some(answer) = reply.get(2..)
            && low_code(reply) != ResponseCode::Refused.low()
        {
            self.cache.put(rest, answer);
        }
        Ok(())
    }

    fn work_out(&mut self, transport: Transport, query: &[u8], reply: &mut Vec<u8>) -> Result<(), Dropped> {
        let request = request::read(query)?;
        let said = self.judge(&request);
        reply::write(&request, &said, limit(transport, &request), reply).map_err(|_| Dropped::Unencodable)
    }

    /// Decides what to say to a request that could be read.
    fn judge(&self, request: &Request) -> Reply {
        let plain = |code| Reply { code, ..Reply::default() };
        if let Some(fault) = request.fault {
            return plain(fault);
        }
        // RFC 6891 §6.1.3: a version that is not known is answered before anything else.
        if request.edns.is_some_and(|edns| edns.version > 0) {
            return plain(ResponseCode::BADVERS);
        }
        let Some(question) = &request.question else {
            return plain(ResponseCode::FormErr);
        };
        if question.query_class() != DNSClass::IN {
            return plain(ResponseCode::Refused);
        }
        match u16::from(question.query_type()) {
            // No such type, and OPT, which is no question (RFC 6895 §3.1).
            0 | 41 => plain(ResponseCode::FormErr),
            // IXFR and AXFR: nobody needs a copy of the zone.
            251 | 252 => plain(ResponseCode::Refused),
            // Other meta types; all but ANY ask for something else than records.
            128..=254 => plain(ResponseCode::NotImp),
            _ => self.look_up(question),
        }
    }

    fn look_up(&self, question: &Query) -> Reply {
        match self.zone.lookup(question.name(), question.query_type()) {
            Lookup::Found { ttl, data } => Reply {
                code: ResponseCode::NoError,
                authoritative: true,
                record: Some(Answer { section: Section::Answer, owner: question.name().clone(), ttl, data }),
            },
            Lookup::NoData(denial) => deny(question, ResponseCode::NoError, denial),
            Lookup::NoName(denial) => deny(question, ResponseCode::NXDomain, denial),
            // Somebody else's name: this is where a forwarder asks upstream. Without one, a refusal
            // makes the host's resolver go on to its next server at once.
            Lookup::Outside => Reply { code: ResponseCode::Refused, ..Reply::default() },
        }
    }
}

/// A negative answer: the zone's SOA in the authority section (RFC 2308 §2). Its owner is written
/// as the client spelled it, which also lets it compress into a pointer to the question.
fn deny(question: &Query, code: ResponseCode, denial: Denial) -> Reply {
    let labels: Vec<&[u8]> = question.name().iter().collect();
    let zone = &labels[labels.len() - denial.labels..];
    let record = name(zone).map(|owner| Answer {
        section: Section::Authority,
        owner,
        ttl: denial.ttl,
        data: Data::Soa(denial.soa),
    });
    Reply { code, authoritative: true, record }
}

/// The longest reply the client takes, in octets.
fn limit(transport: Transport, request: &Request) -> usize {
    match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => {
            usize::from(request.edns.map_or(PLAIN_UDP_REPLY, |edns| edns.payload.min(MAX_UDP_REPLY)))
        }
    }
}

/// The four bits of response code in an encoded header.
fn low_code(message: &[u8]) -> u8 {
    message.get(3).map_or(0, |flags| flags & 0x0F)
}

impl Counters {
    fn count_reply(&mut self, reply: &[u8]) {
        let code = low_code(reply);
        let counter = match ResponseCode::from_low(code) {
            // BADVERS is 16: its low bits are those of NOERROR, its high bits are in the OPT record,
            // and it carries no record, so it is not authoritative.
            ResponseCode::NoError if is_authoritative(reply) => &mut self.answered,
            ResponseCode::NXDomain => &mut self.unknown,
            ResponseCode::Refused => &mut self.refused,
            _ => &mut self.faulty,
        };
        *counter += 1;
        self.truncated += u64::from(reply.get(2).is_some_and(|flags| flags & 0x02 != 0));
    }

    fn count_dropped(&mut self, reason: Dropped) {
        let counter = match reason {
            Dropped::Short => &mut self.dropped_short,
            Dropped::Oversized => &mut self.dropped_oversized,
            Dropped::Response => &mut self.dropped_response,
            Dropped::Question => &mut self.dropped_question,
            Dropped::Unencodable => &mut self.dropped_unencodable,
        };
        *counter += 1;
    }
}

/// The AA bit of an encoded header.
fn is_authoritative(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & 0x04 != 0)
}
