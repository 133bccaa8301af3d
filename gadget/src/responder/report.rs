//! What a responder tells the daemon: counters and leases, one JSON datagram each time.
//!
//! The sender parses hostile packets, so the daemon believes none of it: the size is bounded and
//! text is made printable before anything else sees it.

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
    /// Datagrams received on the right interface.
    pub received: u64,
    /// Replies sent.
    pub answered: u64,
    /// Replies the kernel did not take (link down, no buffer).
    pub unsent: u64,
    /// Datagrams without a reply, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// What happened to DNS queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsCounters {
    /// Queries received by UDP on the right interface.
    pub udp: u64,
    /// Queries received by TCP.
    pub tcp: u64,
    /// Answers sent.
    pub answered: u64,
    /// Answers the kernel did not take.
    pub unsent: u64,
    /// Queries without an answer, by reason.
    pub dropped: BTreeMap<String, u64>,
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
    /// The longest report in bytes; a full lease table is far below it.
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
        report.clean();
        Ok(report)
    }

    fn clean(&mut self) {
        clean(&mut self.interface);
        for lease in &mut self.leases {
            clean(&mut lease.mac);
            lease.hostname.iter_mut().for_each(clean);
        }
        let dhcp = self.dhcp.iter_mut().map(|counters| &mut counters.dropped);
        let dns = self.dns.iter_mut().map(|counters| &mut counters.dropped);
        for dropped in dhcp.chain(dns) {
            *dropped = std::mem::take(dropped)
                .into_iter()
                .map(|(mut reason, count)| {
                    clean(&mut reason);
                    (reason, count)
                })
                .collect();
        }
    }
}

/// A name goes to terminals and logs: nothing in it may move the cursor or start a new line.
fn clean(text: &mut String) {
    if text.chars().any(unprintable) {
        *text = text.chars().map(|c| if unprintable(c) { '?' } else { c }).collect();
    }
}

/// Control characters, and the marks that reorder or hide what stands beside them.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
    fn what_is_no_report_is_an_error() {
        assert!(matches!(Report::from_datagram(b"{}"), Err(ReportError::Syntax(_))));
        assert!(matches!(Report::from_datagram(b"\xff"), Err(ReportError::Syntax(_))));
        let long = vec![b' '; Report::SIZE_MAX + 1];
        assert!(matches!(Report::from_datagram(&long), Err(ReportError::TooLong(_))));
    }

    #[test]
    fn text_cannot_reach_the_terminal_as_control() {
        let mut hostile = report();
        hostile.leases[0].hostname = Some("a\x1b[2J\nb\u{202e}é".into());
        hostile.dhcp.as_mut().unwrap().dropped = [("x\r".to_owned(), 1)].into();
        let read = Report::from_datagram(&serde_json::to_vec(&hostile).unwrap()).unwrap();
        assert_eq!(read.leases[0].hostname.as_deref(), Some("a?[2J?b?é"));
        assert!(read.dhcp.unwrap().dropped.contains_key("x?"));
    }

    #[test]
    fn an_ended_lease_has_nothing_left() {
        let lease = report().leases.remove(0);
        assert_eq!(lease.remaining(Duration::from_secs(3990)), Duration::from_secs(10));
        assert_eq!(lease.remaining(Duration::from_secs(4001)), Duration::ZERO);
    }
}
