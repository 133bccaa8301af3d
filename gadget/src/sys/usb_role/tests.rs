use super::*;

use std::os::unix::fs::symlink;

const LONG: Duration = Duration::from_secs(60);

/// A `/sys` with a controller for each of these: its place below `devices`, the name of its role switch in the class,
/// what that says, and what its musb attribute says.
fn sys(controllers: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let sys = dir.path();
    for place in ["class/usb_role", "class/udc", "bus/platform/devices"] {
        fs::create_dir_all(sys.join(place)).expect("sysfs");
    }
    for (name, role, mode) in controllers {
        let controller = sys.join("devices/platform").join(name);
        fs::create_dir_all(controller.join("udc").join(name)).expect("a controller");
        symlink(&controller, controller.join("udc").join(name).join("device")).expect("a link");
        symlink(controller.join("udc").join(name), sys.join("class/udc").join(name)).expect("a link");
        symlink(&controller, sys.join("bus/platform/devices").join(name)).expect("a link");
        if !role.is_empty() {
            let switch = controller.join("usb_role").join(format!("{name}-role-switch"));
            fs::create_dir_all(&switch).expect("a role switch");
            fs::write(switch.join("role"), format!("{role}\n")).expect("its role");
            symlink(&controller, switch.join("device")).expect("a link");
            let link = sys.join("class/usb_role").join(format!("{name}-role-switch"));
            symlink(&switch, link).expect("a link");
        }
        if !mode.is_empty() {
            fs::write(controller.join("mode"), format!("{mode}\n")).expect("its mode");
        }
    }
    dir
}

#[test]
fn what_decides_a_role_is_found() {
    let usb_role = ("class/usb_role/fe80.usb-role-switch/role", "device", "device", false);
    let musb = ("bus/platform/devices/musb-hdrc.0/mode", "b_peripheral", "otg", false);
    let rows: [(&str, &[(&str, &str, &str)], &[(&str, &str, &str, bool)]); 8] = [
        ("none", &[("fe80.usb", "", "")], &[]),
        ("usb_role", &[("fe80.usb", "device", "")], &[usb_role]),
        ("musb", &[("musb-hdrc.0", "", "b_peripheral")], &[musb]),
        (
            "an older name",
            &[("musb_hdrc", "", "a_host")],
            &[("bus/platform/devices/musb_hdrc/mode", "a_host", "otg", true)],
        ),
        (
            "both of one port",
            &[("musb-hdrc.0", "none", "b_idle")],
            &[("class/usb_role/musb-hdrc.0-role-switch/role", "none", "none", false)],
        ),
        (
            "of two ports",
            &[("musb-hdrc.0", "", "b_peripheral"), ("fe80.usb", "device", "")],
            &[usb_role, musb],
        ),
        (
            "a host",
            &[("a.usb", "host", "")],
            &[("class/usb_role/a.usb-role-switch/role", "host", "host", true)],
        ),
        ("the mode of something else", &[("fe80.gpio", "", "in")], &[]),
    ];
    for (name, controllers, expected) in rows {
        let dir = sys(controllers);
        let found = list(dir.path());
        let seen: Vec<_> = found
            .iter()
            .map(|switch| {
                let attribute =
                    switch.attribute.strip_prefix(dir.path()).expect("below").to_str().expect("text");
                (attribute, switch.role.as_str(), switch.word_back(), switch.is(Role::Host))
            })
            .collect();
        assert_eq!(seen, expected, "{name}");
    }
    assert_eq!(list(Path::new("/nowhere")), []);
}

