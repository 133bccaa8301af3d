//! What comes over the cable is hostile: every malformed datagram is dropped for its reason and counted.

use super::Heard::Dropped as Drop;
use super::captures::CAPTURES;
use super::*;
use proptest::prelude::*;

fn raw(options: &[u8]) -> Vec<u8> {
    // Without the message type that `Packet::new` starts with.
    [&Packet::new(DISCOVER).bytes()[..240], options].concat()
}

#[test]
fn malformed_datagrams_are_dropped_for_a_reason() {
    let whole = |packet: Packet| packet.bytes();
    let overloaded =
        |value: u8, at: usize, field: &[u8]| whole(discover().option(52, &[value]).set(at, field));
    let rows: Vec<(&str, Vec<u8>, Dropped)> = vec![
        ("nothing", vec![], Dropped::Short),
        ("noise", vec![0x5a; 239], Dropped::Short),
        ("oversized", whole(discover().raw(&[0; 1900])), Dropped::Long),
        ("a reply", whole(discover().set(0, &[2])), Dropped::NotRequest),
        ("hlen 0", whole(discover().set(2, &[0])), Dropped::HardwareLength),
        ("hlen 16", whole(discover().set(2, &[16])), Dropped::HardwareLength),
        ("hlen 255", whole(discover().set(2, &[255])), Dropped::HardwareLength),
        ("plain BOOTP", whole(discover().set(236, &[0; 4])), Dropped::NoCookie),
        ("no hardware address", whole(discover().mac([0; 6])), Dropped::HardwareAddress),
        ("broadcast hardware address", whole(discover().mac([0xff; 6])), Dropped::HardwareAddress),
        ("group hardware address", whole(discover().mac([1, 0, 0x5e, 0, 0, 1])), Dropped::HardwareAddress),
        ("no options at all", raw(&[]), Dropped::NoEnd),
        ("no end", raw(&[53, 1, 1]), Dropped::NoEnd),
        ("endless padding", raw(&[0; 1500]), Dropped::NoEnd),
        ("length missing", raw(&[53]), Dropped::TruncatedOption),
        ("cut off", raw(&[53, 1, 1, 61, 9, 1, 2, 255]), Dropped::TruncatedOption),
        ("longer than the datagram", raw(&[53, 1, 1, 12, 255, 255]), Dropped::TruncatedOption),
        ("only an end", raw(&[255]), Dropped::NoMessageType),
        ("type after the end", raw(&[255, 53, 1, 1]), Dropped::NoMessageType),
        ("type of no length", raw(&[53, 0, 255]), Dropped::OptionLength),
        ("type of two octets", raw(&[53, 2, 1, 1, 255]), Dropped::OptionLength),
        ("two types", raw(&[53, 1, 1, 53, 1, 3, 255]), Dropped::RepeatedOption),
        ("an offer", whole(Packet::new(2)), Dropped::MessageType),
        ("an ack", whole(Packet::new(5)), Dropped::MessageType),
        ("a nak", whole(Packet::new(6)), Dropped::MessageType),
        ("a lease query", whole(Packet::new(10)), Dropped::MessageType),
        ("type 0", whole(Packet::new(0)), Dropped::MessageType),
        ("type 255", whole(Packet::new(255)), Dropped::MessageType),
        ("requested address of no length", whole(discover().option(50, &[])), Dropped::OptionLength),
        ("requested address of five octets", whole(discover().option(50, &[1; 5])), Dropped::OptionLength),
        ("two requested addresses", whole(select(HOST).requested(HOST)), Dropped::RepeatedOption),
        ("server of three octets", whole(discover().option(54, &[1; 3])), Dropped::OptionLength),
        ("two servers", whole(select(HOST).server(ip(9))), Dropped::RepeatedOption),
        ("lease time of one octet", whole(discover().option(51, &[1])), Dropped::OptionLength),
        ("message size of four octets", whole(discover().option(57, &[0; 4])), Dropped::OptionLength),
        ("rapid commit with something in it", whole(discover().option(80, &[1])), Dropped::OptionLength),
        ("client identifier of no length", whole(discover().id(&[])), Dropped::OptionLength),
        ("two client identifiers", whole(discover().id(&[1]).id(&[2])), Dropped::RepeatedOption),
        ("overload 0", whole(discover().option(52, &[0])), Dropped::Overload),
        ("overload 4", whole(discover().option(52, &[4])), Dropped::Overload),
        ("overload of no length", whole(discover().option(52, &[])), Dropped::OptionLength),
        ("overload twice", whole(discover().option(52, &[1]).option(52, &[2])), Dropped::RepeatedOption),
        ("file without an end", overloaded(1, 108, &[]), Dropped::NoEnd),
        ("file cut off", overloaded(1, 108 + 126, &[12, 1]), Dropped::TruncatedOption),
        ("sname without an end", overloaded(2, 44, &[]), Dropped::NoEnd),
        ("sname reaching into file", overloaded(2, 44, &[12, 63]), Dropped::TruncatedOption),
        ("overload inside overload", overloaded(1, 108, &[52, 1, 2, 255]), Dropped::RepeatedOption),
        ("type again in file", overloaded(1, 108, &[53, 1, 3, 255]), Dropped::RepeatedOption),
        ("type again in sname", overloaded(3, 44, &[53, 1, 3, 255]), Dropped::NoEnd),
        (
            "relay in another network",
            whole(discover().giaddr(Ipv4Addr::new(10, 0, 0, 1))),
            Dropped::WrongNetwork,
        ),
        ("relay that is this device", whole(discover().giaddr(SERVER)), Dropped::WrongNetwork),
        ("relay that is everybody", whole(discover().giaddr(ip(31))), Dropped::WrongNetwork),
    ];
    for (name, packet, reason) in rows {
        let mut server = Server::new(settings());
        let (heard, destination, reply) = exchange(&mut server, at(0), &packet);
        assert_eq!(heard, Drop(reason), "{name}");
        assert!(destination.is_none() && reply.is_empty(), "{name}");
        assert_eq!(server.counters().dropped.get(&reason), Some(&1), "{name}");
        assert_eq!(server.leases().count(), 0, "{name}");
    }
}

