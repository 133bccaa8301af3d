//! Ends and beginnings: a daemon that a supervisor runs is the same process after a restart, and whoever stops or starts
//! it is answered whatever else is under way.

use std::{fs, os::unix::net::UnixDatagram, path::Path, thread};

use serde_json::{Value, json};
use usbnet::{cli::client::Connection, exit::Exit};
use usbnet_tests::{
    cards::{Card, Kind, with_cards},
    daemon::{
        CONFIG, configure, daemon_pid, processes, status, usbnet, usbnet_fails, usbnet_ok, wait_status,
        with_functions,
    },
    lab::Lab,
    run::sh,
    supervised::Supervised,
    wait::wait_until,
};

const FAILED: i32 = 1;
const CONFIG_INVALID: i32 = 3;
const CARD_BUSY: i32 = 4;
const OTHER: &str = "/run/other.ron";

fn functions() -> String {
    sh("ls /sys/kernel/config/usb_gadget/*/functions")
}

#[test]
fn restart_keeps_the_process() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    let daemon = Supervised::begin();
    wait_status("the first mode", |status| status.mode.as_deref() == Some("network"));
    assert!(functions().starts_with("ncm"), "{}", functions());

    configure(&with_functions("Ecm"));
    usbnet_ok(&["restart"]);
    assert_eq!(daemon_pid(), daemon.pid(), "the supervisor has lost nothing");
    assert!(functions().starts_with("ecm"), "the file is read again: {}", functions());

    configure("Config(");
    usbnet_fails(&["restart"], CONFIG_INVALID, &[CONFIG]);
    assert_eq!(
        (daemon_pid(), status().mode.as_deref()),
        (daemon.pid(), Some("network")),
        "nothing has changed"
    );

    configure(&with_functions("Ecm"));
    fs::write(OTHER, with_functions("Rndis")).expect("writable");
    usbnet_fails(&["restart", "--config", OTHER], FAILED, &[CONFIG, OTHER, "supervisor"]);
    assert!(functions().starts_with("ecm"), "{}", functions());

    usbnet_ok(&["stop"]);
    assert!(daemon.ended().success());
    wait_until("all to end", || processes().is_empty());
}

/// A file that has come is what it would begin anew with: asked over the socket, it looks at that first.
#[test]
fn restart_looks_at_a_configuration_that_has_come() {
    let _lab = Lab::begin();
    let daemon = Supervised::begin();
    wait_status("the defaults' mode", |status| status.mode.as_deref() == Some("network"));
    configure("Config(");
    let ask = || {
        let mut connection = Connection::open(Path::new("/run/usbnet")).expect("it listens");
        connection.call::<Value>("Stop", json!({ "restart": true }))
    };
    let refused = ask().expect_err("it would not come back");
    assert_eq!(refused.exit(), Exit::ConfigInvalid, "{refused}");
    assert_eq!((daemon_pid(), status().mode.as_deref()), (daemon.pid(), Some("network")));

    configure(&with_functions("Ecm"));
    ask().expect("it begins anew");
    wait_status("the file's mode", |status| status.mode.as_deref() == Some("network"));
    assert!(functions().starts_with("ecm"), "{}", functions());
    assert_eq!(daemon_pid(), daemon.pid());
}

/// It ends where another would have failed to start, and whoever asked for that is told why.
#[test]
fn restart_says_why_the_first_mode_failed() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    configure(&with_functions("Ncm"));
    let daemon = Supervised::begin();
    wait_status("the first mode", |status| status.mode.as_deref() == Some("network"));
    let holder = fs::File::open(card.path("file1")).expect("a file on it");
    configure(&with_cards(&["/media/mmc1"], "start_mode: \"storage\", storage: (on_busy: Wait(3))"));
    usbnet_fails(&["restart"], CARD_BUSY, &["/media/mmc1 is busy", "file1"]);
    assert_eq!(daemon.ended().code(), Some(CARD_BUSY));
    drop(holder);
}

/// What was refused to a client has changed nothing, and is not how the service is.
#[test]
fn a_refusal_is_not_the_service_managers() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    configure(&with_cards(&["/media/mmc1"], "start_mode: \"network\""));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_nonblocking(true).expect("a socket");
    let daemon = Supervised::begin_telling(&path);
    wait_status("the first mode", |status| status.mode.as_deref() == Some("network"));
    let holder = fs::File::open(card.path("file1")).expect("a file on it");
    usbnet_fails(&["mode", "storage"], CARD_BUSY, &["/media/mmc1 is busy"]);
    usbnet_ok(&["mode", "charging"]);
    // Whatever it tells, it tells in the order in which it happens.
    let mut told = Vec::new();
    wait_until("the manager to hear of the mode behind it", || {
        let mut buffer = [0; 4096];
        while let Ok(length) = manager.recv(&mut buffer) {
            told.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        told.iter().any(|told| told.contains("STATUS=mode charging"))
    });
    assert!(told.iter().any(|told| told.contains("STATUS=mode network")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("busy")), "{told:?}");
    drop((holder, daemon));
}

/// A start that waits for a holder gives way.
#[test]
fn stop_is_answered_while_the_first_mode_is_being_set() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let before = card.mounts();
    let holder = fs::File::open(card.path("file1")).expect("a file on it");
    configure(&with_cards(&["/media/mmc1"], "start_mode: \"storage\", storage: (on_busy: Wait(600))"));
    let starting = thread::spawn(|| usbnet(&["start"]));
    wait_status("the holder to be waited for", |status| status.progress.is_some());
    assert_eq!(usbnet_ok(&["stop"]).trim(), "stopped");
    assert_ne!(starting.join().expect("a thread").code, 0);
    wait_until("all to end", || processes().is_empty());
    assert_eq!(card.mounts(), before);

    // The same to a supervisor: it has asked for the end, and that is what it gets.
    let daemon = Supervised::begin();
    wait_status("the holder to be waited for", |status| status.progress.is_some());
    sh(&format!("kill -TERM {}", daemon.pid()));
    assert!(daemon.ended().success());
    drop(holder);
}

/// Whoever starts while it ends gets a daemon.
#[test]
fn start_waits_for_the_end_of_the_one_before() {
    let _lab = Lab::begin();
    for _ in 0..3 {
        usbnet_ok(&["start"]);
        let stopping = thread::spawn(|| usbnet(&["stop"]));
        wait_until("the end to begin", || {
            let outcome = usbnet(&["status", "--json"]);
            outcome.code != 0 || outcome.out.contains("\"state\": \"switching\"")
        });
        assert_eq!(usbnet_ok(&["start"]).lines().count(), 1);
        assert_eq!(stopping.join().expect("a thread").code, 0);
        assert_eq!(status().mode.as_deref(), Some("network"));
        usbnet_ok(&["stop"]);
    }
}
