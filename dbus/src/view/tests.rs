//! Tables of states, and of what is told between them.

use serde_json::{Value, json};
use usbnet::cards::{Holder, HolderKind};
use usbnet::control::{Held, Refusal};

use super::*;
use crate::settings::Chosen;

const SHIPPED: [(&str, &[&str]); 5] = [
    ("charging", &[]),
    ("host", &[]),
    ("network", &["ncm"]),
    ("network+storage", &["ncm", "mass_storage"]),
    ("storage", &["mass_storage"]),
];

fn modes(entries: &[(&str, &[&str])]) -> Vec<Mode> {
    let mode = |(name, functions): &(&str, &[&str])| Mode {
        name: (*name).to_owned(),
        functions: functions.iter().map(|function| (*function).to_owned()).collect(),
        current: false,
        why: None,
    };
    entries.iter().map(mode).collect()
}

/// The daemon's status with some of its fields set.
fn status(fields: Value) -> Status {
    let mut status = json!({
        "mode": null, "target": null, "state": "stopped", "error": null, "backend": null, "udc": null, "link": null,
        "responder": null, "leases": [], "cards": [], "progress": null,
        "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 1},
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    for (name, value) in fields {
        status[name] = value;
    }
    serde_json::from_value(status).expect("a status")
}

fn udc(state: &str) -> Value {
    json!({"name": "dummy_udc.0", "state": state, "speed": null})
}

fn card(place: &str) -> Value {
    json!([{
        "name": "/media/mmc1", "place": place, "device": null, "size_bytes": null, "filesystem": null, "label": null,
        "read_only": false, "mounted_on": [], "note": null,
    }])
}

fn link() -> Value {
    json!({
        "interface": "usb0", "mac": "", "host_mac": null, "address": "192.168.2.15/27", "host": "192.168.2.14",
        "mtu": 1500, "up": true, "carrier": true, "received_bytes": 0, "sent_bytes": 0, "moved": null,
    })
}

/// Seen to be in, or seen to be out.
fn cable(there: bool) -> Cable {
    Cable::default().waited().seen(Some(there))
}

fn facts(fields: Value, there: bool) -> Facts {
    let cable = cable(there);
    Facts { status: status(fields), modes: modes(&SHIPPED), cable }
}

fn view_of(facts: &Facts) -> View {
    View::of(Some(facts), &Settings::default(), &View::default())
}

#[test]
fn states_have_usb_modeds_names() {
    let confirmed = |mode: &str, state: &str| json!({"mode": mode, "state": "confirmed", "udc": udc(state)});
    let table = [
        ("stopped", json!({}), false, UNDEFINED, UNDEFINED),
        ("network", confirmed("network", "configured"), true, "developer_mode", "developer_mode"),
        ("storage", confirmed("storage", "configured"), true, "mass_storage", "mass_storage"),
        ("both", confirmed("network+storage", "suspended"), true, "network+storage", "network+storage"),
        ("no cable", confirmed("network", "not attached"), false, UNDEFINED, UNDEFINED),
        (
            "the host is on its way",
            confirmed("network", "not attached"),
            true,
            "developer_mode",
            "developer_mode",
        ),
        (
            "nothing bound: the cable is unknown",
            json!({"mode": "charging", "state": "confirmed"}),
            false,
            "charging_only",
            "charging_only",
        ),
        ("host", json!({"mode": "host", "state": "confirmed"}), false, "host_mode", "host_mode"),
        (
            "switching",
            json!({"mode": "network", "target": "storage", "state": "switching"}),
            true,
            BUSY,
            "mass_storage",
        ),
        ("stopping", json!({"mode": "network", "state": "switching"}), true, BUSY, UNDEFINED),
        ("no UDC any more", json!({"target": "network", "state": "lost"}), true, UNDEFINED, UNDEFINED),
    ];
    for (name, fields, cable, current, target) in table {
        let view = view_of(&facts(fields, cable));
        assert_eq!((view.current.as_str(), view.target.as_str()), (current, target), "{name}");
    }
}

#[test]
fn names_go_both_ways() {
    let named_by_moded: [(&str, &[&str]); 3] =
        [("network", &["ncm"]), ("developer_mode", &["rndis"]), ("busy", &["ncm"])];
    let table: [(&str, &[(&str, &[&str])], &str, Option<&str>); 9] = [
        ("a word of usb-moded", &SHIPPED, "developer_mode", Some("network")),
        ("storage", &SHIPPED, "mass_storage", Some("storage")),
        ("charging", &SHIPPED, "charging_only", Some("charging")),
        ("no word: its own name", &SHIPPED, "network+storage", Some("network+storage")),
        ("one name for each", &SHIPPED, "network", None),
        ("unknown", &SHIPPED, "mtp_mode", None),
        ("a mode that is called by the word", &named_by_moded, "developer_mode", Some("developer_mode")),
        ("then the other keeps its name", &named_by_moded, "network", Some("network")),
        ("a state is no mode", &named_by_moded, "busy", None),
    ];
    for (name, entries, word, expected) in table {
        let modes = modes(entries);
        assert_eq!(named(word, &modes).map(|mode| mode.name.as_str()), expected, "{name}");
    }
}

#[test]
fn usbnets_own_names_are_translated() {
    let named_by_moded: [(&str, &[&str]); 3] =
        [("network", &["ncm"]), ("developer_mode", &["rndis"]), ("busy", &["ncm"])];
    let table: [(&str, &[(&str, &[&str])], &str, &str); 6] = [
        ("usbnet's name", &SHIPPED, "storage", "mass_storage"),
        ("usb-moded's word", &SHIPPED, "mass_storage", "mass_storage"),
        ("one name for each", &SHIPPED, "network+storage", "network+storage"),
        ("unknown", &SHIPPED, "mtp_mode", "mtp_mode"),
        ("its word is another mode", &named_by_moded, "network", "network"),
        ("a mode that is called by the word", &named_by_moded, "developer_mode", "developer_mode"),
    ];
    for (name, entries, asked, expected) in table {
        assert_eq!(in_words(asked, &modes(entries)), expected, "{name}");
    }
}

#[test]
fn lists_name_what_can_be_chosen() {
    let setting = |hidden: &[&str], whitelist: Option<&[&str]>| {
        let own = |modes: &[&str]| modes.iter().map(|mode| (*mode).to_owned()).collect();
        Settings { hidden: own(hidden), whitelist: whitelist.map(own), ..Settings::default() }
    };
    let all = "host_mode, developer_mode, network+storage, mass_storage, charging_only";
    let table = [
        ("nothing set", setting(&[], None), all, "host_mode, developer_mode, mass_storage, charging_only"),
        (
            "hidden",
            setting(&["host_mode", "charging_only"], None),
            "developer_mode, network+storage, mass_storage",
            "developer_mode, mass_storage",
        ),
        ("whitelisted", setting(&[], Some(&["mass_storage"])), all, "mass_storage, charging_only"),
        ("an empty whitelist", setting(&[], Some(&[])), all, "charging_only"),
    ];
    for (name, settings, supported, available) in table {
        let mut facts = facts(json!({}), false);
        facts.modes[3].why = Some("card /media/mmc1 is absent".to_owned());
        let view = View::of(Some(&facts), &settings, &View::default());
        assert_eq!((view.supported.as_str(), view.available.as_str()), (supported, available), "{name}");
    }
}

#[test]
fn without_a_daemon_the_lists_stay() {
    let before =
        view_of(&facts(json!({"mode": "network", "state": "confirmed", "udc": udc("configured")}), true));
    let after = View::of(None, &Settings::default(), &before);
    assert_eq!((&after.supported, &after.available), (&before.supported, &before.available));
    let undefined = ModeConfig { name: UNDEFINED.to_owned(), ..ModeConfig::default() };
    assert_eq!(
        after.signals(&before),
        [
            Signal::Event("USB disconnected"),
            Signal::TargetConfig(undefined),
            Signal::Target(UNDEFINED.to_owned()),
            Signal::Current(UNDEFINED.to_owned()),
        ]
    );
}

#[test]
fn a_switch_is_told_in_usb_modeds_order() {
    let network = json!({
        "mode": "network", "state": "confirmed", "udc": udc("configured"), "cards": card("device"), "link": link(),
        "responder": {
            "running": true, "pid": 9, "restarts": 0, "wrong_interface": 0,
            "dhcp": {"received": 0, "answered": 0, "dropped": {}},
            "dns": {"received": 0, "answered": 0, "dropped": {}},
        },
    });
    let switching =
        json!({"mode": "network", "target": "storage", "state": "switching", "cards": card("device")});
    let storage =
        json!({"mode": "storage", "state": "confirmed", "udc": udc("configured"), "cards": card("host")});
    let developer = ModeConfig {
        name: "developer_mode".to_owned(),
        network: true,
        interface: "usb0".to_owned(),
        dhcp_server: true,
    };
    let mass_storage = ModeConfig { name: "mass_storage".to_owned(), ..ModeConfig::default() };
    let none = View::of(None, &Settings::default(), &view_of(&facts(json!({}), false)));
    let steps = [
        (
            facts(network, true),
            vec![
                Signal::Event("USB connected"),
                Signal::TargetConfig(developer),
                Signal::Target("developer_mode".to_owned()),
                Signal::Current("developer_mode".to_owned()),
            ],
        ),
        (
            facts(switching, true),
            vec![
                Signal::TargetConfig(mass_storage),
                Signal::Target("mass_storage".to_owned()),
                Signal::Current("busy".to_owned()),
                Signal::Event("pre-unmount"),
            ],
        ),
        (
            facts(storage, true),
            vec![Signal::Current("mass_storage".to_owned()), Signal::Event("data_in_use")],
        ),
    ];
    let mut before = none;
    for (facts, expected) in steps {
        let after = view_of(&facts);
        assert_eq!(after.signals(&before), expected);
        assert!(after.signals(&after).is_empty());
        before = after;
    }
}

#[test]
fn settings_are_told_with_the_lists_they_change() {
    let facts = facts(json!({}), false);
    let settings = Settings {
        mode: Some(Chosen { mode: "mass_storage".to_owned(), uid: 0 }),
        hidden: vec!["host_mode".to_owned(), "network+storage".to_owned()],
        whitelist: Some(vec!["mass_storage".to_owned()]),
    };
    let before = view_of(&facts);
    let config = |key, value: &str| Signal::Config("usbmode", key, value.to_owned());
    assert_eq!(
        View::of(Some(&facts), &settings, &before).signals(&before),
        [
            config("mode", "mass_storage"),
            config("hide", "host_mode,network+storage"),
            Signal::Hidden("host_mode,network+storage".to_owned()),
            config("whitelist", "mass_storage"),
            Signal::Whitelisted("mass_storage".to_owned()),
            Signal::Supported("developer_mode, mass_storage, charging_only".to_owned()),
            Signal::Available("mass_storage, charging_only".to_owned()),
        ]
    );
}

#[test]
fn a_cable_that_comes_brings_the_chosen_mode() {
    let network = |state| json!({"mode": "network", "state": "confirmed", "udc": udc(state)});
    let out = || Some(cable(false));
    let unknown = || Some(Cable::default());
    let table = [
        ("nothing chosen", None, out(), None, false),
        ("another one", Some("mass_storage"), out(), Some("mass_storage"), false),
        ("the one that is set", Some("developer_mode"), out(), None, false),
        ("the user", Some("ask"), out(), None, true),
        ("whether it was out is not known", Some("mass_storage"), unknown(), None, false),
        ("the user, but whether it was out is not known", Some("ask"), unknown(), None, false),
        ("the daemon was not there", Some("mass_storage"), None, None, false),
        ("the user, but the daemon was not there", Some("ask"), None, None, false),
    ];
    for (name, chosen, cable, wanted, asked) in table {
        let mode = chosen.map(|mode: &str| Chosen { mode: mode.to_owned(), uid: 0 });
        let settings = Settings { mode, ..Settings::default() };
        let before = cable.map(|cable| Facts { cable, ..facts(network("not attached"), false) });
        let before = View::of(before.as_ref(), &settings, &View::default());
        let after = View::of(Some(&facts(network("configured"), true)), &settings, &before);
        assert_eq!(after.wanted(&before), wanted, "{name}");
        let signals = after.signals(&before);
        assert!(signals.contains(&Signal::Event("USB connected")), "{name}");
        assert_eq!(signals.contains(&Signal::Event("mode_requested_show_dialog")), asked, "{name}");
        assert_eq!(after.wanted(&after), None, "{name}: only once");
    }
}

#[test]
fn failures_have_usb_modeds_words() {
    let holder = Holder {
        kind: HolderKind::OpenFile,
        pid: Some(812),
        program: Some("vi".to_owned()),
        user: Some("user".to_owned()),
        path: "/media/mmc1/notes.txt".into(),
    };
    let busy = Refusal::CardBusy { holders: vec![Held { card: "/media/mmc1".to_owned(), holder }] };
    let busy = format!("failed: {busy}");
    let table = [
        ("a card is busy", EventKind::Failed, busy.as_str(), false, None, Some(error::UNMOUNT)),
        ("anything else", EventKind::Failed, "failed: no UDC", false, None, Some(error::MODE_SETTING)),
        ("a card is not back", EventKind::Mode, "mode network", false, Some("card"), Some(error::MOUNT)),
        ("undone, and told of already", EventKind::Mode, "mode network", true, Some("no UDC"), None),
        ("all is well", EventKind::Mode, "mode network", false, None, None),
        ("a cable", EventKind::Cable, "cable: configured", false, Some("card"), None),
    ];
    for (name, kind, text, failed, daemon, expected) in table {
        let signal = failure(kind, text, failed, daemon);
        assert_eq!(signal, expected.map(Signal::Error), "{name}");
    }
}

#[test]
fn a_host_is_there_when_the_udc_has_an_address() {
    let table = [
        (Some("configured"), Some(true)),
        (Some("default"), Some(true)),
        (Some("suspended"), Some(true)),
        (Some("not attached"), Some(false)),
        (Some("powered"), Some(false)),
        (None, None),
    ];
    for (state, expected) in table {
        let udc = state.map(|state| Udc { name: "u".to_owned(), state: state.to_owned(), speed: None });
        assert_eq!(host(udc.as_ref()), expected, "{state:?}");
    }
}
