//! What a responder tells the daemon: counters and leases, one JSON datagram each time.
//!
//! The sender parses hostile packets, so the daemon believes none of it: the size is bounded and
//! text is made printable before anything else sees it.

use crate::gather::Gather;
use crate::{dhcp, dns};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

/// State of a responder at one moment. Counters start at zero with the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Interface it serves.
    pub interface: String,
    /// Whether the kernel holds it to a system call allow-list.
    pub seccomp: bool,
    /// Datagrams that came in on another interface and were ignored.
    pub wrong_interface: u64,
    /// DHCP, when it is served.
    pub dhcp: Option<DhcpCounters>,
    /// DNS, when it is served.
    pub dns: Option<DnsCounters>,
    /// The lease table.
    pub leases: Vec<LeaseView>,
}

/// What happened to DHCP datagrams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpCounters {
    /// Datagrams received.
    pub received: u64,
    /// Those that got a reply. RELEASE and DECLINE never do.
    pub answered: u64,
    /// Replies the kernel did not take (link down, no buffer).
    pub unsent: u64,
    /// Datagrams that were ignored, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// What happened to DNS queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsCounters {
    /// Datagrams received.
    pub udp: u64,
    /// Queries received by TCP.
    pub tcp: u64,
    /// Those that got an answer, be it a refusal.
    pub answered: u64,
    /// Answers the kernel did not take.
    pub unsent: u64,
    /// Queries that were ignored, and TCP connections that were cut, by reason.
    pub dropped: BTreeMap<String, u64>,
}

impl DhcpCounters {
    pub(super) fn new(flow: &Flow, messages: &dhcp::Counters) -> Self {
        let dropped = messages.dropped.iter().map(|(reason, count)| (reason.to_string(), *count));
        Self {
            received: flow.received,
            answered: messages.offers + messages.acks + messages.naks,
            unsent: flow.unsent,
            dropped: dropped.chain(flow.oversized()).gather(),
        }
    }
}

impl DnsCounters {
    pub(super) fn new(flow: &Flow, tcp: u64, cut: u64, messages: &dns::Counters) -> Self {
        let reasons = [
            (dns::Dropped::Short.to_string(), messages.dropped_short),
            (dns::Dropped::Oversized.to_string(), messages.dropped_oversized),
            (dns::Dropped::Response.to_string(), messages.dropped_response),
            (dns::Dropped::Question.to_string(), messages.dropped_question),
            (dns::Dropped::Unencodable.to_string(), messages.dropped_unencodable),
            ("tcp client was too slow, sent no dns message, or had to make room".to_owned(), cut),
        ];
        let dropped = reasons.into_iter().filter(|(_, count)| *count > 0);
        Self {
            udp: flow.received,
            tcp,
            answered: messages.answered + messages.unknown + messages.refused + messages.faulty,
            unsent: flow.unsent,
            dropped: dropped.chain(flow.oversized()).gather(),
        }
    }
}

/// What happened to the datagrams of one socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    pub received: u64,
    pub wrong_interface: u64,
    pub oversized: u64,
    pub unsent: u64,
}

impl Flow {
    fn oversized(&self) -> Option<(String, u64)> {
        (self.oversized > 0).then(|| ("datagram is longer than an ethernet frame".to_owned(), self.oversized))
    }
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseView {
    /// The client's hardware address, as `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    /// The address it has.
    pub address: Ipv4Addr,
    /// The name it gave for itself.
    pub hostname: Option<String>,
    /// When the lease ends: seconds on `CLOCK_BOOTTIME`.
    pub expires_at: u64,
    /// Whether the client said that the address is in use by somebody else.
    pub declined: bool,
}

impl LeaseView {
    /// What is left of the lease at `now` (`CLOCK_BOOTTIME`); zero when it has ended.
    #[must_use]
    pub const fn remaining(&self, now: Duration) -> Duration {
        Duration::from_secs(self.expires_at).saturating_sub(now)
    }
}

impl From<&dhcp::Lease> for LeaseView {
    fn from(lease: &dhcp::Lease) -> Self {
        Self {
            mac: crate::identity::MacAddr::new(lease.mac).to_string(),
            address: lease.address,
            hostname: lease.hostname.clone(),
            expires_at: lease.expires.as_secs(),
            declined: lease.state == dhcp::State::Declined,
        }
    }
}

/// A datagram of the responder's that is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Longer than any report.
    #[error("the responder's report is {0} bytes long, more than {max}", max = Report::SIZE_MAX)]
    TooLong(usize),
    /// Not the JSON of a report.
    #[error("the responder's report cannot be read: {0}")]
    Syntax(#[from] serde_json::Error),
}

impl Report {
    /// The longest report in bytes; one of a full lease table is below half of it.
    pub const SIZE_MAX: usize = 128 * 1024;

