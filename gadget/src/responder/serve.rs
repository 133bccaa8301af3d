//! The event loop: one thread, nothing that blocks, nothing that grows.
//!
//! By the time it runs there is nothing left to open and nothing to look up. Signals and the end
//! of the status socket end it, and so does the end of the interface; nothing that comes over the
//! cable does.

use super::answer::Answerer;
use super::lease_file::LeaseFile;
use super::pace::Pace;
use super::report::{DhcpCounters, DnsCounters, LeaseView};
use super::sockets::{self, Sockets};
use super::status::{Delivery, Heard, Status};
use super::tcp::Places;
use super::{Report, ResponderError};
use crate::sys::{clock, memory};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signalfd::SignalFd;
use std::os::fd::AsFd;
use std::time::Duration;

/// Time between two rewritings of the lease file: it may be on flash.
const SAVE_GAP: Duration = Duration::from_secs(2);
/// Time between two reports that nobody asked for.
const REPORT_GAP: Duration = Duration::from_secs(1);

/// How long nothing must happen until memory is given back.
const REST: Duration = Duration::from_secs(1);

/// What an event is about.
mod token {
    pub const SIGNAL: u64 = 0;
    pub const STATUS: u64 = 1;
    pub const LINKS: u64 = 2;
    pub const DHCP: u64 = 3;
    pub const DNS: u64 = 4;
    pub const LISTENER: u64 = 5;
    /// The first connection; the others follow.
    pub const CONNECTION: u64 = 6;
}

/// Everything that [`super::run`] has opened.
pub(super) struct Parts {
    pub interface: String,
    pub sockets: Sockets,
    pub signals: SignalFd,
    pub status: Option<Status>,
    pub leases: Option<LeaseFile>,
    pub answerer: Answerer,
}

/// The loop's state.
pub(super) struct Responder {
    parts: Parts,
    epoll: Epoll,
    places: Places,
    save: Pace,
    report: Pace,
    /// When to give memory back; none when that has been done since the last event.
    rest: Option<Duration>,
    seccomp: bool,
}

/// Whether the loop goes on.
#[derive(PartialEq)]
enum Course {
    Go,
    Stop,
}

