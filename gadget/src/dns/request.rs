//! Reading a query: what was asked, what the client can take, and what is wrong with it.
//!
//! Decides between dropping a packet, answering FORMERR or NOTIMP, and going on. It must never
//! follow a compression pointer or allocate by a count in the header.

use hickory_proto::op::{Header, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::resolver::Dropped;

/// Octets of a message before its question (RFC 1035 §4.1.1).
const HEADER: usize = 12;

/// Type code of the OPT pseudo record (RFC 6891 §6.1.1).
const OPT: u16 = 41;

/// A query that deserves a reply.
pub(super) struct Request {
    pub metadata: Metadata,
    /// The question, unless there is none or several.
    pub question: Option<Query>,
    pub edns: Option<Edns>,
    /// The error to reply with, if the message cannot be served.
    pub fault: Option<ResponseCode>,
}

/// What a client says in its OPT record.
#[derive(Clone, Copy)]
pub(super) struct Edns {
    /// The largest UDP reply the client takes, in octets.
    pub payload: u16,
    pub version: u8,
    pub dnssec_ok: bool,
}

/// Reads `packet`. Replies are silent for what is no query at all, so that two servers never talk
/// to each other for ever; everything with a readable header and question gets its error code.
pub(super) fn read(packet: &[u8]) -> Result<Request, Dropped> {
    let mut decoder = BinDecoder::new(packet);
    let header = Header::read(&mut decoder).map_err(|_| Dropped::Short)?;
    if header.metadata.message_type == MessageType::Response {
        return Err(Dropped::Response);
    }
    let mut request = Request { metadata: header.metadata, question: None, edns: None, fault: None };
    // What follows the header depends on the operation, so nothing after it can be understood.
    if header.metadata.op_code != OpCode::Query {
        request.fault = Some(ResponseCode::NotImp);
        return Ok(request);
    }
    let mut rest = Walk { packet, at: HEADER };
    match header.counts.queries {
        0 => request.fault = Some(ResponseCode::FormErr),
        1 => {
            rest.skip_plain_name().ok_or(Dropped::Question)?;
            rest.skip(4).ok_or(Dropped::Question)?;
            request.question = Some(Query::read(&mut decoder).map_err(|_| Dropped::Question)?);
        }
        _ => {
            request.fault = Some(ResponseCode::FormErr);
            return Ok(request);
        }
    }
    let records = [header.counts.answers, header.counts.authorities, header.counts.additionals];
    match rest.edns(records) {
        Some(edns) => request.edns = edns,
        None => request.fault = Some(ResponseCode::FormErr),
    }
    Ok(request)
}

/// A position in a packet; every step is checked against its end.
struct Walk<'a> {
    packet: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    /// Walks the three record sections up to the end of the packet. `None` if they are malformed:
    /// cut short, followed by junk, or with an OPT record in a wrong place, twice or with a name.
    fn edns(&mut self, [answers, authorities, additionals]: [u16; 3]) -> Option<Option<Edns>> {
        for _ in 0..u32::from(answers) + u32::from(authorities) {
            if self.record()?.is_some() {
                return None;
            }
        }
        let mut found = None;
        for _ in 0..additionals {
            if let Some(edns) = self.record()?
                && found.replace(edns).is_some()
            {
                return None;
            }
        }
        (self.at == self.packet.len()).then_some(found)
    }

    /// Steps over one record, and returns what it says if it is an OPT record.
    fn record(&mut self) -> Option<Option<Edns>> {
        let start = self.at;
        self.skip_name()?;
        let named = self.at != start + 1;
        let kind = self.u16()?;
        let class = self.u16()?;
        let [_, version, flags, _] = self.array()?;
        let length = self.u16()?;
        self.skip(usize::from(length))?;
        match kind {
            OPT if named => None,
            // RFC 6891 §6.2.3: values below 512 count as 512.
            OPT => Some(Some(Edns { payload: class.max(512), version, dnssec_ok: flags & 0x80 != 0 })),
            _ => Some(None),
        }
    }

    /// Steps over a name that may end in a compression pointer, without following it.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match self.array::<1>()? {
                [0] => return Some(()),
                [length @ 1..=63] => self.skip(usize::from(length))?,
                [0xC0..=0xFF] => return self.skip(1),
                _ => return None,
            }
        }
    }

    /// Steps over a name without any pointer. The question's name has nothing before it to point
    /// to but the header, and an answer must not depend on the message's ID.
    fn skip_plain_name(&mut self) -> Option<()> {
        loop {
            match self.array::<1>()? {
                [0] => return Some(()),
                [length @ 1..=63] => self.skip(usize::from(length))?,
                _ => return None,
            }
        }
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = self.packet.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(*bytes)
    }

    fn skip(&mut self, octets: usize) -> Option<()> {
        let end = self.at.checked_add(octets).filter(|end| *end <= self.packet.len())?;
        self.at = end;
        Some(())
    }
}
