//! The early link has what the device's configuration says, and the device's name.

use std::fs;

use usbnet::{
    config::{self, Config, Gadget, Link, MacChoice, SerialChoice, Switch, UdcChoice},
    identity::Identity,
};
use usbnet_tests::run::{Outcome, run};

use super::{Initramfs, MACHINE_ID, early};
use crate::{SHELLS, program};

/// A configuration in which nothing is the default, with what a shell would take for its own.
fn configured(product: &str) -> Config {
    let mac = |text: &str| text.parse().expect("an address");
    Config {
        gadget: Gadget {
            vendor_id: 0x0525,
            product_id: 0xa4a2,
            manufacturer: r#"it's "$(touch /nowhere)" `x` \ \'"#.to_owned(),
            product: product.to_owned(),
            serial: SerialChoice::Fixed("A'B\\\"C".to_owned()),
            mac: MacChoice::Fixed { device: mac("02:1a:2b:3c:4d:5e"), host: mac("02:1a:2b:3c:4d:5f") },
        },
        udc: UdcChoice::Named("other_udc.1".to_owned()),
        link: Link {
            address: "192.168.7.1/24".parse().expect("an address"),
            host: "192.168.7.2".parse().expect("an address"),
            dns: Switch::Off,
            name: Some("n800".to_owned()),
            domain: "cable".to_owned(),
            pool: Some("192.168.7.10-192.168.7.20".parse().expect("a pool")),
            mtu: Some(1400),
            lease_seconds: 600,
            ..Link::default()
        },
        ..Config::default()
    }
}

/// What `usbnet-early-config` writes in this shell on a device of that name, where `usbnet config` says `effective` and ends
/// with `code`.
fn settings(shell: &[&str], hostname: &str, effective: &str, code: u8) -> Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("effective"), effective).expect("writable");
    fs::create_dir(at("etc")).expect("a directory");
    fs::write(at("etc/hostname"), hostname).expect("writable");
    let body = format!("#!/bin/sh\n[ $1 = config ] && cat '{}'\nexit {code}\n", at("effective").display());
    program(&at("usbnet"), &body);
    let script = fs::read_to_string(early("usbnet-early-config")).expect("the script");
    assert!(script.contains("/usr/bin/usbnet"));
    let script = script.replace("/usr/bin/usbnet", &at("usbnet").display().to_string());
    let script = format!("usbnet_root='{}'\n{script}", directory.path().display());
    run(&[shell, &["-c", &script, "usbnet-early-config"]].concat())
}

#[test]
fn the_early_link_is_as_configured() {
    let config = configured("a, \"b\", \\");
    for shell in SHELLS {
        let initramfs = Initramfs::new();
        fs::create_dir(initramfs.at("sys/class/udc/other_udc.1")).expect("a directory");
        let written = settings(shell, "other\n", &config::render(&config), 0);
        assert_eq!((written.code, &*written.err), (0, ""), "{shell:?}");
        initramfs.write("etc/usbnet/early.conf", &written.out);
        initramfs.starts("usbnet_early_start");
        let attributes = [
            ("idVendor", "0x0525"),
            ("idProduct", "0xa4a2"),
            ("strings/0x409/manufacturer", &config.gadget.manufacturer),
            ("strings/0x409/product", &config.gadget.product),
            ("strings/0x409/serialnumber", "A'B\\\"C"),
            ("functions/ncm.usb0/dev_addr", "02:1a:2b:3c:4d:5e"),
            ("functions/ncm.usb0/host_addr", "02:1a:2b:3c:4d:5f"),
            ("UDC", "other_udc.1"),
        ];
        for (attribute, expected) in attributes {
            assert_eq!(initramfs.attribute(attribute).as_deref(), Some(expected), "{attribute}, {shell:?}");
        }
        let said = initramfs.log();
        let line = "usbnet responder --interface usb0 --address 192.168.7.1/24 --host 192.168.7.2 --no-dns \
                    --name n800 --domain cable --pool 192.168.7.10-192.168.7.20 --lease 600 --mtu 1400\n";
        assert!(said.contains("ip address add 192.168.7.1/24 ") && said.contains(line), "{said}");
        assert!(said.starts_with("mount\nip link set dev usb0 mtu 1400\n"), "{said}");
    }
}

/// An initramfs is called nothing; whoever asks for the device by its name should not notice.
#[test]
fn the_early_link_has_the_devices_name() {
    let table = [
        ("of the device", "n900\n", "usbnet_name='n900'\n"),
        ("without a line end", "n900", "usbnet_name='n900'\n"),
        ("with its domain", "n900.example\n", "usbnet_name='n900'\n"),
        ("below a comment", "# the name\n\nn900 \n", "usbnet_name='n900'\n"),
        ("a shell's characters", "n9'$(touch /nowhere)\n", "usbnet_name='n9'\n"),
        ("none", "", ""),
    ];
    for (name, hostname, expected) in table {
        for shell in SHELLS {
            let written = settings(shell, hostname, &config::render(&Config::default()), 0);
            assert_eq!((written.code, &*written.err), (0, ""), "{name}, {shell:?}");
            let found: String =
                written.out.split_inclusive('\n').filter(|line| line.contains("_name")).collect();
            assert_eq!(found, expected, "{name}, {shell:?}");
        }
    }
}

#[test]
fn what_is_default_derived_or_not_printable_stays_so() {
    for config in [
        Config::default(),
        Config { gadget: Gadget { product: "a\u{200b}b".into(), ..Gadget::default() }, ..Config::default() },
    ] {
        let initramfs = Initramfs::new();
        initramfs.write("etc/usbnet/early.conf", &settings(SHELLS[0], "", &config::render(&config), 0).out);
        initramfs.starts("usbnet_early_start");
        let identity = Identity::from_machine_id(MACHINE_ID).expect("an id");
        assert_eq!(initramfs.attribute("strings/0x409/serialnumber"), Some(identity.serial()));
        assert_eq!(initramfs.attribute("strings/0x409/product"), Some(Gadget::default().product));
        assert_eq!(initramfs.attribute("UDC").as_deref(), Some("dummy_udc.0"));
    }
    for shell in SHELLS {
        let refused = settings(shell, "", "", 3);
        assert_eq!((refused.code, &*refused.out), (1, ""), "{shell:?}");
        assert!(refused.err.ends_with("the early link has the defaults\n"), "{}", refused.err);
    }
}
