//! The device's port becomes a host's: the gadget and the cards are back before, and come again behind it. And a device's,
//! where it is none.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet_tests::{
    cable,
    cards::{Card, Kind, with_cards},
    daemon::{configure, daemon_pid, processes, status, usbnet_fails, usbnet_ok},
    disk::disk,
    host::Client,
    lab::Lab,
    role::RoleSwitch,
    wait::wait_until,
};

const FAILED: i32 = 1;
const HOST_BUSY: i32 = 5;
const NO_KERNEL_SUPPORT: i32 = 6;
const CARD: &str = "/media/mmc1";

fn gets_a_lease() {
    let interface = cable::hand_to_host();
    let _lease = Client::Udhcpc.lease(&interface);
}

fn is_a_host(switch: &RoleSwitch) {
    let now = status();
    assert_eq!((now.mode.as_deref(), now.role.as_deref()), (Some("host"), Some("host")));
    assert_eq!(switch.role(), "host");
    assert!(now.link.is_none() && now.responder.is_none());
    let bound = fs::read_to_string("/sys/kernel/config/usb_gadget/usbnet/UDC").unwrap_or_default();
    assert_eq!(bound.trim(), "", "the gadget is still on its UDC");
}

fn kill_daemon() {
    kill(Pid::from_raw(daemon_pid()), Signal::SIGKILL).expect("a daemon");
    wait_until("the daemon to end", || processes().is_empty());
}

#[test]
fn a_network_a_host_and_a_network_again() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::fake();
    usbnet_ok(&["start"]);
    gets_a_lease();
    assert_eq!(status().role, None);
    let plan = usbnet_ok(&["mode", "host", "--plan"]);
    assert!(plan.contains("'%s\\n' host > /sys/class/usb_role/fake-role-switch/role"), "{plan}");
    assert_eq!(switch.role(), "device", "--plan changes nothing");
    usbnet_ok(&["mode", "host"]);
    is_a_host(&switch);
    let modes = usbnet_ok(&["modes"]);
    assert!(modes.lines().any(|line| line.starts_with("* host ")), "{modes}");
    let network = modes.lines().find(|line| line.starts_with("  network ")).expect("the mode");
    assert!(!network.contains("not now"), "{network}");
    usbnet_ok(&["mode", "network"]);
    assert_eq!((switch.role(), status().role), ("device".to_owned(), None));
    gets_a_lease();
}

#[test]
fn a_card_is_back_before_its_port_is_a_host() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::fake();
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, sums) = (card.mounts(), card.sums());
    configure(&with_cards(&[CARD], "start_mode: \"storage\""));
    usbnet_ok(&["start"]);
    let mounted = disk(0).mount(card.kind);
    usbnet_fails(&["mode", "host"], HOST_BUSY, &[CARD, "eject"]);
    assert_eq!((status().mode.as_deref(), switch.role().as_str()), (Some("storage"), "device"));
    mounted.unmount();
    usbnet_ok(&["mode", "host"]);
    is_a_host(&switch);
    assert_eq!((card.mounts(), card.sums()), (mounts, sums));
    usbnet_ok(&["mode", "storage"]);
    assert_eq!(switch.role(), "device");
    assert!(!card.is_free(), "lent without a hold");
    usbnet_ok(&["stop"]);
}

#[test]
fn stop_gives_the_role_back() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::fake();
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "host"]);
    usbnet_ok(&["stop"]);
    assert_eq!(switch.role(), "device");
    // It was the last mode, and a daemon that was killed in it is not there to give the role back.
    usbnet_ok(&["start"]);
    is_a_host(&switch);
    kill_daemon();
    usbnet_ok(&["start"]);
    is_a_host(&switch);
    kill_daemon();
    usbnet_ok(&["stop"]);
    assert_eq!(switch.role(), "device");
}

