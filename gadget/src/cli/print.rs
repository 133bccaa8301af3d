//! What a person reads: status, modes and events as text.

use crate::config::{FunctionKind, HOST};
use crate::control::{Card, Counters, Event, Lease, Link, Mode, Phase, Responder, Status};

const LABEL: usize = 10;

/// The status, one fact a line.
#[must_use]
pub fn status(status: &Status) -> String {
    let mut lines = vec![row("mode", &mode(status))];
    lines.extend(status.progress.iter().map(|progress| row("progress", &progress.to_string())));
    if let Some(error) = &status.error {
        lines.push(row("error", error));
    }
    if let Some(udc) = &status.udc {
        let speed = udc.speed.as_deref().map(|speed| format!(", {speed}")).unwrap_or_default();
        let backend = status.backend.as_deref().unwrap_or("none");
        lines.push(row("udc", &format!("{}: {}{speed} ({backend})", udc.name, udc.state)));
    }
    lines.extend(status.role.iter().map(|role| row("role", role)));
    if let Some(link) = &status.link {
        lines.extend(link_rows(link));
    }
    if let Some(responder) = &status.responder {
        lines.extend(responder_rows(responder));
    }
    lines.extend(status.leases.iter().map(|lease| row("lease", &lease_text(lease))));
    lines.extend(card_rows(&status.cards));
    let system = &status.system;
    lines.push(row("system", &format!("{}, Linux {}", system.hostname, system.kernel)));
    lines.join("\n")
}

/// Each card, and below it what a person should know about it.
fn card_rows(cards: &[Card]) -> impl Iterator<Item = String> {
    cards.iter().flat_map(|card| {
        let note = card.note.as_ref().map(|note| row("note", &format!("{}: {note}", card.name)));
        std::iter::once(row("card", &card.to_string())).chain(note)
    })
}

fn row(label: &str, text: &str) -> String {
    format!("{label:LABEL$} {text}")
}

fn mode(status: &Status) -> String {
    let now = status.mode.as_deref().unwrap_or("none");
    match (status.state, &status.target) {
        (Phase::Switching, Some(target)) => format!("{now}, switching to {target}"),
        (Phase::Lost, Some(target)) => format!("{now}, {target} is set again when there is a UDC"),
        (Phase::Confirmed, _) => format!("{now} (confirmed)"),
        _ => now.to_owned(),
    }
}

fn link_rows(link: &Link) -> Vec<String> {
    let up = if link.up { "up" } else { "down" };
    let carrier = if link.carrier { "carrier" } else { "no carrier" };
    let mut rows = vec![
        row("link", &format!("{} {}, {up}, {carrier}, mtu {}", link.interface, link.address, link.mtu)),
        row("host", &format!("{} ({})", link.host, link.host_mac.as_deref().unwrap_or("mac not known"))),
        row("traffic", &format!("{} bytes received, {} bytes sent", link.received_bytes, link.sent_bytes)),
    ];
    if let Some(moved) = &link.moved {
        rows.push(row("moved", moved));
    }
    rows
}

fn responder_rows(responder: &Responder) -> Vec<String> {
    let running = match (responder.running, responder.pid) {
        (true, Some(pid)) => format!("answering (pid {pid}), started again {} times", responder.restarts),
        _ => format!("not running, started again {} times", responder.restarts),
    };
    vec![
        row("responder", &running),
        row("dhcp", &counters(&responder.dhcp)),
        row("dns", &counters(&responder.dns)),
    ]
}

fn counters(counters: &Counters) -> String {
    let dropped: Vec<String> = counters.dropped.iter().map(|(why, n)| format!("{n} {why}")).collect();
    let dropped = if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") };
    format!("{} received, {} answered, dropped: {dropped}", counters.received, counters.answered)
}

/// One lease.
#[must_use]
pub fn lease_text(lease: &Lease) -> String {
    let name = lease.hostname.as_deref().unwrap_or("no name");
    format!("{} {} {name}, {} s left", lease.address, lease.mac, lease.seconds_left)
}

/// One mode a line: `*` marks the current one. Below them the cards, if a mode lends them.
#[must_use]
pub fn modes(modes: &[Mode], cards: &[Card]) -> String {
    let width = modes.iter().map(|mode| mode.name.len()).max().unwrap_or(0);
    let line = |mode: &Mode| {
        let mark = if mode.current { '*' } else { ' ' };
        let functions = match mode.functions.as_slice() {
            [] if mode.name == HOST => "the host's role".to_owned(),
            [] => "no functions".to_owned(),
            functions => functions.join(" + "),
        };
        let why = mode.why.as_ref().map(|why| format!(" (not now: {why})")).unwrap_or_default();
        format!("{mark} {:width$}  {functions}{why}", mode.name)
    };
    let lends = modes
        .iter()
        .any(|mode| mode.functions.iter().any(|word| word == FunctionKind::MassStorage.kernel_name()));
    let cards = card_rows(cards).filter(|_| lends);
    modes.iter().map(line).chain(cards).collect::<Vec<_>>().join("\n")
}

