//! The choice of a UDC, and sysfs as old and new kernels show it.

use super::*;

fn udc(name: &str, state: UdcState, driver: Option<&str>) -> Udc {
    Udc {
        name: name.to_owned(),
        state,
        driver: driver.map(str::to_owned),
        current_speed: None,
        maximum_speed: None,
        is_otg: false,
        interfaces: Vec::new(),
    }
}

#[test]
fn the_udc_is_chosen_by_rule() {
    use UdcState::{Configured, NotAttached, Powered};
    let (a, b) = (udc("a", NotAttached, None), udc("b", NotAttached, None));
    let (powered, taken) = (udc("p", Powered, None), udc("t", Configured, Some("g_ether")));
    let (vudc, vudc1) = (udc("usbip-vudc.0", NotAttached, None), udc("usbip-vudc.1", NotAttached, None));
    let rows: [(&str, Vec<&Udc>, Option<&str>, Option<&str>, Result<(&str, Reason), &str>); 13] = [
        ("none", vec![], None, None, Err("no USB device controller in /sys/class/udc")),
        ("one", vec![&a], None, None, Ok(("a", Reason::Only))),
        ("one and a virtual one", vec![&vudc, &a], None, None, Ok(("a", Reason::Only))),
        ("only virtual ones", vec![&vudc, &vudc1], None, None, Err("usbip-vudc.0, usbip-vudc.1")),
        (
            "a virtual one by name",
            vec![&a, &vudc],
            Some("usbip-vudc.0"),
            None,
            Ok(("usbip-vudc.0", Reason::Named)),
        ),
        ("named", vec![&a, &b], Some("b"), Some("a"), Ok(("b", Reason::Named))),
        ("named and absent", vec![&a, &b], Some("c"), None, Err("there is no UDC c; there is a, b")),
        ("ours is bound", vec![&a, &powered], None, Some("a"), Ok(("a", Reason::Bound))),
        ("ours is gone", vec![&a, &b], None, Some("x"), Ok(("a", Reason::First))),
        ("cable", vec![&a, &powered], None, None, Ok(("p", Reason::Cable))),
        ("free before a cable", vec![&a, &taken], None, None, Ok(("a", Reason::Free))),
        ("only a taken one", vec![&taken, &vudc], None, None, Ok(("t", Reason::Only))),
        ("equal", vec![&b, &a], None, None, Ok(("a", Reason::First))),
    ];
    for (name, udcs, named, ours, expected) in rows {
        let udcs: Vec<Udc> = udcs.into_iter().cloned().collect();
        match (choose(&udcs, named, ours), expected) {
            (Ok(choice), Ok((udc, reason))) => {
                assert_eq!((choice.name.as_str(), choice.reason), (udc, reason), "{name}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (got, _) => panic!("{name}: {got:?}"),
        }
    }
}

#[test]
fn states_are_the_kernels_words() {
    let words = [
        "not attached",
        "attached",
        "powered",
        "reconnecting",
        "unauthenticated",
        "default",
        "addressed",
        "configured",
        "suspended",
    ];
    for word in words {
        let state = UdcState::parse(&format!("{word}\n"));
        assert_eq!((state.to_string().as_str(), state.has_cable()), (word, word != "not attached"));
    }
    assert_eq!(UdcState::parse("melted"), UdcState::Unknown);
}

/// A `/sys` with one UDC, `u.0`.
fn sys(attributes: &[(&str, &str)]) -> tempfile::TempDir {
    let sys = tempfile::tempdir().expect("a directory");
    let dir = sys.path().join("class/udc/u.0");
    fs::create_dir_all(dir.join("device/gadget.0/net/usb0")).expect("directories");
    for (name, value) in attributes {
        fs::write(dir.join(name), format!("{value}\n")).expect("attribute");
    }
    sys
}

#[test]
fn sysfs_is_read_and_what_is_missing_is_left_out() {
    let full = sys(&[
        ("state", "configured"),
        ("function", "g_ether"),
        ("current_speed", "high-speed"),
        ("maximum_speed", "UNKNOWN"),
        ("is_otg", "1"),
    ]);
    let mut expected = udc("u.0", UdcState::Configured, Some("g_ether"));
    expected.current_speed = Some("high-speed".to_owned());
    expected.is_otg = true;
    expected.interfaces = vec!["usb0".to_owned()];
    assert_eq!(list(full.path()).expect("readable"), [expected]);

    let stale = sys(&[("state", "configured"), ("function", "")]);
    assert_eq!(list(stale.path()).expect("readable")[0].state, UdcState::NotAttached);
    let powered = sys(&[("state", "powered"), ("function", "")]);
    assert_eq!(list(powered.path()).expect("readable")[0].state, UdcState::Powered);

    let mut bare = udc("u.0", UdcState::Unknown, None);
    bare.interfaces = vec!["usb0".to_owned()];
    assert_eq!(list(sys(&[("function", "")]).path()).expect("readable"), [bare]);
    assert_eq!(list(Path::new("/nowhere")).expect("no UDCs"), []);
}

#[test]
fn a_late_udc_is_waited_for_and_a_missing_one_not_for_ever() {
    let sys = sys(&[]);
    let (here, away) = (sys.path().join("class/udc/u.0"), sys.path().join("u.0"));
    fs::rename(&here, &away).expect("unplugged");
    let mut changes = 0;
    let choice = wait(sys.path(), None, Duration::from_secs(3600), |left| {
        assert!(left <= Duration::from_secs(3600));
        changes += 1;
        if changes == 3 { fs::rename(&away, &here) } else { Ok(()) }
    });
    assert_eq!((choice.expect("it came").name.as_str(), changes), ("u.0", 3));

    let error = wait(sys.path(), Some("x"), Duration::ZERO, |_| unreachable!("time is over"));
    let message = error.expect_err("it never comes").to_string();
    assert_eq!(message, "no usable UDC after 0 s: there is no UDC x; there is u.0");
    let error = wait(sys.path(), Some("x"), Duration::from_secs(3600), |_| Err(io::Error::other("deaf")));
    assert_eq!(error.expect_err("no events").to_string(), "cannot wait for a UDC: deaf");
}

#[test]
fn the_state_is_read_again_from_the_same_descriptor() {
    let sys = sys(&[("state", "not attached")]);
    let watch = StateWatch::open(sys.path(), "u.0").expect("there");
    assert_eq!(watch.read().expect("readable"), UdcState::NotAttached);
    fs::write(sys.path().join("class/udc/u.0/state"), "configured\n").expect("writable");
    assert_eq!(watch.read().expect("readable"), UdcState::Configured);
    assert!(StateWatch::open(sys.path(), "u.1").is_err());
}

#[test]
fn what_is_missing_may_come() {
    let none = || Box::new(UdcError::None);
    let table = [
        ("none", UdcError::None, true),
        ("only virtual ones", UdcError::OnlyVirtual { names: "usbip-vudc.0".into() }, true),
        ("not the named one", UdcError::NoSuch { wanted: "a".into(), present: "b".into() }, true),
        ("none for some time", UdcError::Timeout { waited: Duration::from_secs(10), last: none() }, true),
        ("its port is a host's", UdcError::HostsPort { none: none(), port: "port".into() }, true),
        ("nobody can say", UdcError::Wait(io::ErrorKind::Interrupted.into()), false),
    ];
    for (name, error, expected) in table {
        assert_eq!(error.is_absence(), expected, "{name}");
    }
}