#[test]
fn what_looks_odd_but_is_allowed_is_answered() {
    let rows = [
        ("padding between options", discover().raw(&[0, 0, 0]).option(80, &[]).bytes()),
        ("rubbish after the end", discover().raw(&[255, 12, 200]).bytes()),
        ("any htype", discover().set(1, &[7]).bytes()),
        ("unknown options, twice and empty", discover().option(224, &[]).option(224, &[1]).bytes()),
        ("an empty host name", discover().option(12, &[]).bytes()),
        ("a host name in another encoding", discover().option(12, &[0xfc, 0xff]).option(80, &[]).bytes()),
        ("option 82 with rubbish", discover().option(82, &[1, 255, 0]).bytes()),
        ("options in file", discover().option(52, &[1]).set(108, &[80, 0, 255]).bytes()),
        ("options in sname", discover().option(52, &[2]).set(44, &[80, 0, 255]).bytes()),
        ("options in both", discover().option(52, &[3]).set(44, &[80, 0, 255]).set(108, &[255]).bytes()),
    ];
    for (name, packet) in rows {
        let (heard, ..) = exchange(&mut Server::new(settings()), at(0), &packet);
        assert!(matches!(heard, Heard::Offer(HOST) | Heard::Ack(HOST)), "{name}: {heard:?}");
    }
}

#[test]
fn counters_tell_what_happened() {
    let mut server = Server::new(settings());
    let decline = Packet::new(DECLINE).requested(HOST).server(SERVER);
    let release = Packet::new(RELEASE).ciaddr(HOST).server(SERVER);
    for packet in [discover(), select(HOST), renew(HOST), select(ip(3)), release, reboot(HOST), decline] {
        hear(&mut server, 0, packet);
    }
    hear(&mut server, 0, Packet::new(INFORM).ciaddr(ip(3)));
    hear(&mut server, 0, Packet::new(9));
    hear(&mut server, 0, discover());
    let json = serde_json::to_value(server.counters()).expect("counters as JSON");
    let expected = serde_json::json!({
        "discovers": 1, "requests": 4, "declines": 1, "releases": 1, "informs": 1, "offers": 1, "acks": 4, "naks": 1,
        "dropped": { "message-type": 1, "exhausted": 1 },
    });
    assert_eq!(json, expected);
}

#[test]
fn captures_cut_short_anywhere_are_dropped() {
    for (name, packet) in CAPTURES {
        let end = packet.iter().rposition(|octet| *octet == 255).expect("an end option");
        for length in 0..=end {
            let (heard, ..) = exchange(&mut Server::new(settings()), at(0), &packet[..length]);
            let reasons = [Dropped::Short, Dropped::NoEnd, Dropped::TruncatedOption];
            assert!(reasons.map(Drop).contains(&heard), "{name} cut to {length}: {heard:?}");
        }
    }
}

proptest! {
    /// Arbitrary octets, with and without a header that passes the first checks.
    #[test]
    fn no_octets_make_it_panic(
        octets in prop::collection::vec(any::<u8>(), 0..700), header: bool, pool: bool, now in 0u64..1 << 40,
    ) {
        let packet = if header { raw(&octets) } else { octets };
        check(&mut Server::new(if pool { pooled(0, 31) } else { settings() }), now, &packet)?;
    }

    /// Captured packets with some octets changed, one after the other on one server.
    #[test]
    fn no_mutation_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..60),
        pool: bool,
    ) {
        let mut server = Server::new(if pool { pooled(0, 31) } else { settings() });
        for (now, group) in edits.chunks(3).enumerate() {
            let mut packet = group[0].0.get(CAPTURES).1.to_vec();
            for (_, at, octet) in group {
                *at.get_mut(&mut packet) = *octet;
            }
            check(&mut server, now as u64 * 40, &packet)?;
        }
    }
}

fn check(server: &mut Server, now: u64, packet: &[u8]) -> Result<(), TestCaseError> {
    let (heard, destination, reply) = exchange(server, at(now), packet);
    prop_assert_eq!(destination.is_none(), reply.is_empty());
    if let Heard::Offer(address) | Heard::Ack(address) = heard {
        prop_assert!(
            address.is_unspecified() || (address != SERVER && (1..31).contains(&address.octets()[3]))
        );
    }
    prop_assert!(server.leases().count() <= 30);
    Ok(())
}
