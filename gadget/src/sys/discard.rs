//! Sends datagrams that every host throws away.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};

/// The port whose service throws away whatever it gets (RFC 863).
const DISCARD: u16 = 9;

/// Sends `count` empty datagrams to everybody at the other end of `interface`.
///
/// # Errors
/// No such interface, not permitted, or its queue is full; what was sent until then is under way.
pub fn send(interface: &str, count: usize) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    setsockopt(&socket, sockopt::BindToDevice, &interface.into())?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    for _ in 0..count {
        socket.send_to(&[], (Ipv4Addr::BROADCAST, DISCARD))?;
    }
    Ok(())
}
