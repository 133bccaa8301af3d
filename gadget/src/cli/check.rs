//! The doctor: from what is observed to what is missing or wrong, each with the next step to take.
//!
//! Pure: [`Facts`] are gathered elsewhere, so that every finding has its row in a table.

use crate::control::{Card, Mode, Phase, Place, Status};
use crate::exit::Exit;

/// What is known about the device before anything is said.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The caller is root.
    pub root: bool,
    /// Why the configuration is not valid.
    pub config_error: Option<String>,
    /// Why no UDC can be taken.
    pub udc_error: Option<String>,
    /// Each mode, and why it cannot be chosen.
    pub modes: Vec<Mode>,
    /// The configured group that does not exist.
    pub missing_group: Option<String>,
    /// The daemon's status, or why there is none.
    pub status: Result<Status, String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Works, but not as well as it could.
    Notice,
    /// Does not work.
    Wrong,
}

impl Grade {
    /// What the line begins with.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Notice => "note",
            Self::Wrong => "WRONG",
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub grade: Grade,
    /// What, and the next step to take.
    pub text: String,
}

/// Examines the facts, the most basic ones first.
#[must_use]
pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.root {
        findings.push(notice("not run as root: some facts cannot be seen; use sudo usbnet check"));
    }
    findings.push(judge(&facts.config_error, "configuration is valid"));
    findings.push(judge(&facts.udc_error, "a UDC is there"));
    findings.extend(facts.modes.iter().map(mode));
    if let Some(group) = &facts.missing_group {
        findings.push(notice(&format!("control.group {group} does not exist; add it with groupadd {group}")));
    }
    match &facts.status {
        Err(error) => findings.push(notice(error)),
        Ok(status) => running(status, &mut findings),
    }
    findings
}

/// What a command that needs the device to be well ends with: the most basic fault decides.
#[must_use]
pub const fn exit(facts: &Facts) -> Exit {
    if facts.config_error.is_some() {
        Exit::ConfigInvalid
    } else if facts.udc_error.is_some() {
        Exit::NoKernelSupport
    } else {
        Exit::Failed
    }
}

fn running(status: &Status, findings: &mut Vec<Finding>) {
    if let Some(error) = &status.error {
        findings.push(wrong(&format!("the last switch failed: {error}")));
    }
    match (status.state, &status.mode) {
        (Phase::Confirmed, Some(mode)) => findings.push(good(&format!("mode {mode} is confirmed"))),
        (Phase::Lost, _) => findings.push(wrong("there is no UDC; the mode is set when there is one")),
        (Phase::Switching, _) => findings.push(notice("a switch is under way; see usbnet watch")),
        _ => findings.push(wrong("no mode is set; choose one from usbnet modes with usbnet mode NAME")),
    }
    findings.extend(cable(status));
    findings.extend(link(status));
    findings.extend(responder(status));
    findings.extend(status.cards.iter().map(card));
}

fn card(card: &Card) -> Finding {
    match (&card.note, card.place) {
        (Some(note), _) => notice(&format!("card {card}: {note}")),
        (None, Place::Absent) => {
            notice(&format!("card {}: nothing is there; insert it, or correct `cards`", card.name))
        }
        (None, Place::Nobody) => notice(&format!(
            "card {card}; the host has ejected it, and the device gets it back with a mode without storage"
        )),
        (None, Place::Device | Place::Host) => good(&format!("card {card}")),
    }
}

fn cable(status: &Status) -> Option<Finding> {
    let udc = status.udc.as_ref()?;
    Some(match udc.state.as_str() {
        "configured" => good(&format!("{} is configured: the host has taken the gadget", udc.name)),
        "not attached" => notice(&format!(
            "{} is not attached: plug the cable in, or try another one (some only charge)",
            udc.name
        )),
        "suspended" => notice(&format!("{} is suspended: wake the host", udc.name)),
        state => notice(&format!(
            "{} is {state}: the host has not taken the gadget yet; see its kernel log",
            udc.name
        )),
    })
}

fn link(status: &Status) -> Option<Finding> {
    let link = status.link.as_ref()?;
    let configured = status.udc.as_ref().is_some_and(|udc| udc.state == "configured");
    Some(if !link.up {
        wrong(&format!("{} is down; another program does that: tell it to leave {0} alone", link.interface))
    } else if let Some(moved) = &link.moved {
        notice(&format!("{moved}; set link.address to a free subnet to choose it yourself"))
    } else if configured && link.received_bytes == 0 {
        notice(&format!(
            "{}: the host has sent nothing; set its interface up, or reconnect softly with usbnet restart",
            link.interface
        ))
    } else {
        good(&format!("{} is up with {}", link.interface, link.address))
    })
}

fn responder(status: &Status) -> Option<Finding> {
    let responder = status.responder.as_ref()?;
    Some(if !responder.running {
        wrong("the responder does not answer; its reason is in the log")
    } else if responder.restarts > 0 {
        notice(&format!(
            "the responder had to be started again {} times; its reason is in the log",
            responder.restarts
        ))
    } else {
        good("the responder answers")
    })
}

fn mode(mode: &Mode) -> Finding {
    match &mode.why {
        None => good(&format!("mode {} can be chosen", mode.name)),
        Some(why) => notice(&format!("mode {} cannot be chosen: {why}", mode.name)),
    }
}

