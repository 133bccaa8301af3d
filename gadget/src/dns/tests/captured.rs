//! Queries of real clients, and every octet of the replies they get.

use super::super::Transport;
use super::{ask, hex, phone, question_end};

use Transport::{Tcp, Udp};

/// OPT of a reply: 1232 octets, version 0, no flags, no options.
const OPT: &[u8] = b"\0\0\x29\x04\xD0\0\0\0\0\0\0";
/// The same with DO copied from the query.
const OPT_DO: &[u8] = b"\0\0\x29\x04\xD0\0\0\x80\0\0\0";
/// The same with the high bits of BADVERS (16).
const OPT_BADVERS: &[u8] = b"\0\0\x29\x04\xD0\x01\0\0\0\0\0";
/// The question's name, A, IN, 300 s, 192.168.2.15.
const A: &[u8] = b"\xC0\x0C\0\x01\0\x01\0\0\x01\x2C\0\x04\xC0\xA8\x02\x0F";
/// The question's name, PTR, IN, 300 s, phone.usbnet.
const PTR: &[u8] = b"\xC0\x0C\0\x0C\0\x01\0\0\x01\x2C\0\x0E\x05phone\x06usbnet\0";
/// Who runs a zone (nobody.invalid), serial, refresh, retry, expire, negative TTL of 60 s.
macro_rules! soa_tail {
    () => {
        b"\x06nobody\x07invalid\0\0\0\0\x01\0\0\x0E\x10\0\0\x02\x58\0\x01\x51\x80\0\0\0\x3C"
    };
}

/// Puts byte strings together.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The SOA of the zone whose name is at `apex` in the question, with this TTL, its server's name
/// written as `server`.
fn soa(apex: u8, ttl: u8, server: &[u8]) -> Vec<u8> {
    let high = u8::from(ttl == 0x2C);
    let data = join(&[server, soa_tail!()]);
    let length = u8::try_from(data.len()).expect("a short record");
    join(&[&[0xC0, apex, 0, 6, 0, 1, 0, 0, high, ttl, 0, length], &data])
}

#[test]
fn real_clients_get_these_replies() {
    // `phone` and a pointer to `usbnet` in the question; the same in full where the question spells
    // it in another case, or is about another zone.
    let to_13: &[u8] = b"\x05phone\xC0\x13";
    let whole: &[u8] = b"\x05phone\x06usbnet\0";
    let single_label = b"\x05phone\x06usbnet\0";
    let query_name: &[u8] = b"\xC0\x0C";

    // flags: QR, AA and RD where asked; the low four bits are the code.
    #[rustfmt::skip]
    let rows: &[(&str, &[u8], Transport, u16, [u8; 4], Vec<u8>)] = &[
        ("dig A", include_bytes!("../testdata/dig-a.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("dig A +noedns", include_bytes!("../testdata/dig-a-noedns.bin"), Udp, 0x8500, [1, 1, 0, 0], A.to_vec()),
        ("dig A +dnssec", include_bytes!("../testdata/dig-a-dnssec.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[A, OPT_DO])),
        ("dig A +tcp", include_bytes!("../testdata/dig-tcp.bin"), Tcp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("dig A +subnet", include_bytes!("../testdata/dig-subnet.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("dig A in mixed case", include_bytes!("../testdata/dig-0x20.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("dig missing name in mixed case", include_bytes!("../testdata/dig-0x20-missing.bin"), Udp, 0x8503, [1, 0, 1, 1], join(&[&soa(0x13, 60, whole), OPT])),
        ("dig ANY gets one record set", include_bytes!("../testdata/dig-any.bin"), Tcp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("dig -x", include_bytes!("../testdata/dig-ptr.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[PTR, OPT])),
        ("dig SOA +norec", include_bytes!("../testdata/dig-soa.bin"), Udp, 0x8400, [1, 1, 0, 1], join(&[&soa(0x0C, 0x2C, b"\x05phone\xC0\x0C"), OPT])),
        ("dig AXFR", include_bytes!("../testdata/dig-axfr.bin"), Tcp, 0x8005, [1, 0, 0, 1], OPT.to_vec()),
        ("dig CH TXT", include_bytes!("../testdata/dig-chaos.bin"), Udp, 0x8105, [1, 0, 0, 1], OPT.to_vec()),
        ("dig +edns=1", include_bytes!("../testdata/dig-edns1.bin"), Udp, 0x8100, [1, 0, 0, 1], OPT_BADVERS.to_vec()),
        ("dig +opcode=notify", include_bytes!("../testdata/dig-notify.bin"), Udp, 0xA104, [0, 0, 0, 0], vec![]),
        ("dig +header-only", include_bytes!("../testdata/dig-header-only.bin"), Udp, 0x8101, [0, 0, 0, 1], OPT.to_vec()),
        ("busybox A", include_bytes!("../testdata/busybox-a.bin"), Udp, 0x8500, [1, 1, 0, 0], A.to_vec()),
        ("busybox AAAA", include_bytes!("../testdata/busybox-aaaa.bin"), Udp, 0x8500, [1, 0, 1, 0], soa(0x12, 60, query_name)),
        ("busybox PTR", include_bytes!("../testdata/busybox-ptr.bin"), Udp, 0x8500, [1, 1, 0, 0], PTR.to_vec()),
        ("glibc A", include_bytes!("../testdata/glibc-a.bin"), Udp, 0x8500, [1, 1, 0, 0], A.to_vec()),
        ("glibc AAAA", include_bytes!("../testdata/glibc-aaaa.bin"), Udp, 0x8500, [1, 0, 1, 0], soa(0x12, 60, query_name)),
        ("glibc PTR", include_bytes!("../testdata/glibc-ptr.bin"), Udp, 0x8500, [1, 1, 0, 0], PTR.to_vec()),
        ("glibc AAAA of the bare host name", include_bytes!("../testdata/glibc-single-label-aaaa.bin"), Udp, 0x8500, [1, 0, 1, 0], soa(0x0C, 60, single_label)),
        ("resolved A", include_bytes!("../testdata/resolved-a.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[A, OPT])),
        ("resolved AAAA", include_bytes!("../testdata/resolved-aaaa.bin"), Udp, 0x8500, [1, 0, 1, 1], join(&[&soa(0x12, 60, query_name), OPT])),
        ("resolved PTR", include_bytes!("../testdata/resolved-ptr.bin"), Udp, 0x8500, [1, 1, 0, 1], join(&[PTR, OPT])),
        ("resolved missing name", include_bytes!("../testdata/resolved-missing.bin"), Udp, 0x8503, [1, 0, 1, 1], join(&[&soa(0x13, 60, to_13), OPT])),
    ];
    for (name, query, transport, flags, counts, records) in rows {
        let mut expected = query[..2].to_vec();
        expected.extend(flags.to_be_bytes());
        expected.extend(counts.iter().flat_map(|count| [0, *count]));
        if counts[0] == 1 {
            expected.extend(&query[12..question_end(query)]);
        }
        expected.extend(records);

        let mut resolver = phone();
        for round in ["worked out", "asked again"] {
            let reply = ask(&mut resolver, *transport, query);
            assert_eq!(reply.map(|reply| hex(&reply)), Ok(hex(&expected)), "{name}, {round}");
        }
    }
}
