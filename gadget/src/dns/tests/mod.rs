//! Tests of the whole way from a query's bytes to the reply's bytes.

mod captured;
mod crafted;
mod hostile;
mod names;

use std::net::Ipv4Addr;

use super::{Dropped, Resolver, Transport, Zone};

/// 192.168.2.15, `phone.usbnet`, five minutes.
fn phone() -> Resolver {
    let zone = Zone::new("phone", "usbnet", Ipv4Addr::new(192, 168, 2, 15), None, 300);
    Resolver::new(zone.expect("a plain name makes a zone"))
}

/// What `resolver` replies to `query`.
fn ask(resolver: &mut Resolver, transport: Transport, query: &[u8]) -> Result<Vec<u8>, Dropped> {
    let mut reply = b"left over from the last one".to_vec();
    resolver.answer(transport, query, &mut reply)?;
    Ok(reply)
}

/// A plain query as most clients send it: RD set, one question.
fn query(name: &str, kind: u16, class: u16) -> Vec<u8> {
    let mut message = b"\xAB\xCD\x01\x00\0\x01\0\0\0\0\0\0".to_vec();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(u8::try_from(label.len()).expect("a label's length fits"));
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(class.to_be_bytes());
    message
}

/// Adds an OPT record with this payload size, and this TTL field (code, version, flags).
fn with_opt(mut message: Vec<u8>, payload: u16, ttl: u32) -> Vec<u8> {
    message[11] += 1;
    message.extend(b"\0\0\x29");
    message.extend(payload.to_be_bytes());
    message.extend(ttl.to_be_bytes());
    message.extend(b"\0\0");
    message
}

/// The end of the question that starts at octet 12.
fn question_end(message: &[u8]) -> usize {
    let mut at = 12;
    while message[at] != 0 {
        at += 1 + usize::from(message[at]);
    }
    at + 5
}

/// Bytes as hexadecimal, so that a failed comparison can be read.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
