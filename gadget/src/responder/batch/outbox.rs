//! Sending: `sendmmsg(2)` of replies that were written into buffers that stay.

use super::super::frame::{self, HEADERS};
use super::{CONTROL, Control, SLOTS, length_of};
use nix::errno::Errno;
use nix::sys::socket::SockaddrIn;
use std::mem::{offset_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Where a reply goes and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Target {
    /// Through a UDP socket; `from` is needed where the socket has no address of its own.
    Udp { to: SocketAddrV4, from: Option<Ipv4Addr> },
    /// Through the packet socket, to a hardware address, without ARP and routes.
    Frame { index: u32, mac: [u8; 6], from: Ipv4Addr, to: Ipv4Addr },
}

/// What became of the replies of one [`Outbox::flush`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Sent {
    /// How many the kernel did not take.
    pub unsent: u64,
    /// Why it did not take the last of those.
    pub reason: Option<Errno>,
}

/// Replies that leave together.
pub(in super::super) struct Outbox {
    slots: Vec<Slot>,
    used: usize,
}

struct Slot {
    payload: Vec<u8>,
    headers: [u8; HEADERS],
    target: Target,
}

/// The kernel's view of a target.
#[derive(Clone, Copy)]
union Name {
    inet: libc::sockaddr_in,
    link: libc::sockaddr_ll,
}

impl Outbox {
    pub fn new() -> Self {
        let to = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let slot =
            || Slot { payload: Vec::new(), headers: [0; HEADERS], target: Target::Udp { to, from: None } };
        Self { slots: std::iter::repeat_with(slot).take(SLOTS).collect(), used: 0 }
    }

    /// The buffer of the next reply; [`Outbox::push`] makes it one. None while [`SLOTS`] are waiting.
    pub fn next(&mut self) -> Option<&mut Vec<u8>> {
        self.slots.get_mut(self.used).map(|slot| &mut slot.payload)
    }

    /// Addresses what was written into the buffer that [`Outbox::next`] gave.
    pub fn push(&mut self, target: Target) {
        let Some(slot) = self.slots.get_mut(self.used) else { return };
        if let Target::Frame { from, to, .. } = target {
            // A reply that fits no datagram is not made by anybody; nothing is sent then.
            let Some(headers) = frame::headers(from, to, &slot.payload) else { return };
            slot.headers = headers;
        }
        slot.target = target;
        self.used += 1;
    }

    /// Sends all of them; frames through `packet`, the others through `udp`. Never blocks: what
    /// the kernel has no room for is dropped, as the network might have done.
    pub fn flush(&mut self, udp: BorrowedFd<'_>, packet: Option<BorrowedFd<'_>>) -> Sent {
        let mut sent = Sent::default();
        self.send(udp, |target| matches!(target, Target::Udp { .. }), &mut sent);
        if let Some(packet) = packet {
            self.send(packet, |target| matches!(target, Target::Frame { .. }), &mut sent);
        }
        self.used = 0;
        sent
    }

    fn send(&mut self, socket: BorrowedFd<'_>, through: fn(&Target) -> bool, sent: &mut Sent) {
        // SAFETY: plain data of the kernel's, for which all zeroes is a value.
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut names: [Name; SLOTS] = unsafe { zeroed() };
        // SAFETY: as above.
        let mut vectors: [[libc::iovec; 2]; SLOTS] = unsafe { zeroed() };
        let mut controls = [Control([0; CONTROL]); SLOTS];
        let mut count = 0;
        for slot in self.slots[..self.used].iter_mut().filter(|slot| through(&slot.target)) {
            let header = &mut headers[count].msg_hdr;
            let (name, control) = (&mut names[count], &mut controls[count]);
            let length = match slot.target {
                Target::Udp { to, from } => {
                    name.inet = *SockaddrIn::from(to).as_ref();
                    if let Some(from) = from {
                        header.msg_controllen = pktinfo(&mut control.0, from) as _;
                        header.msg_control = control.0.as_mut_ptr().cast();
                    }
                    length_of::<libc::sockaddr_in>()
                }
                Target::Frame { index, mac, .. } => {
                    name.link = link(index, mac);
                    length_of::<libc::sockaddr_ll>()
                }
            };
            let skip = usize::from(matches!(slot.target, Target::Udp { .. }));
            vectors[count] = [vector(&mut slot.headers), vector(&mut slot.payload)];
            header.msg_iov = vectors[count][skip..].as_mut_ptr();
            header.msg_iovlen = (2 - skip) as _;
            header.msg_name = (&raw mut *name).cast();
            header.msg_namelen = length;
            count += 1;
        }
        let mut rest = &mut headers[..count];
        while let Ok(length @ 1..) = libc::c_uint::try_from(rest.len()) {
            // SAFETY: every header points to a name, vectors and a control buffer of its own, of
            // the lengths given, all of which live in `self.slots` or on this stack.
            let result = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), length, FLAGS as _) };
            let done = match Errno::result(result) {
                Ok(done) => (done.unsigned_abs() as usize).clamp(1, rest.len()),
                // The first of them failed; the next may go elsewhere.
                Err(errno) => {
                    sent.unsent += 1;
                    sent.reason = Some(errno);
                    1
                }
            };
            rest = &mut rest[done..];
        }
    }
}

const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// The constants of the C headers, as wide as the structure has them.
const AF_PACKET: u16 = 17;
const ETH_P_IP: u16 = 0x0800;
const _: () = assert!(AF_PACKET as i32 == libc::AF_PACKET && ETH_P_IP as i32 == libc::ETH_P_IP);

fn vector(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

/// An Ethernet address behind an interface (packet(7)).
fn link(index: u32, mac: [u8; 6]) -> libc::sockaddr_ll {
    let mut address = [0; 8];
    address[..6].copy_from_slice(&mac);
    libc::sockaddr_ll {
        sll_family: AF_PACKET,
        sll_protocol: ETH_P_IP.to_be(),
        sll_ifindex: index.cast_signed(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: address,
    }
}

/// Writes the control message that says where a datagram comes from (ip(7): `IP_PKTINFO`);
/// returns its length.
pub(super) fn pktinfo(control: &mut [u8; CONTROL], from: Ipv4Addr) -> usize {
    let size = length_of::<libc::in_pktinfo>();
    // SAFETY: these compute lengths and touch no memory.
    let (data, length, space) = unsafe {
        (libc::CMSG_LEN(0) as usize, libc::CMSG_LEN(size) as usize, libc::CMSG_SPACE(size) as usize)
    };
    let mut put = |offset: usize, bytes: &[u8]| control[offset..offset + bytes.len()].copy_from_slice(bytes);
    // The kernel's `cmsg_len` is a size_t, whatever the C library declares and pads.
    put(0, &length.to_ne_bytes());
    put(offset_of!(libc::cmsghdr, cmsg_level), &libc::IPPROTO_IP.to_ne_bytes());
    put(offset_of!(libc::cmsghdr, cmsg_type), &libc::IP_PKTINFO.to_ne_bytes());
    put(data + offset_of!(libc::in_pktinfo, ipi_spec_dst), &from.octets());
    space
}
