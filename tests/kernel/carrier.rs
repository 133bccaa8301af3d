//! NCM has a carrier whichever end is brought up first. On 6.1 the host's end was seen to stay without one when the
//! device's end had come up first, until that was toggled.

use usbnet_tests::{
    cable,
    daemon::{configure, status, usbnet_ok, wait_status, with_functions},
    host::Client,
    lab::Lab,
    run::sh,
    wait::wait_until,
};

fn host_has_carrier(interface: &str) {
    wait_until("the host's carrier", || {
        sh(&format!("on-host ip link show dev {interface}")).contains("LOWER_UP")
    });
}

#[test]
fn device_first() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    wait_status("the device's end to be up", |status| status.link.as_ref().is_some_and(|link| link.up));
    let interface = cable::hand_to_host();
    sh(&format!("on-host ip link set dev {interface} up"));
    host_has_carrier(&interface);
    let _lease = Client::Udhcpc.lease(&interface);
}

#[test]
fn host_first() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let device = status().link.expect("a link").interface;
    sh(&format!("ip link set dev {device} down; on-host ip link set dev {interface} up"));
    // Somebody took the device's end down: it is the service's to have it up.
    wait_status("the device's end to be up again", |status| status.link.as_ref().is_some_and(|link| link.up));
    host_has_carrier(&interface);
    let _lease = Client::Udhcpc.lease(&interface);
}
