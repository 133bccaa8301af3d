//! The unit under systemd as PID 1, in a machine that has booted with it enabled.

use std::{fs, path::Path};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet::control::Place;
use usbnet_tests::{
    cable,
    cards::{Card, Kind, with_cards},
    daemon::{CONFIG, configure, daemon_pid, processes, status, usbnet, usbnet_ok},
    disk,
    host::Client,
    run::{Outcome, run, sh, sh_quietly},
    wait::wait_until,
};

use crate::{
    crash,
    installed::{install, uninstalls},
    mode, nothing_runs, timed, wait_for_mode,
};

const DROP_IN: &str = "/run/systemd/system/usbnet.service.d";

/// The service in mode `network` with its defaults, until dropped.
struct Service(());

impl Service {
    fn running() -> Self {
        let first = fs::read_to_string("/proc/1/comm").unwrap_or_default();
        assert_eq!(first.trim(), "systemd", "these only run in the machine of scripts/vm --systemd");
        sh("systemctl reset-failed usbnet; systemctl start usbnet");
        wait_for_mode("network", 0);
        Self(())
    }

    /// Restarts it with another configuration, or more lines in its unit.
    fn with(configuration: &str, unit: &str) -> Self {
        let service = Self::running();
        configure(configuration);
        sh(&format!(
            "mkdir -p {DROP_IN}; printf '[Service]\n{unit}' >{DROP_IN}/lab.conf; systemctl daemon-reload"
        ));
        sh("systemctl restart usbnet");
        service
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "{}",
                sh_quietly(
                    "systemctl status --no-pager usbnet; journalctl --no-pager -b -n 60 -o short-monotonic"
                )
                .out
            );
        }
        sh_quietly(&format!(
            "on-host umount /run/host-media/*
            usbnet stop --force; systemctl stop usbnet
            for point in /media/mmc*; do umount $point; done; losetup -D; rm -rf /media/mmc* /run/cards
            cp /usr/share/doc/usbnet/config.ron {CONFIG}; rm -rf {DROP_IN} /var/lib/usbnet
            systemctl daemon-reload"
        ));
    }
}

fn systemctl(verb: &str) -> Outcome {
    timed(&format!("systemctl {verb}"), || run(&["systemctl", "--no-pager", verb, "usbnet"]))
}

fn property(name: &str) -> String {
    sh(&format!("systemctl show --value -p {name} usbnet"))
}

/// The first of all: nobody has started anything yet.
#[test]
fn at_boot() {
    wait_until("the boot to start it", || run(&["systemctl", "is-active", "usbnet"]).code == 0);
    assert_eq!(mode(), "network", "it is ready when a mode is set");
    assert_eq!([property("NRestarts"), property("Type")], ["0", "notify"].map(str::to_owned));
    assert!(property("StatusText").contains("network"), "{}", property("StatusText"));
    let usual = sh("systemctl show --value -p Wants usb-gadget.target");
    assert!(usual.contains("usbnet.service"), "{usual}");
    let interface = cable::hand_to_host();
    let lease = Client::Udhcpc.lease(&interface);
    assert_eq!(lease.address.to_string(), status().link.expect("a link").host);
    sh("on-host ping -c 1 -W 20 192.168.2.15");
    println!("{}", sh("systemctl status --no-pager usbnet"));
    println!("{}", sh("systemd-analyze security --no-pager usbnet.service | tail -n 1"));
    let verified = run(&["systemd-analyze", "--man=no", "verify", "usbnet.service"]);
    println!("systemd-analyze verify: {} {:?}", verified.code, verified.out + &verified.err);
    assert_eq!(verified.code, 0);
}

