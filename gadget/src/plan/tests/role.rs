//! The role of the port around a mode.

use super::*;
use crate::cards::Used;
use crate::sys::usb_role::{Role, RoleSwitch};

const ROLE: &str = "/sys/class/usb_role/a-role-switch/role";
const MUSB: &str = "/sys/bus/platform/devices/musb-hdrc.0/mode";

fn switch_of(attribute: &str, role: &str, controller: &str) -> RoleSwitch {
    RoleSwitch {
        attribute: attribute.into(),
        role: role.to_owned(),
        controller: controller.into(),
        connector: false,
    }
}

fn before(attribute: &str, word: &str, taken: Role) -> RoleBefore {
    RoleBefore { attribute: attribute.into(), word: word.to_owned(), taken }
}

fn was(word: &str) -> Option<RoleBefore> {
    Some(before(ROLE, word, Role::Host))
}

fn made_device(word: &str) -> Option<RoleBefore> {
    Some(before(ROLE, word, Role::Device))
}

fn to_host(attribute: &str, role: &str) -> Target {
    Target { port: PortRole::Host(switch_of(attribute, role, "")), ..target(&[]) }
}

/// A mode with a gadget that nobody asked for.
fn at_boot(role: &str) -> Target {
    Target { port: PortRole::Device { switch: switch_of(ROLE, role, ""), asked: false }, ..target(&[Ncm]) }
}

fn by_name(role: &str) -> Target {
    Target { port: PortRole::Device { switch: switch_of(ROLE, role, ""), asked: true }, ..target(&[Ncm]) }
}

fn type_c(role: &str) -> Target {
    let switch = RoleSwitch { connector: true, ..switch_of(ROLE, role, "") };
    Target { port: PortRole::Device { switch, asked: true }, ..target(&[Ncm]) }
}

fn musb(role: &str) -> Target {
    Target { port: PortRole::Device { switch: switch_of(MUSB, role, ""), asked: true }, ..target(&[Ncm]) }
}

