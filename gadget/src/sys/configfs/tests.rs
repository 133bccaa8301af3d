//! The difference between gadgets, applied to a directory that enforces the kernel's order.

use std::fs;
use std::path::Path;

use nix::errno::Errno;

use super::fake::FakeConfigFs;
use super::*;

fn ethernet(driver: EthernetDriver, last: u8) -> FunctionSpec {
    let id = |compatible: &str, sub: &str| CompatibleId {
        compatible: compatible.to_owned(),
        sub_compatible: sub.to_owned(),
    };
    FunctionSpec::Ethernet(EthernetSpec {
        driver,
        instance: "usb0".to_owned(),
        device_mac: [2, 0, 0, 0, 0, last],
        host_mac: [2, 0, 0, 0, 0, last + 1],
        queue_multiplier: (driver == EthernetDriver::Eem).then_some(8),
        class: (driver == EthernetDriver::Rndis).then_some(ClassTriple::MISCELLANEOUS_RNDIS),
        compatible_id: match driver {
            EthernetDriver::Rndis => Some(id("RNDIS", "5162001")),
            EthernetDriver::Ncm => Some(id("WINNCM", "")),
            _ => None,
        },
    })
}

fn acm() -> FunctionSpec {
    FunctionSpec::Acm { instance: "gs0".to_owned() }
}

fn storage(luns: usize) -> FunctionSpec {
    let lun = LunSpec {
        read_only: true,
        cdrom: false,
        no_fua: false,
        inquiry: Some("usbnet  card            0001".to_owned()),
    };
    FunctionSpec::MassStorage(MassStorageSpec { instance: "card".to_owned(), luns: vec![lun; luns] })
}

fn gadget(functions: Vec<FunctionSpec>) -> GadgetSpec {
    let windows = functions.iter().any(
        |function| matches!(function, FunctionSpec::Ethernet(ethernet) if ethernet.compatible_id.is_some()),
    );
    GadgetSpec {
        name: "usbnet".to_owned(),
        vendor_id: 0x1d6b,
        product_id: 0x0104,
        bcd_device: 0x1000 + u16::try_from(functions.len()).expect("few"),
        class: ClassTriple::MISCELLANEOUS,
        strings: Strings {
            manufacturer: "Nokia".to_owned(),
            product: "N800 \"Ünit\"".to_owned(),
            serial: "0123".to_owned(),
        },
        configuration: ConfigurationSpec {
            description: format!("{} functions", functions.len()),
            max_power: 500,
            self_powered: true,
        },
        functions,
        os_descriptors: windows.then(OsDescriptors::default),
    }
}

/// Every composition that a mode can have, and some that differ little from another.
fn gadgets() -> Vec<(&'static str, GadgetSpec)> {
    use EthernetDriver::{Ecm, Eem, Ncm, Rndis, Subset};
    vec![
        ("ncm", gadget(vec![ethernet(Ncm, 0)])),
        ("ncm, other address", gadget(vec![ethernet(Ncm, 4)])),
        ("ncm + acm", gadget(vec![ethernet(Ncm, 0), acm()])),
        ("acm + ncm", gadget(vec![acm(), ethernet(Ncm, 0)])),
        ("rndis", gadget(vec![ethernet(Rndis, 0)])),
        ("rndis + acm", gadget(vec![ethernet(Rndis, 0), acm()])),
        ("ecm", gadget(vec![ethernet(Ecm, 0)])),
        ("eem", gadget(vec![ethernet(Eem, 0)])),
        ("geth", gadget(vec![ethernet(Subset, 0)])),
        ("acm", gadget(vec![acm()])),
        ("one lun", gadget(vec![storage(1)])),
        ("ncm + three luns", gadget(vec![ethernet(Ncm, 0), storage(3)])),
    ]
}

fn change(fake: &FakeConfigFs, spec: &GadgetSpec) -> Vec<Operation> {
    difference(&fake.configfs().gadget_dir("usbnet"), fake.observe("usbnet").as_ref(), spec)
}

fn built(spec: &GadgetSpec) -> (FakeConfigFs, LiveGadget) {
    let fake = FakeConfigFs::new();
    fake.apply_all(&change(&fake, spec));
    let live = fake.observe("usbnet").expect("built");
    (fake, live)
}

