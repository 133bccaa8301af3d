//! The floor: a server that does nothing but receive and send. What it costs is the kernel's and cannot be saved;
//! its DHCP replies only have their kind and address filled in, its DNS replies are put together from constants.

use std::net::UdpSocket;
use std::thread;

use nix::sys::socket::{setsockopt, sockopt};

use crate::Failure;
use crate::cable::{DEVICE_IF, SERVER};

/// Serves until killed.
pub fn serve() -> Result<(), Failure> {
    let dns = UdpSocket::bind((SERVER, 53))?;
    let dhcp = UdpSocket::bind(("0.0.0.0", 67))?;
    setsockopt(&dhcp, sockopt::BindToDevice, &DEVICE_IF.into())?;
    dhcp.set_broadcast(true)?;
    thread::spawn(move || echo_dns(&dns));
    let mut packet = [0; 1500];
    loop {
        let (length, _) = dhcp.recv_from(&mut packet)?;
        if let Some(reply) = dhcp_reply(&mut packet[..length]) {
            dhcp.send_to(reply, "255.255.255.255:68")?;
        }
    }
}

/// Turns DISCOVER into OFFER and REQUEST into ACK, for the options in the order in which the load sends them.
fn dhcp_reply(packet: &mut [u8]) -> Option<&[u8]> {
    let kind = match packet.get(242)? {
        1 => 2,
        _ => 5,
    };
    let address = [192, 168, 2, 100 + packet[33]];
    packet[0] = 2;
    packet[16..20].copy_from_slice(&address);
    packet[242] = kind;
    let mut options = [53, 1, kind, 54, 4, 0, 0, 0, 0, 255];
    options[5..9].copy_from_slice(&SERVER.octets());
    packet[240..250].copy_from_slice(&options);
    Some(packet)
}

fn echo_dns(socket: &UdpSocket) {
    let mut packet = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        packet[2] |= 0x84;
        packet[7] = 1;
        packet[length..length + 12].copy_from_slice(b"\xC0\x0C\0\x01\0\x01\0\0\x01\x2C\0\x04");
        packet[length + 12..length + 16].copy_from_slice(&SERVER.octets());
        let _ = socket.send_to(&packet[..length + 16], from);
    }
}
