//! The init files themselves: that each shell reads them, and what those with code of their own do.

use std::{
    fs,
    path::{Path, PathBuf},
};

use usbnet_tests::run::run;

use crate::{ROOT, SHELLS, program};

fn scripts(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            scripts(&path, found);
        } else if fs::read_to_string(&path).expect("text").starts_with('#') {
            found.push(path);
        }
    }
}

#[test]
fn every_shell_reads_every_script() {
    let mut found = Vec::new();
    for directory in ["scripts/init", "dbus/data"] {
        scripts(&Path::new(ROOT).join(directory), &mut found);
    }
    found.retain(|path| {
        let text = fs::read_to_string(path).expect("text");
        text.starts_with("#!") || text.starts_with("# shellcheck shell=sh")
    });
    found.push(Path::new(ROOT).join("scripts/install"));
    assert!(found.len() > 10, "{found:?}");
    for path in &found {
        for shell in SHELLS {
            let outcome = run(&[shell, &["-n", path.to_str().expect("a path")]].concat());
            assert_eq!((outcome.code, &*outcome.err), (0, ""), "{} in {shell:?}", path.display());
        }
    }
}

/// Runs a script of `scripts/init` followed by `lines`, with a `usbnet` that ends with `code` and a `sv` that says what it
/// is told; returns the exit code and the output.
fn runs(shell: &[&str], script: &str, code: u8, arguments: &[&str], lines: &str) -> (i32, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let bin = directory.path().join("bin");
    program(&bin.join("usbnet"), &format!("#!/bin/sh\necho usbnet \"$@\"\nexit {code}\n"));
    program(&bin.join("sv"), "#!/bin/sh\necho sv \"$@\"\n");
    let text = fs::read_to_string(Path::new(ROOT).join("scripts/init").join(script)).expect("the script");
    assert!(text.contains("/usr/bin/usbnet") || text.contains("sv "), "{script}");
    let text = text.replace("/usr/bin/usbnet", &bin.join("usbnet").display().to_string());
    let text = format!("PATH='{}':$PATH\n{text}\n{lines}", bin.display());
    let outcome = run(&[shell, &["-c", &text, "script"], arguments].concat());
    (outcome.code, outcome.out)
}

#[test]
fn a_refused_stop_stops_nothing_else() {
    let procd = "action=stop; stop_service; echo procd kills it";
    let openrc = "RC_CMD=stop; stop_pre && echo the supervisor ends it";
    let table = [
        ("procd/usbnet", procd, 0, 0, "usbnet stop\nprocd kills it\n"),
        ("procd/usbnet", procd, 5, 5, "usbnet stop\n"),
        ("openrc/usbnet", openrc, 0, 0, "usbnet stop\nthe supervisor ends it\n"),
        ("openrc/usbnet", openrc, 5, 5, "usbnet stop\n"),
    ];
    for shell in SHELLS {
        for (script, lines, code, expected, out) in table {
            let found = runs(shell, script, code, &[], lines);
            assert_eq!(found, (expected, out.to_owned()), "{script} with {code}, {shell:?}");
        }
    }
}

#[test]
fn openrc_refuses_an_invalid_configuration_and_says_why() {
    // `check` would also fail for want of a UDC.
    let answers =
        "usbnet() { [ \"$*\" = config ] || return 6; echo effective; echo reasons >&2; return \"$answer\"; }";
    for shell in SHELLS {
        for code in [0, 3] {
            let lines = format!("{answers}\nanswer={code} command=usbnet\nstart_pre 2>&1");
            let found = runs(shell, "openrc/usbnet", 0, &[], &lines);
            assert_eq!(found, (code, "reasons\n".to_owned()), "{shell:?}");
        }
    }
}

