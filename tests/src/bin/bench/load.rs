//! What both kinds of load share: a socket on the host's end, a fixed number of requests in flight, latencies.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};

use crate::Failure;
use crate::cable::HOST_IF;

/// After this long without any reply, what is in flight is sent again.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often in a row nothing may come back before the bench gives up.
const PATIENCE_ROUNDS: u32 = 6;

/// Requests of one kind, some of them in flight at a time.
pub trait Load {
    /// Writes what `client` sends next into `packet`.
    fn next(&mut self, client: usize, packet: &mut Vec<u8>);
    /// Reads a packet that came in.
    fn receive(&mut self, packet: &[u8]) -> Received;
}

/// What a packet was.
pub enum Received {
    /// Nothing that was waited for.
    Stray,
    /// A step in the middle of what this client does; its next packet is to be sent.
    Step(usize),
    /// The end of what this client does.
    Done(usize),
}

/// How it went.
pub struct Outcome {
    pub elapsed: Duration,
    /// Half of the requests took at most this long.
    pub p50: Duration,
    /// How often what was in flight had to be sent again.
    pub stalls: u32,
}

/// A UDP socket on the host's end of the cable.
pub fn open(port: u16) -> Result<UdpSocket, Failure> {
    let fd: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::Broadcast, &true)?;
    setsockopt(&fd.as_fd(), sockopt::BindToDevice, &HOST_IF.into())?;
    bind(
        std::os::fd::AsRawFd::as_raw_fd(&fd),
        &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)),
    )?;
    let socket = UdpSocket::from(fd);
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Keeps `clients` requests in flight until `total` are done.
pub fn run(
    load: &mut impl Load,
    socket: &UdpSocket,
    to: SocketAddrV4,
    clients: usize,
    total: usize,
) -> Result<Outcome, Failure> {
    let mut latencies = Vec::with_capacity(total);
    let mut packets = vec![Vec::with_capacity(600); clients];
    let mut begun = vec![Instant::now(); clients];
    let mut buffer = [0; 1500];
    let (mut stalls, mut silent) = (0, 0);
    let start = Instant::now();
    for (client, packet) in packets.iter_mut().enumerate() {
        load.next(client, packet);
        begun[client] = Instant::now();
        socket.send_to(packet, to)?;
    }
    while latencies.len() < total {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                (stalls, silent) = (stalls + 1, silent + 1);
                if silent > PATIENCE_ROUNDS {
                    return Err(Failure::Silent { done: latencies.len() });
                }
                packets.iter().try_for_each(|packet| socket.send_to(packet, to).map(drop))?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let client = match load.receive(&buffer[..length]) {
            Received::Stray => continue,
            Received::Step(client) => client,
            Received::Done(client) => {
                latencies.push(begun[client].elapsed());
                begun[client] = Instant::now();
                client
            }
        };
        silent = 0;
        load.next(client, &mut packets[client]);
        socket.send_to(&packets[client], to)?;
    }
    let elapsed = start.elapsed();
    latencies.sort_unstable();
    Ok(Outcome { elapsed, p50: latencies[latencies.len() / 2], stalls })
}

/// Sends what the first client sends, every half millisecond, until the first reply. For the start of a server.
pub fn first_reply(load: &mut impl Load, socket: &UdpSocket, to: SocketAddrV4) -> Result<Instant, Failure> {
    let mut packet = Vec::new();
    load.next(0, &mut packet);
    socket.set_read_timeout(Some(Duration::from_micros(500)))?;
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut buffer = [0; 1500];
    while Instant::now() < deadline {
        // Nobody may be listening yet, which a connectionless socket can only ignore.
        let _ = socket.send_to(&packet, to);
        if let Ok(length) = socket.recv(&mut buffer)
            && !matches!(load.receive(&buffer[..length]), Received::Stray)
        {
            socket.set_read_timeout(Some(PATIENCE))?;
            return Ok(Instant::now());
        }
    }
    Err(Failure::Silent { done: 0 })
}
