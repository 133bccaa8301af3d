//! What is left of the responder's rights, seen from outside.

use super::cable::{Alone, Cable, USBNET};
use std::fs;
use std::process::Command;
use usbnet::responder::Settings;
use usbnet::sys::sandbox::FALLBACK_ID;

/// The values of a line of `/proc/PID/status`.
fn status(responder: &Alone, key: &str) -> Vec<String> {
    let status = responder.proc("status");
    let line = status.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.unwrap_or_else(|| panic!("{key} in {status}")).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn nothing_is_left_to_take() {
    let cable = Cable::new();
    let directory = tempfile::tempdir().unwrap();
    let lease_file = Some(directory.path().join("leases"));
    let settings = Settings { user: Some("4321".into()), lease_file, ..cable.settings() };
    let responder = Alone::start(&cable, &settings);
    for key in ["Uid", "Gid"] {
        assert_eq!(status(&responder, key), ["4321"; 4], "{key}");
    }
    assert_eq!(status(&responder, "Groups"), [""; 0]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(&responder, set), ["0000000000000000"], "{set}");
    }
    assert_eq!(status(&responder, "NoNewPrivs"), ["1"]);
    assert_eq!(status(&responder, "Seccomp"), ["2"]);
    assert_eq!(status(&responder, "Threads"), ["1"]);

    let process = format!("/proc/{}", responder.process.id());
    for directory in ["root", "cwd"] {
        let path = format!("{process}/{directory}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "{directory} is empty");
        assert!(fs::read_link(&path).unwrap().to_string_lossy().ends_with(" (deleted)"), "{directory}");
        assert!(fs::write(format!("{path}/file"), "").is_err(), "{directory}: nothing can be made in it");
    }

    let limits = responder.proc("limits");
    for (limit, most) in [
        ("Max processes", 0),
        ("Max core file size", 0),
        ("Max locked memory", 0),
        ("Max open files", 32),
        ("Max file size", 512 * 1024),
        ("Max data size", 8 * 1024 * 1024),
        ("Max address space", 64 * 1024 * 1024),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit)).unwrap();
        let values: Vec<u64> = line.split_whitespace().take(2).map(|value| value.parse().unwrap()).collect();
        assert!(values.iter().all(|value| *value <= most), "{limit}: {line}");
    }
}

#[test]
fn what_was_open_at_the_start_is_closed() {
    let cable = Cable::new();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec 7</ 8</etc/passwd 9>&1 && exec \"$@\"", "sh", USBNET])
        .args(cable.settings().args());
    let responder = Alone::start_with(&cable, shell);
    let descriptors = fs::read_dir(format!("/proc/{}/fd", responder.process.id())).unwrap().flatten();
    let open: Vec<_> = descriptors.map(|fd| fs::read_link(fd.path()).unwrap()).collect();
    assert!(open.len() > 5, "{open:?}");
    for target in open {
        let target = target.to_string_lossy().into_owned();
        let expected = ["socket:", "anon_inode:", "pipe:", "/dev/null"];
        assert!(expected.iter().any(|prefix| target.starts_with(prefix)), "{target}");
    }
}

#[test]
fn without_a_user_of_its_own_it_takes_a_number_that_is_not_roots() {
    let cable = Cable::new();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let own = passwd.lines().find_map(|line| line.strip_prefix("usbnet:")?.split(':').nth(1));
    let expected = own.map_or(FALLBACK_ID.to_string(), str::to_owned);
    let responder = Alone::start(&cable, &cable.settings());
    assert_eq!(status(&responder, "Uid")[0], expected);
}
