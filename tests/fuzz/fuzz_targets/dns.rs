//! One packet, asked twice by UDP and once by TCP: whatever it holds, the reply keeps to the query's ID, opcode
//! and question, and to the size the transport allows, and the cache changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{Ipv4Addr, Ipv6Addr};
use usbnet::dns::{Dropped, MAX_QUERY, MAX_UDP_REPLY, Resolver, Transport, Zone};

fn resolver() -> Resolver {
    let v6 = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    let zone = Zone::new("phone", "usbnet", Ipv4Addr::new(192, 168, 2, 15), Some(v6), 300);
    Resolver::new(zone.expect("a plain name makes a zone"))
}

fn ask(resolver: &mut Resolver, transport: Transport, packet: &[u8]) -> Result<Vec<u8>, Dropped> {
    let mut reply = Vec::new();
    resolver.answer(transport, packet, &mut reply)?;
    Ok(reply)
}

fn check(packet: &[u8], reply: &[u8]) {
    assert!(packet.len() <= MAX_QUERY && reply.len() <= usize::from(MAX_UDP_REPLY));
    assert_eq!(reply[..2], packet[..2], "ID");
    assert_eq!(reply[2] & 0xf9, packet[2] & 0x79 | 0x80, "QR set, opcode and RD copied");
    assert_eq!(reply[3] & 0xf0, 0, "no RA, Z, AD, CD");
    assert_eq!([reply[4], reply[6], reply[8], reply[10]], [0; 4], "few records");
    assert!(reply[5] + reply[7] + reply[9] + reply[11] <= 3, "few records");
    let mut end = 12;
    if reply[5] == 1 {
        while reply[end] != 0 {
            end += 1 + usize::from(reply[end]);
        }
        end += 5;
        assert_eq!(reply[12..end], packet[12..end], "question as it was asked");
    }
}

fuzz_target!(|packet: &[u8]| {
    let mut resolver = resolver();
    let fresh = ask(&mut resolver, Transport::Udp, packet);
    assert_eq!(ask(&mut resolver, Transport::Udp, packet), fresh, "from the cache");
    let stream = ask(&mut resolver, Transport::Tcp, packet);
    assert_eq!(stream.as_ref().err(), fresh.as_ref().err());
    if let (Ok(datagram), Ok(stream)) = (fresh, stream) {
        check(packet, &datagram);
        check(packet, &stream);
    }
    assert_eq!(resolver.counters().queries, 3);
});