    /// Reads the datagram a responder sent.
    ///
    /// # Errors
    /// When it is too long or no report.
    pub fn from_datagram(datagram: &[u8]) -> Result<Self, ReportError> {
        if datagram.len() > Self::SIZE_MAX {
            return Err(ReportError::TooLong(datagram.len()));
        }
        let mut report: Self = serde_json::from_slice(datagram)?;
        clean(&mut report.interface);
        for lease in &mut report.leases {
            clean(&mut lease.mac);
            lease.hostname.iter_mut().for_each(clean);
        }
        let dhcp = report.dhcp.iter_mut().map(|counters| &mut counters.dropped);
        let dns = report.dns.iter_mut().map(|counters| &mut counters.dropped);
        for dropped in dhcp.chain(dns) {
            let reasons = std::mem::take(dropped).into_iter();
            dropped.extend(reasons.map(|(mut reason, count)| {
                clean(&mut reason);
                (reason, count)
            }));
        }
        Ok(report)
    }
}

/// A name goes to terminals and logs: nothing in it may move the cursor, start a new line, or
/// reorder or hide what stands beside it. Names that DHCP lets through are ASCII anyway.
fn clean(text: &mut String) {
    let printable = |c: char| c.is_ascii_graphic() || c == ' ';
    if !text.chars().all(printable) {
        *text = text.chars().map(|c| if printable(c) { c } else { '?' }).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            interface: "usb0".into(),
            seccomp: true,
            wrong_interface: 3,
            dhcp: Some(DhcpCounters {
                received: 5,
                answered: 4,
                unsent: 0,
                dropped: [("truncated".to_owned(), 1)].into(),
            }),
            dns: Some(DnsCounters::default()),
            leases: vec![LeaseView {
                mac: "02:00:00:00:00:01".into(),
                address: Ipv4Addr::new(192, 168, 2, 14),
                hostname: Some("laptop".into()),
                expires_at: 4000,
                declined: false,
            }],
        }
    }

    #[test]
    fn a_report_survives_the_socket() {
        let datagram = serde_json::to_vec(&report()).unwrap();
        assert_eq!(Report::from_datagram(&datagram).unwrap(), report());
    }

    #[test]
    fn every_reason_is_counted_under_its_own_name() {
        let flow = Flow { received: 9, wrong_interface: 1, oversized: 2, unsent: 3 };
        let messages = dns::Counters {
            answered: 1,
            unknown: 2,
            refused: 3,
            faulty: 4,
            dropped_short: 5,
            dropped_question: 6,
            ..dns::Counters::default()
        };
        let dns = DnsCounters::new(&flow, 7, 8, &messages);
        assert_eq!((dns.udp, dns.tcp, dns.answered, dns.unsent), (9, 7, 10, 3));
        assert_eq!(dns.dropped.values().sum::<u64>(), 5 + 6 + 8 + 2);
        assert_eq!(dns.dropped.len(), 4, "{dns:?}");
        let messages = dhcp::Counters {
            offers: 1,
            acks: 2,
            naks: 4,
            dropped: [(dhcp::Dropped::Short, 5)].into(),
            ..dhcp::Counters::default()
        };
        let dhcp = DhcpCounters::new(&flow, &messages);
        assert_eq!((dhcp.received, dhcp.answered, dhcp.unsent), (9, 7, 3));
        assert_eq!(dhcp.dropped.values().copied().collect::<Vec<_>>(), [2, 5], "{dhcp:?}");
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        assert!(matches!(Report::from_datagram(b"{}"), Err(ReportError::Syntax(_))));
        assert!(matches!(Report::from_datagram(b"\xff"), Err(ReportError::Syntax(_))));
        let long = vec![b' '; Report::SIZE_MAX + 1];
        assert!(matches!(Report::from_datagram(&long), Err(ReportError::TooLong(_))));
    }

    #[test]
    fn the_report_of_a_full_table_is_short_enough() {
        let mut full = report();
        full.leases[0].hostname = Some("x".repeat(63));
        full.leases[0].expires_at = u64::MAX;
        full.leases = vec![full.leases[0].clone(); 257];
        assert!(serde_json::to_vec(&full).unwrap().len() < Report::SIZE_MAX / 2);
    }

    #[test]
    fn text_cannot_reach_the_terminal_as_control() {
        let mut hostile = report();
        hostile.leases[0].hostname = Some("a\x1b[2J\nb\u{202e}é c".into());
        hostile.dhcp.as_mut().unwrap().dropped = [("x\r".to_owned(), 1)].into();
        let read = Report::from_datagram(&serde_json::to_vec(&hostile).unwrap()).unwrap();
        assert_eq!(read.leases[0].hostname.as_deref(), Some("a?[2J?b?? c"));
        assert!(read.dhcp.unwrap().dropped.contains_key("x?"));
    }

    #[test]
    fn an_ended_lease_has_nothing_left() {
        let lease = report().leases.remove(0);
        assert_eq!(lease.remaining(Duration::from_secs(3990)), Duration::from_secs(10));
        assert_eq!(lease.remaining(Duration::from_secs(4001)), Duration::ZERO);
    }
}
