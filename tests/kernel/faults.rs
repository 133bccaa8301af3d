//! The service is killed, stopped, or loses its responder.

use std::{fs, path::Path, thread};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet_tests::{
    cable,
    daemon::{configure, daemon_pid, processes, status, usbnet, usbnet_ok, wait_status, with_functions},
    host::Client,
    lab::{Lab, modules},
    run::sh,
    wait::wait_until,
};

const GADGETS: &str = "/sys/kernel/config/usb_gadget";

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("a process to signal");
    wait_until("the process to end", || !processes().contains(&pid));
}

fn addresses() -> String {
    sh("ip -oneline address | sed 's/valid_lft.*//'")
}

#[test]
fn killed_daemon_is_adopted() {
    let _lab = Lab::begin();
    usbnet_ok(&["start"]);
    signal(daemon_pid(), Signal::SIGKILL);
    wait_until("the responder to notice", || processes().is_empty());
    usbnet_ok(&["start"]);
    let gadgets = fs::read_dir(GADGETS).expect(GADGETS).count();
    assert_eq!(gadgets, 1, "one gadget, not one beside the leftovers");
    let interface = cable::hand_to_host();
    let _lease = Client::Udhcpc.lease(&interface);
}

#[test]
fn killed_while_it_starts() {
    let _lab = Lab::begin();
    // Each turn lets it get a bit further: as far as the gadget's directory, a function, the bound UDC.
    let stages: [(&str, fn() -> bool); 3] = [
        ("a gadget", || fs::read_dir(GADGETS).is_ok_and(|mut all| all.next().is_some())),
        ("a function", || !sh(&format!("ls {GADGETS}/*/functions 2>/dev/null || true")).is_empty()),
        ("a bound UDC", || sh(&format!("cat {GADGETS}/*/UDC 2>/dev/null || true")).contains(cable::UDC)),
    ];
    for (stage, reached) in stages {
        let mut start = std::process::Command::new("usbnet").arg("start").spawn().expect("usbnet");
        wait_until(stage, reached);
        for pid in processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        start.wait().expect("its end");
        wait_until("all to end", || processes().is_empty());
        usbnet_ok(&["start"]);
        let interface = cable::hand_to_host();
        drop(Client::Udhcpc.lease(&interface));
        usbnet_ok(&["stop"]);
    }
}

#[test]
fn stop_and_sigterm_leave_nothing() {
    let _lab = Lab::begin();
    for by_signal in [false, true] {
        let (modules_before, addresses_before) = (modules(), addresses());
        usbnet_ok(&["start"]);
        let interface = cable::hand_to_host();
        drop(Client::Udhcpc.lease(&interface));
        if by_signal {
            signal(daemon_pid(), Signal::SIGTERM);
        } else {
            usbnet_ok(&["stop"]);
        }
        wait_until("all to end", || processes().is_empty());
        assert!(
            !Path::new(GADGETS).exists() || fs::read_dir(GADGETS).expect(GADGETS).count() == 0,
            "a gadget stays"
        );
        assert_eq!(addresses(), addresses_before);
        // The host's drivers are the host's: only what the device's end loaded must be gone again.
        let left: Vec<_> = modules().difference(&modules_before).cloned().collect();
        let ours =
            |name: &&String| name.starts_with("usb_f_") || name.starts_with("u_") || *name == "libcomposite";
        assert_eq!(left.iter().find(ours), None, "modules left: {left:?}");
        assert!(!Path::new("/run/usbnet/control").exists(), "the socket stays");
    }
}

#[test]
fn killed_responder_is_restarted_and_keeps_the_lease() {
    let _lab = Lab::begin();
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let lease = Client::Dhclient.lease(&interface);
    wait_status("the lease in the status", |status| status.leases.len() == 1);
    let responder = status().responder.expect("a responder");
    signal(i32::try_from(responder.pid.expect("its pid")).expect("a pid"), Signal::SIGKILL);
    let status = wait_status("the responder to be back", |status| {
        status.responder.as_ref().is_some_and(|now| now.running && now.restarts > responder.restarts)
    });
    assert_eq!(status.leases.first().map(|known| known.address.clone()), Some(lease.address.to_string()));
    let address = lease.address;
    drop(lease);
    assert_eq!(Client::Dhcpcd.lease(&interface).address, address);
}

#[test]
fn another_gadget_is_never_touched() {
    let _lab = Lab::begin();
    sh("modprobe libcomposite; mkdir -p /sys/kernel/config/usb_gadget/theirs/strings/0x409");
    sh("echo theirs > /sys/kernel/config/usb_gadget/theirs/strings/0x409/product");
    usbnet_ok(&["start"]);
    usbnet_ok(&["stop"]);
    assert_eq!(sh("cat /sys/kernel/config/usb_gadget/theirs/strings/0x409/product"), "theirs");
}

#[test]
fn modes_switch_back_and_forth_with_the_cable_in() {
    let _lab = Lab::begin();
    configure(&with_functions("Rndis"));
    usbnet_ok(&["start"]);
    for _ in 0..3 {
        let interface = cable::hand_to_host();
        drop(Client::Udhcpc.lease(&interface));
        usbnet_ok(&["mode", "charging"]);
        assert_eq!(status().mode.as_deref(), Some("charging"));
        assert!(status().link.is_none());
        usbnet_ok(&["mode", "network"]);
    }
}

/// Whoever comes second gets what was asked for, by the first.
#[test]
fn two_starts_and_two_stops_at_once() {
    let _lab = Lab::begin();
    for verb in ["start", "stop"] {
        let both = [(); 2].map(|()| thread::spawn(move || usbnet(&[verb])));
        for outcome in both.map(|one| one.join().expect("a thread")) {
            assert_eq!(outcome.code, 0, "usbnet {verb} printed:\n{}{}", outcome.out, outcome.err);
        }
    }
    wait_until("all to end", || processes().is_empty());
}
