//! A controller that goes, and a kernel that has none. By its name the last, and in this order: see `Lab` on what taking
//! dummy_hcd away does to the network gadgets that come after it.

use std::fs;

use usbnet::control::Phase;
use usbnet_tests::{
    cable,
    cards::{Card, with_cards},
    daemon::{configure, daemon_pid, processes, status, usbnet_fails, usbnet_ok, wait_status},
    disk::settled,
    lab::Lab,
    run::{sh, sh_quietly},
    supervised::Supervised,
    wait::wait_until,
};

const NO_KERNEL_SUPPORT: i32 = 6;
const DRIVER: &str = "/sys/bus/platform/drivers/dummy_udc";

/// Binds the driver again, however the scenario ends.
struct Rebind;

impl Drop for Rebind {
    fn drop(&mut self) {
        sh_quietly(&format!("echo {} > {DRIVER}/bind", cable::UDC));
    }
}

/// The controller goes while the cards are on their way: they come back to the device, and wait for it there.
#[test]
fn cards_come_back() {
    let _lab = Lab::begin();
    let cards = Card::pair();
    let _rebind = Rebind;
    let unbind = format!("echo {} > {DRIVER}/unbind", cable::UDC);
    configure(&with_cards(&["/media/mmc1", "/media/mmc2"], "start_mode: \"charging\""));
    usbnet_ok(&["start"]);
    sh(&unbind);
    usbnet_fails(&["mode", "storage"], NO_KERNEL_SUPPORT, &["UDC"]);
    assert!(cards.iter().all(|card| card.mounts().len() == 1));
    sh(&format!("echo {} > {DRIVER}/bind", cable::UDC));
    wait_until("the controller", || fs::exists(format!("/sys/class/udc/{}", cable::UDC)).unwrap_or(false));
    usbnet_ok(&["mode", "storage"]);
    settled(2);

    // And once more while they are lent.
    sh(&unbind);
    usbnet_ok(&["mode", "charging"]);
    assert!(cards.iter().all(|card| card.mounts().len() == 1));
    assert_eq!(status().mode.as_deref(), Some("charging"));
}

#[test]
fn is_refused() {
    let _lab = Lab::begin();
    sh("modprobe -r dummy_hcd");
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["UDC"]);
    wait_until("the daemon to end after a failed start", || processes().is_empty());
}

/// A dual-role port has a controller only when a host is plugged in: under a supervisor nobody would try again by then.
#[test]
fn is_waited_for_under_a_supervisor() {
    let _lab = Lab::begin();
    let _card = Card::pair();
    configure(&with_cards(&["/media/mmc1"], "start_mode: \"storage\""));
    sh("modprobe -r dummy_hcd");
    let daemon = Supervised::begin();
    let status = wait_status("it to wait", |status| status.state == Phase::Lost);
    assert_eq!((status.target.as_deref(), status.error), (Some("storage"), None));
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["UDC", "storage"]);
    sh("modprobe dummy_hcd");
    wait_status("the mode", |status| status.mode.as_deref() == Some("storage"));
    assert_eq!(daemon_pid(), daemon.pid());
    settled(1);
    usbnet_ok(&["stop"]);
    assert!(daemon.ended().success());
}
