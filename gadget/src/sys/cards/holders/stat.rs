//! statx(2) that asks for little: no network file system is spoken to, no automounter woken.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use crate::cards::DeviceNumber;

/// What tells which file something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    /// Its type, as in `st_mode`.
    pub kind: u32,
    /// The file system that it is on.
    pub device: DeviceNumber,
    /// Its number there.
    pub inode: u64,
    /// The device that it is the node of.
    pub node_of: DeviceNumber,
    /// The mount that it was opened through; none before Linux 5.8.
    pub mount: Option<u64>,
}

/// `libc::STATX_MNT_ID`, which not every libc of that crate has.
const MOUNT_ID: u32 = 0x1000;

/// What is at `path`, links followed. Where the answer would have to come from another machine, what the kernel has from
/// before is good enough.
pub(super) fn stat(dir: BorrowedFd<'_>, path: &CStr) -> io::Result<Stat> {
    // SAFETY: all zeroes is a value of it.
    let mut found: libc::statx = unsafe { std::mem::zeroed() };
    let flags = libc::AT_STATX_DONT_SYNC | libc::AT_NO_AUTOMOUNT;
    let mask = libc::STATX_TYPE | libc::STATX_INO | MOUNT_ID;
    // SAFETY: the path ends in a zero byte, and the result is as long as the kernel's.
    let result = unsafe { libc::statx(dir.as_raw_fd(), path.as_ptr(), flags, mask, &raw mut found) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Stat {
        kind: u32::from(found.stx_mode) & libc::S_IFMT,
        device: DeviceNumber { major: found.stx_dev_major, minor: found.stx_dev_minor },
        inode: found.stx_ino,
        node_of: DeviceNumber { major: found.stx_rdev_major, minor: found.stx_rdev_minor },
        mount: (found.stx_mask & MOUNT_ID != 0).then_some(found.stx_mnt_id),
    })
}
