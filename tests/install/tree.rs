//! `scripts/install`: what lies where, and that uninstalling leaves what was there before, and nothing else.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use usbnet_tests::run::{Outcome, run};

use crate::{ROOT, SHELLS, program};

/// Every path below, with its mode and, of a file, its content.
type Tree = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

/// What is built.
const PROGRAMS: [&str; 3] = ["usbnet", "usbnet-dbus", "usbnet-applet"];

/// A file system to install into.
struct Target {
    directory: TempDir,
}

impl Target {
    fn new() -> Self {
        let target = Self { directory: tempfile::tempdir().expect("a directory") };
        for name in PROGRAMS {
            program(&target.built(name), name);
        }
        fs::create_dir(target.at("")).expect("a directory");
        target
    }

    fn built(&self, name: &str) -> PathBuf {
        self.directory.path().join("build/release").join(name)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join("root").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().expect("a directory")).expect("a directory");
        fs::write(self.at(path), text).expect("writable");
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        read(&self.at(""), &mut tree);
        tree
    }

    /// Runs the script as `shell`, with the umask of somebody careful.
    fn run(&self, shell: &[&str], arguments: &str) -> Outcome {
        let line = format!(
            "umask 077; export CARGO_TARGET_DIR='{}'; exec {} '{ROOT}/scripts/install' DESTDIR='{}' {arguments}",
            self.directory.path().join("build").display(),
            shell.join(" "),
            self.at("").display()
        );
        run(&["sh", "-c", &line])
    }

    /// Runs it with success; returns what it says.
    #[track_caller]
    fn does(&self, arguments: &str) -> String {
        let outcome = self.run(&["sh"], arguments);
        assert_eq!((outcome.code, &*outcome.err), (0, ""), "{arguments}");
        outcome.out
    }
}

fn read(directory: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = path.symlink_metadata().expect("its metadata");
        let content = metadata.is_file().then(|| fs::read(&path).expect("readable"));
        tree.insert(path.clone(), (metadata.permissions().mode() & 0o7777, content));
        if metadata.is_dir() {
            read(&path, tree);
        }
    }
}