#[test]
fn the_gadget_goes_before_the_role_and_comes_behind_it() {
    const DOWN: &str = "stop-responder unbind configfs";
    const UP: &str = "configfs bind:dummy_udc.0 link-up start-responder";
    let rows: [(&str, &[FunctionKind], Option<RoleBefore>, Target, String); 31] = [
        ("to the host's", &[Ncm], None, to_host(ROLE, "device"), format!("{DOWN} take-host:device")),
        ("without a gadget", &[], None, to_host(ROLE, "none"), "take-host:none".to_owned()),
        ("musb", &[Ncm], None, to_host(MUSB, "b_peripheral"), format!("{DOWN} take-host:otg")),
        ("by its cable already", &[Ncm], None, to_host(ROLE, "host"), DOWN.to_owned()),
        ("taken already", &[], was("device"), to_host(ROLE, "host"), String::new()),
        ("lost", &[], was("device"), to_host(ROLE, "none"), "leave-host:device take-host:none".to_owned()),
        (
            "from the device's",
            &[Ncm],
            made_device("none"),
            to_host(ROLE, "device"),
            format!("{DOWN} leave-device:none take-host:none"),
        ),
        (
            "from the device's to its own",
            &[Ncm],
            made_device("host"),
            to_host(ROLE, "device"),
            format!("{DOWN} leave-device:host"),
        ),
        ("a stick came", &[], made_device("none"), to_host(ROLE, "host"), "leave-device:none".to_owned()),
        ("back", &[], was("device"), at_boot("host"), format!("leave-host:device {UP}")),
        ("back, whoever decides", &[], was("device"), target(&[Ncm]), format!("leave-host:device {UP}")),
        ("back to nothing", &[], was("device"), target(&[]), "leave-host:device".to_owned()),
        ("a computer came", &[], was("none"), by_name("device"), format!("leave-host:none {UP}")),
        ("never taken", &[], None, target(&[Ncm]), UP.to_owned()),
        ("a device's", &[], None, by_name("device"), UP.to_owned()),
        ("none, at boot", &[], None, at_boot("none"), format!("take-device:none {UP}")),
        ("none, by name", &[], None, by_name("none"), format!("take-device:none {UP}")),
        ("none, and nothing else to do", &[Ncm], None, by_name("none"), "take-device:none".to_owned()),
        ("a host's, at boot", &[], None, at_boot("host"), UP.to_owned()),
        ("a host's, by name", &[], None, by_name("host"), format!("take-device:host {UP}")),
        ("a Type-C connector's none", &[], None, type_c("none"), UP.to_owned()),
        ("a Type-C connector's host", &[], None, type_c("host"), UP.to_owned()),
        ("a Type-C connector's, ours", &[], was("none"), type_c("host"), format!("leave-host:none {UP}")),
        ("a musb's host, by name", &[], None, musb("a_idle"), format!("take-device:otg {UP}")),
        ("a musb without a cable", &[], None, musb("b_idle"), UP.to_owned()),
        (
            "ours, and none before",
            &[],
            was("none"),
            at_boot("host"),
            format!("leave-host:none take-device:none {UP}"),
        ),
        ("made one already", &[Ncm], made_device("host"), at_boot("device"), String::new()),
        ("for another gadget", &[], made_device("host"), by_name("device"), UP.to_owned()),
        (
            "a stick came, at boot",
            &[],
            made_device("none"),
            at_boot("host"),
            format!("leave-device:none {UP}"),
        ),
        (
            "a stick came, by name",
            &[],
            made_device("none"),
            by_name("host"),
            format!("leave-device:none take-device:host {UP}"),
        ),
        ("to no gadget", &[Ncm], made_device("host"), target(&[]), format!("{DOWN} leave-device:host")),
    ];
    for (name, from, role_before, target, expected) in rows {
        let (_fake, observed) = reached(from);
        let steps = switch(&Observed { role_before, ..observed }, &target).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
    }
}

#[test]
fn a_note_on_another_port_counts_for_nothing() {
    let (_fake, observed) = reached(&[]);
    let role_before = Some(before(MUSB, "otg", Role::Device));
    let steps = switch(&Observed { role_before, ..observed }, &to_host(ROLE, "device")).expect("a plan");
    assert_eq!(outline(&steps), "leave-device:otg take-host:device");
}

#[test]
fn a_udc_that_comes_with_the_role_is_waited_for() {
    const UP: &str = "configfs await:any bind:found link-up start-responder";
    let rows: [(&str, Option<RoleBefore>, Target, String, bool); 4] = [
        ("left", was("device"), by_name("host"), format!("leave-host:device {UP}"), true),
        ("taken", None, by_name("host"), format!("take-device:host {UP}"), true),
        ("left alone", None, at_boot("host"), UP.to_owned(), false),
        ("a device's", None, by_name("device"), UP.to_owned(), false),
    ];
    for (name, role_before, target, expected, comes) in rows {
        let (_fake, observed) = reached(&[]);
        assert_eq!(brings_udc(&target.port, role_before.as_ref()), comes, "{name}");
        let observed = Observed { role_before, udcs: Vec::new(), ..observed };
        let steps = switch(&observed, &target).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
    }
}

#[test]
fn stop_gives_the_role_back() {
    let rows = [
        (Some(before(MUSB, "otg", Role::Host)), "configfs leave-host:otg"),
        (made_device("host"), "configfs leave-device:host"),
        (None, "configfs"),
    ];
    for (role_before, expected) in rows {
        let (_fake, observed) = reached(&[]);
        // What an earlier mode left of the gadget.
        let (fake, _) = reached(&[Ncm]);
        let gadget = fake.observe(GADGET).map(|live| LiveGadget { udc: None, ..live });
        let steps = stop(&Observed { gadget, role_before, ..observed });
        assert_eq!(outline(&steps), expected);
    }
}

