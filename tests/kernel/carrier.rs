//! NCM has a carrier whichever end is brought up first, and its answers leave. On 6.1 the host's end was seen to stay
//! without carrier when the device's end had come up first, until that was toggled; and the device's end to keep its
//! frames for itself, until it had 32.

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

fn prefix(address: &str) -> &str {
    address.split_once('/').expect("ADDRESS/PREFIX").1
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

/// The kernel only keeps frames by chance. What it looks like does not need chance: a host that speaks and gets nothing.
#[test]
fn frames_are_pushed_out_to_a_host_that_is_not_answered() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let link = status().link.expect("a link");
    // It would speak unasked; what it has said already goes when its end does, which is the service's to have up.
    sh(&format!(
        "echo 1 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6; ip link set dev {0} down",
        link.interface
    ));
    wait_status("the device's end to be up again", |status| status.link.as_ref().is_some_and(|link| link.up));
    sh(&format!("on-host ip address add {}/{} dev {interface}", link.host, prefix(&link.address)));
    sh(&format!("on-host ip link set dev {interface} up"));
    host_has_carrier(&interface);
    let received = || -> u64 {
        let file = format!("/sys/class/net/{interface}/statistics/rx_packets");
        sh(&format!("on-host cat {file}")).parse().expect("a number")
    };
    let before = received();
    // Nobody answers a broadcast.
    sh(&format!("on-host sh -c 'ping -b -i 0.5 -I {interface} 255.255.255.255 > /run/ping.log 2>&1 &'"));
    wait_until("a block of frames to leave", || received() >= before + 31);
}
