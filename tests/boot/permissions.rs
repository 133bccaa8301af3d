//! Who may do what, on a real socket: its modes under any umask, the configured group, and what is said and logged.

use std::{fs, os::unix::fs::PermissionsExt as _};

use usbnet_tests::{
    daemon::{configure, usbnet_ok},
    lab::Lab,
    run::{Outcome, run, sh},
};

const NOT_PERMITTED: i32 = 8;

fn mode_of(path: &str) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{path}: {error}")).permissions().mode() & 0o7777
}

fn as_user(groups: &str, arguments: &[&str]) -> Outcome {
    run(&[&["setpriv", "--reuid", "65534", "--regid", "65534", groups, "usbnet"], arguments].concat())
}

#[test]
fn modes_under_any_umask() {
    let _lab = Lab::begin();
    configure("Config()\n");
    for umask in ["000", "022", "077", "777"] {
        sh(&format!("umask {umask}; usbnet start --config /etc/usbnet/config.ron"));
        let table = [
            ("/run/usbnet", 0o755),
            ("/run/usbnet/control", 0o666),
            ("/run/usbnet/lock", 0o600),
            ("/run/usbnet/config", 0o644),
            ("/var/lib/usbnet", 0o755),
            ("/var/lib/usbnet/mode", 0o644),
        ];
        for (path, expected) in table {
            assert_eq!(format!("{:o}", mode_of(path)), format!("{expected:o}"), "{path} with umask {umask}");
        }
        assert_eq!(as_user("--clear-groups", &["status"]).code, 0, "everybody may look, umask {umask}");
        usbnet_ok(&["stop"]);
        sh("rm -rf /run/usbnet /var/lib/usbnet");
    }
}

#[test]
fn a_group_may_switch_and_others_are_told_which() {
    let _lab = Lab::begin();
    sh("grep -q ^cable: /etc/group || echo cable:x:4711: >>/etc/group; dmesg --clear");
    configure("Config(control: (group: Some(\"cable\")))\n");
    usbnet_ok(&["start"]);
    for arguments in [&["mode", "charging"][..], &["stop"]] {
        let refused = as_user("--clear-groups", arguments);
        assert_eq!(refused.code, NOT_PERMITTED, "{}", refused.err);
        assert!(refused.err.contains("cable"), "{}", refused.err);
        assert_eq!(refused.err.trim_end().lines().count(), 1, "{}", refused.err);
    }
    let switched = as_user("--groups=4711", &["mode", "charging"]);
    assert_eq!(switched.code, 0, "{}", switched.err);
    usbnet_ok(&["mode", "network"]);
    let log = sh("dmesg | grep 'usbnet: uid'");
    // Of refusals, one a second is logged: the first of the two in any case.
    for words in [
        ["uid 65534 (pid ", "may not ask for", "charging"],
        ["uid 65534 (pid ", " asks for", "charging"],
        ["uid 0 (pid ", " asks for", "network"],
    ] {
        assert!(log.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?} in:\n{log}");
    }
}
