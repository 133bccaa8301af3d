//! A network card and a serial port in one configuration.

use std::fs;

use usbnet_tests::{
    cable,
    daemon::{configure, usbnet_ok, with_functions},
    host::Client,
    lab::Lab,
    osdesc,
    wait::{wait_for, wait_until},
};

fn scenario(function: &str, driver: &str) {
    let _lab = Lab::begin();
    configure(&with_functions(&format!("{function}, Acm")));
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    wait_until("the host's serial port", || fs::exists("/dev/ttyACM0").unwrap_or(false));
    let drivers = cable::host_drivers();
    for wanted in [driver, "cdc_acm"] {
        assert!(drivers.iter().any(|bound| bound == wanted), "the host bound {drivers:?}, not {wanted}");
    }
    let _lease = Client::Udhcpc.lease(&interface);
}

#[test]
fn ncm_and_acm() {
    scenario("Ncm", "cdc_ncm");
}

#[test]
fn ecm_and_acm() {
    scenario("Ecm", "cdc_ether");
}

#[test]
fn rndis_and_acm() {
    scenario("Rndis", "rndis_host");
}

#[test]
fn eem_and_acm() {
    scenario("Eem", "cdc_eem");
}

/// Windows caches its driver by vendor, product and bcdDevice: what is composed otherwise must look otherwise.
#[test]
fn bcd_device_and_descriptors_follow_the_composition() {
    let _lab = Lab::begin();
    let mut seen = Vec::new();
    for functions in ["Ncm", "Ncm, Acm", "Rndis", "Rndis, Acm"] {
        configure(&with_functions(functions));
        usbnet_ok(&["start"]);
        wait_until("the host to configure the device", || cable::udc_state() == "configured");
        let device = wait_for("the device", cable::usb_device);
        let bcd = fs::read_to_string(device.join("bcdDevice")).expect("bcdDevice");
        assert!(!seen.contains(&bcd), "bcdDevice {bcd} again, for {functions}");
        seen.push(bcd);
        let compatible = osdesc::compatible_ids(&device).expect("OS descriptors");
        assert_eq!(compatible[0].interface, 0, "{functions}");
        usbnet_ok(&["stop"]);
    }
}
