//! Plans as scripts that `sh` runs.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use proptest::prelude::*;

use super::*;
use crate::cards::{Backing, DeviceNumber, FileSystem, Medium, MountRecord, SwapRecord};
use crate::sys::configfs::Lun;

proptest! {
    #[test]
    fn the_shell_reads_a_quoted_word_as_it_was(word in "[^\0]{0,40}") {
        let output = Command::new("sh").arg("-c").arg(format!("printf %s {}", quote(&word))).output().unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&output.stdout), word);
    }
}

/// Programs that a plan runs, replaced by one that notes its arguments; `rmdir` removes attributes as the kernel does.
fn programs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    let script = |name: &str, body: &str| {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    };
    for name in ["ip", "modprobe", "insmod", "rmmod", "mount", "umount", "usbnet"] {
        script(name, &format!("echo \"$(basename \"$0\") $*\" >> '{}'", log.display()));
    }
    script("rmdir", "exec rm -r \"$1\"");
    dir
}

fn run(steps: &[Step], programs: &Path) -> String {
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let text = script(steps).join("\n") + "\nwait\n";
    let output = Command::new("sh").arg("-c").arg(&text).env("PATH", path).output().expect("sh");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(programs.join("log")).unwrap_or_default()
}

#[test]
fn a_printed_plan_does_the_same_when_sh_runs_it() {
    let (_, by_steps) = reached(&[Rndis, Acm]);
    let fake = FakeConfigFs::new();
    let programs = programs();
    let wanted = target(&[Rndis, Acm]);
    let steps = switch(&observe(&fake), &wanted).expect("a plan");
    // A plain directory has no attributes of its own: what the kernel would make beforehand has to be there.
    let gadget = fake.configfs().gadget_dir(GADGET);
    let function = gadget.join("functions/rndis.usb0");
    fs::create_dir_all(gadget.join("os_desc")).expect("os_desc");
    fs::create_dir_all(function.join("os_desc/interface.rndis")).expect("interface.rndis");
    let later = [
        "class",
        "subclass",
        "protocol",
        "os_desc/interface.rndis/compatible_id",
        "os_desc/interface.rndis/sub_compatible_id",
    ];
    for attribute in later {
        fs::write(function.join(attribute), "").expect("attribute");
    }
    fs::write(function.join("ifname"), "usb0\n").expect("ifname");

    let log = run(&steps, programs.path());
    let live = fake.observe(GADGET).expect("built");
    let expected = by_steps.gadget.expect("built");
    assert_eq!(live.udc, expected.udc);
    assert_eq!((&live.attributes, &live.strings), (&expected.attributes, &expected.strings));
    assert_eq!(live.configurations, expected.configurations);
    assert_eq!(live.os_descriptors, expected.os_descriptors);
    for (name, value) in &live.functions["rndis.usb0"].attributes {
        assert_eq!(expected.functions["rndis.usb0"].attributes.get(name), Some(value), "{name}");
    }
    assert_eq!(
        log,
        "ip address replace 192.168.2.15/27 broadcast + dev usb0\n\
         ip link set dev usb0 mtu 1400 up\n\
         usbnet responder --interface usb0 --name it's\n"
    );

    let mut observed = observe(&fake);
    observed.before = Before::default();
    run(&stop(&observed), programs.path());
    assert_eq!(fake.observe(GADGET), None);
}

