//! `/etc/init.d/usbnet` by hand, with the real daemon: each verb from each state, twice, with the exit codes of the Linux
//! Standard Base.

use usbnet_tests::{daemon::usbnet_ok, lab::Lab, run::run};

use crate::{crash, installed::Installed, mode, nothing_runs};

const SCRIPT: &str = "/etc/init.d/usbnet";

/// What a verb ends with, the second time, and what `status` ends with afterwards.
type Codes = [i32; 3];

/// A state, and what start, stop, restart, try-restart, force-reload and status end with in it.
const TABLE: [(&str, [Codes; 6]); 3] = [
    ("stopped", [[0, 0, 0], [0, 0, 3], [0, 0, 0], [0, 0, 3], [0, 0, 3], [3, 3, 3]]),
    ("running", [[0, 0, 0], [0, 0, 3], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ("killed", [[0, 0, 0], [0, 0, 3], [0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 1, 1]]),
];

const VERBS: [&str; 6] = ["start", "stop", "restart", "try-restart", "force-reload", "status"];

fn reach(state: &str) {
    usbnet_ok(&["stop"]);
    if state != "stopped" {
        usbnet_ok(&["start"]);
    }
    if state == "killed" {
        crash();
        nothing_runs();
    }
}

#[test]
fn each_verb_from_each_state_twice() {
    let _lab = Lab::begin();
    let installed = Installed::with("sysv");
    println!("{:8} {:12} {:>5} {:>5} {:>12}", "state", "verb", "first", "again", "status after");
    for (state, rows) in TABLE {
        for (verb, expected) in VERBS.into_iter().zip(rows) {
            reach(state);
            let codes: Codes = [verb, verb, "status"].map(|verb| run(&[SCRIPT, verb]).code);
            println!("{state:8} {verb:12} {:>5} {:>5} {:>12}", codes[0], codes[1], codes[2]);
            assert_eq!(codes, expected, "{verb} when {state}");
            if codes[2] == 0 {
                assert_eq!(mode(), "network", "{verb} when {state}");
            }
        }
    }
    usbnet_ok(&["start"]);
    installed.uninstall();
}
