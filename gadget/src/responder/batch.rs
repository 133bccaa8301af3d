//! Datagrams in batches: one system call for up to [`SLOTS`] of them, buffers allocated once.
//!
//! Decides nothing. Buffers are bounded: what does not fit is marked as cut off, never grown for.

mod inbox;
mod outbox;

pub(super) use inbox::{Datagram, Inbox};
#[cfg(test)]
pub(super) use outbox::Sent;
pub(super) use outbox::{Outbox, Target};

/// Datagrams of one system call.
pub(super) const SLOTS: usize = 16;
/// The same, as the kernel counts.
const COUNT: libc::c_uint = 16;
const _: () = assert!(COUNT as usize == SLOTS);
/// The longest datagram that is looked at, in bytes: a full Ethernet frame's.
pub(super) const SIZE: usize = 1500;
/// Room for `IP_PKTINFO`, the only control message there is.
const CONTROL: usize = 48;

/// A buffer for control messages, aligned as their header needs it.
#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// The size of a `T` as the socket calls want it.
const fn length_of<T>() -> libc::socklen_t {
    assert!(size_of::<T>() <= 128);
    #[expect(clippy::cast_possible_truncation, reason = "at most 128, see above")]
    let length = size_of::<T>() as libc::socklen_t;
    length
}

#[cfg(test)]
mod tests;
