//! Hosts that send what no client sends, and far too much of it.

use super::answers::lease;
use super::cable::{Cable, DEADLINE, DEVICE, HOST, await_report, child, own_memory};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use usbnet::responder::{Child, Report};

/// How far its own memory may be from where it was, in KiB: what is given back at rest and taken
/// again. A hundred bytes lost with every datagram would be ten times as much.
const STEADY: u64 = 256;

/// Numbers that are the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()[0]).take(length).collect()
    }
}

fn received(report: &Report) -> u64 {
    report.dhcp.as_ref().unwrap().received + report.dns.as_ref().unwrap().udp
}

/// Sends garbage to both services until the responder has taken `count` datagrams more.
fn flood(cable: &Cable, child: &Child, noise: &mut Noise, count: u64) -> Report {
    let socket = cable.host_socket(0);
    child.request_report().unwrap();
    let begin = received(&await_report(child, "a report", |_| true));
    loop {
        for _ in 0..500 {
            let length = usize::try_from(noise.next() % 3000).unwrap();
            let mut bytes = noise.bytes(length.min(1600));
            // Some of it gets past the first checks.
            match (noise.next() % 3, bytes.len()) {
                (0, 240..) => {
                    bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
                    bytes[28] = 2;
                    bytes[236..240].copy_from_slice(&[99, 130, 83, 99]);
                }
                (1, 12..) => bytes[2..12].copy_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 1]),
                _ => {}
            }
            for port in [67, 53] {
                // The queue may be full; that is the kernel's way to drop it.
                let _ = socket.send_to(&bytes, (DEVICE, port));
            }
        }
        let report = await_report(child, "a report", |_| true);
        if received(&report) >= begin + count {
            return report;
        }
    }
}

#[test]
fn garbage_neither_ends_it_nor_makes_it_grow() {
    let cable = Cable::new();
    cable.give_host_its_address();
    let (child, _) = child(&cable, &cable.settings());
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    // What is allocated once is there after the first round.
    flood(&cable, &child, &mut noise, 4000);
    let before = own_memory(child.pid());
    let report = flood(&cable, &child, &mut noise, 30_000);
    let after = own_memory(child.pid());
    assert!(after <= before + STEADY, "{before} KiB grew to {after} KiB");
    let (dhcp, dns) = (report.dhcp.unwrap(), report.dns.unwrap());
    assert!(dhcp.dropped.len() > 3 && dns.dropped.len() > 2, "{dhcp:?} {dns:?}");
    assert_eq!(lease(&cable.host_socket(68), [2, 0, 0, 0, 0, 1]), HOST);
}

#[test]
fn many_clients_do_not_make_it_grow() {
    let cable = Cable::new();
    let (child, _) = child(&cable, &cable.settings());
    let socket = cable.host_socket(68);
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut some = |count| {
        for _ in 0..count {
            let [a, b, c, d, ..] = noise.next().to_le_bytes();
            lease(&socket, [2, 1, a, b, c, d]);
        }
    };
    some(100);
    let before = own_memory(child.pid());
    some(10_000);
    let after = own_memory(child.pid());
    assert!(after <= before + STEADY, "{before} KiB grew to {after} KiB");
    let report = await_report(&child, "a report", |_| true);
    assert_eq!(report.leases.len(), 1, "one address, one lease");
}

#[test]
fn slow_and_silent_connections_do_not_keep_others_out() {
    let cable = Cable::new();
    cable.give_host_its_address();
    let (child, _) = child(&cable, &cable.settings());
    let connect = || {
        let stream = cable.on_host(|| TcpStream::connect((DEVICE, 53))).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    };
    let mut crowd: Vec<TcpStream> = (0..40).map(|_| connect()).collect();
    for (i, stream) in crowd.iter_mut().enumerate() {
        // Some say a little, some claim much, some nothing; some are cut off before they can.
        let _ = stream.write_all([&b""[..], b"\0", b"\0\x40abc", b"\xff\xff"][i % 4]);
    }
    let mut good = connect();
    good.write_all(b"\0\x16\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04n800\0\0\x01\0\x01").unwrap();
    let mut answer = [0; 4];
    good.read_exact(&mut answer).unwrap();
    assert_eq!(answer[2..], [0x12, 0x34]);
    let report = await_report(&child, "cut connections", |report| {
        report.dns.as_ref().unwrap().dropped.values().sum::<u64>() >= 33
    });
    assert_eq!(report.dns.unwrap().tcp, 1);
    // Only time ends what is left: the silent ones are cut without anything else happening.
    drop(good);
    let mut ended = 0;
    for stream in &mut crowd {
        stream.shutdown(Shutdown::Write).unwrap_or_default();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        ended += usize::from(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    }
    assert_eq!(ended, crowd.len());
}

#[test]
fn fragments_of_one_huge_datagram_are_one_drop() {
    let cable = Cable::new();
    cable.give_host_its_address();
    let (child, _) = child(&cable, &cable.settings());
    let socket = cable.host_socket(0);
    for port in [67, 53] {
        socket.send_to(&[1; 20_000], (DEVICE, port)).unwrap();
    }
    let report = await_report(&child, "both datagrams", |report| received(report) == 2);
    let (dhcp, dns) = (report.dhcp.unwrap(), report.dns.unwrap());
    for dropped in [dhcp.dropped, dns.dropped] {
        assert_eq!(
            dropped.into_iter().collect::<Vec<_>>(),
            [("datagram is longer than an ethernet frame".into(), 1)]
        );
    }
    assert_eq!(lease(&cable.host_socket(68), [2, 0, 0, 0, 0, 1]), HOST);
}
