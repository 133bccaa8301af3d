//! `scripts/install`: which files lie where, with which modes, and that they name each other.

use std::{fs, path::PathBuf};

use crate::target::{PROGRAMS, Target};

/// Each init system, and its files with `PREFIX=/usr`.
pub const INITS: [(&str, &[&str]); 8] = [
    ("systemd", &["usr/lib/systemd/system/usbnet.service"]),
    ("openrc", &["etc/init.d/usbnet"]),
    ("sysv", &["etc/init.d/usbnet"]),
    ("runit", &["etc/sv/usbnet/run", "etc/sv/usbnet/finish", "etc/sv/usbnet/check", "etc/sv/usbnet/log/run"]),
    ("procd", &["etc/init.d/usbnet", "etc/modules.d/usbnet"]),
    (
        "initramfs-tools",
        &[
            "usr/share/initramfs-tools/hooks/usbnet",
            "usr/share/initramfs-tools/scripts/init-premount/usbnet",
            "usr/share/initramfs-tools/scripts/init-bottom/usbnet",
            "usr/share/usbnet/usbnet-early",
            "usr/share/usbnet/usbnet-early-config",
        ],
    ),
    (
        "mkinitfs",
        &[
            "usr/share/mkinitfs/hooks/50-usbnet.sh",
            "usr/share/mkinitfs/hooks-cleanup/50-usbnet.sh",
            "usr/share/mkinitfs/files/50-usbnet.files",
            "usr/share/mkinitfs/modules/50-usbnet.modules",
            "usr/share/usbnet/usbnet-early",
            "usr/share/usbnet/usbnet-early-config",
            "etc/usbnet/early.conf",
        ],
    ),
    ("none", &[]),
];

/// What every installation has with `PREFIX=/usr`.
const COMMON: [&str; 14] = [
    "usr/bin/usbnet",
    "etc/usbnet/config.ron",
    "usr/share/doc/usbnet/config.ron",
    "usr/share/doc/usbnet/installed",
    "usr/share/man/man8/usbnet.8",
    "usr/share/man/man5/usbnet-config.5",
    "usr/share/man/man7/usbnet-control.7",
    "usr/share/bash-completion/completions/usbnet",
    "usr/share/zsh/site-functions/_usbnet",
    "usr/share/fish/vendor_completions.d/usbnet.fish",
    "usr/lib/NetworkManager/conf.d/50-usbnet.conf",
    "usr/lib/systemd/network/05-usbnet.network",
    "usr/lib/udev/rules.d/70-usbnet.rules",
    "usr/lib/modules-load.d/usbnet.conf",
];

/// What the D-Bus bridge has besides.
const BRIDGE: [&str; 7] = [
    "usr/libexec/usbnet-dbus",
    "usr/share/man/man8/usbnet-dbus.8",
    "usr/share/dbus-1/system.d/com.meego.usb_moded.conf",
    "usr/share/dbus-1/system-services/com.meego.usb_moded.service",
    "usr/share/polkit-1/actions/org.usbnet.policy",
    "usr/lib/systemd/system/usbnet-dbus.service",
    "usr/lib/sysusers.d/usbnet-dbus.conf",
];

/// What starts the bridge under each init system, beside the unit.
const SERVICES: [(&str, &[&str]); 2] = [
    ("openrc", &["etc/init.d/usbnet-dbus"]),
    ("runit", &["etc/sv/usbnet-dbus/run", "etc/sv/usbnet-dbus/finish", "etc/sv/usbnet-dbus/log/run"]),
];

/// What the applet has besides.
const APPLET: [&str; 7] = [
    "usr/bin/usbnet-applet",
    "usr/share/man/man1/usbnet-applet.1",
    "usr/share/bash-completion/completions/usbnet-applet",
    "usr/share/zsh/site-functions/_usbnet-applet",
    "usr/share/fish/vendor_completions.d/usbnet-applet.fish",
    "usr/share/applications/usbnet-applet.desktop",
    "etc/xdg/autostart/usbnet-applet.desktop",
];

