//! What the responder answers, to whom, and by which way.

use super::cable::{Alone, Cable, DEADLINE, DEVICE, HOST, await_report, child, next_report, run, wait_for};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt};
use nix::sys::time::TimeVal;
use usbnet::responder::Settings;

const SERVER: (Ipv4Addr, u16) = (Ipv4Addr::BROADCAST, 67);
const CLIENT_PORT: u16 = 68;

/// A DHCP message of `mac`: DISCOVER (1) or, with an address, REQUEST (3).
pub fn message(mac: [u8; 6], broadcast: bool, request: Option<Ipv4Addr>) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
    bytes[4..8].copy_from_slice(&mac[2..]);
    bytes[10] = u8::from(broadcast) << 7;
    bytes[28..34].copy_from_slice(&mac);
    bytes.extend([99, 130, 83, 99, 53, 1, if request.is_some() { 3 } else { 1 }]);
    if let Some(address) = request {
        bytes.extend([50, 4]);
        bytes.extend(address.octets());
        bytes.extend([54, 4]);
        bytes.extend(DEVICE.octets());
    }
    bytes.push(255);
    bytes
}

/// The address a reply gives, and its message type, which the server puts first.
fn given(reply: &[u8]) -> (Ipv4Addr, u8) {
    assert_eq!(reply[236..242], [99, 130, 83, 99, 53, 1]);
    (Ipv4Addr::from(<[u8; 4]>::try_from(&reply[16..20]).unwrap()), reply[242])
}

/// Gets a lease for `mac` by broadcast.
pub fn lease(socket: &UdpSocket, mac: [u8; 6]) -> Ipv4Addr {
    let mut buffer = [0; 1500];
    let mut exchange = |message: &[u8], kind: u8| loop {
        socket.send_to(message, SERVER).unwrap();
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!(from, SocketAddr::from((DEVICE, 67)));
        let (address, got) = given(&buffer[..length]);
        if got == kind && buffer[28..34] == mac {
            return address;
        }
    };
    let offered = exchange(&message(mac, true, None), 2);
    assert_eq!(exchange(&message(mac, true, Some(offered)), 5), offered);
    offered
}

fn dig(cable: &Cable, arguments: &str) -> String {
    let mut command = Command::new("dig");
    command.args(["+tries=5", "+time=10", "@192.168.2.15"]).args(arguments.split(' '));
    let output = cable.on_host(|| command.output()).expect("dig is installed");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn names_are_answered_by_udp_and_tcp() {
    let cable = Cable::new();
    cable.give_host_its_address();
    let _responder = Alone::start(&cable, &cable.settings());
    for transport in ["+notcp", "+tcp"] {
        let rows = [
            ("the name", "+short n800", "192.168.2.15\n"),
            ("the full name", "+short n800.usbnet A", "192.168.2.15\n"),
            ("the reverse name", "+short -x 192.168.2.15", "n800.usbnet.\n"),
            (
                "two questions on one connection",
                "+short +keepopen n800 n800.usbnet",
                "192.168.2.15\n192.168.2.15\n",
            ),
            ("no such name", "nobody.usbnet", "status: NXDOMAIN"),
            ("somebody else's name", "example.org", "status: REFUSED"),
        ];
        for (name, arguments, expected) in rows {
            let answer = dig(&cable, &format!("{transport} {arguments}"));
            assert!(answer.contains(expected), "{name}, {transport}: {answer}");
        }
    }
}

#[test]
fn a_client_without_an_address_is_answered_at_its_hardware_address() {
    let cable = Cable::new();
    let _responder = Alone::start(&cable, &cable.settings());
    let eth_ip = SockProtocol::EthAll;
    let frames = cable.on_host(|| {
        socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), eth_ip).expect("a packet socket")
    });
    let timeout = TimeVal::new(DEADLINE.as_secs().cast_signed(), 0);
    setsockopt(&frames, sockopt::ReceiveTimeout, &timeout).unwrap();
    let client = cable.host_socket(CLIENT_PORT);
    let mac = [2, 0, 0, 0, 0, 9];
    for (broadcast, to, address) in [(false, mac, HOST), (true, [0xff; 6], Ipv4Addr::BROADCAST)] {
        client.send_to(&message(mac, broadcast, None), SERVER).unwrap();
        let reply = loop {
            let mut frame = [0; 1514];
            let length = nix::unistd::read(frames.as_fd(), &mut frame).unwrap();
            // From UDP port 67 to 68.
            if frame[12..14] == [8, 0] && frame[34..38] == [0, 67, 0, 68] {
                break frame[..length].to_vec();
            }
        };
        assert_eq!(reply[..6], to, "broadcast {broadcast}");
        assert_eq!(reply[26..34], [DEVICE.octets(), address.octets()].concat(), "broadcast {broadcast}");
        assert_eq!(given(&reply[42..]), (HOST, 2));
    }
}

