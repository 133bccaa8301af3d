//! `scripts/install uninstall`: what was there before stays, and nothing else.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use usbnet_tests::run::run;

use crate::{
    SHELLS,
    files::INITS,
    target::{Target, Tree},
};

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
        ("none", "usr/bin/usbnet"),
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

/// A file whose name looks half-written is somebody's, and so is a link to what is not there now.
#[test]
fn drafts_and_links_to_nowhere_stay() {
    for shell in SHELLS {
        let target = Target::new();
        let drafts = ["etc/usbnet/config.ron.new", "etc/init.d/usbnet.new", "usr/bin/usbnet.new"];
        for path in drafts {
            target.write(path, "a draft");
        }
        let before = target.tree();
        assert_eq!(target.run(shell, "--init sysv PREFIX=/usr").code, 0);
        assert_eq!(target.run(shell, "uninstall PREFIX=/usr").code, 0);
        assert_eq!(target.tree(), before, "{shell:?}");

        for (link, code) in [("etc/init.d/usbnet", 1), ("etc/usbnet/config.ron", 0)] {
            let target = Target::new();
            fs::create_dir_all(target.at(link).parent().expect("a directory")).expect("a directory");
            symlink("/nowhere/at/all", target.at(link)).expect("a link");
            let before = target.tree();
            assert_eq!(target.run(shell, "--init sysv PREFIX=/usr").code, code, "{link}, {shell:?}");
            if code == 0 {
                assert!(target.at(link).is_symlink(), "{link}, {shell:?}");
                assert_eq!(target.run(shell, "uninstall PREFIX=/usr").code, 0);
            }
            assert!(target.at(link).is_symlink(), "{link}, {shell:?}");
            assert_eq!(target.tree(), before, "{link}, {shell:?}");
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
            assert!(target.at("usr/local/bin/usbnet.usbnet-half").exists(), "{signal}, {shell:?}");
            target.does("uninstall");
            assert_eq!(target.tree(), Tree::new(), "{signal}, {shell:?}");
        }
    }
}

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