/// A gadget without the path, which differs from test to test.
fn content(mut live: LiveGadget) -> LiveGadget {
    live.path.clear();
    // Not shown to the host while `use` is 0, so they may stay.
    if live.os_descriptors.attributes.get("use").is_some_and(|value| value == "0") {
        live.os_descriptors.attributes.clear();
    }
    live
}

#[test]
fn what_is_right_is_left_alone() {
    for (name, spec) in gadgets() {
        let (fake, _) = built(&spec);
        assert_eq!(change(&fake, &spec), [], "{name}");
    }
}

#[test]
fn every_gadget_turns_into_every_other_in_place() {
    let gadgets = gadgets();
    let contents: Vec<_> = gadgets.iter().map(|(_, spec)| content(built(spec).1)).collect();
    for (from_name, from) in &gadgets {
        for ((to_name, to), wanted) in gadgets.iter().zip(&contents) {
            let (fake, _) = built(from);
            let operations = change(&fake, to);
            let dir = fake.configfs().gadget_dir("usbnet");
            assert!(!operations.contains(&Operation::RemoveDir { path: dir }), "{from_name} → {to_name}");
            fake.apply_all(&operations);
            let live = fake.observe("usbnet").expect("still there");
            assert_eq!(content(live), *wanted, "{from_name} → {to_name}");
        }
    }
}

#[test]
fn an_interrupted_change_can_be_finished_undone_and_removed() {
    let (_, from) = &gadgets()[5];
    for (name, to) in gadgets() {
        let steps = change(&built(from).0, &to).len();
        for done in 0..=steps {
            for (what, goal) in [("finished", Some(&to)), ("undone", Some(from)), ("removed", None)] {
                let (fake, _) = built(from);
                fake.apply_all(&change(&fake, &to)[..done]);
                let what = format!("{what} after {done} steps to {name}");
                let Some(goal) = goal else {
                    fake.apply_all(&removal(&fake.observe("usbnet").expect(&what)));
                    assert_eq!(fake.observe("usbnet"), None, "{what}");
                    continue;
                };
                fake.apply_all(&change(&fake, goal));
                assert_eq!(content(fake.observe("usbnet").expect(&what)), content(built(goal).1), "{what}");
            }
        }
    }
}

#[test]
fn an_interrupted_beginning_can_be_finished() {
    let spec = gadget(vec![ethernet(EthernetDriver::Rndis, 0), storage(2), acm()]);
    let whole = content(built(&spec).1);
    let steps = change(&FakeConfigFs::new(), &spec).len();
    for done in 0..steps {
        let fake = FakeConfigFs::new();
        fake.apply_all(&change(&fake, &spec)[..done]);
        fake.apply_all(&change(&fake, &spec));
        let live = fake.observe("usbnet").expect("built");
        assert_eq!(content(live), whole, "after {done} of {steps} steps");
    }
}

#[test]
fn emptying_leaves_the_identity() {
    for (name, spec) in gadgets() {
        let (fake, live) = built(&spec);
        fake.apply_all(&emptying(&live));
        let left = fake.observe("usbnet").expect("stays");
        assert!(left.functions.is_empty() && left.configurations.is_empty(), "{name}: {left:?}");
        assert_eq!((left.attributes, left.strings), (live.attributes, live.strings), "{name}");
    }
}

