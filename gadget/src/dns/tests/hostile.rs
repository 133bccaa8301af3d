//! Packets that mean harm, and what every reply must keep to whatever came in.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::{Dropped, MAX_QUERY, MAX_UDP_REPLY, Transport};
use super::{ask, phone, query, question_end, with_opt};

/// A few captures to start mutations from.
const SEEDS: [&[u8]; 5] = [
    include_bytes!("../testdata/dig-a-dnssec.bin"),
    include_bytes!("../testdata/dig-subnet.bin"),
    include_bytes!("../testdata/dig-ptr.bin"),
    include_bytes!("../testdata/glibc-aaaa.bin"),
    include_bytes!("../testdata/resolved-missing.bin"),
];

#[test]
fn unreadable_packets_are_dropped() {
    let header = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0";
    let question = |name: &[u8]| [header, name, b"\0\x01\0\x01"].concat();
    let mut response = query("phone.usbnet", 1, 1);
    response[2] |= 0x80;
    let long_label = [&[64][..], &[b'a'; 64], b"\0"].concat();
    let long_name = [b"\x3F".as_slice(), &[b'a'; 63]].concat().repeat(4);
    #[rustfmt::skip]
    let rows = [
        ("empty", vec![], Dropped::Short),
        ("one octet", vec![0], Dropped::Short),
        ("eleven octets", vec![0; 11], Dropped::Short),
        ("one octet too long", { let mut m = query("phone.usbnet", 1, 1); m.resize(MAX_QUERY + 1, 0); m }, Dropped::Oversized),
        ("64 KiB of ones", vec![0xFF; 65535], Dropped::Oversized),
        ("a reply", response, Dropped::Response),
        ("a reply that is an error", [&b"\0\x01\x81\x01"[..], &[0; 8]].concat(), Dropped::Response),
        ("header without its question", header.to_vec(), Dropped::Question),
        ("name cut short", question(b"\x05pho")[..16].to_vec(), Dropped::Question),
        ("name without its end", [&header[..], b"\x05phone"].concat(), Dropped::Question),
        ("type cut short", query("phone.usbnet", 1, 1)[..27].to_vec(), Dropped::Question),
        ("class cut short", query("phone.usbnet", 1, 1)[..29].to_vec(), Dropped::Question),
        ("pointer to itself", question(b"\xC0\x0C"), Dropped::Question),
        ("label and pointer back to it", question(b"\x01a\xC0\x0C"), Dropped::Question),
        ("pointer into the header", question(b"\xC0\x00"), Dropped::Question),
        ("pointer past the end", question(b"\xFF\xFF"), Dropped::Question),
        ("pointer cut short", [&header[..], b"\xC0"].concat(), Dropped::Question),
        ("label of 64", question(&long_label), Dropped::Question),
        ("reserved label type", question(b"\x80\0"), Dropped::Question),
        ("name of 257 octets", question(&[&long_name[..], b"\0"].concat()), Dropped::Question),
    ];
    for (row, packet, reason) in rows {
        for transport in [Transport::Udp, Transport::Tcp] {
            assert_eq!(ask(&mut phone(), transport, &packet), Err(reason), "{row} by {transport:?}");
        }
    }
}

/// A query that begins as one of the captures, with octets changed, and cut or padded.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), any::<u8>()), 0..6);
    (select(SEEDS.to_vec()), changes, any::<Index>(), vec(any::<u8>(), 0..40), any::<bool>()).prop_map(
        |(seed, changes, cut, tail, shorten)| {
            let mut packet = seed.to_vec();
            for (at, value) in changes {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            if shorten {
                packet.truncate(cut.index(packet.len()));
                packet.extend(tail);
            }
            packet
        },
    )
}

/// What holds for any packet at all.
fn check(packet: &[u8]) -> Result<(), TestCaseError> {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut resolver = phone();
        let fresh = ask(&mut resolver, transport, packet);
        let again = ask(&mut resolver, transport, packet);
        prop_assert_eq!(&fresh, &again, "the cache changes nothing");
        let Ok(reply) = fresh else { continue };
        prop_assert_eq!(&reply[..2], &packet[..2], "ID");
        prop_assert_eq!(reply[2] & 0xF9, packet[2] & 0x79 | 0x80, "QR set, opcode and RD copied");
        prop_assert_eq!(reply[3] & 0xF0, 0, "no RA, Z, AD, CD");
        prop_assert!(reply.len() <= usize::from(MAX_UDP_REPLY));
        prop_assert!(reply[5] == 0 || packet[12..].starts_with(&reply[12..question_end(&reply)]), "question");
        // Nobody gains by forging a sender's address: the SOA is all that can come on top.
        prop_assert!(reply.len() <= packet.len() + 75, "{} octets for {}", reply.len(), packet.len());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_hurt(packet in vec(any::<u8>(), 0..300)) {
        check(&packet)?;
    }

    #[test]
    fn arbitrary_bytes_after_a_sane_header_never_hurt(tail in vec(any::<u8>(), 0..300), additionals in 0..3_u8) {
        check(&[b"\x12\x34\x01\0\0\x01\0\0\0\0\0", &[additionals][..], &tail].concat())?;
    }

    #[test]
    fn mutated_captures_never_hurt(packet in mutated()) {
        check(&packet)?;
    }

    #[test]
    fn any_name_type_and_class_gets_a_reply(
        name in "[a-zA-Z0-9*_-]{1,20}(\\.[a-z]{1,9}){0,4}", kind: u16, class in select(vec![1, 1, 1, 3, 255]), edns: Option<u16>,
    ) {
        let plain = query(&name, kind, class);
        let packet = match edns {
            Some(payload) => with_opt(plain, payload, 0),
            None => plain,
        };
        check(&packet)?;
        prop_assert!(ask(&mut phone(), Transport::Udp, &packet).is_ok());
    }
}
