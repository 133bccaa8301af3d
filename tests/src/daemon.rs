//! Running `usbnet` itself: the program that `scripts/kernel-tests` puts on the machine's PATH.

use std::fs;

use usbnet::control::Status;

use crate::{
    run::{Outcome, run},
    wait::wait_for,
};

/// Where `usbnet` looks for its configuration unless told.
pub const CONFIG: &str = "/etc/usbnet/config.ron";

/// Runs `usbnet` with these arguments.
#[track_caller]
pub fn usbnet(arguments: &[&str]) -> Outcome {
    run(&[&["usbnet"], arguments].concat())
}

/// Runs `usbnet` and expects it to succeed.
///
/// # Panics
///
/// With its output, if it does not.
#[track_caller]
pub fn usbnet_ok(arguments: &[&str]) -> String {
    let outcome = usbnet(arguments);
    assert_eq!(
        outcome.code, 0,
        "usbnet {arguments:?} ended with {}:\n{}{}",
        outcome.code, outcome.out, outcome.err
    );
    outcome.out
}

/// Expects `usbnet` to fail with this exit code and one line that has all of `words`, after lines of progress at most.
#[track_caller]
pub fn usbnet_fails(arguments: &[&str], code: i32, words: &[&str]) {
    let outcome = usbnet(arguments);
    assert_eq!(outcome.code, code, "usbnet {arguments:?} printed:\n{}{}", outcome.out, outcome.err);
    // `usbnet: CARD: WHAT, N s`
    let progress = |line: &&str| line.rsplit_once(", ").is_some_and(|(_, time)| time.ends_with(" s"));
    let lines: Vec<_> = outcome.err.lines().filter(|line| !progress(line)).collect();
    assert_eq!(lines.len(), 1, "one line, not:\n{}", outcome.err);
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is missing in: {}", outcome.err);
    }
}

/// Writes the configuration file.
#[track_caller]
pub fn configure(text: &str) {
    fs::create_dir_all("/etc/usbnet").expect("/etc/usbnet");
    fs::write(CONFIG, text).expect(CONFIG);
}

/// A configuration whose mode `network` has these functions, and that is complete but for the defaults.
#[must_use]
pub fn with_functions(functions: &str) -> String {
    format!("Config(modes: {{\"network\": (functions: [{functions}]), \"charging\": (functions: [])}})\n")
}

/// What `usbnet status --json` says.
///
/// # Panics
///
/// If it says something else than a status.
#[track_caller]
#[must_use]
pub fn status() -> Status {
    let text = usbnet_ok(&["status", "--json"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in the status:\n{text}"))
}

/// The same as it is printed, for what a script would read.
#[track_caller]
#[must_use]
pub fn status_json() -> serde_json::Value {
    serde_json::from_str(&usbnet_ok(&["status", "--json"])).expect("the status is JSON")
}

/// Waits until the status is as wanted, and returns it.
#[track_caller]
pub fn wait_status(what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    wait_for(what, || {
        let outcome = usbnet(&["status", "--json"]);
        let status = serde_json::from_str(&outcome.out).ok()?;
        wanted(&status).then_some(status)
    })
}

/// The process ids of everything named `usbnet`: the daemon, and its responder.
#[must_use]
pub fn processes() -> Vec<i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(|pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/comm"))
                .is_ok_and(|name| name.trim().starts_with("usbnet"))
        })
        .collect()
}

/// The daemon's process id: of the processes named `usbnet`, the one whose parent is none of them.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn daemon_pid() -> i32 {
    let all = processes();
    let parent = |pid: i32| -> Option<i32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    all.iter()
        .copied()
        .find(|pid| parent(*pid).is_some_and(|parent| !all.contains(&parent)))
        .expect("a running daemon")
}

/// The numbers behind all lines of a file in /proc that begin with `key`, added up.
///
/// # Panics
///
/// If it cannot be read.
#[must_use]
pub fn sum_of(file: &str, key: &str) -> usize {
    let text = fs::read_to_string(file).expect(file);
    let lines = text.lines().filter(|line| line.starts_with(key));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok()).sum()
}

/// The daemon's own memory, in kB.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn private_kb() -> usize {
    sum_of(&format!("/proc/{}/smaps_rollup", daemon_pid()), "Private_")
}

/// How many descriptors the daemon has.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn descriptors() -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon_pid())).expect("its descriptors").count()
}
