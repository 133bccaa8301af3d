//! Names a device can have, and those it cannot.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::{Resolver, Transport, Zone, ZoneError};
use super::{ask, query};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const V6: Ipv6Addr = Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 0x2B);

/// Code and number of answers for `name`.
fn answers(resolver: &mut Resolver, name: &str, kind: u16) -> (u8, u8) {
    let reply = ask(resolver, Transport::Udp, &query(name, kind, 1)).expect("an answer");
    (reply[3] & 0x0F, reply[7])
}

#[test]
fn a_device_answers_to_all_its_names() {
    #[rustfmt::skip]
    let rows: [(&str, &str, &str, &[(&str, u16, (u8, u8))]); 6] = [
        ("plain", "phone", "usbnet", &[("phone", 1, (0, 1)), ("phone.usbnet", 1, (0, 1)), ("usbnet", 6, (0, 1))]),
        ("trailing dots", "phone.", "usbnet.", &[("phone.usbnet", 1, (0, 1))]),
        ("a name of several labels", "phone.example.org", "usbnet",
            &[("phone.example.org", 1, (0, 1)), ("phone.usbnet", 1, (0, 1)), ("phone", 1, (0, 1)), ("example.org", 1, (5, 0))]),
        ("a name that has the domain already", "phone.usbnet", "usbnet",
            &[("phone.usbnet", 1, (0, 1)), ("phone.usbnet", 6, (0, 0)), ("phone", 1, (0, 1))]),
        ("called like its domain", "usbnet", "usbnet",
            &[("usbnet", 1, (0, 1)), ("usbnet", 6, (0, 1)), ("usbnet.usbnet", 1, (0, 1)), ("phone.usbnet", 1, (3, 0))]),
        ("a name between the domain and the device exists", "a.b.usbnet", "usbnet",
            &[("a.b.usbnet", 1, (0, 1)), ("b.usbnet", 1, (0, 0)), ("c.usbnet", 1, (3, 0))]),
    ];
    for (row, hostname, domain, questions) in rows {
        let zone = Zone::new(hostname, domain, ADDRESS, None, 60).unwrap_or_else(|e| panic!("{row}: {e}"));
        let mut resolver = Resolver::new(zone);
        for (name, kind, expected) in questions {
            assert_eq!(answers(&mut resolver, name, *kind), *expected, "{row}: {name} type {kind}");
        }
    }
}

#[test]
fn an_ipv6_address_has_a_name_too() {
    let zone = Zone::new("phone", "usbnet", ADDRESS, Some(V6), 60).expect("a zone");
    let mut resolver = Resolver::new(zone);
    let reply = ask(&mut resolver, Transport::Udp, &query("phone.usbnet", 28, 1)).expect("an answer");
    assert_eq!(reply[30..], *b"\xC0\x0C\0\x1C\0\x01\0\0\0\x3C\0\x10\xFE\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x2B");

    let reverse = format!("b.2{}.0.8.e.f.ip6.arpa", ".0".repeat(26));
    let reply = ask(&mut resolver, Transport::Udp, &query(&reverse, 12, 1)).expect("an answer");
    assert!(reply.ends_with(b"\x05phone\x06usbnet\0"), "{reply:02x?}");
    // A neighbour's.
    assert_eq!(answers(&mut resolver, &reverse.replacen('b', "c", 1), 12), (5, 0));
}

#[test]
fn names_that_cannot_be_served_are_refused_with_a_reason() {
    let long = "a".repeat(64);
    let deep = vec!["a"; 125].join(".");
    let rows = [
        ("empty", "", "usbnet", "\"\" is no host name: \"\" must be"),
        ("only a dot", ".", "usbnet", "\".\" is no host name: \"\" must be"),
        ("no domain", "phone", "", "\"\" is no host name: \"\" must be"),
        ("empty label", "a..b", "usbnet", "\"a..b\" is no host name: \"\" must be"),
        ("label of 64", &long, "usbnet", &format!("is no host name: \"{long}\" must be")),
        ("space", "my phone", "usbnet", "\"my phone\" must be"),
        ("other script", "tölpel", "usbnet", "\"tölpel\" must be"),
        ("control character", "a\0b", "usbnet", "must be"),
        ("bad domain", "phone", "usb/net", "\"usb/net\" must be"),
        ("too long together", "phone", &deep, "is too long for a DNS name"),
    ];
    for (row, hostname, domain, message) in rows {
        let error = Zone::new(hostname, domain, ADDRESS, None, 60).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{row}: accepted"));
        assert!(error.contains(message), "{row}: {error}");
    }
}

#[test]
fn the_longest_name_fits() {
    let domain = vec!["a"; 124].join(".");
    assert_eq!(Zone::new("phone", &domain, ADDRESS, None, 60).err(), None);
    let error = Zone::new("phones", &domain, ADDRESS, None, 60).err();
    assert_eq!(error, Some(ZoneError::TooLong { hostname: "phones".to_owned(), domain }));
}