fn judge(error: &Option<String>, fine: &str) -> Finding {
    error.as_deref().map_or_else(|| good(fine), wrong)
}

fn good(text: &str) -> Finding {
    Finding { grade: Grade::Good, text: text.to_owned() }
}

fn notice(text: &str) -> Finding {
    Finding { grade: Grade::Notice, text: text.to_owned() }
}

fn wrong(text: &str) -> Finding {
    Finding { grade: Grade::Wrong, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Link, Responder, System, Udc};

    fn slot(place: Place, note: Option<&str>) -> Card {
        Card {
            name: "/media/mmc1".into(),
            place,
            device: None,
            size_bytes: None,
            filesystem: None,
            label: None,
            read_only: false,
            mounted_on: vec![],
            note: note.map(Into::into),
        }
    }

    fn well() -> Facts {
        let link = Link {
            interface: "usb0".into(),
            mac: String::new(),
            host_mac: None,
            address: "192.168.2.15/27".into(),
            host: "192.168.2.14".into(),
            mtu: 1500,
            up: true,
            carrier: true,
            received_bytes: 1,
            sent_bytes: 1,
            moved: None,
        };
        let status = Status {
            mode: Some("network".into()),
            target: None,
            state: Phase::Confirmed,
            error: None,
            backend: Some("configfs".into()),
            udc: Some(Udc { name: "udc.0".into(), state: "configured".into(), speed: None }),
            role: None,
            link: Some(link),
            responder: Some(Responder { running: true, ..Responder::default() }),
            leases: vec![],
            cards: vec![slot(Place::Device, None)],
            progress: None,
            system: System::default(),
        };
        let modes = vec![Mode { name: "network".into(), functions: vec![], current: true, why: None }];
        Facts {
            root: true,
            config_error: None,
            udc_error: None,
            modes,
            missing_group: None,
            status: Ok(status),
        }
    }

    fn changed(change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = well();
        change(&mut facts);
        facts
    }

    fn status(change: impl FnOnce(&mut Status)) -> Facts {
        changed(|facts| change(facts.status.as_mut().expect("well has one")))
    }

    fn link(change: impl FnOnce(&mut Link)) -> Facts {
        status(|status| change(status.link.as_mut().expect("well has one")))
    }

    #[test]
    fn a_device_that_is_well_has_only_good_findings() {
        let findings = examine(&well());
        assert!(findings.iter().all(|finding| finding.grade == Grade::Good), "{findings:?}");
        assert_eq!(findings.len(), 8);
    }

    #[test]
    fn each_fault_is_found_with_its_next_step() {
        use Grade::{Notice, Wrong};
        let udc =
            |state: &'static str| status(|s| s.udc.as_mut().expect("well has one").state = state.into());
        let responder = |running, restarts| {
            status(|s| s.responder = Some(Responder { running, restarts, ..Responder::default() }))
        };
        let table = [
            ("user", changed(|f| f.root = false), Notice, "use sudo"),
            ("configuration", changed(|f| f.config_error = Some("bad".into())), Wrong, "bad"),
            ("udc", changed(|f| f.udc_error = Some("no UDC".into())), Wrong, "no UDC"),
            ("mode", changed(|f| f.modes[0].why = Some("no usb_f_ncm".into())), Notice, "no usb_f_ncm"),
            ("group", changed(|f| f.missing_group = Some("usb".into())), Notice, "groupadd usb"),
            ("daemon", changed(|f| f.status = Err("run usbnet start".into())), Notice, "usbnet start"),
            ("failed switch", status(|s| s.error = Some("taken".into())), Wrong, "taken"),
            ("no mode", status(|s| (s.state, s.mode) = (Phase::Stopped, None)), Wrong, "usbnet mode NAME"),
            ("no UDC any more", status(|s| s.state = Phase::Lost), Wrong, "when there is one"),
            ("switching", status(|s| s.state = Phase::Switching), Notice, "usbnet watch"),
            ("no cable", udc("not attached"), Notice, "plug the cable in"),
            ("asleep", udc("suspended"), Notice, "wake the host"),
            ("half enumerated", udc("addressed"), Notice, "kernel log"),
            ("interface down", link(|l| l.up = false), Wrong, "leave usb0 alone"),
            ("moved", link(|l| l.moved = Some("overlap".into())), Notice, "link.address"),
            ("silent host", link(|l| l.received_bytes = 0), Notice, "usbnet restart"),
            ("responder dead", responder(false, 0), Wrong, "does not answer"),
            ("empty slot", status(|s| s.cards = vec![slot(Place::Absent, None)]), Notice, "insert it"),
            ("ejected", status(|s| s.cards = vec![slot(Place::Nobody, None)]), Notice, "without storage"),
            (
                "card with a warning",
                status(|s| s.cards = vec![slot(Place::Host, Some("the host may not read f2fs"))]),
                Notice,
                "may not read f2fs",
            ),
            ("responder flaps", responder(true, 3), Notice, "3 times"),
        ];
        for (name, facts, grade, step) in table {
            let findings = examine(&facts);
            let found: Vec<&Finding> =
                findings.iter().filter(|finding| finding.grade != Grade::Good).collect();
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].grade, grade, "{name}");
            assert!(found[0].text.contains(step), "{name}: {}", found[0].text);
        }
    }
}
