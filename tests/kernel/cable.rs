//! The cable comes and goes, and others meddle with the link.

use usbnet_tests::{
    cable,
    daemon::{configure, status, usbnet_ok, wait_status, with_functions},
    host::Client,
    lab::Lab,
    run::sh,
    wait::wait_until,
};

#[test]
fn out_and_in_again() {
    let _lab = Lab::begin();
    configure(&with_functions("Ecm"));
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    drop(Client::Udhcpc.lease(&interface));
    let mode = status().mode;
    for _ in 0..3 {
        cable::unplug();
        // dummy_udc's state stays "configured" without a cable, the carrier does not.
        let status = wait_status("the status to know", |status| {
            status.link.as_ref().is_some_and(|link| !link.carrier)
        });
        assert_eq!(
            (status.mode.as_ref(), status.error),
            (mode.as_ref(), None),
            "no cable is a state, not a fault"
        );
        cable::plug();
        let interface = cable::hand_to_host();
        let _lease = Client::Udhcpc.lease(&interface);
    }
}

#[test]
fn starts_without_a_cable() {
    let _lab = Lab::begin();
    cable::unplug();
    configure(&with_functions("Ecm"));
    usbnet_ok(&["start"]);
    cable::plug();
    let interface = cable::hand_to_host();
    let _lease = Client::Udhcpc.lease(&interface);
}

#[test]
fn removed_address_is_put_back() {
    let _lab = Lab::begin();
    usbnet_ok(&["start"]);
    let link = status().link.expect("a link");
    for line in ["ip address del {address} dev {interface}", "ip address flush dev {interface}"] {
        sh(&line.replace("{address}", &link.address).replace("{interface}", &link.interface));
        wait_until("the address to come back", || {
            sh(&format!("ip -4 address show dev {}", link.interface)).contains(&link.address)
        });
    }
    let interface = cable::hand_to_host();
    let _lease = Client::Udhcpc.lease(&interface);
}

#[test]
fn overlapping_route_moves_the_link() {
    let _lab = Lab::begin();
    sh("ip link add other type dummy; ip address add 192.168.2.1/24 dev other; ip link set other up");
    let started = usbnet_tests::daemon::usbnet(&["start"]);
    let link = status().link;
    sh("ip link del other");
    assert_eq!(started.code, 0, "{}", started.err);
    let link = link.expect("a link");
    assert!(!link.address.starts_with("192.168.2."), "{}", link.address);
    assert!(link.moved.as_ref().is_some_and(|why| why.contains("192.168.2")), "{:?}", link.moved);
    let interface = cable::hand_to_host();
    assert_eq!(Client::Udhcpc.lease(&interface).address.to_string(), link.host);
}