#[test]
fn a_port_without_a_role_becomes_a_devices() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::that_says("none");
    usbnet_ok(&["start"]);
    assert_eq!(switch.role(), "device");
    gets_a_lease();
    usbnet_ok(&["mode", "host"]);
    is_a_host(&switch);
    usbnet_ok(&["mode", "network"]);
    assert_eq!(switch.role(), "device");
    gets_a_lease();
    usbnet_ok(&["mode", "charging"]);
    assert_eq!(switch.role(), "none");
    usbnet_ok(&["mode", "network"]);
    assert_eq!(switch.role(), "device");
    kill_daemon();
    usbnet_ok(&["stop"]);
    assert_eq!(switch.role(), "none");
}

#[test]
fn a_hosts_port_becomes_a_devices_for_whoever_asks() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::that_says("host");
    usbnet_ok(&["start"]);
    assert_eq!((status().mode.as_deref(), switch.role().as_str()), (Some("network"), "host"), "nobody asked");
    let plan = usbnet_ok(&["mode", "network", "--plan"]);
    assert!(plan.contains("'%s\\n' device > /sys/class/usb_role/fake-role-switch/role"), "{plan}");
    assert_eq!(switch.role(), "host", "--plan changes nothing");
    usbnet_ok(&["mode", "network"]);
    assert_eq!(switch.role(), "device");
    gets_a_lease();
    kill_daemon();
    usbnet_ok(&["start"]);
    assert_eq!((status().mode.as_deref(), switch.role().as_str()), (Some("network"), "device"));
    usbnet_ok(&["mode", "host"]);
    is_a_host(&switch);
    usbnet_ok(&["mode", "network"]);
    assert_eq!(switch.role(), "device");
    usbnet_ok(&["stop"]);
    assert_eq!(switch.role(), "host");
}

#[test]
fn what_a_connector_decides_stays() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::that_says("none");
    switch.has_a_connector();
    usbnet_ok(&["start"]);
    assert_eq!(switch.role(), "none");
    usbnet_ok(&["mode", "host"]);
    is_a_host(&switch);
    switch.decide("device"); // a computer is plugged in
    usbnet_ok(&["mode", "network"]);
    assert_eq!(switch.role(), "device");
    gets_a_lease();
    switch.decide("host"); // and a stick in its place
    usbnet_ok(&["mode", "charging"]);
    usbnet_ok(&["mode", "network"]);
    usbnet_ok(&["stop"]);
    assert_eq!(switch.role(), "host");
}

#[test]
fn a_role_that_is_refused_leaves_the_mode_before() {
    let _lab = Lab::begin();
    let switch = RoleSwitch::fake();
    usbnet_ok(&["start"]);
    switch.refuses(true);
    usbnet_fails(
        &["mode", "host"],
        FAILED,
        &["refuses \"host\" in /sys/class/usb_role/fake-role-switch/role"],
    );
    assert_eq!((status().mode.as_deref(), switch.role().as_str()), (Some("network"), "device"));
    gets_a_lease();
    switch.refuses(false);
    usbnet_ok(&["mode", "host"]);
    switch.refuses(true);
    usbnet_fails(&["mode", "network"], FAILED, &["refuses \"device\" in"]);
    is_a_host(&switch);
    switch.refuses(false);
    usbnet_ok(&["mode", "network"]);
    gets_a_lease();
}

#[test]
fn without_a_switch_the_mode_says_what_it_looked_for() {
    let _lab = Lab::begin();
    usbnet_ok(&["start"]);
    let responder = status().responder.expect("a responder").pid;
    let looked = "neither /sys/class/usb_role/*/role nor /sys/bus/platform/devices/musb*/mode";
    usbnet_fails(&["mode", "host"], NO_KERNEL_SUPPORT, &[looked]);
    let modes = usbnet_ok(&["modes"]);
    assert!(modes.lines().any(|line| line.contains("host") && line.contains(looked)), "{modes}");
    let now = status();
    assert_eq!((now.mode.as_deref(), now.role), (Some("network"), None));
    assert_eq!(now.responder.expect("a responder").pid, responder, "the same responder as before");
    gets_a_lease();
}