#[test]
fn other_interfaces_are_not_answered() {
    let cable = Cable::new();
    cable.plug("eth9", "other");
    cable.give_host_its_address();
    let (child, _) = child(&cable, &cable.settings());
    // The same DISCOVER and the same query, first at the wrong interface, then at the right one.
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04n800\0\0\x01\0\x01";
    let open = |interface: &str| {
        cable.on_host(|| {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            setsockopt(&socket, sockopt::BindToDevice, &interface.into()).unwrap();
            socket
        })
    };
    run(&format!("ip -n {} address add 192.168.9.1/24 dev eth9", cable.device));
    run(&format!("ip -n {} address add 192.168.9.2/24 dev other", cable.host));
    run(&format!("ip -n {} route add {DEVICE}/32 dev other metric 1 table 9", cable.host));
    run(&format!("ip -n {} rule add oif other table 9", cable.host));
    let (wrong, right) = (open("other"), open(&cable.host_interface));
    let mac = [2, 0, 0, 0, 0, 1];
    wrong.send_to(&message(mac, true, None), SERVER).unwrap();
    wrong.send_to(query, (DEVICE, 53)).unwrap();
    right.send_to(query, (DEVICE, 53)).unwrap();
    let mut buffer = [0; 1500];
    let (length, from) = right.recv_from(&mut buffer).unwrap();
    assert_eq!((from, &buffer[..2]), (SocketAddr::from((DEVICE, 53)), &query[..2]));
    assert!(buffer[..length].ends_with(&DEVICE.octets()));
    wrong.set_nonblocking(true).unwrap();
    let silence = wrong.recv_from(&mut buffer).expect_err("no answer on the wrong interface");
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    let report = await_report(&child, "the query", |report| report.dns.as_ref().unwrap().answered == 1);
    assert_eq!(report.dhcp.unwrap().received, 0, "the DISCOVER came in elsewhere");
    assert_eq!(report.dns.unwrap().udp, 1);
}

#[test]
fn services_that_are_off_leave_their_ports_alone() {
    let cable = Cable::new();
    let rows = [
        (Settings { dhcp: false, ..cable.settings() }, 67),
        (Settings { dns: false, ..cable.settings() }, 53),
    ];
    for (settings, port) in rows {
        let (child, report) = child(&cable, &settings);
        assert_eq!((report.dhcp.is_some(), report.dns.is_some()), (settings.dhcp, settings.dns));
        let free = cable.on_device(|| UdpSocket::bind((DEVICE, port)).map(drop));
        assert!(free.is_ok(), "port {port} is taken: {free:?}");
        drop(child);
    }
}

#[test]
fn the_daemon_hears_of_leases_without_asking() {
    let cable = Cable::new();
    let (child, first) = child(&cable, &cable.settings());
    assert_eq!((first.interface.as_str(), first.leases.as_slice()), ("usb0", [].as_slice()));
    let mac = [2, 0, 0, 0, 0, 1];
    assert_eq!(lease(&cable.host_socket(CLIENT_PORT), mac), HOST);
    let report = next_report(&child);
    let [lease] = report.leases.as_slice() else { panic!("{report:#?}") };
    assert_eq!((lease.mac.as_str(), lease.address), ("02:00:00:00:00:01", HOST));
    let remaining = lease.remaining(usbnet::sys::clock::now());
    let day = Duration::from_secs(24 * 3600);
    assert!(remaining <= day && remaining > day - DEADLINE * 2, "{remaining:?}");
}

#[test]
fn leases_survive_sigkill() {
    let cable = Cable::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("leases");
    let pool = (Ipv4Addr::new(192, 168, 2, 20), Ipv4Addr::new(192, 168, 2, 21));
    let settings = Settings { lease_file: Some(file.clone()), pool: Some(pool), ..cable.settings() };
    let socket = cable.host_socket(CLIENT_PORT);
    let macs = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 3]];
    let (mut first, _) = child(&cable, &settings);
    let before: Vec<_> = macs.iter().map(|mac| lease(&socket, *mac)).collect();
    assert_eq!(before, [HOST, pool.0, pool.1]);
    // Writing is paced, so the last one may take its time.
    wait_for("all leases on disk", || {
        let text = std::fs::read_to_string(&file).unwrap();
        before.iter().all(|address| text.contains(&address.to_string())).then_some(())
    });
    let known = await_report(&first, "three leases", |report| report.leases.len() == 3).leases;
    first.kill().unwrap();
    let (second, report) = child(&cable, &settings);
    assert_eq!(report.leases, known);
    // Every address is taken: a newcomer gets nothing, and each client its own again.
    socket.send_to(&message([2, 0, 0, 0, 0, 4], true, None), SERVER).unwrap();
    let after: Vec<_> = macs.iter().rev().map(|mac| lease(&socket, *mac)).collect();
    assert_eq!(after, [pool.1, pool.0, HOST]);
    let report = await_report(&second, "the newcomer", |r| !r.dhcp.as_ref().unwrap().dropped.is_empty());
    assert_eq!(report.dhcp.unwrap().dropped.values().sum::<u64>(), 1);
}
