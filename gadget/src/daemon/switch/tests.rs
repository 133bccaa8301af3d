//! The role of the port in whole switches, with a `/sys` that is made of files.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use super::*;
use crate::config::{Config, HOST};
use crate::daemon::kernel::Roots;
use crate::exit::Exit;
use crate::identity::Identity;
use crate::plan::RoleBefore;

const UDC: &str = "a.usb";

/// A device whose port says `role`; with a UDC or without one, and with a Type-C connector or without one.
struct Device {
    dir: tempfile::TempDir,
    kernel: Kernel,
}

impl Device {
    /// At the port's own controller.
    fn mount_a_stick(&self) {
        let sys = self.dir.path().join("sys");
        let stick = sys.join("devices").join(UDC).join("usb1/sda");
        fs::create_dir_all(&stick).expect("a stick");
        fs::create_dir_all(sys.join("dev/block")).expect("a directory");
        fs::write(stick.join("uevent"), "DEVNAME=sda\n").expect("a name");
        symlink(&stick, sys.join("dev/block/8:0")).expect("a link");
        self.mounts("2 1 8:0 / /media/stick rw - vfat /dev/sda rw\n");
    }

    fn unmount_the_stick(&self) {
        self.mounts("");
    }

    fn mounts(&self, table: &str) {
        fs::write(self.dir.path().join("proc/self/mountinfo"), table).expect("a table");
    }

    fn new(role: &str, udc: bool, connector: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let sys = dir.path().join("sys");
        let controller = sys.join("devices").join(UDC);
        let switch = sys.join("class/usb_role/a-role-switch");
        let (proc, configfs) = (dir.path().join("proc/self"), sys.join("kernel/config/usb_gadget"));
        for made in [&controller, &switch, &proc, &sys.join("class/udc"), &configfs, &run(&dir)] {
            fs::create_dir_all(made).expect("a directory");
        }
        fs::write(proc.join("mountinfo"), "").expect("no mounts");
        symlink(&controller, switch.join("device")).expect("a link");
        fs::write(switch.join("role"), role).expect("a role");
        if udc {
            fs::create_dir(sys.join("class/udc").join(UDC)).expect("a UDC");
            symlink(&controller, sys.join("class/udc").join(UDC).join("device")).expect("a link");
        }
        if connector {
            fs::create_dir(switch.join("connector")).expect("a connector");
        }
        let roots = Roots {
            sys,
            proc: dir.path().join("proc"),
            modules: dir.path().join("modules"),
            dev: dir.path().join("dev"),
            etc: dir.path().join("etc"),
            state: dir.path().join("state"),
            ..Roots::system(&run(&dir))
        };
        let mut kernel = Kernel::new(Config::default(), roots);
        kernel.identity = Ok(Identity::from_seed("seed"));
        Self { dir, kernel }
    }

    fn attribute(&self) -> PathBuf {
        self.dir.path().join("sys/class/usb_role/a-role-switch/role")
    }

    fn role(&self) -> String {
        fs::read_to_string(self.attribute()).expect("a role")
    }

    /// What a connector does, or somebody else.
    fn decide(&self, role: &str) {
        fs::write(self.attribute(), role).expect("a role");
    }

    fn switch(&self, from: &str, to: Option<&str>, by_name: bool) -> Switched {
        let job = Job {
            from: Some(from.to_owned()),
            to: to.map(str::to_owned),
            established: None,
            supervisor: None,
            holds: Holds::default(),
            returned: BTreeSet::new(),
            mends: false,
            by_name,
            permission: Permission::default(),
            line: Arc::new(Line::new().expect("a line")),
        };
        perform(&self.kernel, job)
    }

    fn execute(&self, steps: &[Step]) -> Result<(), SwitchError> {
        let line = Line::new().expect("a line");
        let hand_over = HandOver::new(&self.kernel, Permission::default(), &line, Holds::default());
        let mut switch = Switch::new(&self.kernel, None, hand_over);
        steps.iter().try_for_each(|step| switch.execute(step, None))
    }

    fn before(&self, word: &str, taken: Role) -> RoleBefore {
        RoleBefore { attribute: self.attribute(), word: word.to_owned(), taken }
    }
}

fn run(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("run")
}

#[test]
fn the_role_comes_back_behind_the_mode() {
    for to in [Some("charging"), None] {
        let device = Device::new("none", true, false);
        device.switch("charging", Some(HOST), true).result.expect("a host");
        assert_eq!((device.role().as_str(), device.kernel.notes().role().is_some()), (HOST, true), "{to:?}");
        device.switch(HOST, to, true).result.expect("no host");
        assert_eq!((device.role().as_str(), device.kernel.notes().role()), ("none", None), "{to:?}");
    }
}

#[test]
fn what_the_connector_has_decided_since_stays() {
    let rows = [
        ("a host's, still", Role::Host, "none", HOST, "none"),
        ("a host's, and a computer came", Role::Host, "none", "device", "device"),
        ("a host's, and a stick went", Role::Host, "device", "none", "none"),
        ("a device's, still", Role::Device, HOST, "device", HOST),
        ("a device's, and a stick came", Role::Device, "none", HOST, HOST),
        ("a device's, and a computer went", Role::Device, HOST, "none", "none"),
    ];
    for (name, taken, word, since, expected) in rows {
        let device = Device::new(word, true, true);
        device.execute(&[Step::TakeRole(device.before(word, taken))]).expect(name);
        assert_eq!(device.role(), taken.word(), "{name}");
        device.decide(since);
        device.execute(&[Step::LeaveRole(device.before(word, taken))]).expect(name);
        assert_eq!((device.role().as_str(), device.kernel.notes().role()), (expected, None), "{name}");
    }
}

