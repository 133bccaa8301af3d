//! A daemon that is killed, or told to end, while the host uses a card: the card stays the host's alone.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use usbnet_tests::{
    cards::{Card, Kind, sum, with_cards},
    daemon::{configure, daemon_pid, processes, status, status_json, usbnet_fails, usbnet_ok},
    disk::disk,
    lab::Lab,
    wait::wait_until,
};

const HOST_BUSY: i32 = 5;
const CARD: &str = "/media/mmc1";

fn is_lent(card: &Card) {
    assert_eq!(status().mode.as_deref(), Some("storage"));
    assert_eq!(status_json()["cards"][0]["place"], "host");
    assert_ne!(card.try_mount().code, 0, "the device can mount what the host has mounted");
    assert!(!card.is_free(), "lent without a hold");
}

#[test]
fn killed_while_the_host_uses_a_card() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, mut sums) = (card.mounts(), card.sums());
    configure(&with_cards(&[CARD], "start_mode: \"network\""));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(0).mount(card.kind);
    for name in ["first.bin", "second.bin"] {
        mounted.write(name, name.as_bytes());
        sums.insert(name.to_owned(), sum(name.as_bytes()));
        kill(Pid::from_raw(daemon_pid()), Signal::SIGKILL).expect("a daemon");
        wait_until("the daemon to end", || processes().is_empty());
        usbnet_fails(&["start"], HOST_BUSY, &[CARD, "eject"]);
        is_lent(&card);
    }
    usbnet_ok(&["start"]); // it runs
    mounted.unmount();
    usbnet_ok(&["mode", "network"]);
    assert_eq!((card.mounts(), card.sums()), (mounts, sums));
}

#[test]
fn told_to_end_while_the_host_uses_a_card() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, sums) = (card.mounts(), card.sums());
    configure(&with_cards(&[CARD], "start_mode: \"charging\""));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(0).mount(card.kind);
    kill(Pid::from_raw(daemon_pid()), Signal::SIGTERM).expect("a daemon");
    wait_until("the refusal", || {
        status_json()["error"].as_str().is_some_and(|error| error.contains("eject"))
    });
    usbnet_fails(&["stop"], HOST_BUSY, &[CARD, "eject"]);
    is_lent(&card);
    mounted.unmount();
    kill(Pid::from_raw(daemon_pid()), Signal::SIGTERM).expect("a daemon");
    wait_until("the daemon to end", || processes().is_empty());
    assert_eq!((card.mounts(), card.sums()), (mounts, sums));
}
