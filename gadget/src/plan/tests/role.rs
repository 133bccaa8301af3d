//! The role of the port around a mode.

use super::*;
use crate::sys::usb_role::RoleSwitch;

const ROLE: &str = "/sys/class/usb_role/a-role-switch/role";
const MUSB: &str = "/sys/bus/platform/devices/musb-hdrc.0/mode";

fn switch_of(attribute: &str, role: &str, controller: &str) -> RoleSwitch {
    RoleSwitch { attribute: attribute.into(), role: role.to_owned(), controller: controller.into() }
}

fn before(attribute: &str, word: &str) -> RoleBefore {
    RoleBefore { attribute: attribute.into(), word: word.to_owned() }
}

fn to_host(attribute: &str, role: &str) -> Target {
    Target { host: Some(switch_of(attribute, role, "")), ..target(&[]) }
}

#[test]
fn the_gadget_goes_before_the_role_and_comes_behind_it() {
    const DOWN: &str = "stop-responder unbind configfs";
    const UP: &str = "configfs bind:dummy_udc.0 link-up start-responder";
    let noted = || Some(before(ROLE, "device"));
    let rows: [(&str, &[FunctionKind], Option<RoleBefore>, Target, String); 9] = [
        ("to the host's", &[Ncm], None, to_host(ROLE, "device"), format!("{DOWN} take-host:device")),
        ("without a gadget", &[], None, to_host(ROLE, "none"), "take-host:none".to_owned()),
        ("musb", &[Ncm], None, to_host(MUSB, "b_peripheral"), format!("{DOWN} take-host:otg")),
        ("by its cable already", &[Ncm], None, to_host(ROLE, "host"), DOWN.to_owned()),
        ("taken already", &[], noted(), to_host(ROLE, "host"), String::new()),
        ("lost since", &[], noted(), to_host(ROLE, "none"), "take-host:device".to_owned()),
        ("back", &[], noted(), target(&[Ncm]), format!("leave-host:device {UP}")),
        ("back to nothing", &[], noted(), target(&[]), "leave-host:device".to_owned()),
        ("never taken", &[], None, target(&[Ncm]), UP.to_owned()),
    ];
    for (name, from, role_before, target, expected) in rows {
        let (_fake, observed) = reached(from);
        let steps = switch(&Observed { role_before, ..observed }, &target).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
    }
}

#[test]
fn a_udc_that_comes_with_the_role_is_waited_for() {
    let (_fake, observed) = reached(&[]);
    let observed = Observed { role_before: Some(before(ROLE, "device")), udcs: Vec::new(), ..observed };
    let steps = switch(&observed, &target(&[Ncm])).expect("a plan");
    assert_eq!(outline(&steps), "leave-host:device configfs await:any bind:found link-up start-responder");
}

#[test]
fn stop_gives_the_role_back() {
    for (role_before, expected) in
        [(Some(before(MUSB, "otg")), "configfs leave-host:otg"), (None, "configfs")]
    {
        let (_fake, observed) = reached(&[]);
        // What an earlier mode left of the gadget.
        let (fake, _) = reached(&[Ncm]);
        let gadget = fake.observe(GADGET).map(|live| LiveGadget { udc: None, ..live });
        let steps = stop(&Observed { gadget, role_before, ..observed });
        assert_eq!(outline(&steps), expected);
    }
}

#[test]
fn a_role_as_a_shell_line() {
    let rows = [
        (Step::TakeHostRole(before(ROLE, "device")), format!(r"printf '%s\n' host > {ROLE}")),
        (Step::LeaveHostRole(before(ROLE, "device")), format!(r"printf '%s\n' device > {ROLE}")),
        (Step::LeaveHostRole(before(MUSB, "otg")), format!(r"printf '%s\n' otg > {MUSB}")),
    ];
    for (step, expected) in rows {
        assert_eq!(step.shell(), [expected]);
    }
}

#[test]
fn one_of_several_switches_is_chosen_or_none() {
    let a = || switch_of(ROLE, "device", "/sys/devices/a.usb");
    let b = || switch_of("/sys/class/usb_role/b-role-switch/role", "none", "/sys/devices/b.usb");
    let (of_a, of_b, of_none) = ("/sys/devices/a.usb", "/sys/devices/b.usb", "/sys/devices/c.usb");
    let noted = before(ROLE, "device");
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