#[test]
fn a_role_that_is_refused_is_not_noted() {
    let device = Device::new("none", true, false);
    let attribute = PathBuf::from("/proc/version"); // it takes nothing
    let before = RoleBefore { attribute, word: "none".to_owned(), taken: Role::Host };
    let error = device.execute(&[Step::TakeRole(before)]).expect_err("a refusal");
    assert!(matches!(error, SwitchError::Role(_)), "{error}");
    assert_eq!(device.kernel.notes().role(), None);
}

/// The gadget fails: no kernel is behind these files. What was done with the role before shows in the file's time.
#[test]
fn a_hosts_port_becomes_a_devices_for_whoever_asks() {
    let rows = [
        ("at boot", HOST, false, false, false),
        ("by name", HOST, true, false, true),
        ("by name, with a Type-C connector", HOST, true, true, false),
        ("without a role, at boot", "none", false, false, true),
        ("without a role, with a Type-C connector", "none", true, true, false),
        ("a device's", "device", true, false, false),
    ];
    for (name, role, by_name, connector, expected) in rows {
        let device = Device::new(role, true, connector);
        let file = File::options().write(true).open(device.attribute()).expect("a role");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
        let switched = device.switch("charging", Some("network"), by_name);
        assert!(switched.undone, "{name}: {:?}", switched.result);
        let changed = file.metadata().and_then(|file| file.modified()).expect("a time");
        assert_eq!(changed != SystemTime::UNIX_EPOCH, expected, "{name}");
        assert_eq!((device.role().as_str(), device.kernel.notes().role()), (role, None), "{name}");
    }
}

#[test]
fn a_stick_in_use_keeps_the_port_a_hosts() {
    // (the mode, whether usbnet set it, where to)
    let rows =
        [("charging", false, Some("network")), (HOST, true, Some("network")), (HOST, true, Some("charging"))];
    for (from, ours, to) in rows {
        let device = Device::new(HOST, true, false);
        let note = ours.then(|| device.before("device", Role::Host));
        if let Some(note) = &note {
            device.kernel.notes().keep_role(note).expect("writable");
        }
        device.mount_a_stick();

        let switched = device.switch(from, to, true);
        let error = switched.result.expect_err("a refusal");
        assert_eq!((error.exit(), error.is_refusal()), (Exit::CardBusy, true), "{from} {to:?}: {error}");
        assert!(error.to_string().contains("sda is mounted on /media/stick"), "{error}");
        assert!(switched.undone, "{from} {to:?}");
        assert_eq!((device.role().as_str(), device.kernel.notes().role()), (HOST, note), "{from} {to:?}");
        let modes = device.kernel.modes(Some(from), &[]);
        let network = modes.iter().find(|mode| mode.name == "network").expect("the mode");
        assert_eq!(network.why, Some(error.to_string()), "{from}");

        device.unmount_the_stick();
        if to != Some("network") {
            device.switch(from, to, true).result.expect("it is unmounted");
            assert_eq!(device.role(), "device", "{to:?}");
        }
    }
}

/// An end is an end; the note stays for the next one.
#[test]
fn a_stop_leaves_the_port_a_hosts_while_a_stick_is_in_use() {
    let device = Device::new(HOST, true, false);
    let note = device.before("device", Role::Host);
    device.kernel.notes().keep_role(&note).expect("writable");
    device.mount_a_stick();
    device.switch(HOST, None, true).result.expect("everything else is taken down");
    assert_eq!((device.role().as_str(), device.kernel.notes().role()), (HOST, Some(note)));
    device.unmount_the_stick();
    device.switch(HOST, None, true).result.expect("it is unmounted");
    assert_eq!((device.role().as_str(), device.kernel.notes().role()), ("device", None));
}

#[test]
fn a_hosts_port_without_a_udc_says_what_to_do() {
    const ATTRIBUTE: &str = "class/usb_role/a-role-switch/role is \"host\"";
    let rows = [
        ("host", HOST, false, vec![], vec![ATTRIBUTE, "echo device > ", "usbnet mode NAME"]),
        (
            "Type-C",
            HOST,
            true,
            vec![ATTRIBUTE, "connector/data_role"],
            vec![ATTRIBUTE, "connector/data_role"],
        ),
        ("device", "device", false, vec!["no USB device controller"], vec!["no USB device controller"]),
    ];
    for (name, role, connector, of_mode, of_check) in rows {
        let device = Device::new(role, false, connector);
        let modes = device.kernel.modes(None, &[]);
        let network = modes.iter().find(|mode| mode.name == "network").expect("the mode");
        let why = network.why.clone().unwrap_or_default();
        assert_eq!(why.is_empty(), of_mode.is_empty(), "{name}: {why}");
        assert!(of_mode.iter().all(|part| why.contains(part)), "{name}: {why}");
        let observed = device.kernel.observe(None, &[]).expect("readable");
        let error = device.kernel.udc_to_come(&observed).expect_err(name).to_string();
        assert!(of_check.iter().all(|part| error.contains(part)), "{name}: {error}");
        assert_eq!(error.contains("is \"host\""), role == HOST, "{name}: {error}");
        let waited =
            device.execute(&[Step::AwaitUdc { named: None, seconds: 0 }]).expect_err(name).to_string();
        assert!(of_check.iter().all(|part| waited.contains(part)), "{name}: {waited}");
    }
    // usbnet made it one: the UDC comes with the next mode.
    let device = Device::new(HOST, false, false);
    device.kernel.notes().keep_role(&device.before("device", Role::Host)).expect("writable");
    let observed = device.kernel.observe(None, &[]).expect("readable");
    device.kernel.udc_to_come(&observed).expect("one to come");
}
