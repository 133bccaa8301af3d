//! Real DHCP clients, each as people run it.

use super::cable::{Alone, Cable, HOST, PREFIX, run, wait_for};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes what the server gave to a file, and sets the address where the client does not itself.
const SCRIPT: &str = "#!/bin/sh
env > DIRECTORY/env.$$ && mv DIRECTORY/env.$$ DIRECTORY/env-$1$reason
[ -z \"$ip\" ] || ip address replace $ip/$mask dev $interface
[ -z \"$new_ip_address\" ] || ip address replace $new_ip_address/PREFIX dev $interface
";

fn script(directory: &Path) -> String {
    let path = directory.join("script");
    let text =
        SCRIPT.replace("DIRECTORY", directory.to_str().unwrap()).replace("PREFIX", &PREFIX.to_string());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn leased(cable: &Cable) -> bool {
    let shown = run(&format!("ip -n {} -4 -o address show dev {}", cable.host, cable.host_interface));
    shown.contains(&format!("inet {HOST}/{PREFIX} "))
}

/// Runs a client until the host has its address; `{i}`, `{s}` and `{d}` are the interface, the
/// script and a directory. Returns everything the script was told, by all its calls.
fn lease(cable: &Cable, line: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let line = line
        .replace("{i}", &cable.host_interface)
        .replace("{s}", &script(directory.path()))
        .replace("{d}", directory.path().to_str().unwrap());
    let words: Vec<&str> = line.split(' ').collect();
    let mut client = Command::new(words[0]);
    client.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = cable.on_host(|| client.spawn()).expect(&line);
    wait_for(&format!("a lease by {line}"), || leased(cable).then_some(()));
    let told = wait_for("what the client was told", || {
        let files = fs::read_dir(directory.path()).unwrap().flatten();
        let named = files.filter(|file| file.file_name().to_string_lossy().starts_with("env-"));
        let told: String = named.map(|file| fs::read_to_string(file.path()).unwrap_or_default()).collect();
        told.contains(&HOST.to_string()).then_some(told)
    });
    let _ = client.kill();
    client.wait().unwrap();
    told
}

/// What the host must never be told, as the clients' scripts call it.
const NOT_OURS: [&str; 6] =
    ["\nrouter=", "\ndns=", "\ndomain=", "new_routers=", "new_domain_name", "new_domain_search="];

#[test]
fn real_clients_get_the_address_and_nothing_that_changes_their_network() {
    let rows = [
        ("udhcpc", "busybox udhcpc -i {i} -f -t 20 -T 2 -s {s}"),
        ("udhcpc asking for a broadcast", "busybox udhcpc -i {i} -f -t 20 -T 2 -B -s {s}"),
        ("dhclient", "dhclient -4 -d -1 -sf {s} -pf {d}/pid -lf {d}/leases {i}"),
        ("dhcpcd", "dhcpcd -4 -B -A --nohook resolv.conf -c {s} {i}"),
    ];
    for (name, line) in rows {
        let cable = Cable::new();
        let _responder = Alone::start(&cable, &cable.settings());
        let told = lease(&cable, line);
        for word in NOT_OURS {
            assert!(!told.contains(word), "{name} was told {word}: {told}");
        }
    }
}

#[test]
fn clients_are_answered_before_the_device_has_its_address() {
    let cable = Cable::bare();
    let _responder = Alone::start(&cable, &cable.settings());
    lease(&cable, "busybox udhcpc -i {i} -f -t 20 -T 2 -s {s}");
}
