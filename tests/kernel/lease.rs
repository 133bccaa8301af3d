//! For each kind of network card: the host binds the right driver, every client gets its lease, both ends talk, the
//! device answers to its name, and the host's own network stays as it was.

use usbnet::control::Status;
use usbnet_tests::{
    cable,
    daemon::{configure, status, usbnet_ok, with_functions},
    host::{self, Client},
    lab::Lab,
    run::sh,
};

/// Starts with this configuration, and expects this driver at the host's end.
fn scenario(configuration: &str, driver: &str) {
    let _lab = Lab::begin();
    configure(configuration);
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let drivers = cable::host_drivers();
    assert!(drivers.iter().any(|bound| bound == driver), "the host bound {drivers:?}, not {driver}");

    let before = host::settings();
    let status = status();
    let link = status.link.as_ref().expect("a link");
    let (address, prefix) = link.address.split_once('/').expect("ADDRESS/PREFIX");
    for client in Client::ALL {
        let lease = client.lease(&interface);
        assert_eq!(lease.address.to_string(), link.host, "{client:?}");
        assert_eq!(lease.prefix.to_string(), prefix, "{client:?}");
        sh(&format!("on-host ping -c 2 -i 0.2 -W 20 {address}"));
        sh(&format!("ping -c 2 -i 0.2 -W 20 -I {} {}", link.interface, lease.address));
        assert_eq!(host::settings(), before, "{client:?} changed the host's network");
    }
    let _lease = Client::Udhcpc.lease(&interface);
    names(&status, address);
}

/// The device's name resolves, by UDP and by TCP, forwards and backwards, and nothing else does.
fn names(status: &Status, address: &str) {
    let server = address.parse().expect("an address");
    let name = &status.system.hostname;
    assert_eq!(host::dig(server, &[name]), address);
    assert_eq!(host::dig(server, &["+tcp", name]), address);
    assert!(host::dig(server, &["-x", address]).starts_with(name.as_str()));
    sh(&format!("on-host nslookup -timeout=20 {name} {address}"));
    assert_eq!(host::dig(server, &["example.org"]), "");
}

#[test]
fn ecm() {
    scenario(&with_functions("Ecm"), "cdc_ether");
}

#[test]
fn ncm() {
    scenario(&with_functions("Ncm"), "cdc_ncm");
}

#[test]
fn rndis() {
    scenario(&with_functions("Rndis"), "rndis_host");
}

#[test]
fn eem() {
    scenario(&with_functions("Eem"), "cdc_eem");
}

#[test]
fn ecm_subset() {
    scenario(&with_functions("EcmSubset"), "cdc_subset");
}

#[test]
fn legacy_g_ether() {
    scenario(
        "Config(backend: Legacy(ether: \"g_ether\"), modes: {\"network\": (functions: [Ecm])})\n",
        "cdc_ether",
    );
}

#[test]
fn defaults_without_a_file() {
    let _lab = Lab::begin();
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let lease = Client::Udhcpc.lease(&interface);
    assert_eq!(Some(lease.address.to_string()), status().link.map(|link| link.host));
}
