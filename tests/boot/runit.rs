//! The service directory under runit's own `runsvdir`.

use std::process::{Child, Command};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet_tests::{
    daemon::{configure, daemon_pid, usbnet_ok},
    lab::Lab,
    run::{Outcome, run, sh, sh_quietly},
    wait::wait_until,
};

use crate::{ROOT, crash, installed::Installed, mode, nothing_runs, timed, wait_for_mode};

/// runit over `/etc/service`, until dropped.
struct Runit(Child);

impl Runit {
    fn begin() -> Self {
        sh(&format!(
            "cd {ROOT}/.vm/inits/usr/bin; cp runsv runsvdir sv svlogd /usr/bin; mkdir -p /etc/service"
        ));
        let child =
            Command::new("runsvdir").args(["-P", "/etc/service"]).env("PATH", "/usr/sbin:/usr/bin").spawn();
        Self(child.expect("runsvdir"))
    }
}

impl Drop for Runit {
    fn drop(&mut self) {
        // With SIGHUP, it ends all services that it has.
        let _ = kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGHUP);
        let _ = self.0.wait();
        sh_quietly("rm -rf /etc/service");
    }
}

fn sv(verb: &str) -> Outcome {
    run(&["sv", "-w", "60", verb, "/etc/service/usbnet"])
}

#[track_caller]
fn sv_ok(verb: &str, says: &str) {
    let outcome = timed(&format!("sv {verb}"), || sv(verb));
    assert_eq!(outcome.code, 0, "sv {verb}: {}{}", outcome.out, outcome.err);
    assert!(outcome.out.contains(says), "sv {verb}: {}", outcome.out);
}

#[test]
fn starts_and_starts_again_and_stops() {
    let _lab = Lab::begin();
    let _runit = Runit::begin();
    let installed = Installed::with("runit");
    sh("ln -s /etc/sv/usbnet /etc/service/");
    wait_for_mode("network", 0);
    sv_ok("start", "ok: run: /etc/service/usbnet: (pid ");
    sv_ok("status", "run: /etc/service/usbnet: (pid ");
    wait_for_mode("network", crash());
    sv_ok("restart", "ok: run: ");
    assert_eq!(mode(), "network");

    // By hand, it is as any other end: runit starts it again.
    let before = daemon_pid();
    usbnet_ok(&["stop"]);
    wait_for_mode("network", before);

    sv_ok("stop", "ok: down: ");
    nothing_runs();
    sv_ok("status", "down: /etc/service/usbnet: ");

    // What would be met again every second ends it.
    configure("Config(");
    let _ = sv("up");
    wait_until("runit to give up", || {
        let said = sv("status").out;
        said.starts_with("down: ") && !said.contains("want up")
    });
    nothing_runs();
    sh("cp /usr/share/doc/usbnet/config.ron /etc/usbnet/config.ron");
    sv_ok("start", "ok: run: ");
    installed.uninstall();
}
