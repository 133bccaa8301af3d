//! A sequence of datagrams over one DHCP server, with and without a pool, while time passes.
//!
//! The input is cut at `0xff 'c' 'u' 't' SECONDS` marks; a file without a mark is one datagram, so captured packets
//! are seeds as they are. Nothing that comes in may make the server hand out its own address or a foreign one,
//! or grow its table beyond the addresses it has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::Ipv4Addr;
use std::time::Duration;
use usbnet::dhcp::{Destination, Server, Settings};

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 14);
/// The server's own address, the network's and the broadcast address are in the pool on purpose.
const POOL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(192, 168, 2, 0), Ipv4Addr::new(192, 168, 2, 40));

fn settings(pool: bool) -> Settings {
    Settings {
        server: SERVER,
        prefix: 27,
        host: HOST,
        pool: pool.then_some(POOL),
        lease: Duration::from_secs(3600),
        router: None,
        dns: Vec::new(),
        domain: Some("usbnet".into()),
        mtu: Some(1500),
    }
}

/// What may be handed out: the host address, with a pool every host address of 192.168.2.0/27 but the server's.
fn allowed(address: Ipv4Addr, pool: bool) -> bool {
    let inside = (1..31).any(|last| address == Ipv4Addr::new(192, 168, 2, last));
    address == HOST || (pool && inside && address != SERVER)
}

fn check(destination: Destination, reply: &[u8], pool: bool) {
    assert!((300..=1472).contains(&reply.len()));
    assert_eq!((reply[0], reply[2], &reply[236..240]), (2, 6, &[99, 130, 83, 99][..]));
    let yours = <[u8; 4]>::try_from(&reply[16..20]).map(Ipv4Addr::from).expect("four octets");
    assert!(yours.is_unspecified() || allowed(yours, pool), "handed out {yours}");
    match destination {
        Destination::Broadcast => {}
        Destination::Unicast(to) => assert!(to.ip().octets()[..3] == [192, 168, 2] && *to.ip() != SERVER),
        Destination::Hardware { mac, address } => assert!(mac[0] & 1 == 0 && address == yours),
    }
}

fuzz_target!(|input: &[u8]| {
    for pool in [false, true] {
        let mut server = Server::new(settings(pool));
        let mut reply = Vec::new();
        let mut now = Duration::from_secs(1);
        let mut rest = input;
        while !rest.is_empty() {
            let mark = rest.windows(4).position(|four| four == b"\xffcut");
            let (packet, after) = rest.split_at(mark.unwrap_or(rest.len()));
            if let Some(&seconds) = after.get(4) {
                now += Duration::from_secs(u64::from(seconds) * 16);
            }
            rest = after.get(5..).unwrap_or_default();
            match server.handle(now, packet, &mut reply) {
                Ok(Some(destination)) => check(destination, &reply, pool),
                Ok(None) | Err(_) => assert!(reply.is_empty()),
            }
        }
        let leases: Vec<_> = server.leases().cloned().collect();
        assert!(leases.len() <= if pool { 29 } else { 1 });
        for lease in &leases {
            assert!(allowed(lease.address, pool));
            assert!(lease.client_id.as_ref().is_none_or(|id| id.len() <= 255));
            assert!(lease.hostname.as_ref().is_none_or(|name| name.len() <= 63));
        }
        // What was saved comes back as it was.
        let mut again = Server::new(settings(pool));
        again.restore(leases.clone(), now);
        assert!(again.leases().eq(&leases));
    }
});
