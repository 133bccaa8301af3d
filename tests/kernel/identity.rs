//! The host sees the same network card after every boot, and another one on another device.

use std::{fs, path::Path};

use usbnet_tests::{
    cable,
    daemon::{status, usbnet_ok},
    host::{self, Client},
    lab::Lab,
    run::sh,
};

const MACHINE_ID: &str = "/etc/machine-id";
/// Shared with the machine outside: it stays when this one is booted again.
const PREVIOUS_BOOT: &str = "/run/share/identity";

/// Both MACs, the lease and the serial number, as the host gets them.
fn identity() -> String {
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let device = cable::usb_device().expect("the device");
    let serial = fs::read_to_string(device.join("serial")).expect("a serial number");
    let link = status().link.expect("a link");
    let mac = host::mac(&interface);
    assert_eq!(Some(&mac), link.host_mac.as_ref());
    assert_ne!(mac, link.mac, "each end has its own");
    let lease = Client::Udhcpc.lease(&interface);
    format!("host {mac}, device {}, lease {}, serial {}", link.mac, lease.address, serial.trim())
}

#[test]
fn differs_between_two_machine_ids_and_survives_a_restart() {
    let _lab = Lab::begin();
    let own = fs::read_to_string(MACHINE_ID).expect(MACHINE_ID);
    let first = identity();
    usbnet_ok(&["stop"]);
    // All that a reboot would forget.
    sh("rm -rf /run/usbnet /var/lib/usbnet; modprobe -r usb_f_ncm libcomposite");
    let again = identity();
    usbnet_ok(&["stop"]);
    fs::write(MACHINE_ID, "0123456789abcdef0123456789abcdee\n").expect(MACHINE_ID);
    let other = identity();
    fs::write(MACHINE_ID, own).expect(MACHINE_ID);

    assert_eq!(again, first);
    let words = |text: &str| -> Vec<String> { text.split(", ").map(str::to_owned).collect() };
    for (name, index) in [("host", 0), ("device", 1), ("serial", 3)] {
        assert_ne!(words(&other)[index], words(&first)[index], "{name}");
    }
}

/// `scripts/kernel-tests` boots the machine a second time for this one alone.
#[test]
fn survives_a_reboot() {
    let _lab = Lab::begin();
    let now = identity();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    if !Path::new(PREVIOUS_BOOT).exists() {
        fs::write(PREVIOUS_BOOT, format!("{boot}{now}")).expect(PREVIOUS_BOOT);
    }
    let previous = fs::read_to_string(PREVIOUS_BOOT).expect(PREVIOUS_BOOT);
    let (previous_boot, previous) = previous.split_once('\n').expect("a boot id and an identity");
    assert_eq!(now, previous);
    if std::env::var_os("USBNET_SECOND_BOOT").is_some() {
        assert_ne!(boot.trim(), previous_boot, "this is the second boot");
    }
}
