//! DNS for the device's own names: a query's bytes in, an answer's bytes out.
//!
//! Decides what the device is called on the cable, and what it says about every other name. It is
//! authoritative for `<hostname>`, `<hostname>.<domain>` and the reverse names of the device's
//! addresses, and refuses the rest, so that the host's resolver moves on to its own servers.
//!
//! It must never open a socket, read a clock or trust a length in a packet. `hickory-proto` reads
//! and writes header, question, names and records; the sections of a query that only matter for
//! their OPT record are walked over without building records, because the library reserves memory
//! by the counts that a hostile header claims.

mod cache;
mod reply;
mod request;
mod resolver;
mod zone;

#[cfg(test)]
mod tests;

pub use resolver::{Counters, Dropped, MAX_QUERY, MAX_UDP_REPLY, Resolver, Transport};
pub use zone::{Zone, ZoneError};
