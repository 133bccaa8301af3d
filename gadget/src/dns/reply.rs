//! Writing a reply: header, the question as it was asked, at most one record, OPT.
//!
//! Decides how a reply fits into what the client can take. It must never exceed that: what does not
//! fit is left out and the truncation bit says so.

use hickory_proto::ProtoError;
use hickory_proto::op::{Header, HeaderCounts, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, Record, RecordData, RecordType};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use super::request::Request;
use super::resolver::MAX_UDP_REPLY;
use super::zone::Data;

/// What to say to a request.
#[derive(Default)]
pub(super) struct Reply {
    pub code: ResponseCode,
    pub authoritative: bool,
    pub record: Option<Answer>,
}

/// The one record of a reply.
pub(super) struct Answer {
    pub section: Section,
    pub owner: Name,
    pub ttl: u32,
    pub data: Data,
}

/// Where a record goes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Section {
    Answer,
    Authority,
}

/// Writes the reply to `request` into `out`, at most `limit` octets of it.
pub(super) fn write(
    request: &Request,
    reply: &Reply,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), ProtoError> {
    encode(request, reply, reply.record.as_ref(), out)?;
    if out.len() > limit {
        // Required data does not fit: the client comes back by TCP (RFC 2181 §9).
        encode(request, reply, None, out)?;
    }
    Ok(())
}

/// Encodes one message. It is marked as truncated if `record` is not the reply's own.
fn encode(
    request: &Request,
    reply: &Reply,
    record: Option<&Answer>,
    out: &mut Vec<u8>,
) -> Result<(), ProtoError> {
    out.clear();
    let encoder = &mut BinEncoder::new(out);
    let truncated = record.is_none() && reply.record.is_some();
    header(request, reply, record, truncated).emit(encoder)?;
    if let Some(question) = &request.question {
        question.emit(encoder)?;
    }
    if let Some(answer) = record {
        answer.emit(encoder)?;
    }
    if request.edns.is_some() {
        opt(request, reply.code, encoder)?;
    }
    Ok(())
}

fn header(request: &Request, reply: &Reply, record: Option<&Answer>, truncation: bool) -> Header {
    let mut metadata = Metadata::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    metadata.authoritative = reply.authoritative;
    metadata.truncation = truncation;
    metadata.recursion_desired = request.metadata.recursion_desired;
    metadata.response_code = reply.code;
    let one_if = |there: bool| u16::from(there);
    let holds = |section| one_if(record.is_some_and(|answer| answer.section == section));
    let counts = HeaderCounts {
        queries: one_if(request.question.is_some()),
        answers: holds(Section::Answer),
        authorities: holds(Section::Authority),
        additionals: one_if(request.edns.is_some()),
    };
    Header { metadata, counts }
}

/// The OPT record (RFC 6891 §6.1): the high bits of the code, version 0, the client's DO bit
/// (RFC 3225 §3), the largest reply worth asking for.
fn opt(request: &Request, code: ResponseCode, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
    let dnssec_ok = request.edns.is_some_and(|edns| edns.dnssec_ok);
    encoder.emit(0)?;
    RecordType::OPT.emit(encoder)?;
    DNSClass::for_opt(MAX_UDP_REPLY).emit(encoder)?;
    encoder.emit_u32(u32::from(code.high()) << 24 | u32::from(dnssec_ok) << 15)?;
    encoder.emit_u16(0)
}

impl Answer {
    fn emit(&self, encoder: &mut BinEncoder<'_>) -> Result<(), ProtoError> {
        match self.data.clone() {
            Data::A(data) => self.record(data).emit(encoder),
            Data::Aaaa(data) => self.record(data).emit(encoder),
            Data::Ptr(data) => self.record(data).emit(encoder),
            Data::Ns(data) => self.record(data).emit(encoder),
            Data::Soa(data) => self.record(data).emit(encoder),
        }
    }

    fn record<R: RecordData>(&self, data: R) -> Record<R> {
        Record::from_rdata(self.owner.clone(), self.ttl, data)
    }
}
