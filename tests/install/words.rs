//! `scripts/install`: what it understands, and what it says is next.

use std::{fs, path::Path};

use crate::{
    ROOT,
    files::INITS,
    target::{Target, Tree},
};

#[test]
fn the_init_system_is_found() {
    let table: [(&[&str], Option<&str>); 9] = [
        (&["run/systemd/system/x", "sbin/openrc-run"], Some("systemctl")),
        (&["usr/lib/systemd/systemd", "etc/init.d/x"], Some("systemctl")),
        (&["lib/systemd/systemd", "sbin/openrc-run"], Some("rc-update")),
        (&["run/openrc/x", "lib/systemd/systemd"], Some("rc-update")),
        (&["etc/runit/1", "etc/init.d/x"], Some("/etc/sv/usbnet")),
        (&["run/runit/x", "lib/systemd/systemd"], Some("/etc/sv/usbnet")),
        (&["sbin/procd", "etc/init.d/x"], Some("/etc/init.d/usbnet enable")),
        (&["etc/init.d/x"], Some("update-rc.d")),
        (&[], None),
    ];
    for (there, expected) in table {
        let target = Target::new();
        for path in there {
            target.write(path, "");
        }
        let before = target.tree();
        let outcome = target.run(&["sh"], "");
        match expected {
            Some(step) => {
                assert_eq!((outcome.code, &*outcome.err), (0, ""), "{there:?}");
                assert!(outcome.out.contains(step), "{there:?}: {}", outcome.out);
            }
            None => {
                assert_eq!(outcome.code, 1);
                assert!(outcome.err.contains("name it with --init"), "{}", outcome.err);
                assert_eq!(target.tree(), before, "something was installed all the same");
            }
        }
    }
}

#[test]
fn what_is_not_understood_changes_nothing() {
    let table = [
        ("--init", "--init needs a name"),
        ("--init upstart", "upstart is not known"),
        ("--without", "--without needs a name"),
        ("--without usbnet", "usbnet is not known"),
        ("--help", "--help is not understood"),
        ("--init none PREFIX=usr", "no absolute path"),
        ("--init none 'PREFIX=/opt/a&b'", "has characters that init files cannot have"),
        ("--init none 'PREFIX=/opt/a,b'", "has characters that init files cannot have"),
        ("--init none 'PREFIX=/opt/a\\b'", "has characters that init files cannot have"),
        ("--init none 'PREFIX=/opt/a b'", "has characters that init files cannot have"),
        ("uninstall", "nothing is installed there"),
    ];
    for (arguments, reason) in table {
        let target = Target::new();
        let outcome = target.run(&["sh"], arguments);
        assert_eq!(outcome.code, 1, "{arguments}");
        assert!(outcome.err.contains(reason), "{arguments}: {}", outcome.err);
        assert_eq!(target.tree(), Tree::new(), "{arguments}");
    }
}

#[test]
fn the_last_line_says_how_the_bridge_is_started_at_boot() {
    let by_name = "dbus-send --system --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
                   org.freedesktop.DBus.StartServiceByName string:com.meego.usb_moded uint32:0";
    let by_hand = format!("; at boot, in /etc/rc.local for instance: {by_name};");
    let table = [
        ("systemd", "systemctl reload dbus; systemctl enable --now usbnet-dbus;"),
        ("systemd --init initramfs-tools", "; systemctl enable --now usbnet-dbus;"),
        ("openrc", "; rc-update add usbnet-dbus default; rc-service usbnet-dbus start;"),
        ("runit", "; ln -s /etc/sv/usbnet-dbus /etc/service/;"),
        ("sysv", &by_hand),
        ("procd", &by_hand),
        ("none", &by_hand),
    ];
    for (init, expected) in table {
        let line = bridges_line(&Target::new(), init);
        assert!(line.contains(expected), "{init}: {line}");
        assert!(
            line.ends_with("control: (group: \"usbnet\") in /etc/usbnet/config.ron, then usbnet restart"),
            "{line}"
        );
    }
    let readme = fs::read_to_string(Path::new(ROOT).join("dbus/README.md")).expect("the text");
    for line in [by_name, "systemctl enable --now usbnet-dbus", "rc-update add usbnet-dbus default"] {
        assert!(readme.contains(line), "{line}");
    }
}

fn bridges_line(target: &Target, init: &str) -> String {
    let said = target.does(&format!("--init {init}"));
    said.lines().find(|line| line.starts_with("for D-Bus: ")).expect("the line").to_owned()
}

#[test]
fn the_bridges_user_is_made_with_what_is_there() {
    let table: [(&[&str], &str); 4] = [
        (&[], "useradd "),
        (&["usr/sbin/useradd", "bin/busybox"], "useradd "),
        (&["usr/sbin/useradd"], "useradd "),
        (&["bin/busybox"], "adduser -S -D -H -G usbnet-dbus usbnet-dbus; addgroup usbnet-dbus usbnet;"),
    ];
    for (there, expected) in table {
        let target = Target::new();
        for path in there {
            target.write(path, "");
        }
        let line = bridges_line(&target, "openrc");
        assert!(line.contains(expected), "{there:?}: {line}");
        assert_ne!(line.contains("useradd "), line.contains("adduser "), "{line}");
    }
}

#[test]
fn runit_finds_the_service_where_it_looks() {
    let table: [(&[&str], &str); 4] = [
        (&[], "/etc/service/"),
        (&["run/runit/service"], "/run/runit/service/"),
        (&["run/runit/service", "var/service"], "/var/service/"),
        (&["var/service", "etc/service"], "/etc/service/"),
    ];
    for (there, expected) in table {
        let target = Target::new();
        for path in there {
            fs::create_dir_all(target.at(path)).expect("a directory");
        }
        let said = target.does("--init runit");
        assert!(said.contains(&format!("next: ln -s /etc/sv/usbnet {expected}\n")), "{there:?}: {said}");
    }
}

#[test]
fn a_network_manager_that_runs_is_told() {
    for (init, _) in INITS {
        let said = Target::new().does(&format!("--init {init}"));
        let told = said.contains("systemctl try-reload-or-restart NetworkManager systemd-networkd");
        assert_eq!(told, init == "systemd", "{init}: {said}");
        assert_eq!(said.contains("nmcli general reload"), init != "systemd", "{init}: {said}");
    }
}