/// What `sh` makes of a step: what the attribute says before, what it says then; musb's is a file here, which shows the
/// word itself.
#[test]
fn a_role_in_the_shell() {
    let rows = [
        ("role", "device", "device", Role::Host, true, "host"),
        ("role", "none", "none", Role::Device, true, "device"),
        ("mode", "a_idle", "otg", Role::Device, true, "peripheral"),
        ("role", "host", "none", Role::Host, false, "none"),
        ("role", "device", "none", Role::Host, false, "device"),
        ("role", "device", "host", Role::Device, false, "host"),
        ("role", "none", "host", Role::Device, false, "none"),
        ("mode", "b_idle", "otg", Role::Host, false, "b_idle"),
        ("mode", "b_idle", "otg", Role::Device, false, "otg"),
        ("mode", "a_host", "otg", Role::Device, false, "a_host"),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (name, now, word, taken, takes, expected) in rows {
        let attribute = dir.path().join(name);
        fs::write(&attribute, format!("{now}\n")).expect("a role");
        let before = RoleBefore { attribute: attribute.clone(), word: word.to_owned(), taken };
        let step = if takes { Step::TakeRole(before) } else { Step::LeaveRole(before) };
        let lines = script(&[step]).join("\n");
        let done = std::process::Command::new("sh").args(["-c", &lines]).status().expect("a shell");
        assert!(done.success(), "{lines}");
        assert_eq!(fs::read_to_string(&attribute).expect("a role").trim(), expected, "{now}: {lines}");
    }
}

#[test]
fn a_musb_that_stays_a_host_as_shell_lines() {
    let leave = Step::LeaveRole(before(MUSB, "otg", Role::Host));
    let expected = [
        format!(r"! grep -q '^a_' {MUSB} || {{ printf '%s\n' otg > {MUSB}; sleep 1; }}"),
        format!(r"! grep -q '^a_' {MUSB} || printf '%s\n' peripheral > {MUSB}"),
    ];
    assert_eq!(leave.shell(), expected);
}

#[test]
fn one_of_several_switches_is_chosen_or_none() {
    let a = || switch_of(ROLE, "device", "/sys/devices/a.usb");
    let b = || switch_of("/sys/class/usb_role/b-role-switch/role", "none", "/sys/devices/b.usb");
    let (of_a, of_b, of_none) = ("/sys/devices/a.usb", "/sys/devices/b.usb", "/sys/devices/c.usb");
    let noted = before(ROLE, "device", Role::Host);
    let rows: [(&str, Vec<RoleSwitch>, Option<&RoleBefore>, Option<&str>, Result<RoleSwitch, &str>); 9] = [
        ("none", vec![], None, Some(of_a), Err("neither /sys/class/usb_role/*/role nor")),
        ("none, and no UDC", vec![], None, None, Err("/sys/bus/platform/devices/musb*/mode")),
        ("only one", vec![b()], None, Some(of_b), Ok(b())),
        ("only one, of another controller", vec![b()], None, Some(of_none), Ok(b())),
        ("only one, and no UDC", vec![b()], None, None, Ok(b())),
        ("the UDC's", vec![a(), b()], None, Some(of_b), Ok(b())),
        ("nobody's", vec![a(), b()], None, Some(of_none), Err("belongs to the UDC; name")),
        ("no UDC to tell", vec![a(), b()], None, None, Err("belongs to the UDC; name")),
        ("as the last time", vec![b(), a()], Some(&noted), None, Ok(a())),
    ];
    for (name, switches, before, udc, expected) in rows {
        match (role_switch(switches, before, udc.map(Path::new)), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}

#[test]
fn a_port_of_another_controller_is_no_devices() {
    let a = || switch_of(ROLE, "host", "/sys/devices/a.usb");
    let b = || switch_of("/sys/class/usb_role/b-role-switch/role", "none", "/sys/devices/b.usb");
    let (of_a, of_b) = ("/sys/devices/a.usb", "/sys/devices/b.usb");
    let noted = before(ROLE, "host", Role::Device);
    let rows: [(&str, Vec<RoleSwitch>, Option<&RoleBefore>, Option<&str>, Option<RoleSwitch>); 6] = [
        ("none", vec![], None, None, None),
        ("the UDC's", vec![a(), b()], None, Some(of_b), Some(b())),
        ("only one, of another controller", vec![a()], None, Some(of_b), None),
        ("only one, and no UDC yet", vec![a()], None, None, Some(a())),
        ("several, and no UDC yet", vec![a(), b()], None, None, None),
        ("as the last time", vec![b(), a()], Some(&noted), Some(of_a), Some(a())),
    ];
    for (name, switches, before, udc, expected) in rows {
        assert_eq!(device_switch(switches, before, udc.map(Path::new)), expected, "{name}");
    }
}

#[test]
fn a_port_with_something_in_use_stays_a_hosts() {
    let used =
        |device: &str, point: Option<&str>| Used { device: device.into(), point: point.map(Into::into) };
    let at =
        |attribute: &str, device, point| PortUse { attribute: attribute.into(), used: used(device, point) };
    let stick = || at(ROLE, "/dev/sda1", Some("/media/stick"));
    let swap = || at(ROLE, "/dev/sda2", None);
    let other = || at(MUSB, "/dev/sdb1", Some("/media/other"));
    let stay = "which would be a host's no longer;";
    let mounted = format!("/dev/sda1 is mounted on /media/stick at the USB port, {stay} unmount it first");
    let swapped = format!("/dev/sda2 is used as swap at the USB port, {stay} end that with swapoff first");
    let both = format!(
        "/dev/sda1 is mounted on /media/stick, /dev/sda2 is used as swap at the USB port, {stay} unmount what is \
         mounted and end the swap with swapoff first"
    );
    let two = format!(
        "/dev/sda1 is mounted on /media/stick, /dev/sda1 is mounted on /media/stick at the USB port, {stay} unmount \
         them first"
    );
    let rows: [(&str, Vec<PortUse>, Option<RoleBefore>, Target, Option<String>); 12] = [
        ("nothing", vec![], None, by_name("host"), None),
        ("a stick, by name", vec![stick()], None, by_name("host"), Some(mounted.clone())),
        ("twice", vec![stick(), stick()], None, by_name("host"), Some(two)),
        ("swap", vec![swap()], None, by_name("host"), Some(swapped)),
        ("both", vec![stick(), swap()], None, by_name("host"), Some(both)),
        ("a stick at another port", vec![other()], None, by_name("host"), None),
        ("a stick, at boot", vec![stick()], None, at_boot("host"), None),
        ("a stick, with a Type-C connector", vec![stick()], None, type_c("host"), None),
        (
            "a stick, and the mode host left",
            vec![stick()],
            was("none"),
            at_boot("host"),
            Some(mounted.clone()),
        ),
        ("a stick, and no gadget", vec![stick()], was("none"), target(&[]), Some(mounted)),
        ("a stick, and the mode host kept", vec![stick()], was("none"), to_host(ROLE, "host"), None),
        ("a stick, and a device's port before", vec![stick()], made_device("none"), at_boot("host"), None),
    ];
    for (name, port_uses, role_before, target, expected) in rows {
        let (_fake, observed) = reached(&[]);
        let refused = switch(&Observed { role_before, port_uses, ..observed }, &target).err();
        assert_eq!(refused.map(|refused| refused.to_string()), expected, "{name}");
    }
    for (role_before, refused) in [(was("none"), true), (made_device("host"), false), (None, false)] {
        let (_fake, observed) = reached(&[]);
        let observed = Observed { role_before, port_uses: vec![stick()], ..observed };
        assert_eq!(
            cuts_nothing_off(&observed, &stop(&observed)).is_err(),
            refused,
            "{:?}",
            observed.role_before
        );
    }
}
