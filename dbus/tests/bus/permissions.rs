//! Who may change something, and what the log has of it.

use std::time::Instant;

use crate::polkit::Polkit;
use crate::stage::{NAME, Stage};

pub const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// Methods that only some may call, with arguments that are good.
const CHANGES: [(&str, &[&str]); 9] = [
    ("set_mode", &["string:developer_mode"]),
    ("set_config", &["string:ask"]),
    ("clear_config", &["uint32:0"]),
    ("hide_mode", &["string:mass_storage"]),
    ("unhide_mode", &["string:mass_storage"]),
    ("set_whitelisted_modes", &["string:mass_storage,developer_mode"]),
    ("set_whitelisted", &["string:mass_storage", "boolean:true"]),
    ("net_config", &["string:ip", "string:192.168.2.15"]),
    ("org.usbnet.Bridge.SetMode", &["string:network", "string:{}"]),
];

/// Each change is tried by a user who is nobody special.
#[track_caller]
pub fn tried(stage: &Stage, runner: &[&str], name: &str, permitted: bool) {
    for (method, arguments) in CHANGES {
        let answer = stage.send(runner, method, arguments);
        assert_eq!(answer.good, permitted, "{name}: {method}: {}", answer.text);
        if !permitted {
            let denied = "Error org.freedesktop.DBus.Error.AccessDenied: ";
            assert!(answer.text.starts_with(denied), "{name}: {method}: {}", answer.text);
        }
    }
    // There is nothing to cancel, but that is not everybody's to hear.
    let cancel = stage.send(runner, "org.usbnet.Bridge.Cancel", &[]).text;
    let expected =
        if permitted { "org.usbnet.Control.Failed" } else { "org.freedesktop.DBus.Error.AccessDenied" };
    assert!(cancel.starts_with(&format!("Error {expected}: ")), "{name}: {cancel}");
    let modes = stage.send(runner, "get_available_modes_for_user", &[]);
    assert_eq!(modes.text.contains("charging_only"), permitted, "{name}: {}", modes.text);
    for method in ["mode_request", "get_modes", "get_available_modes", "get_config", "get_hidden"] {
        let answer = stage.send(runner, method, &[]);
        assert!(answer.good, "{name}: everybody may read: {method}: {}", answer.text);
    }
}

#[test]
fn polkit_decides_who_may_switch() {
    let stage = Stage::new();
    for (name, verdict) in [("polkit permits", true), ("polkit refuses", false)] {
        let polkit = Polkit::start(stage.address(), verdict);
        tried(&stage, &AS_NOBODY, name, verdict);
        let asked = polkit.asked();
        assert!(!asked.is_empty(), "{name}");
        assert!(asked.iter().all(|action| action == "org.usbnet.switch"), "{name}: {asked:?}");
    }
}

#[test]
fn without_polkit_root_and_the_control_group_may_switch() {
    let mut stage = Stage::without_bridge();
    stage.start_bridge(&["setpriv", "--regid=4243", "--groups=4242,4243"], &[]);
    let group = ["setpriv", "--reuid=65534", "--regid=65534", "--groups=4242"];
    let primary = ["setpriv", "--reuid=65534", "--regid=4243", "--groups=4243"];
    tried(&stage, &AS_NOBODY, "nobody", false);
    tried(&stage, &primary, "a member of the bridge's primary group", false);
    let denied = stage.send(&primary, "set_config", &["string:ask"]).text;
    let why = "user 65534 may not switch; without polkit, only root and members of group 4242 may";
    assert!(denied.contains(why), "{denied}");
    tried(&stage, &group, "a member of the group", true);
    tried(&stage, &[], "root", true);
}

#[test]
fn nobody_fills_the_log() {
    let mut stage = Stage::without_bridge();
    let log = stage.directory().join("log");
    let keep = format!("exec \"$0\" \"$@\" 2>{}", log.display());
    stage.start_bridge(&["sh", "-c", &keep], &[]);
    let long = format!("string:{}", "x".repeat(1000));
    let start = Instant::now();
    let table: [(&str, &[&str]); 4] = [
        ("set_mode", &[&long]),
        ("set_whitelisted", &[&long, "boolean:false"]),
        ("net_config", &[&long, &long]),
        ("org.usbnet.Bridge.SetMode", &[&long, &long]),
    ];
    for (method, arguments) in table {
        for runner in [&AS_NOBODY as &[&str], &[]] {
            stage.send(runner, method, arguments);
        }
    }
    let logged = std::fs::read_to_string(&log).expect("the log");
    let refused = logged.matches("is refused: user 65534 may not switch").count();
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("few");
    assert!((1..=seconds + 1).contains(&refused), "one a second: {logged}");
    assert_eq!(logged.matches("user 0 asks").count(), table.len(), "{logged}");
    assert!(logged.lines().all(|line| line.len() < 400), "{logged}");
}

#[test]
fn nobody_else_may_own_the_name() {
    let stage = Stage::without_bridge();
    let bus = "org.freedesktop.DBus";
    let request = ["busctl", "call", bus, "/org/freedesktop/DBus", bus, "RequestName", "su", NAME, "0"];
    let answer = stage.run(&[&AS_NOBODY as &[&str], &request].concat());
    assert!(!answer.good, "{}", answer.text);
    assert!(stage.run(&request).good, "root may");
}
