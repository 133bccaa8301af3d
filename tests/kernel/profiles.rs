//! Host profiles end to end: what usbnet writes for a host makes that host's own programs reach the device, by address
//! and by name, and lets the device use the host's Internet connection. And the profile disk: what the host reads there
//! is what `usbnet profile all` writes.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use usbnet::control::Link;
use usbnet_tests::{
    cable,
    daemon::{configure, status, usbnet_ok},
    disk,
    host::{self, on_host},
    lab::Lab,
    run::{sh, sh_quietly},
    wait::wait_until,
};

const FILES: &str = "/run/profile-files";

/// A name space that plays the Internet, and the host's way there, until dropped.
struct Internet(());

const INTERNET: &str = "10.9.9.1";
const NAME: &str = "internet.test";

impl Internet {
    fn new() -> Self {
        sh("ip netns add internet
            ip link add name lan1 netns internet type veth peer name lan0
            ip link set lan0 netns host
            on-host ip address add 10.9.9.2/24 dev lan0
            on-host ip link set lan0 up
            on-host sh -c 'echo nameserver 10.9.9.1 > /etc/resolv.conf'
            on-host ip route replace default via 10.9.9.1 dev lan0
            ip -n internet address add 10.9.9.1/24 dev lan1
            ip -n internet link set lan1 up
            ip -n internet link set lo up
            ip netns exec internet dnsmasq --no-resolv --no-hosts --conf-file=/dev/null --user=root \
                --address=/internet.test/10.9.9.1 --pid-file=/run/internet.pid");
        Self(())
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        sh_quietly(
            "kill $(cat /run/internet.pid); ip netns del internet
            on-host ip link del lan0
            on-host ip route replace default via 198.51.100.1 dev uplink
            on-host sh -c 'echo nameserver 203.0.113.53 > /etc/resolv.conf'",
        );
    }
}

/// The host and its own programs, until dropped.
struct Host {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Host {
    fn begin(name: &str, interface: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packages = root.join("../.vm").canonicalize().expect(".vm");
        let address = status().link.expect("a link").address;
        let mut child = Command::new("on-host")
            .args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(root.join("profiles/end-to-end"))
            .arg(packages)
            .args([name, interface])
            .env("DEVICE_ADDRESS", address.split('/').next().unwrap_or_default())
            .env("DEVICE_NAME", "n800.usbnet")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, input, output }
    }