#[test]
fn a_restart_ends_nothing_that_it_could_not_start_again() {
    let scripts = [("procd/usbnet", "action", "stop_service"), ("openrc/usbnet", "RC_CMD", "stop_pre")];
    // (the verb, what `usbnet config` ends with, what all ends with, what is said)
    let table = [
        ("restart", 3, 3, "checked\nreasons\n"),
        ("restart", 0, 0, "checked\nreasons\nended\nthen the rest\n"),
        ("stop", 3, 0, "ended\nthen the rest\n"),
    ];
    for shell in SHELLS {
        for (script, variable, stops) in scripts {
            for (verb, config, code, out) in table {
                let directory = tempfile::tempdir().expect("a directory");
                let usbnet = directory.path().join("usbnet");
                let body = format!(
                    "#!/bin/sh\ncase $1 in config) echo checked >&2; echo reasons >&2; exit {config} ;; esac\n\
                     echo ended\n"
                );
                program(&usbnet, &body);
                let lines = format!("{variable}={verb}\n{{ {stops} || exit; echo then the rest; }} 2>&1");
                let text = fs::read_to_string(Path::new(ROOT).join("scripts/init").join(script)).expect("it");
                let text = text.replace("/usr/bin/usbnet", &usbnet.display().to_string());
                let outcome = run(&[shell, &["-c", &format!("{text}\n{lines}")]].concat());
                assert_eq!(
                    (outcome.code, &*outcome.out),
                    (code, out),
                    "{script}, {verb} with {config}, {shell:?}"
                );
            }
        }
    }
}

#[test]
fn runit_starts_again_what_may_go_better_then() {
    for shell in SHELLS {
        for code in 0..=8_u8 {
            let expected = if matches!(code, 0 | 1 | 6 | 7) { "" } else { "sv down .\n" };
            let found = runs(shell, "runit/usbnet/finish", 0, &[&code.to_string(), "0"], "");
            assert_eq!(found, (0, expected.to_owned()), "{code}, {shell:?}");
        }
        // Killed by a signal.
        assert_eq!(runs(shell, "runit/usbnet/finish", 0, &["-1", "9"], ""), (0, String::new()), "{shell:?}");
    }
}

/// The bridge's user is in the group that may switch; being started as that user without it, it could not.
#[test]
fn the_bridge_is_started_as_its_user_with_all_its_groups() {
    let directory = tempfile::tempdir().expect("a directory");
    let bin = directory.path().join("bin");
    program(&bin.join("id"), "#!/bin/sh\n[ \"$*\" = '-Gn usbnet-dbus' ] && echo usbnet-dbus usbnet\n");
    for name in ["install", "chpst", "checkpath", "need", "after"] {
        program(&bin.join(name), &format!("#!/bin/sh\necho {name} \"$@\"\n"));
    }
    let openrc = "depend; start_pre; echo $supervisor $command_user $command";
    let table = [
        (
            "usbnet-dbus.runit/run",
            "",
            "install -d -o usbnet-dbus -m 700 /var/lib/usbnet-dbus\n\
             chpst -u usbnet-dbus:usbnet-dbus:usbnet /usr/libexec/usbnet-dbus\n",
        ),
        (
            "usbnet-dbus.openrc",
            openrc,
            "need localmount dbus\nafter usbnet\n\
             checkpath --directory --owner usbnet-dbus --mode 0700 /var/lib/usbnet-dbus\n\
             supervise-daemon usbnet-dbus /usr/libexec/usbnet-dbus\n",
        ),
    ];
    for (script, lines, expected) in table {
        let text = fs::read_to_string(Path::new(ROOT).join("dbus/data").join(script)).expect("the script");
        let text = format!("PATH='{}':$PATH\n{text}\n{lines}", bin.display());
        for shell in SHELLS {
            let outcome = run(&[shell, &["-c", &text]].concat());
            assert_eq!(
                (outcome.code, &*outcome.out, &*outcome.err),
                (0, expected, ""),
                "{script}, {shell:?}"
            );
        }
    }
}

#[test]
fn the_systemd_units_are_valid() {
    let directory = tempfile::tempdir().expect("a directory");
    let table = [
        ("scripts/init/systemd/usbnet.service", "/usr/bin/usbnet"),
        ("dbus/data/usbnet-dbus.service", "/usr/libexec/usbnet-dbus"),
    ];
    for (file, program) in table {
        let file = Path::new(ROOT).join(file);
        let unit = fs::read_to_string(&file).expect("the unit");
        let path = directory.path().join(file.file_name().expect("a name"));
        // A program that is there.
        fs::write(&path, unit.replace(program, "/bin/true")).expect("writable");
        let outcome = run(&["systemd-analyze", "--man=no", "verify", path.to_str().expect("a path")]);
        assert_eq!((outcome.code, &*outcome.out, &*outcome.err), (0, "", ""), "{program}");
    }
}