#[test]
fn other_steps_print_as_the_commands_that_they_are() {
    let gadget = PathBuf::from("/sys/kernel/config/usb_gadget/usbnet");
    let load = |source| {
        let parameters =
            vec![("iProduct".to_owned(), "My Phone".to_owned()), ("qmult".to_owned(), "5".to_owned())];
        Step::LoadModule(Load { module: "g_ether".to_owned(), parameters, source })
    };
    let rows = [
        (Step::StopResponder { pid: Some(7) }, "kill 7"),
        (Step::StopResponder { pid: None }, "kill \"$responder\""),
        (
            Step::LinkDown { interface: "usb0".to_owned(), address: ADDRESS, prefix: 27 },
            "ip address del 192.168.2.15/27 dev usb0; ip link set dev usb0 down",
        ),
        (Step::Unbind { gadget: gadget.clone() }, r"printf '\n' > /sys/kernel/config/usb_gadget/usbnet/UDC"),
        (Step::UnloadModule { module: "g_ether".to_owned() }, "rmmod g_ether"),
        (load(Source::Modprobe), "modprobe g_ether 'iProduct=\"My Phone\"' qmult=5"),
        (
            load(Source::File("/mnt/initfs/g_ether.ko".into())),
            "insmod /mnt/initfs/g_ether.ko 'iProduct=\"My Phone\"' qmult=5",
        ),
        (Step::MountConfigfs { root: "/c".into() }, "mount -t configfs configfs /c"),
        (Step::UnmountConfigfs { root: "/c".into() }, "umount /c"),
        (
            Step::Bind { gadget, udc: None },
            r#"printf '%s\n' "$udc" > /sys/kernel/config/usb_gadget/usbnet/UDC"#,
        ),
    ];
    for (step, expected) in rows {
        assert_eq!(step.shell().join("; "), expected);
    }
}

#[test]
fn steps_about_cards_print_as_the_commands_that_they_are() {
    let card = || "/media/my card".to_owned();
    let point = || PathBuf::from("/media/my card");
    let medium = Medium {
        path: "/dev/mmcblk1p1".into(),
        backing: Backing::Image { on: DeviceNumber { major: 8, minor: 1 }, inode: 12 },
        size: 1,
        read_only: false,
        filesystem: Some(FileSystem { kind: "vfat".to_owned(), label: None, uuid: None }),
    };
    let mount = MountRecord {
        source: medium.path.clone(),
        point: point(),
        kind: "vfat".to_owned(),
        options: "rw,noatime".to_owned(),
        super_options: "rw,fmask=0022".to_owned(),
        shared: false,
        unbindable: false,
    };
    let unit = || Lun::Configfs("/c/lun.0".into());
    let area = |priority| SwapRecord { path: "/dev/sda2".into(), priority };
    let swap = |priority| Step::SwapOn { card: card(), swap: area(priority) };
    let rows = [
        (Step::Eject { card: card(), lun: unit(), force: false }, "echo > /c/lun.0/file"),
        (Step::Eject { card: card(), lun: unit(), force: true }, "echo 1 > /c/lun.0/forced_eject"),
        (
            Step::Eject { card: card(), lun: Lun::Legacy(1), force: false },
            "echo > /sys/class/udc/*/device/gadget*/*lun1/file",
        ),
        (
            Step::Sync { card: card(), point: point(), device: DeviceNumber { major: 8, minor: 1 } },
            "sync -f '/media/my card'",
        ),
        (Step::Unmount { card: card(), point: point() }, "umount '/media/my card'"),
        (Step::SwapOff { card: card(), swap: area(5) }, "swapoff /dev/sda2"),
        (
            Step::Hold { card: card(), medium: medium.clone() },
            "# usbnet opens /dev/mmcblk1p1 with O_EXCL here, so that nothing can mount it",
        ),
        (
            Step::Insert { card: card(), lun: unit(), medium: medium.path.clone() },
            r"printf '%s\n' /dev/mmcblk1p1 > /c/lun.0/file",
        ),
        (Step::Release { card: card() }, "# usbnet lets go of card /media/my card here"),
        (
            Step::Check { card: card(), medium },
            "! command -v fsck.vfat > /dev/null || fsck.vfat -n /dev/mmcblk1p1 || true",
        ),
        (
            Step::Mount { card: card(), mount },
            "mount -t vfat -o rw,noatime,rw,fmask=0022 /dev/mmcblk1p1 '/media/my card'",
        ),
        (swap(-2), "swapon /dev/sda2"),
        (swap(5), "swapon -p 5 /dev/sda2"),
    ];
    for (step, expected) in rows {
        assert_eq!(step.shell().join("; "), expected);
        assert_eq!(step.card(), Some("/media/my card"), "{step:?}");
    }
}
