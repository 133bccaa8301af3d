//! What keeps a responder from starting: exit code and one line with the next step each.

use super::answers::lease;
use super::cable::{Alone, Cable, HOST, USBNET};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};
use usbnet::responder::Settings;

/// Runs a responder that must not start.
fn refused(cable: &Cable, arguments: &[OsString], user: u32) -> (Option<i32>, String) {
    // The build may lie in a home that lets nobody else in.
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("usbnet");
    fs::copy(USBNET, &program).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).uid(user);
    let output = cable.on_device(|| command.output()).unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn each_has_its_exit_code_and_its_next_step() {
    let cable = Cable::new();
    let with = |change: fn(&mut Settings)| {
        let mut settings = cable.settings();
        change(&mut settings);
        settings.args()
    };
    let rows = [
        (
            "no such interface",
            with(|s| s.interface = "usb7".into()),
            1,
            "interface usb7 does not exist; `ip link`",
        ),
        (
            "no directory",
            with(|s| s.lease_file = Some("/nonexistent/x".into())),
            1,
            "lease file /nonexistent/x",
        ),
        ("no such user", with(|s| s.user = Some("nobody-we-know".into())), 2, "not in /etc/passwd; give"),
        ("root", with(|s| s.user = Some("root".into())), 2, "give another one"),
        ("a name that is none", with(|s| s.name = Some("a b".into())), 2, "must be 1 to 63"),
        ("the device as host", with(|s| s.host = s.address), 2, "the device's own address"),
        ("a host elsewhere", with(|s| s.host = [10, 0, 0, 1].into()), 2, "--host 10.0.0.1 is not an address"),
        ("no interface at all", vec!["responder".into()], 2, "--interface"),
    ];
    for (name, arguments, code, text) in rows {
        let (ended, line) = refused(&cable, &arguments, 0);
        assert_eq!(ended, Some(code), "{name}: {line}");
        assert!(line.contains(text), "{name}: {line}");
    }
}

#[test]
fn without_privileges_it_says_so() {
    let cable = Cable::new();
    let (ended, line) = refused(&cable, &cable.settings().args(), 65534);
    assert_eq!(ended, Some(8), "{line}");
    assert!(line.contains("run it as root"), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn whoever_has_the_port_is_named() {
    let me = format!("(pid {})", process::id());
    let (dhcp, dns) = (("0.0.0.0", 67), ("192.168.2.15", 53));
    for (transport, at) in [("udp", dhcp), ("udp", dns), ("tcp", dns)] {
        let cable = Cable::new();
        let (datagrams, streams) = cable.on_device(|| match transport {
            "udp" => (Some(UdpSocket::bind(at).unwrap()), None),
            _ => (None, Some(std::net::TcpListener::bind(at).unwrap())),
        });
        let (ended, line) = refused(&cable, &cable.settings().args(), 0);
        assert_eq!(ended, Some(1), "{line}");
        let expected = format!("{transport} port {} on usb0 is in use by ", at.1);
        assert!(line.contains(&expected) && line.contains(&me) && line.contains("stop it"), "{line}");
        drop((datagrams, streams));
    }
}

#[test]
fn a_server_for_other_interfaces_that_shares_the_port_is_lived_with() {
    let cable = Cable::new();
    let other = cable.on_device(|| {
        let other = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_NONBLOCK, None).unwrap();
        setsockopt(&other, sockopt::ReuseAddr, &true).unwrap();
        bind(std::os::fd::AsRawFd::as_raw_fd(&other), &SockaddrIn::new(0, 0, 0, 0, 67)).unwrap();
        other
    });
    let mut command = Command::new(USBNET);
    command.args(cable.settings().args());
    let responder = Alone::spawn(&cable, command);
    let line = responder.wait_for_line("UDP port 67 is shared with");
    assert!(line.contains(&format!("(pid {})", process::id())), "{line}");
    responder.wait_for_line("responder: serving");
    assert_eq!(lease(&cable.host_socket(68), [2, 0, 0, 0, 0, 1]), HOST);
    drop(other);
}
