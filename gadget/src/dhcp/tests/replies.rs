//! Replies octet by octet, and where they go.

use super::*;
use dhcproto::v4::Message;
use dhcproto::{Decodable, Decoder};
use std::net::SocketAddrV4;

fn reply_to(settings: Settings, packet: Packet) -> Vec<u8> {
    exchange(&mut Server::new(settings), at(0), &packet.bytes()).2
}

fn shared() -> Settings {
    Settings { router: Some(SERVER), dns: vec![SERVER, ip(1)], mtu: Some(1400), ..settings() }
}

#[test]
fn an_offer_to_the_octet() {
    let packet = discover()
        .set(1, &[7, 6, 3]) // htype as Windows' RNDIS has it, hops
        .set(8, &[0, 9, 0x80, 0x01]) // secs, flags
        .set(34, &[0xcc; 10]) // what follows the six octets of chaddr
        .set(44, &[0x41; 192]) // sname, file
        .id(&[1, 2, 3])
        .option(55, &[26, 15, 3, 6, 1]);
    let mut expected = vec![2, 7, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0x80, 0];
    expected.extend([0, 0, 0, 0, 192, 168, 2, 14, 0, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(MAC);
    expected.extend([0xcc; 10]);
    expected.extend([0; 192]);
    expected.extend([99, 130, 83, 99, 53, 1, 2, 54, 4, 192, 168, 2, 15]);
    expected.extend([51, 4, 0, 0, 14, 16, 58, 4, 0, 0, 7, 8, 59, 4, 0, 0, 12, 78]);
    expected.extend([61, 3, 1, 2, 3, 15, 6, b'u', b's', b'b', b'n', b'e', b't']);
    expected.extend([1, 4, 255, 255, 255, 224, 28, 4, 192, 168, 2, 31, 255]);
    expected.resize(300, 0);
    assert_eq!(reply_to(settings(), packet), expected);
}

#[test]
fn parameters_come_as_asked_for() {
    let asking = |list: &[u8]| discover().option(55, list);
    let rows: [(&str, Settings, Packet, &[u8]); 10] = [
        ("nothing asked", settings(), discover(), &[1, 28]),
        ("nothing asked while sharing", shared(), discover(), &[1, 28, 3, 6]),
        ("an empty list", settings(), asking(&[]), &[1, 28]),
        ("no route and no name server of its own", settings(), asking(&[1, 3, 6, 15]), &[1, 15, 28]),
        ("in the client's order", shared(), asking(&[6, 26, 28, 15, 3, 1]), &[6, 26, 28, 15, 3, 1]),
        ("not asked for, not told", shared(), asking(&[1]), &[1, 28]),
        ("no MTU set", settings(), asking(&[26]), &[1, 28]),
        ("no domain set", Settings { domain: None, ..settings() }, asking(&[15]), &[1, 28]),
        ("unknown ones", settings(), asking(&[121, 249, 252, 0, 255, 33, 32, 64]), &[1, 28]),
        ("the same again and again", shared(), asking(&[3; 255]), &[3, 1, 28]),
    ];
    for (name, settings, packet, expected) in rows {
        let codes = codes(&reply_to(settings, packet));
        assert_eq!(codes, [&[53, 54, 51, 58, 59], expected].concat(), "{name}");
    }
}

#[test]
fn values_of_what_is_shared() {
    let reply = reply_to(shared(), discover().option(55, &[3, 6, 26]));
    assert_eq!(option(&reply, 3), Some(&SERVER.octets()[..]));
    assert_eq!(option(&reply, 6), Some(&[192, 168, 2, 15, 192, 168, 2, 1][..]));
    assert_eq!(option(&reply, 26), Some(&[5, 120][..]));
}

#[test]
fn each_kind_of_reply_has_its_options() {
    let relayed = |packet: Packet| packet.id(b"me").option(82, &[1, 2, 9, 9]);
    let rows: [(&str, Packet, &[u8]); 5] = [
        ("offer", discover(), &[53, 54, 51, 58, 59, 61, 1, 28]),
        ("rapid commit", discover().option(80, &[]), &[53, 54, 51, 58, 59, 61, 80, 1, 28]),
        ("ack", select(HOST), &[53, 54, 51, 58, 59, 61, 1, 28]),
        ("ack to an inform", Packet::new(INFORM).ciaddr(ip(20)), &[53, 54, 61, 1, 28]),
        ("nak", select(ip(3)), &[53, 54, 61, 56]),
    ];
    for (name, packet, expected) in rows {
        let reply = reply_to(settings(), relayed(packet));
        assert_eq!(codes(&reply), expected, "{name}: option 82 is not for this server (RFC 3046 §2.2)");
        let message = Message::decode(&mut Decoder::new(&reply)).expect("a DHCP message");
        assert_eq!(message.opts().len(), expected.len(), "{name}, read by dhcproto");
    }
}

#[test]
fn addresses_in_the_header() {
    // ciaddr, yiaddr, siaddr, giaddr
    let rows: [(&str, Packet, [Ipv4Addr; 4]); 7] = [
        ("offer", discover().ciaddr(ip(9)), [ip0(), HOST, ip0(), ip0()]),
        ("ack", select(HOST), [ip0(), HOST, ip0(), ip0()]),
        ("ack, stray ciaddr", select(HOST).ciaddr(ip(9)), [ip0(), HOST, ip0(), ip0()]),
        ("renewed", renew(HOST), [HOST, HOST, ip0(), ip0()]),
        ("inform", Packet::new(INFORM).ciaddr(ip(9)), [ip(9), ip0(), ip0(), ip0()]),
        ("nak", renew(ip(9)), [ip0(), ip0(), ip0(), ip0()]),
        ("relayed", discover().giaddr(ip(2)), [ip0(), HOST, ip0(), ip(2)]),
    ];
    for (name, packet, expected) in rows {
        let reply = reply_to(settings(), packet);
        let fields: Vec<_> = (12..28).step_by(4).map(|at| address(&reply[at..at + 4])).collect();
        assert_eq!(fields, expected, "{name}");
    }
}

fn ip0() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

#[test]
fn replies_find_their_way() {
    let unicast = |address, port| Destination::Unicast(SocketAddrV4::new(address, port));
    let hardware = Destination::Hardware { mac: MAC, address: HOST };
    let inform = || Packet::new(INFORM).ciaddr(ip(9));
    let rows: [(&str, Packet, Destination); 15] = [
        ("offer", discover(), hardware),
        ("offer, broadcast asked for", discover().broadcast(), Destination::Broadcast),
        ("offer, stray ciaddr", discover().ciaddr(ip(9)), hardware),
        ("ack", select(HOST), hardware),
        ("ack, broadcast asked for", select(HOST).broadcast(), Destination::Broadcast),
        ("ack, stray ciaddr", select(HOST).ciaddr(Ipv4Addr::new(10, 0, 0, 7)), hardware),
        ("ack, ciaddr as well", select(HOST).ciaddr(HOST), unicast(HOST, 68)),
        ("renewed", renew(HOST), unicast(HOST, 68)),
        ("renewed, broadcast asked for", renew(HOST).broadcast(), unicast(HOST, 68)),
        ("inform", inform(), unicast(ip(9), 68)),
        ("nak", select(ip(3)), Destination::Broadcast),
        ("nak to a renewal", renew(ip(3)), Destination::Broadcast),
        ("relayed offer", discover().giaddr(ip(2)), unicast(ip(2), 67)),
        ("relayed renewal", renew(HOST).giaddr(ip(2)), unicast(ip(2), 67)),
        ("relayed nak", select(ip(3)).giaddr(ip(2)), unicast(ip(2), 67)),
    ];
    for (name, packet, expected) in rows {
        let (_, destination, _) = exchange(&mut Server::new(settings()), at(0), &packet.bytes());
        assert_eq!(destination, Some(expected), "{name}");
    }
}

#[test]
fn a_relay_is_told_to_broadcast_a_refusal() {
    assert_eq!(reply_to(settings(), select(ip(3)).giaddr(ip(2)))[10..12], [0x80, 0]);
    assert_eq!(reply_to(settings(), select(ip(3)))[10..12], [0, 0]);
}

#[test]
fn lease_times() {
    // Configured, wished for; lease, T1, T2
    let rows = [
        ("as configured", 3600, None, [3600, 1800, 3150]),
        ("shorter, as wished", 3600, Some(600), [600, 300, 525]),
        ("longer than allowed", 3600, Some(u32::MAX), [3600, 1800, 3150]),
        ("wished to be useless", 3600, Some(0), [60, 30, 53]),
        ("configured to be short", 10, Some(1), [10, 5, 9]),
        ("configured to nothing", 0, None, [1, 0, 1]),
        ("for ever is not on offer", u64::MAX, None, [u32::MAX - 1, u32::MAX / 2, 3_758_096_384 - 1]),
    ];
    for (name, configured, wish, expected) in rows {
        let settings = Settings { lease: at(configured), ..settings() };
        let packet = match wish {
            None => select(HOST),
            Some(seconds) => select(HOST).option(51, &u32::to_be_bytes(seconds)),
        };
        let mut server = Server::new(settings);
        let (_, _, reply) = exchange(&mut server, at(5), &packet.bytes());
        let times = [51, 58, 59].map(|code| {
            option(&reply, code).map(|data| u32::from_be_bytes(data.try_into().expect("four octets")))
        });
        assert_eq!(times, expected.map(Some), "{name}");
        let expires = server.leases().next().map(|lease| lease.expires);
        assert_eq!(expires, Some(at(5 + u64::from(expected[0]))), "{name}");
    }
}

#[test]
fn replies_are_neither_shorter_nor_longer_than_the_client_takes() {
    let everything = Settings {
        domain: Some("x".repeat(200)),
        dns: (1..60).map(ip).collect(),
        mtu: Some(1500),
        router: Some(SERVER),
        ..settings()
    };
    let list: &[u8] = &[15, 6, 3, 26, 1, 28];
    // Option 57, greatest length of the BOOTP message, options that make it
    let rows: [(&str, Option<u16>, usize, &[u8]); 5] = [
        ("not said", None, 548, &[15, 3, 26, 1, 28]),
        ("less than everybody must take", Some(100), 548, &[15, 3, 26, 1, 28]),
        ("a little more", Some(740), 712, &[15, 3, 26, 1, 28]),
        ("an Ethernet frame", Some(1500), 1472, &[15, 6, 3, 26, 1, 28]),
        ("more than the cable carries", Some(65535), 1472, &[15, 6, 3, 26, 1, 28]),
    ];
    for (name, limit, length, expected) in rows {
        let mut packet = discover().option(55, list);
        if let Some(limit) = limit {
            packet = packet.option(57, &limit.to_be_bytes());
        }
        let reply = reply_to(everything.clone(), packet);
        assert!(reply.len() <= length, "{name}: {}", reply.len());
        assert_eq!(codes(&reply)[5..], *expected, "{name}");
    }
    assert_eq!(reply_to(settings(), discover()).len(), 300);
    let longest = reply_to(settings(), select(HOST).id(&[7; 255]).option(55, list));
    assert_eq!(option(&longest, 61).map(<[u8]>::len), Some(255));
    assert!(longest.len() <= 548 && option(&longest, 1).is_some());
}