#[test]
fn what_somebody_added_to_our_gadget_goes_and_another_gadget_stays() {
    let (fake, ours) = built(&gadget(vec![ethernet(EthernetDriver::Ncm, 0)]));
    let make = |below: &str| {
        fake.apply_all(&[Operation::MakeDir { path: fake.path().join("usb_gadget").join(below) }])
    };
    let link = |target: &str, link: &str| {
        let root = fake.path().join("usb_gadget");
        fake.apply_all(&[Operation::Link { target: root.join(target), link: root.join(link) }]);
    };
    for dir in ["usbnet/configs/other.2", "usbnet/configs/other.2/strings/0x407", "usbnet/strings/0x407"] {
        make(dir);
    }
    make("usbnet/functions/acm.mine");
    link("usbnet/functions/acm.mine", "usbnet/configs/other.2/acm.mine");
    link("usbnet/functions/acm.mine", "usbnet/configs/c.1/mine");
    for dir in ["g1", "g1/functions/ncm.usb0", "g1/configs/c.1"] {
        make(dir);
    }
    link("g1/functions/ncm.usb0", "g1/configs/c.1/ncm.usb0");
    let others = fake.observe("g1");

    fake.apply_all(&change(&fake, &gadget(vec![ethernet(EthernetDriver::Ncm, 0)])));
    assert_eq!(fake.observe("usbnet"), Some(ours));
    fake.apply_all(&removal(&fake.observe("usbnet").expect("there")));
    assert_eq!((fake.observe("usbnet"), fake.observe("g1")), (None, others));
    let names = fake.configfs().others("usbnet").expect("readable");
    assert_eq!(names, [OtherGadget { name: "g1".to_owned(), udc: None }]);
}

#[test]
fn attributes_of_newer_kernels_are_left_out_on_older_ones() {
    let spec = gadget(vec![ethernet(EthernetDriver::Rndis, 0)]);
    let fake = FakeConfigFs::new();
    let dir = fake.configfs().gadget_dir("usbnet").join("functions/rndis.usb0");
    for operation in change(&fake, &spec) {
        fake.apply(&operation).expect("applies");
        if operation == (Operation::MakeDir { path: dir.clone() }) {
            fs::remove_file(dir.join("class")).expect("was there");
            fs::remove_dir_all(dir.join("os_desc")).expect("was there");
        }
    }
    assert_eq!(change(&fake, &spec), []);
    assert!(!dir.join("class").exists());
}

#[test]
fn values_have_the_form_that_the_kernel_shows() {
    let (fake, _) = built(&gadget(vec![ethernet(EthernetDriver::Rndis, 0x1e), acm()]));
    let rows = [
        ("idVendor", "0x1d6b"),
        ("idProduct", "0x0104"),
        ("bcdDevice", "0x1002"),
        ("bDeviceClass", "0xef"),
        ("bDeviceSubClass", "0x02"),
        ("bDeviceProtocol", "0x01"),
        ("strings/0x409/product", "N800 \"Ünit\""),
        ("configs/c.1/bmAttributes", "0xc0"),
        ("configs/c.1/MaxPower", "500"),
        ("functions/rndis.usb0/dev_addr", "02:00:00:00:00:1e"),
        ("functions/rndis.usb0/host_addr", "02:00:00:00:00:1f"),
        ("functions/rndis.usb0/class", "ef"),
        ("functions/rndis.usb0/subclass", "04"),
        ("functions/rndis.usb0/protocol", "01"),
        ("functions/rndis.usb0/os_desc/interface.rndis/compatible_id", "RNDIS"),
        ("functions/rndis.usb0/os_desc/interface.rndis/sub_compatible_id", "5162001"),
        ("os_desc/use", "1"),
        ("os_desc/b_vendor_code", "0x20"),
        ("os_desc/qw_sign", "MSFT100"),
    ];
    for (attribute, value) in rows {
        let read =
            fs::read_to_string(fake.path().join("usb_gadget/usbnet").join(attribute)).expect(attribute);
        assert_eq!(read, format!("{value}\n"), "{attribute}");
    }
    let link = |below: &str| fs::read_link(fake.path().join("usb_gadget/usbnet").join(below)).expect(below);
    assert!(link("configs/c.1/f1").ends_with("functions/rndis.usb0"));
    assert!(link("configs/c.1/f2").ends_with("functions/acm.gs0"));
    assert!(link("os_desc/c.1").ends_with("configs/c.1"));
}

#[test]
fn the_host_is_always_asked_before_a_medium_goes() {
    let removable: Vec<_> = change(&FakeConfigFs::new(), &gadget(vec![storage(2)]))
        .into_iter()
        .filter_map(|operation| match operation {
            Operation::Write { path, value, .. } if path.ends_with("removable") => Some(value),
            _ => None,
        })
        .collect();
    assert_eq!(removable, ["1", "1"]);
}

