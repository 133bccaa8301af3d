//! The wire shapes; what a real kernel makes of them is in `gadget/tests/netlink.rs`.

use netlink_packet_core::NetlinkBuffer;
use proptest::prelude::*;

use super::{monitor::event, *};

const AF_BRIDGE: u8 = 7;

/// A message as the kernel would send it.
fn payload(header: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for (kind, value) in attributes {
        bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

fn link(family: u8, index: u32, flags: u32) -> Vec<u8> {
    let head = [family, 0, 1, 0].into_iter();
    let header: Vec<u8> = head.chain(index.to_ne_bytes()).chain(flags.to_ne_bytes()).chain([0; 4]).collect();
    let mut stats = [0; 24 * 8];
    stats[16..24].copy_from_slice(&7_000_000_000_u64.to_ne_bytes());
    stats[24..32].copy_from_slice(&5_u64.to_ne_bytes());
    payload(
        &header,
        &[
            (libc::IFLA_IFNAME, b"usb0\0"),
            (libc::IFLA_MTU, &1500_u32.to_ne_bytes()),
            (libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]),
            (libc::IFLA_STATS64, &stats),
            (0x7ff0, b"from a later kernel"),
        ],
    )
}

#[test]
fn reads_a_link() {
    let up = u32::try_from(libc::IFF_UP).unwrap();
    let carrier = u32::try_from(libc::IFF_LOWER_UP).unwrap();
    let rows =
        [("down", 0, false, false), ("no carrier", up, true, false), ("all", up | carrier, true, true)];
    for (name, flags, is_up, has_carrier) in rows {
        let expected = Interface {
            index: 4,
            name: "usb0".to_owned(),
            mac: Some([2, 0, 0, 0, 0, 1]),
            mtu: 1500,
            up: is_up,
            carrier: has_carrier,
            rx_bytes: 7_000_000_000,
            tx_bytes: 5,
        };
        assert_eq!(wire::interface(&link(0, 4, flags)).unwrap(), Some(expected), "{name}");
    }
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_a_removed_link() {
    assert_eq!(event(libc::RTM_DELLINK, &link(AF_BRIDGE, 4, 0)).unwrap(), None);
    let gone = Event::LinkRemoved { index: 4, name: "usb0".to_owned() };
    assert_eq!(event(libc::RTM_DELLINK, &link(0, 4, 0)).unwrap(), Some(gone));
}

#[test]
fn reads_routes_that_send_packets_somewhere() {
    let (inet, inet6) = (u8::try_from(libc::AF_INET).unwrap(), u8::try_from(libc::AF_INET6).unwrap());
    let cloned = 0x200_u32;
    let route = |family, table, kind, flags: u32| {
        let header: Vec<u8> =
            [family, 24, 0, 0, table, 2, 253, kind].into_iter().chain(flags.to_ne_bytes()).collect();
        let attributes: [(u16, &[u8]); 3] = [
            (libc::RTA_TABLE, &u32::from(table).to_ne_bytes()),
            (libc::RTA_DST, &[10, 1, 2, 0]),
            (libc::RTA_OIF, &3_u32.to_ne_bytes()),
        ];
        wire::route(&payload(&header, &attributes)).unwrap()
    };
    let main = libc::RT_TABLE_MAIN;
    let expected = Route {
        destination: Ipv4Addr::new(10, 1, 2, 0),
        prefix: 24,
        gateway: None,
        index: Some(3),
        table: 254,
    };
    assert_eq!(route(inet, main, libc::RTN_UNICAST, 0), Some(expected));
    let rows = [
        ("IPv6", route(inet6, main, libc::RTN_UNICAST, 0)),
        ("the local table", route(inet, libc::RT_TABLE_LOCAL, libc::RTN_UNICAST, 0)),
        ("a broadcast address", route(inet, main, libc::RTN_BROADCAST, 0)),
        ("a black hole", route(inet, main, libc::RTN_BLACKHOLE, 0)),
        ("a cached clone", route(inet, main, libc::RTN_UNICAST, cloned)),
    ];
    for (name, found) in rows {
        assert_eq!(found, None, "{name}");
    }
}

#[test]
fn a_request_is_shaped_as_the_kernel_wants_it() {
    let attributes = address_attributes(Ipv4Addr::new(192, 168, 2, 15));
    let bytes = wire::request(libc::RTM_NEWADDR, 5, 9, &address_header(4, 27), &attributes);
    let message = NetlinkBuffer::new_checked(&bytes[..]).unwrap();
    assert_eq!(
        (message.message_type(), message.flags(), message.sequence_number()),
        (libc::RTM_NEWADDR, 5, 9)
    );
    let expected = Address {
        index: 4,
        address: Ipv4Addr::new(192, 168, 2, 15),
        network: Ipv4Addr::new(192, 168, 2, 15),
        prefix: 27,
    };
    assert_eq!(wire::address(message.payload()).unwrap(), Some(expected));
}

#[test]
fn refusals_become_errors_that_name_the_object_and_the_cause() {
    let error = |cause| {
        NetlinkError::from_errno(cause, Operation::AddAddress(Ipv4Addr::LOCALHOST, 8), "usb0".to_owned())
    };
    let rows = [
        (Errno::EPERM, "not permitted; run as root or with CAP_NET_ADMIN", true),
        (Errno::EACCES, "not permitted; run as root or with CAP_NET_ADMIN", true),
        (Errno::ENODEV, "there is no such interface", false),
        (Errno::EINVAL, "Invalid argument", false),
    ];
    for (cause, text, permission) in rows {
        let line = error(cause).to_string();
        assert_eq!(line, format!("cannot make 127.0.0.1/8 an address of usb0: {text}"));
        assert_eq!(error(cause).is_permission(), permission, "{cause}");
    }
}

#[test]
fn messages_end_after_a_malformed_one() {
    let good = wire::request(libc::RTM_GETLINK, 0, 1, &LinkHeader::default(), &[]);
    let rows: [(&str, Vec<u8>, &[bool]); 5] = [
        ("nothing", vec![], &[]),
        ("two", [good.clone(), good.clone()].concat(), &[true, true]),
        ("cut off", [good.clone(), good[..20].to_vec()].concat(), &[true, false]),
        ("length zero does not loop", vec![0; 64], &[false]),
        ("a stub", [good.clone(), vec![1, 2, 3]].concat(), &[true, false]),
    ];
    for (name, datagram, expected) in rows {
        let found: Vec<bool> = wire::Messages(&datagram).map(|message| message.is_ok()).collect();
        assert_eq!(found, expected, "{name}");
    }
}

proptest! {
    #[test]
    fn never_panics(kind in 16_u16..28, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = event(kind, &bytes);
        prop_assert!(wire::Messages(&bytes).count() <= bytes.len() / 16 + 1);
    }

    #[test]
    fn survives_any_damage(position in 0_usize..16 + 250, byte: u8, length in 0_usize..300) {
        let mut bytes = link(0, 4, 1);
        let position = position.min(bytes.len() - 1);
        bytes[position] = byte;
        bytes.truncate(length);
        if let Ok(Some(link)) = wire::interface(&bytes) {
            prop_assert!(link.name.len() <= bytes.len() * 3);
        }
    }
}