    fn does(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the host listens");
        let mut said = String::new();
        self.output.read_line(&mut said).expect("what the host says");
        assert_eq!(Some(said.trim()), line.split(' ').next(), "the host's programs did not do it");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            let state = "cat /proc/sys/net/ipv4/ip_forward; ip -4 route; nft list ruleset";
            eprintln!("--- the host\n{}", on_host(&["sh", "-c", state]).out);
            eprintln!("{}", sh_quietly(&format!("tail -n 80 {FILES}/host.log")).out);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the profile as a person does, and the line of `/etc/hosts` for hosts that need it to know the name.
fn write(name: &str, shape: &str) {
    let directory = format!("{FILES}/{shape}");
    usbnet_ok(&["profile", name, "--shape", shape, "--out", &directory]);
    // systemd-resolved asks the device itself where the profile is for reaching it.
    if name != "systemd-networkd" || shape != "link" {
        let line = format!("{FILES}/line");
        usbnet_ok(&["profile", "hosts", "--out", &line]);
        fs::copy(format!("{line}/etc/hosts.usbnet"), format!("{directory}/hosts")).expect("the line");
    }
}

/// The host has nothing but its profile, reaches the device, and keeps its own ways.
fn reaches_the_device(name: &str, function: &str, and_then: impl FnOnce(&mut Host, &Link)) {
    let _lab = Lab::begin();
    let _internet = Internet::new();
    configure(&format!(
        "Config(link: (name: Some(\"n800\")), modes: {{\"network\": (functions: [{function}])}})\n"
    ));
    usbnet_ok(&["start"]);
    let interface = cable::hand_to_host();
    let _ = fs::remove_dir_all(FILES);
    write(name, "link");
    let before = host::settings();
    let mut host = Host::begin(name, &interface);

    host.does("up link");
    let link = status().link.expect("a link");
    assert_eq!(host::addresses(&interface)[0].0.to_string(), link.host);
    assert_eq!(host::settings(), before, "{name} changed the host's network");
    host.does("down");
    assert_eq!(host::settings(), before, "{name} left the host's network changed");

    and_then(&mut host, &link);
    assert_eq!(host::settings(), before, "{name} left the host's network changed");
}

/// With the other shape, the device reaches the Internet by way of the host, by address and by name.
fn shares(name: &str, host: &mut Host, link: &Link) {
    write(name, "share-from-host");
    let forwarding = on_host(&["cat", "/proc/sys/net/ipv4/ip_forward"]).out;
    host.does("up share-from-host");
    sh(&format!("ip route add default via {}", link.host));
    wait_until("the Internet to answer the device", || {
        sh_quietly(&format!("ping -c 1 -W 5 {INTERNET}")).code == 0
    });
    wait_until("the host to resolve names for the device", || {
        sh_quietly(&format!("dig +short +tries=1 +time=5 @{} {NAME}", link.host)).out.trim() == INTERNET
    });
    sh("ip route del default");
    host.does("down");
    assert_eq!(on_host(&["cat", "/proc/sys/net/ipv4/ip_forward"]).out, forwarding, "undone exactly");
    let rules = on_host(&["nft", "list", "ruleset"]).out;
    let network = link.host.rsplit_once('.').map_or("", |(network, _)| network);
    assert!(!rules.contains(network), "a rule is left: {rules}");
    sh("on-host nft flush ruleset"); // empty tables
}

#[test]
fn ifupdown() {
    reaches_the_device("ifupdown", "Ncm", |host, link| shares("ifupdown", host, link));
}

#[test]
fn systemd_networkd() {
    reaches_the_device("systemd-networkd", "Ncm", |host, link| shares("systemd-networkd", host, link));
}

#[test]
fn networkmanager() {
    reaches_the_device("networkmanager", "Ncm", |host, link| shares("networkmanager", host, link));
}

/// The hardware address is the host's own invention: the link is found by its driver.
#[test]
fn networkmanager_without_hardware_address() {
    reaches_the_device("networkmanager", "Eem", |_, _| ());
}

#[test]
fn systemd_networkd_without_hardware_address() {
    reaches_the_device("systemd-networkd", "Eem", |_, _| ());
}

/// Every regular file below a directory.
fn files(root: &Path, below: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(below).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let name = path.strip_prefix(root).expect("below").display().to_string();
            found.insert(name, fs::read(&path).expect("readable"));
        }
    }
}

#[test]
fn the_disk_has_what_the_command_writes() {
    let _lab = Lab::begin();
    configure(
        "Config(
            link: (name: Some(\"n800\")),
            modes: {
                \"network\": (functions: [Ncm], profile_disk: true),
                \"plain\": (functions: [Ncm]),
                \"charging\": (functions: []),
            },
        )\n",
    );
    let images = || sh_quietly("ls /run/usbnet | grep -c 'img$'").out.trim().to_owned();
    usbnet_ok(&["start"]);
    let disk = disk::disk(0);
    assert!(disk.is_read_only());
    assert_eq!(disk.inquiry(), "usbnet host profiles 0001");
    assert_eq!(sh(&format!("blkid -o value -s LABEL {}", disk.node.display())), "USBNET");
    let _ = fs::remove_dir_all(FILES);
    usbnet_ok(&["profile", "all", "--out", FILES]);
    let (mut on_disk, mut written) = (BTreeMap::new(), BTreeMap::new());
    let (mount, outcome) = disk.try_mount("vfat", "ro,iocharset=ascii,utf8");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    files(&mount.path(), &mount.path(), &mut on_disk);
    files(Path::new(FILES), Path::new(FILES), &mut written);
    assert!(on_disk.contains_key("README.html") && on_disk.len() > 100, "{:?}", on_disk.keys());
    assert_eq!(on_disk.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
    assert!(on_disk == written, "a file differs");
    assert_eq!((images().as_str(), status().cards.len()), ("1", 0), "it is no card");

    // Although the host still has it mounted: there is nothing to lose.
    usbnet_ok(&["mode", "plain"]);
    drop(mount);
    wait_until("the host to lose the disk", || disk::disks().is_empty());
    assert_eq!(images(), "0", "its memory is given back");
    usbnet_ok(&["mode", "network"]);
    // A host that ejects it gets it back when the mode is set again.
    disk::disk(0).eject();
    wait_until("the disk to be ejected", || disk::disks().iter().all(|disk| disk.size() == 0));
    usbnet_ok(&["mode", "network"]);
    assert!(disk::disk(0).size() > 0);
    usbnet_ok(&["stop"]);
    assert_eq!(images(), "0");
    let _ = fs::remove_dir_all(FILES);
}
