//! What Windows asks before it chooses a driver, asked from the host's end of the cable.

use std::fs;

use usbnet_tests::{
    cable,
    daemon::{configure, usbnet_ok, with_functions},
    lab::Lab,
    osdesc::{self, Compatible},
    wait::{wait_for, wait_until},
};

fn compatible_ids(functions: &str) -> Option<Vec<Compatible>> {
    configure(&with_functions(functions));
    usbnet_ok(&["start"]);
    wait_until("the host to configure the device", || cable::udc_state() == "configured");
    osdesc::compatible_ids(&wait_for("the device", cable::usb_device))
}

fn one(id: &str, sub_id: &str) -> Compatible {
    Compatible { interface: 0, id: id.to_owned(), sub_id: sub_id.to_owned() }
}

#[test]
fn rndis_is_announced_with_its_class_and_compatible_id() {
    let _lab = Lab::begin();
    assert_eq!(compatible_ids("Rndis"), Some(vec![one("RNDIS", "5162001")]));

    let device = cable::usb_device().expect("the device");
    let interface = device.join(format!("{}:1.0", device.file_name().unwrap_or_default().to_string_lossy()));
    // Of a function with more than one interface, Windows goes by the association; 6.1 writes the class only there.
    let triple = ["iad_bFunctionClass", "iad_bFunctionSubClass", "iad_bFunctionProtocol"]
        .map(|name| fs::read_to_string(interface.join(name)).expect(name).trim().to_owned());
    // Windows binds its own RNDIS driver to either of these, and a serial port to the kernel's default 02/02/ff.
    let known = [["e0", "01", "03"], ["ef", "04", "01"]];
    assert!(known.iter().any(|class| triple == *class), "class triple {triple:?}");
}

#[test]
fn ncm_is_announced_with_its_compatible_id() {
    let _lab = Lab::begin();
    assert_eq!(compatible_ids("Ncm"), Some(vec![one("WINNCM", "")]));
}

#[test]
fn ecm_has_no_os_descriptors() {
    let _lab = Lab::begin();
    assert_eq!(compatible_ids("Ecm"), None);
}
