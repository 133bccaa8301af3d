//! Questions no client at hand asked: code, flags and sections of the reply.

use super::super::{Counters, MAX_QUERY, Resolver, Transport, Zone};
use super::{ask, phone, query, question_end, with_opt};

/// Code (with EDNS's high bits), AA, TC, and the four counts.
#[derive(Debug, PartialEq)]
struct Outline(u16, &'static str, [u8; 4]);

fn outline(reply: &[u8]) -> Outline {
    let flags = match reply[2] & 0x06 {
        0 => "",
        2 => "tc",
        4 => "aa",
        _ => "aa tc",
    };
    assert_eq!(reply[2] & 0x80, 0x80, "QR");
    assert_eq!(reply[3] & 0xF0, 0, "RA, Z, AD, CD");
    let high = if reply[11] == 1 { reply[reply.len() - 6] } else { 0 };
    Outline(
        u16::from(high) << 4 | u16::from(reply[3] & 0x0F),
        flags,
        [reply[5], reply[7], reply[9], reply[11]],
    )
}

#[test]
fn questions_get_their_code() {
    const SOA_ONLY: [u8; 4] = [1, 0, 1, 0];
    const ANSWER: [u8; 4] = [1, 1, 0, 0];
    const NOTHING: [u8; 4] = [1, 0, 0, 0];
    #[rustfmt::skip]
    let rows = [
        ("bare host name", "phone", 1, 1, Outline(0, "aa", ANSWER)),
        ("trailing dot and capitals", "PHONE.USBNET.", 1, 1, Outline(0, "aa", ANSWER)),
        ("below the bare host name", "printer.phone", 1, 1, Outline(3, "aa", SOA_ONLY)),
        ("below the full name", "printer.phone.usbnet", 1, 1, Outline(3, "aa", SOA_ONLY)),
        ("the domain has no address", "usbnet", 1, 1, Outline(0, "aa", SOA_ONLY)),
        ("name servers of the domain", "usbnet", 2, 1, Outline(0, "aa", ANSWER)),
        ("name servers of a name that is no zone", "phone.usbnet", 2, 1, Outline(0, "aa", SOA_ONLY)),
        ("start of the bare host name's zone", "phone", 6, 1, Outline(0, "aa", ANSWER)),
        ("ANY of the domain", "usbnet", 255, 1, Outline(0, "aa", ANSWER)),
        ("ANY of the reverse name", "15.2.168.192.in-addr.arpa", 255, 1, Outline(0, "aa", ANSWER)),
        ("reverse name has no address", "15.2.168.192.in-addr.arpa", 1, 1, Outline(0, "aa", SOA_ONLY)),
        ("reverse zone's start", "15.2.168.192.in-addr.arpa", 6, 1, Outline(0, "aa", ANSWER)),
        ("below the reverse name", "1.15.2.168.192.in-addr.arpa", 12, 1, Outline(3, "aa", SOA_ONLY)),
        ("the neighbour's reverse name", "14.2.168.192.in-addr.arpa", 12, 1, Outline(5, "", NOTHING)),
        ("above the reverse name", "2.168.192.in-addr.arpa", 6, 1, Outline(5, "", NOTHING)),
        ("TXT of the device", "phone.usbnet", 16, 1, Outline(0, "aa", SOA_ONLY)),
        ("HTTPS, as browsers ask", "phone.usbnet", 65, 1, Outline(0, "aa", SOA_ONLY)),
        ("unknown type", "phone.usbnet", 65280, 1, Outline(0, "aa", SOA_ONLY)),
        ("somebody else's name", "example.org", 1, 1, Outline(5, "", NOTHING)),
        ("a name that only ends like ours", "myusbnet", 1, 1, Outline(5, "", NOTHING)),
        ("the root", "", 2, 1, Outline(5, "", NOTHING)),
        ("wildcard label is an ordinary name", "*.usbnet", 1, 1, Outline(3, "aa", SOA_ONLY)),
        ("type 0", "phone.usbnet", 0, 1, Outline(1, "", NOTHING)),
        ("type OPT", "phone.usbnet", 41, 1, Outline(1, "", NOTHING)),
        ("IXFR", "usbnet", 251, 1, Outline(5, "", NOTHING)),
        ("TKEY", "phone.usbnet", 249, 1, Outline(4, "", NOTHING)),
        ("class HS", "phone.usbnet", 1, 4, Outline(5, "", NOTHING)),
        ("class ANY", "phone.usbnet", 1, 255, Outline(5, "", NOTHING)),
        ("mDNS's unicast bit", "phone.usbnet", 1, 0x8001, Outline(5, "", NOTHING)),
    ];
    for (row, name, kind, class, expected) in rows {
        let query = query(name, kind, class);
        let reply = ask(&mut phone(), Transport::Udp, &query).unwrap_or_else(|e| panic!("{row}: {e}"));
        assert_eq!(outline(&reply), expected, "{row}");
        assert_eq!(reply[12..question_end(&reply)], query[12..], "{row}: question as it was asked");
    }
}

#[test]
fn messages_get_their_code() {
    let plain = || query("phone.usbnet", 1, 1);
    let edns = |ttl| with_opt(plain(), 4096, ttl);
    let patched = |mut message: Vec<u8>, at: usize, value: u8| {
        message[at] = value;
        message
    };
    let appended = |mut message: Vec<u8>, more: &[u8]| {
        message.extend(more);
        message
    };
    // A TXT record of the root with four octets of data.
    let txt = b"\0\0\x10\0\x01\0\0\0\0\0\x04\x03abc";
    #[rustfmt::skip]
    let rows = [
        ("opcode 2, STATUS", patched(plain(), 2, 0x11), Outline(4, "", [0, 0, 0, 0])),
        ("opcode 5, UPDATE", patched(plain(), 2, 0x28), Outline(4, "", [0, 0, 0, 0])),
        ("opcode 15", patched(plain(), 2, 0x78), Outline(4, "", [0, 0, 0, 0])),
        ("no question", patched(query("", 0, 0)[..12].to_vec(), 5, 0), Outline(1, "", [0, 0, 0, 0])),
        ("two questions", patched(appended(plain(), b"\0\0\x01\0\x01"), 5, 2), Outline(1, "", [0, 0, 0, 0])),
        ("65535 questions", patched(patched(plain(), 4, 255), 5, 255), Outline(1, "", [0, 0, 0, 0])),
        ("AA, TC, RA, Z, AD and CD set by the client", patched(patched(plain(), 2, 0x07), 3, 0xF0), Outline(0, "aa", [1, 1, 0, 0])),
        ("code set by the client", patched(plain(), 3, 0x0F), Outline(0, "aa", [1, 1, 0, 0])),
        ("EDNS version 0", edns(0), Outline(0, "aa", [1, 1, 0, 1])),
        ("EDNS version 255", edns(0x00FF_0000), Outline(16, "", [1, 0, 0, 1])),
        ("EDNS flags nobody has defined", edns(0x7FFF), Outline(0, "aa", [1, 1, 0, 1])),
        ("EDNS twice", with_opt(edns(0), 512, 0), Outline(1, "", [1, 0, 0, 0])),
        ("EDNS with a name", { let mut m = edns(0); m.splice(30..31, *b"\xC0\x0C"); m }, Outline(1, "", [1, 0, 0, 0])),
        ("EDNS as an answer", patched(patched(edns(0), 7, 1), 11, 0), Outline(1, "", [1, 0, 0, 0])),
        ("EDNS cut short", edns(0)[..38].to_vec(), Outline(1, "", [1, 0, 0, 0])),
        ("EDNS longer than the packet", patched(edns(0), 40, 1), Outline(1, "", [1, 0, 0, 0])),
        ("EDNS announced but not there", patched(plain(), 11, 1), Outline(1, "", [1, 0, 0, 0])),
        ("65535 records announced", patched(patched(plain(), 6, 255), 7, 255), Outline(1, "", [1, 0, 0, 0])),
        ("junk at the end", appended(plain(), b"junk"), Outline(1, "", [1, 0, 0, 0])),
        ("additional record beside EDNS", with_opt(patched(appended(plain(), txt), 11, 1), 512, 0), Outline(0, "aa", [1, 1, 0, 1])),
        ("record with a looping name", patched(appended(plain(), b"\xC0\x1E\0\x10\0\x01\0\0\0\0\0\0"), 11, 1), Outline(0, "aa", [1, 1, 0, 0])),
        ("record with a reserved label type", patched(appended(plain(), b"\x80\0\0\x10\0\x01\0\0\0\0\0\0"), 11, 1), Outline(1, "", [1, 0, 0, 0])),
    ];
    for (row, query, expected) in rows {
        for transport in [Transport::Udp, Transport::Tcp] {
            let reply = ask(&mut phone(), transport, &query).unwrap_or_else(|e| panic!("{row}: {e}"));
            assert_eq!(outline(&reply), expected, "{row} by {transport:?}");
        }
    }
}

/// A device in a domain so long that its negative answers exceed 512 octets where the client spells
/// the name differently, since that defeats compression.
fn verbose() -> Resolver {
    let domain = [["d"; 31].join("."), ["e"; 31].join("."), ["f"; 30].join("."), "x".repeat(40)].join(".");
    let zone = Zone::new("phone", &domain, [192, 168, 2, 15].into(), None, 300);
    Resolver::new(zone.expect("the name just fits"))
}

#[test]
fn what_does_not_fit_is_truncated() {
    let domain = [["D"; 31].join("."), ["E"; 31].join("."), ["F"; 30].join("."), "X".repeat(40)].join(".");
    let missing = query(&format!("nosuch.{domain}"), 1, 1);
    let edns = |payload| with_opt(missing.clone(), payload, 0);
    #[rustfmt::skip]
    let rows = [
        ("plain UDP", Transport::Udp, missing.clone(), Outline(3, "aa tc", [1, 0, 0, 0])),
        ("plain TCP", Transport::Tcp, missing.clone(), Outline(3, "aa", [1, 0, 1, 0])),
        ("EDNS that promises less than 512", Transport::Udp, edns(0), Outline(3, "aa tc", [1, 0, 0, 1])),
        ("EDNS that takes 512", Transport::Udp, edns(512), Outline(3, "aa tc", [1, 0, 0, 1])),
        ("EDNS that takes 1232", Transport::Udp, edns(1232), Outline(3, "aa", [1, 0, 1, 1])),
        ("EDNS that takes 65535", Transport::Udp, edns(65535), Outline(3, "aa", [1, 0, 1, 1])),
    ];
    let mut resolver = verbose();
    for (row, transport, query, expected) in rows {
        let reply = ask(&mut resolver, transport, &query).unwrap_or_else(|e| panic!("{row}: {e}"));
        assert_eq!(outline(&reply), expected, "{row}");
        assert_eq!(reply.len() <= 512, expected.1 == "aa tc", "{row}: {} octets", reply.len());
    }
    assert_eq!(resolver.counters().truncated, 3);
}

#[test]
fn a_cached_answer_is_the_same_but_for_the_id() {
    let mut resolver = phone();
    let mut again = query("phone.usbnet", 1, 1);
    let first = ask(&mut resolver, Transport::Udp, &again).expect("an answer");
    again[..2].copy_from_slice(b"\x12\x34");
    let second = ask(&mut resolver, Transport::Udp, &again).expect("an answer");
    assert_eq!((&first[..2], &second[..2]), (&b"\xAB\xCD"[..], &b"\x12\x34"[..]));
    assert_eq!(first[2..], second[2..]);
    assert_eq!(resolver.counters().cached, 1);

    // Another spelling of the name is another question.
    let shout = query("PHONE.usbnet", 1, 1);
    let reply = ask(&mut resolver, Transport::Udp, &shout).expect("an answer");
    assert_eq!(reply[12..26], shout[12..26]);
    assert_eq!(resolver.counters().cached, 1);
}

#[test]
fn many_names_do_not_spoil_each_other_in_the_cache() {
    let mut resolver = phone();
    for round in 0..2 {
        for number in 0..200 {
            let query = query(&format!("n{number}.usbnet"), 1, 1);
            let reply = ask(&mut resolver, Transport::Udp, &query).expect("an answer");
            assert_eq!(reply[3], 3, "round {round}: n{number} does not exist");
            assert_eq!(reply[12..question_end(&reply)], query[12..], "round {round}: n{number}");
        }
    }
    assert_eq!(resolver.counters().unknown, 400);
}

#[test]
fn outcomes_are_counted_by_kind() {
    let mut resolver = phone();
    let edns1 = with_opt(query("phone.usbnet", 1, 1), 512, 0x0001_0000);
    let mut response = query("phone.usbnet", 1, 1);
    response[2] |= 0x80;
    let packets: [&[u8]; 10] = [
        &query("phone.usbnet", 1, 1),
        &query("phone.usbnet", 1, 1),
        &query("phone.usbnet", 28, 1),
        &query("nosuch.usbnet", 1, 1),
        &query("example.org", 1, 1),
        &edns1,
        &response,
        &vec![0; MAX_QUERY + 1],
        &[0; 11],
        &query("phone.usbnet", 1, 1)[..20],
    ];
    for packet in packets {
        let mut reply = Vec::new();
        let outcome = resolver.answer(Transport::Udp, packet, &mut reply);
        assert_eq!(outcome.is_ok(), !reply.is_empty());
    }
    let expected = Counters {
        queries: 10,
        answered: 3,
        unknown: 1,
        refused: 1,
        faulty: 1,
        cached: 1,
        dropped_short: 1,
        dropped_oversized: 1,
        dropped_response: 1,
        dropped_question: 1,
        ..Counters::default()
    };
    assert_eq!(*resolver.counters(), expected);
}