/// One event.
#[must_use]
pub fn event(event: &Event) -> &str {
    &event.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Place, Progress, System, Udc};

    fn card(name: &str, place: Place, note: Option<&str>) -> Card {
        Card {
            name: name.into(),
            place,
            device: Some("/dev/mmcblk1p1".into()),
            size_bytes: Some(2_000_000_000),
            filesystem: Some("f2fs".into()),
            label: None,
            read_only: false,
            mounted_on: vec![],
            note: note.map(Into::into),
        }
    }

    fn nothing() -> Status {
        Status {
            mode: None,
            target: None,
            state: Phase::Stopped,
            error: None,
            backend: None,
            udc: None,
            role: None,
            link: None,
            responder: None,
            leases: vec![],
            cards: vec![],
            progress: None,
            system: System { hostname: "n800".into(), kernel: "6.1".into(), uptime_seconds: 5 },
        }
    }

    #[test]
    fn a_status_is_one_fact_a_line() {
        let full = Status {
            mode: Some("network".into()),
            state: Phase::Confirmed,
            backend: Some("configfs".into()),
            udc: Some(Udc {
                name: "dummy_udc.0".into(),
                state: "configured".into(),
                speed: Some("high-speed".into()),
            }),
            link: Some(Link {
                interface: "usb0".into(),
                mac: "02:00:00:00:00:01".into(),
                host_mac: Some("02:00:00:00:00:02".into()),
                address: "192.168.2.15/27".into(),
                host: "192.168.2.14".into(),
                mtu: 1500,
                up: true,
                carrier: false,
                received_bytes: 10,
                sent_bytes: 20,
                moved: None,
            }),
            responder: Some(Responder {
                running: true,
                pid: Some(7),
                restarts: 1,
                wrong_interface: 0,
                dhcp: Counters { received: 3, answered: 2, dropped: [("truncated".into(), 1)].into() },
                dns: Counters::default(),
            }),
            leases: vec![Lease {
                address: "192.168.2.14".into(),
                mac: "02:00:00:00:00:02".into(),
                hostname: Some("laptop".into()),
                seconds_left: 60,
            }],
            ..nothing()
        };
        let switching = Status {
            target: Some("network".into()),
            state: Phase::Switching,
            error: Some("UDC is gone".into()),
            ..nothing()
        };
        let lending = Status {
            mode: Some("network".into()),
            target: Some("storage".into()),
            state: Phase::Switching,
            cards: vec![
                card("/media/mmc1", Place::Host, Some("the host may not read f2fs")),
                card("LABEL=A", Place::Absent, None),
            ],
            progress: Some(Progress {
                card: Some("/media/mmc1".into()),
                what: "writing back".into(),
                bytes_left: Some(5_000_000),
                seconds: 2,
            }),
            ..nothing()
        };
        let host = Status {
            mode: Some("host".into()),
            state: Phase::Confirmed,
            role: Some("host".into()),
            ..nothing()
        };
        let table = [
            ("a host", host, "mode       host (confirmed)\nrole       host\nsystem     n800, Linux 6.1"),
            ("stopped", nothing(), "mode       none\nsystem     n800, Linux 6.1"),
            (
                "switching after a failure",
                switching,
                "mode       none, switching to network\nerror      UDC is gone\nsystem     n800, Linux 6.1",
            ),
            (
                "lending",
                lending,
                "mode       network, switching to storage\n\
                 progress   /media/mmc1: writing back, 5.0 MB left, 2 s\n\
                 card       /media/mmc1: host has it (/dev/mmcblk1p1, 2.0 GB f2fs)\n\
                 note       /media/mmc1: the host may not read f2fs\n\
                 card       LABEL=A: absent, the slot is empty\n\
                 system     n800, Linux 6.1",
            ),
            (
                "network",
                full,
                "mode       network (confirmed)\n\
                 udc        dummy_udc.0: configured, high-speed (configfs)\n\
                 link       usb0 192.168.2.15/27, up, no carrier, mtu 1500\n\
                 host       192.168.2.14 (02:00:00:00:00:02)\n\
                 traffic    10 bytes received, 20 bytes sent\n\
                 responder  answering (pid 7), started again 1 times\n\
                 dhcp       3 received, 2 answered, dropped: 1 truncated\n\
                 dns        0 received, 0 answered, dropped: none\n\
                 lease      192.168.2.14 02:00:00:00:00:02 laptop, 60 s left\n\
                 system     n800, Linux 6.1",
            ),
        ];
        for (name, value, expected) in table {
            assert_eq!(status(&value), expected, "{name}");
        }
    }

    #[test]
    fn modes_say_why_not() {
        let mode = |name: &str, functions: &[&str], current, why: Option<&str>| Mode {
            name: name.into(),
            functions: functions.iter().map(|f| (*f).into()).collect(),
            current,
            why: why.map(Into::into),
        };
        let list = [
            mode("charging", &[], false, None),
            mode("network", &["ncm", "acm"], true, None),
            mode("old", &["rndis"], false, Some("the kernel has no usb_f_rndis")),
            mode("host", &[], false, None),
        ];
        let cards = [card("/media/mmc1", Place::Device, None)];
        assert_eq!(
            modes(&list, &cards),
            "  charging  no functions\n* network   ncm + acm\n  old       rndis (not now: the kernel has no usb_f_rndis)\n  \
             host      the host's role"
        );
        assert_eq!(
            modes(&[mode("storage", &["mass_storage"], true, None)], &cards),
            "* storage  mass_storage\ncard       /media/mmc1: device has it, not mounted (/dev/mmcblk1p1, 2.0 GB f2fs)"
        );
    }
}
