//! Leases across a restart.

use super::*;
use crate::dhcp::{Lease, State};

fn lease(last: u8, mac: [u8; 6], expires: u64, state: State) -> Lease {
    Lease { mac, client_id: None, address: ip(last), hostname: None, expires: at(expires), state }
}

#[test]
fn what_was_saved_comes_back() {
    let mut first = Server::new(pooled(16, 18));
    hear(&mut first, 10, select(HOST).id(b"\0uuid").option(12, b"laptop"));
    hear(&mut first, 20, discover().mac(OTHER_MAC).option(80, &[]));
    hear(&mut first, 30, Packet::new(DECLINE).mac(OTHER_MAC).requested(ip(16)).server(SERVER));
    hear(&mut first, 31, discover().mac(OTHER_MAC));

    let saved = serde_json::to_string(&first.leases().collect::<Vec<_>>()).expect("leases as JSON");
    let leases: Vec<Lease> = serde_json::from_str(&saved).expect("leases from JSON");
    assert_eq!(leases.len(), 2, "the offer is not saved: {saved}");

    let mut second = Server::new(pooled(16, 18));
    second.restore(leases, at(40));
    assert!(first.leases().eq(second.leases()));
    assert!(!second.changed(), "what was just read needs no writing");
    assert_eq!(hear(&mut second, 40, renew(HOST).mac(OTHER_MAC)), Heard::Nak);
    assert_eq!(hear(&mut second, 40, renew(HOST).id(b"\0uuid")), Heard::Ack(HOST));
    assert_eq!(hear(&mut second, 40, discover().mac(OTHER_MAC)), Heard::Offer(ip(17)));
}

/// Name, what was saved, which addresses come back and until when.
type Row = (&'static str, Vec<Lease>, Vec<(Ipv4Addr, u64)>);

#[test]
fn what_no_longer_fits_is_left_out() {
    let rows: [Row; 8] = [
        ("kept", vec![lease(14, MAC, 500, State::Bound)], vec![(HOST, 500)]),
        ("expired, but remembered", vec![lease(14, MAC, 50, State::Bound)], vec![(HOST, 50)]),
        ("from before a reboot", vec![lease(14, MAC, 9_999_999, State::Bound)], vec![(HOST, 3700)]),
        ("declined before a reboot", vec![lease(14, MAC, 9_999_999, State::Declined)], vec![(HOST, 700)]),
        ("an offer", vec![lease(14, MAC, 500, State::Offered)], vec![]),
        ("not in the pool any more", vec![lease(19, MAC, 500, State::Bound)], vec![]),
        ("now the device's address", vec![lease(15, MAC, 500, State::Bound)], vec![]),
        (
            "the same address twice, and nobody's",
            vec![
                lease(16, MAC, 500, State::Bound),
                lease(16, OTHER_MAC, 600, State::Bound),
                lease(17, [0xff; 6], 500, State::Bound),
            ],
            vec![(ip(16), 500)],
        ),
    ];
    for (name, leases, expected) in rows {
        let mut server = Server::new(pooled(15, 18));
        server.restore(leases, at(100));
        let kept: Vec<_> = server.leases().map(|lease| (lease.address, lease.expires.as_secs())).collect();
        assert_eq!(kept, expected, "{name}");
    }
}

#[test]
fn a_forged_file_cannot_bring_in_what_a_packet_could_not() {
    let forged = Lease {
        client_id: Some(vec![0; 100_000]),
        hostname: Some("\x1b[2J".repeat(100)),
        ..lease(14, MAC, 500, State::Bound)
    };
    let mut server = Server::new(settings());
    server.restore(vec![forged; 1000], at(0));
    let lease = server.leases().next().expect("the lease itself is sound");
    assert_eq!((server.leases().count(), &lease.client_id), (1, &None));
    assert!(lease.hostname.as_ref().is_some_and(|name| name.len() == 63 && !name.contains('\x1b')));
}

#[test]
fn changes_are_told_once() {
    let decline = Packet::new(DECLINE).requested(HOST).server(SERVER);
    let release = Packet::new(RELEASE).ciaddr(HOST).server(SERVER);
    let rows = [
        ("offer", discover(), false),
        ("grant", select(HOST), true),
        ("renewal", renew(HOST), true),
        ("refusal", renew(ip(3)), false),
        ("release", release, true),
        ("grant again", reboot(HOST), true),
        ("decline", decline, true),
        ("inform", Packet::new(INFORM).ciaddr(ip(3)), false),
    ];
    let mut server = Server::new(settings());
    for (name, packet, expected) in rows {
        hear(&mut server, 0, packet);
        assert_eq!((server.changed(), server.changed()), (expected, false), "{name}");
    }
}
