//! What the daemon tells of itself: status, leases, events.

use sysinfo::System;

use super::supervisor::Supervisor;
use super::{Daemon, SwitchError};
use crate::control::{self, Counters, Event, EventKind, FAILED, Lease, Phase, Status};
use crate::mode::State;
use crate::printable::one_line;
use crate::responder::LeaseView;
use crate::sys::{clock, usb_role};

impl Daemon {
    pub(super) fn snapshot(&mut self, responder_answers: bool) -> Status {
        let target = match &self.state {
            State::Switching { to, .. } => to.clone(),
            State::Lost { mode } => Some(mode.clone()),
            State::Stopped | State::Confirmed { .. } => None,
        };
        Status {
            mode: self.state.mode().map(str::to_owned),
            target,
            state: phase(&self.state),
            error: self.error.clone(),
            backend: self.established.as_ref().map(|established| established.backend.to_string()),
            udc: self.established.as_ref().and_then(|established| self.kernel.udc_status(established)),
            role: self
                .established
                .as_ref()
                .and_then(|established| established.role.as_deref())
                .map(usb_role::read),
            link: self.link_status(),
            responder: self.supervisor.as_ref().map(|supervisor| responder(supervisor, responder_answers)),
            leases: self.leases(),
            cards: self.card_status(),
            progress: self.line.as_ref().and_then(|line| line.now()),
            system: system(),
        }
    }

    fn link_status(&mut self) -> Option<control::Link> {
        let link = self.established.as_ref()?.link.as_ref()?;
        let interface = self.netlink.interface_by_index(link.index).ok()?;
        let addresses = &link.addresses;
        Some(control::Link {
            interface: interface.name,
            mac: interface.mac.map(|mac| crate::identity::MacAddr::new(mac).to_string()).unwrap_or_default(),
            host_mac: link.host_mac.map(|mac| mac.to_string()),
            address: format!("{}/{}", addresses.address, addresses.prefix),
            host: addresses.host.to_string(),
            mtu: interface.mtu,
            up: interface.up,
            carrier: interface.carrier,
            received_bytes: interface.rx_bytes,
            sent_bytes: interface.tx_bytes,
            moved: link.notice.as_ref().map(ToString::to_string),
        })
    }

    pub(super) fn leases(&self) -> Vec<Lease> {
        let now = clock::now();
        let lease = |view: &LeaseView| Lease {
            address: view.address.to_string(),
            mac: view.mac.clone(),
            hostname: view.hostname.clone(),
            seconds_left: view.remaining(now).as_secs(),
        };
        let valid = |view: &&LeaseView| !view.declined && !view.remaining(now).is_zero();
        let report = self.supervisor.as_ref().map(Supervisor::report);
        report.map(|report| report.leases.iter().filter(valid).map(lease).collect()).unwrap_or_default()
    }

    pub(super) fn publish(&mut self, kind: EventKind, text: String, value: Option<String>) {
        let mode = self.state.mode().map(str::to_owned);
        self.clients.publish(&Event { kind, text, mode, value, exit: None });
    }

    pub(super) fn publish_failed(&mut self, error: &SwitchError) {
        let (mode, exit) = (self.state.mode().map(str::to_owned), Some(error.exit()));
        let text = one_line(&format!("{FAILED}{error}"));
        self.clients.publish(&Event { kind: EventKind::Failed, text, mode, value: None, exit });
    }

    pub(super) fn publish_switching(&mut self, to: Option<&str>) {
        let text = to.map_or_else(|| "stopping".to_owned(), |to| format!("switching to {to}"));
        let who = self.asked_by.as_ref().map(|who| format!(", as {who} asked")).unwrap_or_default();
        log::info!("{text}{who}");
        self.publish(EventKind::Switching, text, to.map(str::to_owned));
    }

    pub(super) fn publish_mode(&mut self) {
        let event = self.mode_event();
        log::info!("{}", event.text);
        self.clients.publish(&event);
    }

    pub(super) fn mode_event(&self) -> Event {
        let mode = self.state.mode().map(str::to_owned);
        Event { kind: EventKind::Mode, text: self.mode_text(), value: mode.clone(), mode, exit: None }
    }

    /// The mode and what a person needs to use it.
    pub(super) fn mode_text(&self) -> String {
        let mode = self.state.mode().unwrap_or("none");
        let link = self.established.as_ref().and_then(|established| established.link.as_ref());
        let Some(link) = link else { return format!("mode {mode}") };
        let addresses = &link.addresses;
        let moved = link.notice.as_ref().map(|notice| format!(" ({notice})")).unwrap_or_default();
        format!(
            "mode {mode}: {} {}/{}, host {}{moved}",
            link.interface, addresses.address, addresses.prefix, addresses.host
        )
    }
}

const fn phase(state: &State) -> Phase {
    match state {
        State::Stopped => Phase::Stopped,
        State::Switching { .. } => Phase::Switching,
        State::Lost { .. } => Phase::Lost,
        State::Confirmed { .. } => Phase::Confirmed,
    }
}

fn responder(supervisor: &Supervisor, answers: bool) -> control::Responder {
    let report = supervisor.report();
    let dhcp = report.dhcp.clone().unwrap_or_default();
    let dns = report.dns.clone().unwrap_or_default();
    control::Responder {
        running: answers,
        pid: supervisor.pid(),
        restarts: supervisor.restarts(),
        wrong_interface: report.wrong_interface,
        dhcp: Counters { received: dhcp.received, answered: dhcp.answered, dropped: dhcp.dropped },
        dns: Counters { received: dns.udp + dns.tcp, answered: dns.answered, dropped: dns.dropped },
    }
}

fn system() -> control::System {
    control::System {
        hostname: System::host_name().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        uptime_seconds: clock::now().as_secs(),
    }
}