/// These files are there, with their modes, and no other.
#[track_caller]
fn has_files(target: &Target, parts: &[&[&str]], name: &str) {
    let mut expected: Vec<PathBuf> = parts.concat().iter().map(|path| target.at(path)).collect();
    expected.sort();
    let tree = target.tree();
    let files = tree.iter().filter(|(_, (_, content))| content.is_some());
    let found: Vec<PathBuf> = files.map(|(path, _)| path.clone()).collect();
    assert_eq!(found, expected, "{name}");
    for (path, (mode, content)) in &tree {
        let runs = content.as_ref().is_none_or(|text| {
            text.starts_with(b"#!") || PROGRAMS.iter().any(|name| text == name.as_bytes())
        });
        assert_eq!(*mode, if runs { 0o755 } else { 0o644 }, "{}", path.display());
    }
}

#[test]
fn each_init_system_gets_its_files() {
    for (init, own) in INITS {
        let target = Target::new();
        target.does(&format!("--init {init} PREFIX=/usr"));
        let service =
            SERVICES.iter().find(|(name, _)| *name == init).map_or(&[] as &[&str], |(_, files)| files);
        has_files(&target, &[&COMMON, &BRIDGE, &APPLET, own, service], init);

        let target = Target::new();
        target.does(&format!("--init {init} PREFIX=/usr --without dbus"));
        has_files(&target, &[&COMMON, &APPLET, own], init);
    }
}

#[test]
fn bridge_and_applet_can_be_left_out() {
    let table: [(&str, &[&[&str]]); 3] = [
        ("--without dbus", &[&COMMON, &APPLET]),
        ("--without=applet", &[&COMMON, &BRIDGE]),
        ("--without dbus --without applet", &[&COMMON]),
    ];
    for (options, expected) in table {
        let target = Target::new();
        let said = target.does(&format!("--init none PREFIX=/usr {options}"));
        has_files(&target, expected, options);
        let bridge = expected.contains(&(&BRIDGE as &[&str]));
        assert_eq!(said.contains("for D-Bus: "), bridge, "{options}: {said}");
    }
    // What is not built cannot be installed.
    let target = Target::new();
    for name in ["usbnet-dbus", "usbnet-applet"] {
        fs::remove_file(target.built(name)).expect("removed");
    }
    let said = target.does("--init none PREFIX=/usr");
    has_files(&target, &[&COMMON], "not built");
    for name in ["usbnet-dbus", "usbnet-applet"] {
        assert!(said.contains(&format!("{name} is not built, so it is left out")), "{said}");
    }
}

#[test]
fn installed_files_name_the_program_where_it_is() {
    for (init, _) in INITS {
        let target = Target::new();
        target.does(&format!("--init {init} PREFIX=/opt/usbnet"));
        for (path, (_, content)) in target.tree() {
            let text =
                content.map(|content| String::from_utf8_lossy(&content).into_owned()).unwrap_or_default();
            let wrong = ["sbin", "bin", "libexec", "share"]
                .map(|directory| text.matches(&format!("/usr/{directory}/usbnet")).count());
            assert_eq!(wrong, [0; 4], "{}", path.display());
        }
        for (path, names) in [
            ("etc/systemd/system/usbnet-dbus.service", "\nExecStart=/opt/usbnet/libexec/usbnet-dbus\n"),
            (SERVICE, "\nExec=/opt/usbnet/libexec/usbnet-dbus\n"),
            ("etc/xdg/autostart/usbnet-applet.desktop", "\nExec=/opt/usbnet/bin/usbnet-applet\n"),
            (
                "opt/usbnet/share/applications/usbnet-applet.desktop",
                "\nTryExec=/opt/usbnet/bin/usbnet-applet\n",
            ),
        ] {
            assert!(target.read(path).contains(names), "{path}: {}", target.read(path));
        }
    }
}

/// Where D-Bus looks for it when it is not in `/usr`.
const SERVICE: &str = "usr/local/share/dbus-1/system-services/com.meego.usb_moded.service";