#[test]
fn responder_has_given_everything_away() {
    let _service = Service::running();
    let daemon = daemon_pid();
    let responder = processes().into_iter().find(|pid| *pid != daemon).expect("a responder");
    let facts = fs::read_to_string(format!("/proc/{responder}/status")).expect("its status");
    let fact = |name: &str| {
        let line = facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_ne!(fact("Uid:"), "0");
    assert_eq!(
        ["CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"].map(fact),
        ["0000000000000000", "0000000000000000", "1", "2"].map(str::to_owned)
    );
}

#[test]
fn states_and_exit_codes() {
    let _service = Service::running();
    let codes = |verbs: [&str; 3]| verbs.map(|verb| systemctl(verb).code);
    assert_eq!(codes(["start", "is-active", "status"]), [0, 0, 0], "running");
    let before = daemon_pid();
    assert_eq!(codes(["restart", "is-active", "status"]), [0, 0, 0]);
    wait_for_mode("network", before);
    assert_eq!(codes(["stop", "is-active", "status"]), [0, 3, 3], "stopped");
    nothing_runs();
    assert_eq!(codes(["stop", "start", "is-active"]), [0, 0, 0]);
    // By hand, it is a clean end and no crash.
    usbnet_ok(&["stop"]);
    wait_until("systemd to know", || property("ActiveState") == "inactive");
    assert_eq!(property("Result"), "success");
    // What would only be met again is not tried again.
    configure("Config(");
    assert_eq!(codes(["start", "is-active", "status"]), [1, 3, 3], "an invalid configuration");
    assert_eq!([property("ExecMainStatus"), property("NRestarts")], ["3", "0"].map(str::to_owned));
}

/// Also by hand: another process would be nobody's, without a watchdog and outside of the hardening.
#[test]
fn restart_by_hand_stays_in_the_unit() {
    let _service = Service::running();
    let facts = || ["MainPID", "ActiveState", "NRestarts"].map(property);
    let before = facts();
    assert_eq!(before[1], "active");
    timed("usbnet restart", || usbnet_ok(&["restart"]));
    assert_eq!((mode(), facts()), ("network".to_owned(), before.clone()));
    assert_eq!(daemon_pid().to_string(), before[0]);
    assert!(property("StatusText").contains("network"), "{}", property("StatusText"));
}

#[test]
fn killed_daemon_is_started_again() {
    let _service = Service::running();
    usbnet_ok(&["mode", "charging"]);
    usbnet_ok(&["mode", "network"]);
    let restarts: u32 = property("NRestarts").parse().expect("a number");
    let killed = crash();
    timed("from SIGKILL to a confirmed mode", || wait_for_mode("network", killed));
    wait_until("systemd to call it active", || property("ActiveState") == "active");
    assert_eq!(property("NRestarts").parse(), Ok(restarts + 1));
    let log = sh("journalctl --no-pager -b -u usbnet");
    assert!(!log.contains("removed what it had left behind"), "the next daemon goes on from it:\n{log}");
}

#[test]
fn watchdog_ends_what_hangs() {
    let _service = Service::with("Config()\n", "WatchdogSec=15\\n");
    let hangs = daemon_pid();
    kill(Pid::from_raw(hangs), Signal::SIGSTOP).expect("a daemon");
    timed("from SIGSTOP to a confirmed mode", || wait_for_mode("network", hangs));
    let log = sh("journalctl --no-pager -b -u usbnet");
    assert!(log.contains("Watchdog timeout"), "{log}");
}

#[test]
fn cards_and_the_profile_disk_behind_the_hardening() {
    const MODES: &str = "modes: {\"network\": (functions: [Ncm], profile_disk: true), \
        \"storage\": (functions: [MassStorage])}, start_mode: \"network\"";
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, mut sums) = (card.mounts(), card.sums());
    let _service = Service::with(&with_cards(&["/media/mmc1"], MODES), "");
    assert_eq!(mode(), "network");
    let profile = disk::disk(0);
    let (mounted, outcome) = profile.try_mount("vfat", "ro");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(mounted.path().join("README.html").exists());
    mounted.unmount();

    timed("mode storage", || usbnet_ok(&["mode", "storage"]));
    assert!(!card.is_free(), "nothing else gets it");
    let mounted = disk::disk(0).mount(card.kind);
    assert_eq!(mounted.sums(), sums);
    mounted.write("host.bin", b"from the host");
    sums = mounted.sums();
    mounted.unmount();
    timed("mode network", || usbnet_ok(&["mode", "network"]));
    assert_eq!((card.mounts(), card.sums()), (mounts, sums), "mounted as it was, for everybody");
    card.assert_clean_between_mounts();
}

