//! Which addresses are handed out at all, and that a hostile client can neither grow the table nor keep the
//! host from an address for good.

use super::*;
use proptest::prelude::*;

/// A different interface for every number.
fn stranger(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [0x02, 0xee, a, b, c, d]
}

fn last_client_gets(settings: &Settings, clients: u32) -> Vec<Ipv4Addr> {
    let mut server = Server::new(settings.clone());
    let mut given = Vec::new();
    for number in 0..clients {
        if let Heard::Ack(address) = hear(&mut server, 0, discover().mac(stranger(number)).option(80, &[])) {
            given.push(address);
        }
    }
    given
}

#[test]
fn only_addresses_that_a_client_may_have_are_given_in_a_fixed_order() {
    let wide = Settings { prefix: 8, ..settings() };
    let pool = |first: [u8; 4], last: [u8; 4]| Some((first.into(), last.into()));
    let rows: [(&str, Settings, Vec<Ipv4Addr>); 8] = [
        ("host address first, pool after it", pooled(16, 18), vec![HOST, ip(16), ip(17), ip(18)]),
        ("host address inside the pool", pooled(13, 14), vec![HOST, ip(13)]),
        ("the device's own address in the pool", pooled(15, 16), vec![HOST, ip(16)]),
        ("pool over the network's address", pooled(0, 1), vec![HOST, ip(1)]),
        ("pool over the broadcast address and beyond", pooled(30, 40), vec![HOST, ip(30)]),
        ("pool the wrong way round", pooled(18, 16), vec![HOST]),
        ("host address is the device's", Settings { host: SERVER, ..pooled(16, 16) }, vec![ip(16)]),
        (
            "pool to the end of all addresses",
            Settings { prefix: 0, pool: pool([255, 255, 255, 253], [255; 4]), ..wide.clone() },
            vec![HOST, [255, 255, 255, 253].into(), [255, 255, 255, 254].into()],
        ),
    ];
    for (name, settings, expected) in rows {
        assert_eq!(last_client_gets(&settings, 9), expected, "{name}");
    }
    let endless = Settings { pool: pool([192, 168, 3, 0], [192, 255, 255, 255]), ..wide };
    assert_eq!(last_client_gets(&endless, 1000).len(), 257, "a pool is used up to 256 addresses");
}

#[test]
fn two_addresses_are_a_network_too() {
    let settings = Settings { prefix: 31, ..settings() };
    let mut server = Server::new(settings);
    let (heard, _, reply) = exchange(&mut server, at(0), &discover().bytes());
    assert_eq!(heard, Heard::Offer(HOST));
    assert_eq!((option(&reply, 1), option(&reply, 28)), (Some(&[255, 255, 255, 254][..]), None));
}

#[test]
fn a_flood_of_discovers_does_not_keep_the_host_out() {
    for settings in [settings(), pooled(16, 20)] {
        let mut server = Server::new(settings.clone());
        for number in 0..2000 {
            let heard = hear(&mut server, 1, discover().mac(stranger(number)).id(&number.to_be_bytes()));
            assert!(matches!(heard, Heard::Offer(_)), "offer to stranger {number}: {heard:?}");
        }
        let Heard::Offer(address) = hear(&mut server, 2, discover()) else {
            panic!("no offer in {settings:?}")
        };
        hear(&mut server, 2, discover().mac(stranger(7)));
        assert_eq!(hear(&mut server, 2, select(address)), Heard::Ack(address), "{settings:?}");
    }
}

#[test]
fn a_flood_of_leases_ends_with_the_leases() {
    let mut server = Server::new(pooled(16, 20));
    for number in 0..2000 {
        hear(&mut server, 1, discover().mac(stranger(number)).option(80, &[]));
    }
    assert_eq!(server.leases().count(), 6);
    assert_eq!(hear(&mut server, 2, discover()), Heard::Dropped(Dropped::Exhausted));
    assert_eq!(hear(&mut server, 3601, discover()), Heard::Offer(HOST));
}

#[test]
fn one_interface_under_many_names_takes_over_its_own_leases() {
    let mut server = Server::new(pooled(16, 18));
    for number in 0..100u32 {
        let named = |packet: Packet| packet.id(&number.to_be_bytes());
        let Heard::Offer(address) = hear(&mut server, 1, named(discover())) else {
            panic!("no offer: {number}")
        };
        assert_eq!(hear(&mut server, 1, named(select(address))), Heard::Ack(address), "name {number}");
    }
    assert_eq!(server.leases().count(), 4);
}

#[test]
fn a_client_never_holds_two_addresses() {
    let mut server = Server::new(pooled(16, 18));
    for address in [HOST, ip(16), ip(18)] {
        assert_eq!(hear(&mut server, 0, select(address)), Heard::Ack(address));
    }
    assert_eq!(server.leases().map(|lease| lease.address).collect::<Vec<_>>(), [ip(18)]);
}

#[test]
fn host_names_are_made_harmless() {
    let long = [b'a'; 200];
    let rows: [(&str, &[u8], Option<&str>); 7] = [
        ("plain", b"laptop", Some("laptop")),
        ("with its domain", b"laptop.example.org", Some("laptop.example.org")),
        ("ended like a C string", b"DESKTOP-1\0\0", Some("DESKTOP-1")),
        ("escape sequence", b"a\x1b[31mb", Some("a--31mb")),
        ("not ASCII", "b\u{fc}ro".as_bytes(), Some("b--ro")),
        ("empty", b"", None),
        ("endless", &long, std::str::from_utf8(&long[..63]).ok()),
    ];
    for (name, sent, kept) in rows {
        let mut server = Server::new(settings());
        hear(&mut server, 0, select(HOST).option(12, sent));
        assert_eq!(server.leases().next().and_then(|lease| lease.hostname.as_deref()), kept, "{name}");
    }
}

proptest! {
    /// Whatever subnet, pool and wish: what is granted is inside the subnet and never the device's.
    #[test]
    fn grants_stay_inside_the_subnet(
        server: u32, host: u32, first: u32, length in 0u32..2000, prefix in 0u8..=32, wish: u32, number in 0u32..4,
    ) {
        let settings = Settings {
            server: server.into(),
            host: host.into(),
            prefix,
            pool: Some((first.into(), first.saturating_add(length).into())),
            ..settings()
        };
        let mut dhcp = Server::new(settings.clone());
        for packet in [discover(), Packet::new(REQUEST)] {
            let packet = packet.mac(stranger(number)).requested(wish.into()).option(80, &[]);
            if let Heard::Offer(address) | Heard::Ack(address) = hear(&mut dhcp, 0, packet) {
                let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
                prop_assert_ne!(address, settings.server);
                prop_assert_eq!(address.to_bits() & mask, server & mask);
                if prefix < 31 {
                    prop_assert!(![0, !mask].contains(&(address.to_bits() & !mask)));
                }
            }
        }
    }
}