#[test]
fn a_switch_belongs_to_the_udc_of_its_controller() {
    let dir = sys(&[("fe80.usb", "device", ""), ("fe81.usb", "device", ""), ("musb-hdrc.0", "", "b_idle")]);
    let rows = [
        ("fe80.usb", [true, false, false]),
        ("fe81.usb", [false, true, false]),
        ("musb-hdrc.0", [false, false, true]),
        ("gone.usb", [false; 3]),
    ];
    for (udc, expected) in rows {
        let of = controller(dir.path(), udc);
        let found: Vec<_> = list(dir.path()).iter().map(|switch| switch.is_of(&of)).collect();
        assert_eq!(found, expected, "{udc}");
    }
    let part = RoleSwitch {
        attribute: "role".into(),
        role: String::new(),
        controller: "/sys/devices/fe80.usb/dwc3".into(),
        connector: false,
    };
    let rows = [
        ("/sys/devices/fe80.usb", true),
        ("/sys/devices/fe80.usb/dwc3/x", true),
        ("/sys/devices/fe80", false),
    ];
    for (udc, expected) in rows {
        assert_eq!(part.is_of(Path::new(udc)), expected, "{udc}");
    }
}

#[test]
fn a_connector_of_type_c_is_seen() {
    let dir = sys(&[("fe80.usb", "none", ""), ("fe81.usb", "host", "")]);
    let switch = dir.path().join("class/usb_role/fe81.usb-role-switch");
    fs::create_dir(dir.path().join("port0")).expect("a connector");
    symlink(dir.path().join("port0"), switch.join("connector")).expect("a link");
    let connectors: Vec<_> = list(dir.path()).iter().map(|switch| switch.connector).collect();
    assert_eq!(connectors, [false, true]);
}

#[test]
fn a_hosts_port_says_what_makes_it_a_devices() {
    const ROLE: &str = "/sys/class/usb_role/a/role";
    const MODE: &str = "/sys/bus/platform/devices/musb-hdrc.0/mode";
    let rows = [
        (ROLE, "host", false, format!("{ROLE} is \"host\": echo device > {ROLE} makes it")),
        (MODE, "a_idle", false, format!("{MODE} is \"a_idle\": echo peripheral > {MODE} makes it")),
        (ROLE, "host", true, "or echo device > /sys/class/usb_role/a/connector/data_role".to_owned()),
    ];
    for (attribute, role, connector, expected) in rows {
        let controller = PathBuf::new();
        let switch = RoleSwitch { attribute: attribute.into(), role: role.into(), controller, connector };
        assert!(switch.next_step().contains(&expected), "{}", switch.next_step());
    }
}

#[test]
fn roles_and_their_words() {
    let rows = [
        ("host", Some(Role::Host)),
        ("a_host", Some(Role::Host)),
        ("a_wait_bcon", Some(Role::Host)),
        ("device", Some(Role::Device)),
        ("b_idle", Some(Role::Device)),
        ("b_peripheral", Some(Role::Device)),
        ("none", None),
        ("undefined", None),
        ("", None),
    ];
    for (said, expected) in rows {
        let found = [Role::Host, Role::Device].into_iter().find(|role| role.is(said));
        assert_eq!(found, expected, "{said:?}");
    }
    assert_eq!(["host", "device", "none"].map(Role::parse), [Some(Role::Host), Some(Role::Device), None]);
}

/// A musb as its glue has it: what it is set to, and what its ID pin says then.
struct Musb {
    /// The ID pin is set, not read: `iddig_mux` of the AM335x.
    forced: bool,
    /// What is set: `iddig`.
    grounded: bool,
    /// What is plugged in.
    cable_grounds: bool,
    /// Whether `otg` lets the cable decide again: not on an AM335x.
    otg_releases: bool,
}

impl Musb {
    fn write(&mut self, word: &str) {
        match word {
            HOST => (self.forced, self.grounded) = (true, true),
            PERIPHERAL => (self.forced, self.grounded) = (true, false),
            _ => self.forced &= !self.otg_releases,
        }
    }

    fn mode(&self) -> &'static str {
        if if self.forced { self.grounded } else { self.cable_grounds } { "a_host" } else { "b_idle" }
    }
}