impl Responder {
    /// Registers everything that can wake the loop.
    pub fn new(parts: Parts) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let (dns, listener) = parts.sockets.dns.as_ref().map(|(udp, tcp)| (udp.as_fd(), tcp.as_fd())).unzip();
        let sources = [
            (token::SIGNAL, Some(parts.signals.as_fd())),
            (token::STATUS, parts.status.as_ref().map(AsFd::as_fd)),
            (token::LINKS, Some(parts.sockets.links.as_fd())),
            (token::DHCP, parts.sockets.dhcp.as_ref().map(AsFd::as_fd)),
            (token::DNS, dns),
            (token::LISTENER, listener),
        ];
        for (token, source) in sources {
            if let Some(fd) = source {
                epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
            }
        }
        let (save, report) = (Pace::new(SAVE_GAP), Pace::new(REPORT_GAP));
        Ok(Self { parts, epoll, places: Places::default(), save, report, rest: None, seccomp: false })
    }

    /// Serves until told to stop. `seccomp` goes into the reports.
    pub fn serve(mut self, seccomp: bool) -> Result<(), ResponderError> {
        self.seccomp = seccomp;
        let result = self.run();
        if self.save.take_last() {
            self.save_leases();
        }
        result
    }

    fn run(&mut self) -> Result<(), ResponderError> {
        // It may have gone before anybody listened.
        self.check_interface()?;
        // The first report says that all is ready.
        let mut course = self.send_report();
        // What starting has used is not needed again.
        memory::release_unused();
        let mut events = [EpollEvent::empty(); 8];
        while course == Course::Go {
            let count = match self.epoll.wait(&mut events, self.timeout(clock::now())) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0, // stopped and continued
                Err(source) => return Err(ResponderError::Loop { what: "epoll_wait", source }),
            };
            let now = clock::now();
            // Other interfaces coming and going are no work.
            if events[..count].iter().any(|event| event.data() != token::LINKS) {
                self.rest = Some(now + REST);
            }
            for event in &events[..count] {
                if self.handle(event.data(), now)? == Course::Stop {
                    return Ok(());
                }
            }
            course = self.tick(now);
        }
        Ok(())
    }

    fn handle(&mut self, token: u64, now: Duration) -> Result<Course, ResponderError> {
        let Parts { sockets, answerer, status, .. } = &mut self.parts;
        match token {
            token::SIGNAL => return Ok(Course::Stop),
            token::STATUS => match status.as_ref().map_or(Heard::Nothing, Status::hear) {
                Heard::Nothing => {}
                Heard::Request => return Ok(self.send_report()),
                Heard::End => return Ok(Course::Stop),
            },
            token::LINKS => self.check_interface()?,
            token::DHCP => {
                if answerer.dhcp(sockets, now) {
                    self.report.want();
                    self.save.want();
                }
            }
            token::DNS => answerer.dns(sockets),
            token::LISTENER => {
                if let Some((_, listener)) = &sockets.dns {
                    self.places.accept(&self.epoll, token::CONNECTION, listener.as_fd(), now);
                }
            }
            place => self.places.serve(&self.epoll, token::CONNECTION, place, now, |query, output| {
                answerer.tcp(query, output)
            }),
        }
        Ok(Course::Go)
    }

    /// Link down is no error: it will be up again. An interface that is gone never comes back;
    /// the next one of its name is another one, to which these sockets are not bound.
    fn check_interface(&self) -> Result<(), ResponderError> {
        let sockets = &self.parts.sockets;
        let bound = sockets.dhcp.as_ref().or(sockets.dns.as_ref().map(|(udp, _)| udp));
        match bound {
            Some(bound) if sockets::interface_gone(&sockets.links, bound) => {
                Err(ResponderError::InterfaceGone(self.parts.interface.clone()))
            }
            _ => Ok(()),
        }
    }

    /// What is due by time.
    fn tick(&mut self, now: Duration) -> Course {
        self.places.expire(now);
        if self.save.take(now) {
            self.save_leases();
        }
        if self.rest.take_if(|rest| *rest <= now).is_some() {
            memory::release_unused();
        }
        if self.report.take(now) { self.send_report() } else { Course::Go }
    }

    fn timeout(&self, now: Duration) -> EpollTimeout {
        let due = [self.save.due(), self.report.due(), self.places.deadline(), self.rest];
        let Some(due) = due.into_iter().flatten().min() else { return EpollTimeout::NONE };
        // Rounded up, or the loop would spin through the last millisecond.
        let wait = due.saturating_sub(now) + Duration::from_millis(1);
        EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::MAX)
    }

    fn save_leases(&self) {
        let (Some(file), Some(server)) = (&self.parts.leases, &self.parts.answerer.dhcp) else { return };
        if let Err(error) = file.write(server.leases()) {
            log::warn!("{}: leases cannot be saved: {error}", self.parts.interface);
        }
    }

    fn send_report(&mut self) -> Course {
        let Some(status) = &self.parts.status else { return Course::Go };
        match status.send(&self.report()) {
            Delivery::Done => {}
            Delivery::Full => self.report.want(),
            Delivery::Gone => return Course::Stop,
        }
        Course::Go
    }

    fn report(&self) -> Report {
        let answerer = &self.parts.answerer;
        let (dhcp, dns) = (&answerer.dhcp_flow, &answerer.dns_flow);
        let Places { queries, cut, .. } = self.places;
        Report {
            interface: self.parts.interface.clone(),
            seccomp: self.seccomp,
            wrong_interface: dhcp.wrong_interface + dns.wrong_interface,
            dhcp: answerer.dhcp.as_ref().map(|server| DhcpCounters::new(dhcp, server.counters())),
            dns: answerer.dns.as_ref().map(|r| DnsCounters::new(dns, queries, cut, r.counters())),
            leases: answerer.dhcp.iter().flat_map(|server| server.leases()).map(LeaseView::from).collect(),
        }
    }
}
