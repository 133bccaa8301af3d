use super::*;
use nix::sys::socket::{setsockopt, sockopt};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

fn socket() -> (UdpSocket, SocketAddrV4) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    match socket.local_addr().unwrap() {
        SocketAddr::V4(address) => (socket, address),
        SocketAddr::V6(_) => unreachable!("bound to an IPv4 address"),
    }
}

/// Receives until `wanted` datagrams were seen; loopback delivers them in the sending call.
fn receive(inbox: &mut Inbox, socket: &UdpSocket, wanted: usize) -> Vec<(Vec<u8>, u16, Option<u32>, bool)> {
    let mut all = Vec::new();
    while all.len() < wanted {
        let batch = inbox.receive(socket.as_fd()).unwrap();
        all.extend(batch.map(|d| (d.bytes.to_vec(), d.from.port(), d.interface, d.cut)));
    }
    all
}

#[test]
fn datagrams_come_in_batches_with_their_sender_and_interface() {
    let (server, at) = socket();
    setsockopt(&server, sockopt::Ipv4PacketInfo, &true).unwrap();
    let (client, from) = socket();
    for i in 0..20_u8 {
        client.send_to(&[i; 3], at).unwrap();
    }
    let mut inbox = Inbox::new();
    let first = inbox.receive(server.as_fd()).unwrap().count();
    assert_eq!(first, SLOTS);
    let loopback = nix::net::if_::if_nametoindex("lo").unwrap();
    let rest: Vec<_> = (16..20_u8).map(|i| (vec![i; 3], from.port(), Some(loopback), false)).collect();
    assert_eq!(receive(&mut inbox, &server, 4), rest);
    assert_eq!(inbox.receive(server.as_fd()).err(), Some(nix::errno::Errno::EAGAIN));
}

#[test]
fn a_datagram_that_is_too_long_says_so() {
    let (server, at) = socket();
    let (client, from) = socket();
    client.send_to(&[7; SIZE + 1], at).unwrap();
    client.send_to(&[8; SIZE], at).unwrap();
    client.send_to(&[], at).unwrap();
    let mut inbox = Inbox::new();
    let expected = [(vec![7; SIZE], true), (vec![8; SIZE], false), (vec![], false)];
    let expected: Vec<_> = expected.into_iter().map(|(bytes, cut)| (bytes, from.port(), None, cut)).collect();
    assert_eq!(receive(&mut inbox, &server, 3), expected);
}

#[test]
fn replies_leave_together_and_one_that_cannot_does_not_hold_the_others() {
    let (server, at) = socket();
    let (client, to) = socket();
    let mut outbox = Outbox::new();
    let mut send = |bytes: &[u8], to, from| {
        let buffer = outbox.next().unwrap();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        outbox.push(Target::Udp { to, from });
    };
    send(b"plain", to, None);
    send(b"no port 0", SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), None);
    send(b"from an address", to, Some(Ipv4Addr::LOCALHOST));
    let sent = outbox.flush(server.as_fd(), None);
    assert_eq!(sent, Sent { unsent: 1, reason: Some(nix::errno::Errno::EINVAL) });
    for expected in [&b"plain"[..], b"from an address"] {
        let mut buffer = [0; 64];
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from), (expected, at.into()));
    }
    assert_eq!(outbox.flush(server.as_fd(), None), Sent::default(), "nothing is sent twice");
}

#[test]
fn a_full_outbox_takes_no_more() {
    let mut outbox = Outbox::new();
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    for _ in 0..SLOTS {
        assert!(outbox.next().is_some());
        outbox.push(Target::Udp { to, from: None });
    }
    assert!(outbox.next().is_none());
}

#[test]
fn control_messages_that_are_not_about_an_interface() {
    let mut control = [0; CONTROL];
    let length = outbox::pktinfo(&mut control, Ipv4Addr::LOCALHOST);
    assert_eq!(inbox::interface(&control[..length]), Some(0), "the layout is the same both ways");
    // SAFETY: computes a length, touches no memory.
    let data = unsafe { libc::CMSG_LEN(0) } as usize;
    assert_eq!(inbox::interface(&control[..data + 3]), None, "cut off");
    assert_eq!(inbox::interface(&[]), None, "none at all");
    control[std::mem::offset_of!(libc::cmsghdr, cmsg_type)] ^= 1;
    assert_eq!(inbox::interface(&control[..length]), None, "another type");
}
