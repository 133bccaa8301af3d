//! `scripts/install uninstall` on the device itself: what is ended and undone before the files go.

use std::fs;

use usbnet_tests::run::run;

use crate::{ROOT, SHELLS, program};

/// What `uninstall` does before the files go, on a device with OpenRC where `usbnet stop` ends with `code`: the exit code,
/// each command with an effect, none of which is the real one, and what is said.
fn retires(shell: &[&str], code: u8) -> (i32, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let calls = at("calls");
    let says = format!("#!/bin/sh\necho \"${{0##*/}} $*\" >>'{calls}'\n");
    for (name, rest) in [
        ("rc-service", "".to_owned()),
        ("rc-update", "echo not in the runlevel >&2; exit 1\n".to_owned()),
        ("update-rc.d", "".to_owned()),
        ("../bin/usbnet", format!("exit {code}\n")),
    ] {
        program(&directory.path().join("bin").join(name), &format!("{says}{rest}"));
    }
    let script = format!("{ROOT}/scripts/install");
    let text = fs::read_to_string(&script).expect("the script");
    let functions = text.strip_suffix("\"do_$verb\"\n").expect("its last line");
    let text = format!(
        "PATH='{}':$PATH\n{functions}\nrm() {{ echo \"rm $*\" >>'{calls}'; }}\nthere() {{ [ \"$1\" = /run/openrc ]; }}\nretire\n",
        at("bin")
    );
    let prefix = format!("PREFIX={}", directory.path().display());
    let outcome = run(&[shell, &["-c", &text, &script, "uninstall", &prefix]].concat());
    (outcome.code, fs::read_to_string(calls).expect("calls"), outcome.out + &outcome.err)
}

#[test]
fn what_has_ended_leaves_no_notes_and_is_in_no_runlevel() {
    const ENDING: &str = "rc-service --ifexists --ifstarted usbnet stop\nusbnet stop\n";
    for shell in SHELLS {
        let (code, calls, said) = retires(shell, 0);
        assert_eq!((code, &*said), (0, ""), "{shell:?}");
        let rest = calls.strip_prefix(ENDING).expect("it ends first");
        assert!(rest.starts_with("rm -rf /run/usbnet\nrc-update --all delete usbnet\n"), "{rest}");
        // What the daemon has left is for the next one while it may still be there.
        let (code, calls, said) = retires(shell, 5);
        assert_eq!((code, &*calls), (1, ENDING), "{shell:?}: {said}");
    }
}