#[test]
fn media_come_and_go_without_making_the_function_anew() {
    let spec = gadget(vec![storage(2)]);
    let (fake, live) = built(&spec);
    let luns = live.luns();
    assert_eq!(luns.iter().map(|lun| (lun.index, lun.file.as_str())).collect::<Vec<_>>(), [(0, ""), (1, "")]);
    luns[1].lun.insert(fake.path(), Path::new("/dev/card")).expect("inserts");
    let live = fake.configfs().observe("usbnet").expect("readable").expect("a gadget");
    assert_eq!(live.luns()[1].file, "/dev/card");
    assert_eq!(difference(&live.path, Some(&live), &spec), [], "the medium is no part of the description");
    assert_eq!(luns[1].lun.eject(fake.path(), false).ok(), Some(true));
    assert_eq!(luns[1].lun.medium(fake.path()), "");
}

#[test]
fn a_refused_write_names_attribute_value_and_cause() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("idVendor");
    let write = |check| Operation::Write { path: path.clone(), value: "0x1d6b".to_owned(), check }.apply();
    let message = write(Check::Echo).expect_err("no such attribute").to_string();
    let expected = format!(
        "cannot write \"0x1d6b\" to {}: ENOENT: No such file or directory (this kernel has no such attribute)",
        path.display()
    );
    assert_eq!(message, expected);
    assert!(write(Check::IfPresent).is_ok());
    assert!(!path.exists());
}

#[test]
fn the_kernels_refusal_to_bind_is_explained() {
    let rows = [
        ("missing, new kernel", Errno::EBUSY, None, "there is no such UDC"),
        ("missing, old kernel", Errno::ENODEV, None, "there is no such UDC"),
        ("taken", Errno::EBUSY, Some("g1"), "g1 has it (EBUSY"),
        ("functions that do not start, new kernel", Errno::EBUSY, Some(""), "cannot start its functions"),
        ("too many functions, old kernel", Errno::ENODEV, Some(""), "no endpoints left"),
        ("no function linked, old kernel", Errno::EINVAL, Some(""), "incomplete"),
        ("not root", Errno::EACCES, Some(""), "EACCES"),
    ];
    for (name, cause, driver, expected) in rows {
        let message = refusal(Path::new("/c/usb_gadget/usbnet"), "u.0", cause, driver).to_string();
        assert!(message.starts_with("cannot bind gadget usbnet to u.0: "), "{name}: {message}");
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn binding_is_read_back_and_a_taken_name_is_found() {
    let (fake, _) = built(&gadget(vec![acm()]));
    let dir = fake.configfs().gadget_dir("usbnet");
    bind(&dir, "dummy_udc.0", Path::new("/nowhere")).expect("the directory takes anything");
    assert_eq!(fake.observe("usbnet").and_then(|live| live.udc).as_deref(), Some("dummy_udc.0"));
    unbind(&dir).expect("unbinds");
    assert_eq!(fake.observe("usbnet").and_then(|live| live.udc), None);
}

#[test]
fn an_interface_has_a_name_only_once_the_kernel_gave_it_one() {
    let (fake, _) = built(&gadget(vec![ethernet(EthernetDriver::Ncm, 0)]));
    let function = fake.configfs().gadget_dir("usbnet").join("functions/ncm.usb0");
    for (shown, name) in [
        ("usb0", Some("usb0")),
        ("usb%d", None),
        ("(unnamed net_device)", None),
        ("", None),
        ("../../x", None),
    ] {
        fs::write(function.join("ifname"), format!("{shown}\n")).expect("writable");
        assert_eq!(interface(&function).ok().as_deref(), name, "{shown:?}");
        let live = fake.observe("usbnet").expect("there");
        let found: Vec<_> = name.into_iter().map(|name| ("ncm.usb0", name)).collect();
        assert_eq!(live.interfaces(), found, "{shown:?}");
    }
}

#[test]
fn a_directory_without_configfs_is_not_mounted() {
    let fake = FakeConfigFs::new();
    assert_eq!(fake.configfs().presence(), Presence::Ready);
    fs::remove_dir(fake.path().join("usb_gadget")).expect("empty");
    assert_eq!(fake.configfs().presence(), Presence::NotMounted);
    assert_eq!(ConfigFs::at(fake.path().join("nothing")).presence(), Presence::Missing);
}
