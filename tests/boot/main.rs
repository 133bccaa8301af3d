//! What `scripts/install` installs, under real init systems and on a real kernel, with both ends of the cable. Only
//! `scripts/boot-tests [NAME]` runs these: those in `systemd` where it is PID 1, all others where it is not.

mod early;
mod installed;
mod openrc;
mod permissions;
mod runit;
mod systemd;
mod sysv;

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet_tests::{
    daemon::{daemon_pid, processes, usbnet, usbnet_ok},
    wait::wait_until,
};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Takes the daemon's life, and returns what its process id was.
fn crash() -> i32 {
    let pid = daemon_pid();
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a daemon");
    pid
}

/// Waits for another daemon than `killed` that has set this mode.
fn wait_for_mode(mode: &str, killed: i32) {
    wait_until(&format!("a daemon in mode {mode}"), || {
        let found = usbnet(&["mode"]);
        found.code == 0 && found.out.trim() == mode && daemon_pid() != killed
    });
}

fn nothing_runs() {
    wait_until("the processes to end", || processes().is_empty());
}

/// The mode as a person reads it.
fn mode() -> String {
    usbnet_ok(&["mode"]).trim().to_owned()
}

/// Does something, and says how long it took: no verdict.
fn timed<T>(what: &str, action: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = action();
    let took: Duration = start.elapsed();
    println!("{what}: {:.1} s", took.as_secs_f64());
    result
}