#[test]
fn a_musb_that_stays_a_host_is_told_in_another_word() {
    const WITHIN: Duration = Duration::from_secs(5);
    let rows: [(&str, bool, bool, &str, &[&str], &str); 5] = [
        ("to the host's", false, false, HOST, &[HOST], "a_host"),
        ("back", true, false, OTG, &[OTG], "b_idle"),
        ("back on an AM335x", false, false, OTG, &[OTG, PERIPHERAL], "b_idle"),
        ("back, with a stick", true, true, OTG, &[OTG, PERIPHERAL], "b_idle"),
        ("to the device's", false, true, PERIPHERAL, &[PERIPHERAL], "b_idle"),
    ];
    for (name, otg_releases, cable_grounds, word, expected, mode) in rows {
        let mut musb = Musb { forced: word == OTG, grounded: word == OTG, cable_grounds, otg_releases };
        let (mut now, mut written) = (Duration::from_secs(1000), vec![word]);
        let mut change = Change { word, begun: now, within: WITHIN };
        musb.write(word);
        loop {
            match change.next(musb.mode(), now) {
                Next::Done => break,
                Next::Wait => now += LOOK_AGAIN,
                Next::Write(other) => {
                    musb.write(other);
                    written.push(other);
                }
                Next::TooLate => panic!("{name}: {}", musb.mode()),
            }
        }
        assert_eq!((written.as_slice(), musb.mode()), (expected, mode), "{name}");
    }
}

#[test]
fn another_word_gets_no_more_time() {
    let begun = Duration::from_secs(1000);
    let mut change = Change { word: OTG, begun, within: Duration::from_secs(5) };
    let rows = [
        (0, Next::Wait),
        (999, Next::Wait),
        (1000, Next::Write(PERIPHERAL)),
        (1050, Next::Wait),
        (4999, Next::Wait),
        (5000, Next::TooLate),
    ];
    for (passed, expected) in rows {
        assert_eq!(change.next("a_host", begun + Duration::from_millis(passed)), expected, "{passed} ms");
    }
}

#[test]
fn a_role_is_read_back() {
    let rows = [
        ("to the host's", "device", HOST, HOST),
        ("again", HOST, HOST, HOST),
        ("back", HOST, "device", "device"),
        ("back to none", HOST, "none", "none"),
    ];
    for (name, before, word, after) in rows {
        let dir = tempfile::tempdir().expect("a directory");
        let attribute = dir.path().join("role");
        fs::write(&attribute, before).expect("a role");
        set(&attribute, word, LONG).expect(name);
        assert_eq!(read(&attribute), after, "{name}");
    }
}

/// `/proc` has attributes that refuse as sysfs does: what is written to `oom_score_adj` is no number, and `version` takes
/// nothing.
#[test]
fn a_refusal_names_attribute_word_and_cause() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = [
        ("EINVAL", "/proc/self/oom_score_adj", "Invalid argument"),
        ("EISDIR", dir.path().to_str().expect("text"), "Is a directory"),
    ];
    for (name, attribute, cause) in rows {
        let error = set(Path::new(attribute), HOST, LONG).expect_err(name);
        assert!(matches!(error, RoleError::Refused { .. }), "{name}: {error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("the kernel refuses \"host\" in {attribute}: {cause}")),
            "{name}: {text}"
        );
        // What is refused on the way back does no harm where the port is no host.
        set(Path::new(attribute), "device", LONG).expect(name);
    }
}

#[test]
fn a_role_that_does_not_come_is_named() {
    // It takes what is written, and nothing comes of it.
    let null = Path::new("/dev/null");
    let error = set(null, HOST, Duration::ZERO).expect_err("no role");
    assert!(matches!(error, RoleError::NotTaken { .. }), "{error:?}");
    let text = "/dev/null is \"\" 0 s after \"host\" was written there; what is plugged in may decide";
    assert!(error.to_string().starts_with(text), "{error}");
    set(null, "device", Duration::ZERO).expect("no host, as before");
}
