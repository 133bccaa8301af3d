//! `usbnet profile` as it is run, without a daemon and with one that says where its link is.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

const MACHINE_ID: &str = "0123456789abcdef0123456789abcde0";

/// Runs it with a run directory of its own; a word with `DIR` in it means the directory beside that.
fn profile(dir: &TempDir, line: &str) -> Output {
    let place = dir.path().display().to_string();
    Command::new(env!("CARGO_BIN_EXE_usbnet"))
        .args(["profile", "--run-dir", &format!("{place}/run")])
        .args(line.split_whitespace().map(|word| word.replace("DIR", &place)))
        .output()
        .expect("usbnet runs")
}

fn directory() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let config = r#"Config(
        link: (address: "10.66.0.1/29", host: "10.66.0.2", name: Some("n800")),
        modes: {"network": (functions: [Ncm]), "old": (functions: [Ecm]), "serial": (functions: [Acm])},
    )"#;
    fs::write(dir.path().join("config.ron"), config).expect("written");
    fs::write(dir.path().join("bad.ron"), "Config(link: (prefix: 1))").expect("written");
    fs::write(dir.path().join("silent.ron"), "Config(modes: {\"a\": (functions: [])}, start_mode: \"a\")")
        .expect("written");
    dir
}

#[test]
fn what_is_asked_for_decides_the_exit_code() {
    let dir = directory();
    let taken = dir.path().join("taken");
    fs::create_dir(&taken).expect("made");
    fs::write(taken.join("README.md"), "mine").expect("written");
    let described = format!("--config DIR/config.ron --machine-id {MACHINE_ID}");
    // (arguments, code, standard output has, standard error has)
    let table = [
        ("--list".to_owned(), 0, "networkmanager", ""),
        ("--list --json".to_owned(), 0, "\"share-from-host\"", ""),
        (format!("ifupdown {described}"), 0, "address 10.66.0.2/29", "device n800.usbnet 10.66.0.1/29"),
        (format!("ifupdown {described} --mac 02:00:00:00:00:07"), 0, "02:00:00:00:00:07", "as configured"),
        (format!("netplan {described} --shape bridge --bridge br7"), 0, "br7", ""),
        (format!("hosts {described} --name tablet"), 0, "tablet.usbnet", ""),
        (format!("all {described}"), 0, "==> udev/link/etc/udev/rules.d/90-usbnet.rules (0644) <==", ""),
        (format!("all {described} --out DIR/all"), 0, "README.md", ""),
        (format!("all {described} --out DIR/all"), 0, "README.md", ""),
        (format!("all {described} --mode old --out DIR/all"), 1, "", "use --force to replace it"),
        (format!("all {described} --mode old --out DIR/all --force"), 0, "README.md", ""),
        (format!("udev {described} --out DIR/taken"), 1, "", "README.md is there already"),
        (format!("all {described} --image DIR/disk.img"), 0, "disk.img", "device n800.usbnet"),
        (format!("all {described} --name n810 --image DIR/disk.img"), 1, "", "disk.img is there already"),
        (format!("all {described} --name n810 --image DIR/disk.img --force"), 0, "disk.img", ""),
        (format!("udev {described} --image DIR/disk.img"), 2, "", "use usbnet profile all --image FILE"),
        (format!("all {described} --image DIR/disk.img --out DIR/all"), 2, "", "cannot be used with"),
        (format!("debian {described}"), 2, "", "did you mean ifupdown or networkmanager?"),
        (format!("windows {described} --shape bridge"), 2, "", "windows has no bridge: "),
        (format!("udev {described} --shape round"), 2, "", "is not a shape; use link"),
        (format!("udev {described} --mode serial"), 2, "", "mode serial has no network function"),
        ("udev --machine-id 12".to_owned(), 2, "", "not a machine-id"),
        ("udev --mac 02".to_owned(), 2, "", "not a hardware address"),
        ("udev --mac 00:00:00:00:00:00".to_owned(), 2, "", "not the address of one station"),
        ("udev --mac 01:00:5e:00:00:01".to_owned(), 2, "", "not the address of one station"),
        ("udev --mac ff:ff:ff:ff:ff:ff".to_owned(), 2, "", "not the address of one station"),
        ("udev --name a.b".to_owned(), 2, "", "\"a.b\" is not a host name"),
        ("udev --name=".to_owned(), 2, "", "is not a host name"),
        ("ALL".to_owned(), 2, "", "did you mean all?"),
        ("all --shape all".to_owned(), 2, "", "is not a shape; use link"),
        (
            format!("all {described} --image /"),
            2,
            "",
            "/ has no file name that is text; use one like /usbnet.img",
        ),
        (format!("all {described} --image DIR/.."), 2, "", "/.. has no file name"),
        (format!("all {described} --image DIR/taken"), 1, "", "taken is in the way"),
        (format!("udev {described} --out DIR/config.ron"), 1, "", "rules cannot be written: "),
        (format!("udev {described} --out DIR/config.ron/x"), 1, "", "; write elsewhere"),
        ("ifupdown --json".to_owned(), 2, "", "cannot be used with"),
        ("--json".to_owned(), 2, "", "--list"),
        (format!("udev {described} --force"), 2, "", "--out <DIR>|--image <FILE>"),
        (format!("udev {described} --force --shape link"), 2, "", "--out <DIR>|--image <FILE>"),
        ("".to_owned(), 2, "", "<HOST|all>"),
        ("udev --list".to_owned(), 2, "", "cannot be used with"),
        ("--list --force".to_owned(), 2, "", "cannot be used with"),
        ("udev --config DIR/bad.ron".to_owned(), 3, "", "bad.ron:1:"),
        ("udev --config DIR/silent.ron".to_owned(), 3, "", "no mode of the configuration"),
    ];
    for (line, code, said, complained) in table {
        let output = profile(&dir, &line);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}: {err}");
        assert!(out.contains(said) && err.contains(complained), "{line}:\n{out}\n{err}");
    }
    assert_eq!(fs::read_dir(&taken).expect("there").count(), 1, "nothing beside what was there");
}