/// Each init system, and its files with `PREFIX=/usr`.
const INITS: [(&str, &[&str]); 8] = [
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
    "usr/sbin/usbnet",
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
        let said = Target::new().does(&format!("--init {init}"));
        let line = said.lines().find(|line| line.starts_with("for D-Bus: ")).expect("the line");
        assert!(line.contains(expected), "{init}: {line}");
    }
    let readme = fs::read_to_string(Path::new(ROOT).join("dbus/README.md")).expect("the text");
    for line in [by_name, "systemctl enable --now usbnet-dbus", "rc-update add usbnet-dbus default"] {
        assert!(readme.contains(line), "{line}");
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
fn uninstalling_leaves_what_was_there_before() {
    let places: [(&str, &[&str]); 3] = [
        ("/usr", &["etc/init.d/other", "usr/share/man/man8/other.8"]),
        ("/usr/local", &[]),
        ("/opt/usbnet", &["opt/other"]),
    ];
    for (init, _) in INITS {
        for ((prefix, others), shell) in places.into_iter().zip(SHELLS) {
            let target = Target::new();
            for other in others {
                target.write(other, "somebody else's");
            }
            let before = target.tree();
            let arguments = format!("--init={init} PREFIX={prefix}");
            // Twice is no more than once.
            for _ in 0..2 {
                let outcome = target.run(shell, &arguments);
                assert_eq!((outcome.code, &*outcome.err), (0, ""), "{arguments}, {shell:?}");
            }
            assert_ne!(target.tree(), before);
            let outcome = target.run(shell, &format!("uninstall PREFIX={prefix}"));
            let image = match init {
                "initramfs-tools" => "next: update-initramfs -u\n",
                "mkinitfs" => "next: mkinitfs\n",
                _ => "",
            };
            assert_eq!(
                (outcome.code, &*outcome.out, &*outcome.err),
                (0, image, ""),
                "{arguments}, {shell:?}"
            );
            assert_eq!(target.tree(), before, "{arguments}, {shell:?}");
        }
    }
}

#[test]
fn somebody_elses_file_stays() {
    let table = [
        ("sysv", "etc/init.d/usbnet"),
        ("none", "usr/sbin/usbnet"),
        ("none", "usr/lib/udev/rules.d/70-usbnet.rules"),
        ("none", "etc/xdg/autostart/usbnet-applet.desktop"),
    ];
    for (init, path) in table {
        for shell in SHELLS {
            let target = Target::new();
            target.write(path, "somebody else's");
            let before = target.tree();
            let outcome = target.run(shell, &format!("--init {init} PREFIX=/usr"));
            let said =
                format!("{}/{path} is there and not usbnet's; move it away first", target.at("").display());
            assert_eq!((outcome.code, &*outcome.out), (1, ""), "{path}, {shell:?}");
            assert_eq!(outcome.err, format!("install: {said}\n"), "{path}, {shell:?}");
            assert_eq!(target.tree(), before, "{path}, {shell:?}");
        }
    }
}

#[test]
fn what_was_interrupted_can_be_taken_away() {
    for shell in SHELLS {
        for signal in ["HUP", "INT", "TERM"] {
            let target = Target::new();
            // A program that takes its time to be copied.
            let built = target.built("usbnet").display().to_string();
            run(&["sh", "-c", &format!("rm '{built}' && mkfifo -m 755 '{built}'")]);
            // A shell cannot trap what was ignored when it began, as under nohup.
            let during = format!(
                "env --default-signal=HUP,INT,TERM sh -c '(exec 3>\"{built}\"; kill -{signal} $$) & exec \"$@\"' sh"
            );
            let outcome = target.run(&[&[&*during], shell].concat(), "--init none");
            assert_eq!((outcome.code, &*outcome.out, &*outcome.err), (130, "", ""), "{signal}, {shell:?}");
            assert!(target.at("usr/local/sbin/usbnet.new").exists(), "{signal}, {shell:?}");
            target.does("uninstall");
            assert_eq!(target.tree(), Tree::new(), "{signal}, {shell:?}");
        }
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

#[test]
fn an_edited_configuration_is_nobody_elses() {
    let target = Target::new();
    let config = "etc/usbnet/config.ron";
    target.does("--init none");
    let shipped = target.read(config);

    target.write(config, "Config(start_mode: \"charging\")\n");
    let said = target.does("--init none");
    assert!(said.contains("config.ron is edited, so it stays"), "{said}");
    assert_eq!(target.read(config), "Config(start_mode: \"charging\")\n");

    let said = target.does("uninstall");
    assert!(said.contains("config.ron is edited, so it stays"), "{said}");
    let left: Vec<PathBuf> = target.tree().into_keys().collect();
    assert_eq!(left, ["etc", "etc/usbnet", config].map(|path| target.at(path)));

    // One that was there before the first installation is not replaced either, nor taken away.
    target.does("--init none");
    target.does("uninstall");
    assert_eq!(target.read(config), "Config(start_mode: \"charging\")\n");

    // The defaults of an older version are nobody's.
    fs::remove_file(target.at(config)).expect("removed");
    target.does("--init none");
    for copy in [config, "usr/local/share/doc/usbnet/config.ron"] {
        target.write(copy, "Config()\n");
    }
    target.does("--init none");
    assert_eq!(target.read(config), shipped);
}

#[test]
fn what_the_early_link_was_told_stays_until_the_end() {
    let target = Target::new();
    let told = "etc/usbnet/early.conf";
    let said = target.does("--init mkinitfs PREFIX=/usr");
    assert!(
        said.contains("next: /usr/share/usbnet/usbnet-early-config >/etc/usbnet/early.conf; mkinitfs\n"),
        "{said}"
    );
    // mkinitfs fails when a file of a list is missing.
    for path in target.read("usr/share/mkinitfs/files/50-usbnet.files").lines() {
        assert!(target.at(&path[1..]).exists(), "{path}");
    }
    target.write(told, "usbnet_host='192.168.7.2'\n");
    target.does("--init mkinitfs PREFIX=/usr");
    assert_eq!(target.read(told), "usbnet_host='192.168.7.2'\n");
    target.does("uninstall PREFIX=/usr");
    assert_eq!(target.tree(), Tree::new());
}

#[test]
fn what_ran_left_nothing_either() {
    let target = Target::new();
    target.does("--init runit");
    target.write("var/lib/usbnet/mode", "network");
    target.write("var/lib/usbnet/mode.new", "netw");
    target.write("var/lib/usbnet-dbus/settings.json", "{}");
    target.write("etc/sv/usbnet/supervise/status", "");
    target.write("etc/sv/usbnet/log/supervise/status", "");
    target.write("etc/sv/usbnet-dbus/supervise/status", "");
    target.write("etc/sv/usbnet-dbus/log/supervise/status", "");
    fs::create_dir(target.at("var/lib/other")).expect("a directory");
    target.does("uninstall");
    let left: Vec<PathBuf> = target.tree().into_keys().collect();
    assert_eq!(left, ["var", "var/lib", "var/lib/other"].map(|path| target.at(path)));
}

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
