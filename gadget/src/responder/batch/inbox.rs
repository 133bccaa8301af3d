//! Receiving: `recvmmsg(2)` into buffers that stay.

use super::{CONTROL, COUNT, Control, SIZE, SLOTS, length_of};
use nix::errno::Errno;
use std::mem::{offset_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Datagrams received together.
pub(in super::super) struct Inbox {
    buffers: Vec<[u8; SIZE]>,
    controls: [Control; SLOTS],
    senders: [libc::sockaddr_in; SLOTS],
    /// Pointers in it are set for each call and not followed afterwards.
    headers: [libc::mmsghdr; SLOTS],
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Datagram<'a> {
    pub bytes: &'a [u8],
    pub from: SocketAddrV4,
    /// Index of the interface it came in on, if the kernel says (`IP_PKTINFO`).
    pub interface: Option<u32>,
    /// It was longer than [`SIZE`].
    pub cut: bool,
}

impl Inbox {
    pub fn new() -> Self {
        Self {
            buffers: vec![[0; SIZE]; SLOTS],
            controls: [Control([0; CONTROL]); SLOTS],
            // SAFETY: plain data of the kernel's, for which all zeroes is a value.
            senders: unsafe { zeroed() },
            // SAFETY: as above.
            headers: unsafe { zeroed() },
        }
    }

    /// Takes what is waiting on a socket without blocking, up to [`SLOTS`] datagrams.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> nix::Result<impl Iterator<Item = Datagram<'_>>> {
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: SIZE }; SLOTS];
        for (i, vector) in vectors.iter_mut().enumerate() {
            vector.iov_base = self.buffers[i].as_mut_ptr().cast();
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = (&raw mut self.senders[i]).cast();
            header.msg_namelen = length_of::<libc::sockaddr_in>();
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
            header.msg_flags = 0;
        }
        let headers = self.headers.as_mut_ptr();
        // SAFETY: every header points to a name, a vector with a buffer, and a control buffer of
        // its own, of the lengths given, all of which live in `self` or `vectors` during the call.
        let count = unsafe {
            libc::recvmmsg(socket.as_raw_fd(), headers, COUNT, libc::MSG_DONTWAIT as _, std::ptr::null_mut())
        };
        let count = Errno::result(count)?.unsigned_abs() as usize;
        Ok((0..count.min(SLOTS)).map(|i| self.datagram(i)))
    }

    fn datagram(&self, i: usize) -> Datagram<'_> {
        let (header, sender) = (&self.headers[i], &self.senders[i]);
        #[allow(clippy::unnecessary_cast, reason = "a u32 in musl")]
        let control = (header.msg_hdr.msg_controllen as usize).min(CONTROL);
        let address = Ipv4Addr::from_bits(u32::from_be(sender.sin_addr.s_addr));
        Datagram {
            bytes: &self.buffers[i][..(header.msg_len as usize).min(SIZE)],
            from: SocketAddrV4::new(address, u16::from_be(sender.sin_port)),
            interface: interface(&self.controls[i].0[..control]),
            cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        }
    }
}

/// The interface in the one control message there is (ip(7): `IP_PKTINFO`).
pub(super) fn interface(control: &[u8]) -> Option<u32> {
    let number = |offset: usize| -> Option<i32> {
        let bytes = control.get(offset..)?.first_chunk()?;
        Some(i32::from_ne_bytes(*bytes))
    };
    let level = number(offset_of!(libc::cmsghdr, cmsg_level))?;
    let kind = number(offset_of!(libc::cmsghdr, cmsg_type))?;
    // SAFETY: computes a length, touches no memory.
    let data = unsafe { libc::CMSG_LEN(0) } as usize;
    let index = number(data + offset_of!(libc::in_pktinfo, ipi_ifindex))?;
    ((level, kind) == (libc::IPPROTO_IP, libc::IP_PKTINFO)).then(|| u32::try_from(index).ok())?
}
