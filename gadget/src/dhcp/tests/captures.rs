//! What real clients send (see `tests/fuzz/README.md` for how it was captured) and how it is answered.

use super::*;

macro_rules! captures {
    ($($name:literal),* $(,)?) => {
        pub(in crate::dhcp) const CAPTURES: &[(&str, &[u8])] = &[
            $(($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/corpus/dhcp/", $name)))),*
        ];
    };
}

captures![
    "constructed-macos-discover",
    "constructed-windows-discover",
    "constructed-windows-inform",
    "constructed-windows-rndis-discover",
    "constructed-windows-select",
    "dhclient-discover",
    "dhclient-rebind",
    "dhclient-reboot",
    "dhclient-release",
    "dhclient-renew",
    "dhclient-select",
    "dhcpcd-decline",
    "dhcpcd-discover",
    "dhcpcd-inform",
    "dhcpcd-rebind",
    "dhcpcd-reboot",
    "dhcpcd-release",
    "dhcpcd-renew",
    "dhcpcd-select",
    "networkd-discover",
    "networkd-mac-discover",
    "networkd-mac-release",
    "networkd-rebind",
    "networkd-renew",
    "networkd-select",
    "udhcpc-decline",
    "udhcpc-discover",
    "udhcpc-no-id-discover",
    "udhcpc-no-id-select",
    "udhcpc-rebind",
    "udhcpc-release",
    "udhcpc-renew",
    "udhcpc-select",
];

/// A server on which the sender of `packet` has the host address.
fn bound_to_sender(packet: &[u8]) -> Server {
    let mut server = Server::new(settings());
    let mut select = select(HOST).set(1, &packet[1..2]).set(28, &packet[28..34]);
    if let Some(id) = option(packet, 61) {
        select = select.id(id);
    }
    assert_eq!(hear(&mut server, 0, select), Heard::Ack(HOST));
    server
}

fn sorted(mut codes: Vec<u8>) -> Vec<u8> {
    codes.sort_unstable();
    codes
}

#[test]
fn every_capture_gets_the_answer_its_name_asks_for() {
    for (name, packet) in CAPTURES {
        let message = name.rsplit('-').next().unwrap_or_default();
        let rapid = option(packet, 80).is_some();
        let expected = match message {
            "discover" if rapid => Heard::Ack(HOST),
            "discover" => Heard::Offer(HOST),
            "select" | "reboot" | "renew" | "rebind" => Heard::Ack(HOST),
            "inform" => Heard::Ack(Ipv4Addr::UNSPECIFIED),
            "decline" | "release" => Heard::Nothing,
            other => panic!("unknown kind of capture {other}"),
        };
        for mut server in [bound_to_sender(packet), Server::new(settings())] {
            let fresh = server.leases().count() == 0;
            let (heard, _, reply) = exchange(&mut server, at(1), packet);
            if fresh && expected == Heard::Nothing {
                assert_eq!(heard, Heard::Dropped(Dropped::NotHeld), "{name}");
                continue;
            }
            assert_eq!(heard, expected, "{name}");
            if expected == Heard::Nothing {
                continue;
            }
            assert_eq!(reply[..8], [&[2, packet[1], 6, 0], &packet[4..8]].concat(), "{name}: header");
            assert_eq!(reply[28..44], packet[28..44], "{name}: chaddr");
            assert_eq!(option(&reply, 61), option(packet, 61), "{name}: identifier");
            assert_eq!((option(&reply, 3), option(&reply, 6)), (None, None), "{name}: route and name server");
        }
    }
}

#[test]
fn replies_to_captures_carry_these_options() {
    let rows: [(&str, &[u8]); 11] = [
        ("constructed-macos-discover", &[1, 15, 28, 51, 53, 54, 58, 59, 61]),
        ("constructed-windows-rndis-discover", &[1, 15, 28, 51, 53, 54, 58, 59, 61]),
        ("constructed-windows-inform", &[1, 15, 28, 53, 54, 61]),
        ("dhclient-discover", &[1, 15, 26, 28, 51, 53, 54, 58, 59]),
        ("dhclient-renew", &[1, 15, 26, 28, 51, 53, 54, 58, 59]),
        ("dhcpcd-discover", &[1, 15, 26, 28, 51, 53, 54, 58, 59, 61, 80]),
        ("dhcpcd-select", &[1, 15, 26, 28, 51, 53, 54, 58, 59, 61]),
        ("dhcpcd-inform", &[1, 15, 26, 28, 53, 54, 61]),
        ("networkd-discover", &[1, 15, 28, 51, 53, 54, 58, 59, 61]),
        ("udhcpc-select", &[1, 15, 26, 28, 51, 53, 54, 58, 59, 61]),
        ("udhcpc-no-id-select", &[1, 15, 28, 51, 53, 54, 58, 59]),
    ];
    for (name, expected) in rows {
        let packet = CAPTURES.iter().find(|capture| capture.0 == name).expect("a capture of this name").1;
        let mut server = Server::new(Settings { mtu: Some(1500), ..settings() });
        let (_, _, reply) = exchange(&mut server, at(0), packet);
        assert_eq!(sorted(codes(&reply)), expected, "{name}");
    }
}

#[test]
fn host_names_of_real_clients_are_kept() {
    let rows = [
        ("constructed-windows-select", Some("DESKTOP-7")),
        ("dhclient-select", Some("laptop")),
        ("dhcpcd-select", None),
        ("networkd-select", Some("laptop")),
        ("udhcpc-select", Some("laptop")),
    ];
    for (name, expected) in rows {
        let packet = CAPTURES.iter().find(|capture| capture.0 == name).expect("a capture of this name").1;
        let mut server = Server::new(settings());
        exchange(&mut server, at(0), packet);
        let kept = server.leases().next().expect("a lease").hostname.as_deref();
        assert_eq!(kept, expected, "{name}");
    }
}