#[test]
fn stop_while_the_host_uses_a_card() {
    let card = Card::insert(Kind::Vfat, 1);
    let _service = Service::with(&with_cards(&["/media/mmc1"], ""), "");
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk::disk(0).mount(card.kind);
    let daemon = daemon_pid();
    let stopped = systemctl("stop");
    println!("systemctl stop: {} {}{}, then {}", stopped.code, stopped.out, stopped.err, property("Result"));
    println!("{}", systemctl("status").out);
    assert_eq!(daemon_pid(), daemon, "it keeps the card from the device");
    assert!(!card.is_free());
    assert_eq!(status().cards[0].place, Place::Host);
    let log = sh("journalctl --no-pager -b -u usbnet");
    assert!(log.contains("/media/mmc1") && log.contains("eject"), "{log}");
    // A second daemon is none.
    assert_ne!(systemctl("start").code, 0);
    assert_eq!(daemon_pid(), daemon);

    mounted.unmount();
    usbnet_ok(&["stop"]);
    nothing_runs();
    assert_eq!(card.mounts().len(), 1, "the card is back");
    sh("systemctl reset-failed usbnet; systemctl start usbnet");

    // A host that ejects in time lets the stop succeed.
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk::disk(0).mount(card.kind);
    let waiting = std::thread::spawn(|| systemctl("stop"));
    wait_until("the stop to wait for the host", || {
        sh_quietly("journalctl --no-pager -b -u usbnet -n 3").out.contains("/media/mmc1")
            && property("ActiveState") == "deactivating"
    });
    mounted.unmount();
    assert_eq!(waiting.join().expect("its end").code, 0);
    assert_eq!(property("Result"), "success");
    nothing_runs();
    assert_eq!(card.mounts().len(), 1, "the card is back");
}

/// What NetworkManager and networkd say of the interface, and that it keeps its address.
fn left_alone(says: impl Fn() -> String) {
    let address = || sh("ip -4 -o address show dev usb0");
    let before = address();
    assert!(before.contains("192.168.2.15/27"), "{before}");
    wait_until("usb0 to be called unmanaged", || says().contains("unmanaged"));
    assert_eq!(address(), before);
    println!("with the installed file: {}", says());
}

#[test]
fn networkd_on_the_device_leaves_it_alone() {
    const INSTALLED: &str = "/usr/lib/systemd/network/05-usbnet.network";
    const CATCH_ALL: &str = "/etc/systemd/network/10-all.network";
    let _service = Service::running();
    let says = || sh_quietly("networkctl --no-legend --no-pager list usb0").out.trim().to_owned();
    fs::create_dir_all("/etc/systemd/network").expect("a directory");
    fs::write(CATCH_ALL, "[Match]\nName=!lo\n[Network]\nAddress=10.77.0.1/24\nLinkLocalAddressing=no\n")
        .expect("writable");
    sh("systemctl start systemd-networkd");
    left_alone(says);
    // Without it, usb0 is one of all.
    let away = Path::new("/run/away.network");
    fs::copy(INSTALLED, away).expect("copied");
    fs::remove_file(INSTALLED).expect("removed");
    sh("systemctl restart systemd-networkd");
    wait_until("networkd to take usb0", || sh("ip -4 -o address show dev usb0").contains("10.77.0.1"));
    println!("without it: {}", says());
    fs::copy(away, INSTALLED).expect("copied");
    fs::remove_file(CATCH_ALL).expect("removed");
    sh("systemctl stop systemd-networkd.socket systemd-networkd; ip address del 10.77.0.1/24 dev usb0");
}

#[test]
fn network_manager_on_the_device_leaves_it_alone() {
    const INSTALLED: &str = "/usr/lib/NetworkManager/conf.d/50-usbnet.conf";
    let _service = Service::running();
    let says = || sh_quietly("nmcli -t -f DEVICE,STATE device | grep ^usb0:").out.trim().to_owned();
    timed("systemctl start NetworkManager", || sh("systemctl start NetworkManager"));
    left_alone(says);
    let away = Path::new("/run/away.conf");
    fs::copy(INSTALLED, away).expect("copied");
    fs::remove_file(INSTALLED).expect("removed");
    sh("systemctl restart NetworkManager");
    wait_until("NetworkManager to take usb0", || {
        let state = says();
        !state.is_empty() && !state.contains("unmanaged")
    });
    println!("without it: {}", says());
    fs::copy(away, INSTALLED).expect("copied");
    sh("systemctl stop NetworkManager");
}

#[test]
fn taken_away_while_it_runs_and_installed_again() {
    let service = Service::running();
    uninstalls();
    assert_eq!(run(&["systemctl", "cat", "usbnet"]).code, 1, "systemd knows no such unit");
    let installed = install(&[]);
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    let next = installed.out.lines().find_map(|line| line.strip_prefix("next: ")).expect("the next step");
    assert!(next.contains("systemctl"), "found by itself: {next}");
    timed(next, || sh(next));
    assert_eq!(mode(), "network");
    assert_eq!(usbnet(&["check"]).code, 0);
    drop(service);
}