#[test]
fn the_list_names_every_shape_or_why_not() {
    let output = profile(&directory(), "--list --json");
    let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let hosts = list.as_array().expect("a list");
    assert_eq!(hosts.len(), usbnet_host_profiles::ALL.len());
    for host in hosts {
        let shapes = host["shapes"].as_array().expect("shapes").len();
        assert_eq!(shapes + host["cannot"].as_object().expect("reasons").len(), 4, "{host}");
    }
}

/// A daemon that answers `Status` once, with a link that is not where it was configured.
fn daemon(run: &Path, link: Value) -> thread::JoinHandle<()> {
    fs::create_dir_all(run).expect("made");
    let listener = UnixListener::bind(run.join("control")).expect("bound");
    let status = json!({
        "mode": "network", "target": null, "state": "confirmed", "error": null, "backend": "configfs", "udc": null,
        "link": link, "responder": null, "leases": [], "cards": [], "progress": null,
        "system": { "hostname": "n800", "kernel": "6.1", "uptime_seconds": 1 },
    });
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut byte = [1];
        while byte[0] != 0 {
            client.read_exact(&mut byte).expect("a request");
        }
        let reply = json!({ "parameters": { "status": status } });
        client.write_all(format!("{reply}\0").as_bytes()).expect("answered");
    })
}

#[test]
fn a_running_daemon_knows_where_its_link_is() {
    let link = |host_mac: Value| {
        json!({
            "interface": "usb0", "mac": "02:00:00:00:00:01", "host_mac": host_mac, "address": "10.209.146.15/27",
            "host": "10.209.146.14", "mtu": 1500, "up": true, "carrier": true, "received_bytes": 0, "sent_bytes": 0,
            "moved": "192.168.2.0/27 overlaps 192.168.2.0/24 on wlan0; using 10.209.146.0/27",
        })
    };
    let mac = json!("02:00:00:00:00:09");
    // (the daemon's link, arguments, standard output has, standard error has)
    let table = [
        (
            "moved",
            link(mac.clone()),
            "ifupdown",
            "address 10.209.146.14/27",
            "overlaps 192.168.2.0/24 on wlan0",
        ),
        ("its address", link(mac.clone()), "udev", "02:00:00:00:00:09", "as the daemon has it"),
        (
            "mine",
            link(mac.clone()),
            "udev --mac 02:00:00:00:00:08",
            "02:00:00:00:00:08",
            "as the daemon has it",
        ),
        (
            "no link",
            Value::Null,
            "ifupdown --mac 02:00:00:00:00:08",
            "address 192.168.2.14/27",
            "as configured",
        ),
    ];
    for (name, link, line, said, complained) in table {
        let dir = directory();
        let answering = daemon(&dir.path().join("run"), link);
        let output = profile(&dir, line);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(out.contains(said) && err.contains(complained), "{name}:\n{out}\n{err}");
        answering.join().expect("asked once");
    }
    // Another device's profile is not this daemon's business: nobody asks, so nobody has to answer.
    let dir = directory();
    fs::create_dir(dir.path().join("run")).expect("made");
    let _silent = UnixListener::bind(dir.path().join("run/control")).expect("bound");
    let output = profile(&dir, &format!("ifupdown --config DIR/config.ron --machine-id {MACHINE_ID}"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("address 10.66.0.2/29"));
}
