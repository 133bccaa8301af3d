//! Keeps the responder of the current mode alive: reads its reports, starts it again when it dies.
//!
//! Never decides whether there is a responder (the mode does) and never waits for it.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::responder::{Backoff, Child, ChildError, Incoming, LeaseView, Report, Settings};

/// A responder and what it last said.
#[derive(Debug)]
pub struct Supervisor {
    settings: Settings,
    child: Option<Child>,
    report: Report,
    backoff: Backoff,
    restarts: u32,
    next_start: Option<Duration>,
}

/// What happened to the responder.
#[derive(Debug, PartialEq, Eq)]
pub enum Happened {
    /// It reported; new or changed leases are named.
    Reported {
        /// Leases that were not in the report before, or have another name or hardware address.
        new: Vec<LeaseView>,
    },
    /// It ended and will be started again.
    Died {
        /// How, in words.
        how: String,
    },
    /// It was started again.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// It could not be started, and that will be tried again.
    NotStarted {
        /// Why, in words.
        why: String,
    },
}

impl Supervisor {
    /// Takes over a responder that has reported once.
    #[must_use]
    pub fn new(settings: Settings, child: Child, report: Report, now: Duration) -> Self {
        let mut backoff = Backoff::default();
        backoff.started(now);
        Self { settings, child: Some(child), report, backoff, restarts: 0, next_start: None }
    }

    /// The responder's settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The interface's name now; matters the next time it is started.
    pub fn follow(&mut self, interface: &str) {
        if self.settings.interface != interface {
            interface.clone_into(&mut self.settings.interface);
        }
    }

    /// The process, if it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::pid)
    }

    /// How often it was started again.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// What it last said.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }

    /// Readable when [`Supervisor::readable`] has something to do.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.child.as_ref().map(Child::fd)
    }

    /// When [`Supervisor::due`] has something to do.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        self.next_start
    }

    /// Asks for a report; false if nobody is there to give one.
    pub fn ask(&self) -> bool {
        self.child.as_ref().is_some_and(|child| child.request_report().is_ok())
    }

    /// Takes one report, or the news of its end.
    pub fn readable(&mut self, now: Duration) -> Option<Happened> {
        match self.child.as_ref()?.read_report() {
            Ok(Incoming::Nothing) => None,
            Ok(Incoming::Report(report)) => {
                let new = new_leases(&self.report.leases, &report.leases);
                self.report = *report;
                Some(Happened::Reported { new })
            }
            Ok(Incoming::Ended) => Some(self.ended(now, None)),
            Err(error) => Some(self.ended(now, Some(error))),
        }
    }

    /// Starts it again if it is time.
    pub fn due(&mut self, now: Duration) -> Option<Happened> {
        if self.next_start.is_none_or(|at| at > now) {
            return None;
        }
        self.next_start = None;
        self.restarts = self.restarts.saturating_add(1);
        match Child::spawn(&self.settings) {
            Ok(child) => {
                self.backoff.started(now);
                let pid = child.pid();
                self.child = Some(child);
                Some(Happened::Started { pid })
            }
            Err(error) => {
                self.next_start = Some(self.backoff.died(now));
                Some(Happened::NotStarted { why: error.to_string() })
            }
        }
    }

    /// Gives up the process, for a switch that ends or keeps it.
    #[must_use]
    pub fn into_child(self) -> Option<Child> {
        self.child
    }

    /// A responder that says what cannot be read is as good as dead, and is ended.
    fn ended(&mut self, now: Duration, error: Option<ChildError>) -> Happened {
        let status = self.child.take().map(|mut child| child.reap());
        self.next_start = Some(self.backoff.died(now));
        let how = match (error, status) {
            (Some(error), _) => error.to_string(),
            (None, Some(Ok(status))) => status.to_string(),
            (None, Some(Err(error))) => error.to_string(),
            (None, None) => "it was not running".to_owned(),
        };
        Happened::Died { how }
    }
}

fn new_leases(before: &[LeaseView], after: &[LeaseView]) -> Vec<LeaseView> {
    let same =
        |a: &LeaseView, b: &LeaseView| (&a.mac, a.address, &a.hostname) == (&b.mac, b.address, &b.hostname);
    let is_new = |lease: &&LeaseView| !lease.declined && !before.iter().any(|old| same(old, lease));
    after.iter().filter(is_new).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(mac: &str, hostname: Option<&str>, expires_at: u64, declined: bool) -> LeaseView {
        let address = std::net::Ipv4Addr::new(192, 168, 2, 14);
        LeaseView { mac: mac.into(), address, hostname: hostname.map(Into::into), expires_at, declined }
    }

    #[test]
    fn only_news_is_news() {
        let known = [lease("a", Some("pc"), 10, false)];
        let table = [
            ("renewed", vec![lease("a", Some("pc"), 20, false)], 0),
            ("gone", vec![], 0),
            ("another host", vec![lease("b", Some("pc"), 10, false)], 1),
            ("another name", vec![lease("a", Some("laptop"), 10, false)], 1),
            ("declined", vec![lease("b", None, 10, true)], 0),
        ];
        for (name, after, news) in table {
            assert_eq!(new_leases(&known, &after).len(), news, "{name}");
        }
    }
}
