use std::{collections::BTreeSet, fs};

use proptest::prelude::*;

use super::*;

const SIDES: [Side; 2] = [Side::Device, Side::Host];
const ID: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn macs(identity: &Identity) -> Vec<MacAddr> {
    FunctionKind::ALL.iter().flat_map(|kind| SIDES.map(|side| identity.mac(*kind, side))).collect()
}

/// Written down so that an update never changes a device's addresses: hosts would lose their profiles.
#[test]
fn stays_what_it_was() {
    let identity = Identity::from_seed(ID);
    // (function, device's last byte, host's last byte)
    let table = [
        (FunctionKind::Ecm, 0xb0, 0xb1),
        (FunctionKind::Ncm, 0xb2, 0xb3),
        (FunctionKind::Rndis, 0xb4, 0xb5),
        (FunctionKind::Eem, 0xb6, 0xb7),
        (FunctionKind::EcmSubset, 0xb8, 0xb9),
        (FunctionKind::Acm, 0xba, 0xbb),
        (FunctionKind::MassStorage, 0xbc, 0xbd),
    ];
    for (function, device, host) in table {
        for (side, last) in [(Side::Device, device), (Side::Host, host)] {
            assert_eq!(
                identity.mac(function, side).to_string(),
                format!("1a:36:84:f7:cb:{last:02x}"),
                "{function}"
            );
        }
    }
    assert_eq!(identity.serial(), "6AF646A9AC3BA287");
}

#[test]
fn sources_in_their_order() {
    const CPUINFO: &str = "processor\t: 0\nHardware\t: BCM2835\nSerial\t\t: 00000000a1b2c3d4\n";
    let id = format!("{ID}\n");
    // (name, files, the seed that is used)
    let table: [(&str, &[(&str, &str)], &str); 9] = [
        ("machine-id first", &[("etc/machine-id", &id), ("proc/cpuinfo", CPUINFO)], ID),
        (
            "uninitialized",
            &[("etc/machine-id", "uninitialized\n"), ("proc/cpuinfo", CPUINFO)],
            "00000000a1b2c3d4",
        ),
        ("empty, then dbus", &[("etc/machine-id", ""), ("var/lib/dbus/machine-id", &id)], ID),
        (
            "all zero",
            &[("etc/machine-id", "00000000000000000000000000000000"), ("proc/cpuinfo", CPUINFO)],
            "00000000a1b2c3d4",
        ),
        ("too short", &[("etc/machine-id", "abc"), ("proc/cpuinfo", CPUINFO)], "00000000a1b2c3d4"),
        (
            "not hexadecimal",
            &[("etc/machine-id", "zf1e2d3c4b5a69788796a5b4c3d2e1f0"), ("proc/cpuinfo", CPUINFO)],
            "00000000a1b2c3d4",
        ),
        (
            "device tree before cpuinfo",
            &[("sys/firmware/devicetree/base/serial-number", "RX-34 007\0"), ("proc/cpuinfo", CPUINFO)],
            "RX-34 007",
        ),
        ("old device tree path", &[("proc/device-tree/serial-number", "1c8a\0")], "1c8a"),
        (
            "placeholder",
            &[("proc/device-tree/serial-number", "0123456789ABCDEF\0"), ("proc/cpuinfo", CPUINFO)],
            "00000000a1b2c3d4",
        ),
    ];
    for (name, files, seed) in table {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        assert_eq!(Identity::read(root.path()), Ok(Identity::from_seed(seed)), "{name}");
    }
}

#[test]
fn names_every_source_when_none_helps() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc/machine-id")).unwrap();
    fs::create_dir_all(root.path().join("proc")).unwrap();
    fs::write(root.path().join("proc/cpuinfo"), "Serial\t: 0000000000000000\n").unwrap();
    assert_eq!(
        Identity::read(root.path()).unwrap_err().to_string(),
        "no stable identity for this device: /etc/machine-id: is a directory, /var/lib/dbus/machine-id: entity not found, \
         /sys/firmware/devicetree/base/serial-number: entity not found, /proc/device-tree/serial-number: entity not \
         found, /proc/cpuinfo: no valid id; write one with `systemd-machine-id-setup` or `dbus-uuidgen \
         --ensure=/etc/machine-id`, or set gadget.serial and gadget.mac in the configuration"
    );
    fs::write(root.path().join("proc/cpuinfo"), [0xff; 512]).unwrap();
    assert!(Identity::read(root.path()).unwrap_err().to_string().contains("/proc/cpuinfo: empty"));
}

#[test]
fn hardware_address_texts() {
    let mac: MacAddr = "02:1A:2b:3c:4d:5e".parse().unwrap();
    assert_eq!(mac.to_string(), "02:1a:2b:3c:4d:5e");
    assert_eq!(serde_json::from_str::<MacAddr>(&serde_json::to_string(&mac).unwrap()).unwrap(), mac);
    for text in [
        "",
        "02:1a:2b:3c:4d",
        "02:1a:2b:3c:4d:5e:6f",
        "02-1a-2b-3c-4d-5e",
        "2:1a:2b:3c:4d:5e",
        "+2:1a:2b:3c:4d:5e",
    ] {
        assert_eq!(
            text.parse::<MacAddr>().unwrap_err().to_string(),
            format!("{text:?} is not a hardware address; write it like 02:1a:2b:3c:4d:5e")
        );
    }
    for (text, unicast) in [
        ("02:00:00:00:00:01", true),
        ("00:00:00:00:00:00", false),
        ("ff:ff:ff:ff:ff:ff", false),
        ("01:00:5e:00:00:01", false),
    ] {
        assert_eq!(text.parse::<MacAddr>().unwrap().is_unicast(), unicast, "{text}");
    }
}

proptest! {
    #[test]
    fn every_address_is_local_unicast_and_its_own(seed in ".{1,64}") {
        let macs = macs(&Identity::from_seed(&seed));
        prop_assert_eq!(macs.iter().collect::<BTreeSet<_>>().len(), FunctionKind::ALL.len() * SIDES.len());
        for mac in macs {
            prop_assert!(mac.is_unicast());
            prop_assert_eq!(mac.bytes()[0] & 0x02, 0x02);
        }
    }

    #[test]
    fn two_devices_share_nothing(one in "[0-9a-f]{32}", other in "[0-9a-f]{32}") {
        prop_assume!(one != other);
        let (one, other) = (Identity::from_seed(&one), Identity::from_seed(&other));
        prop_assert!(macs(&one).iter().all(|mac| !macs(&other).contains(mac)));
        prop_assert_ne!(one.serial(), other.serial());
    }
}
