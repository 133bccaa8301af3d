//! Mounts as `/proc/PID/mountinfo` lists them (proc(5)), and questions about their tree.

use std::path::PathBuf;

use super::DeviceNumber;

/// One line of `mountinfo`, octal escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its number in the kernel; may be used again once it is gone.
    pub id: u32,
    /// The number of the mount that its mount point is in.
    pub parent: u32,
    /// The file system's device.
    pub device: DeviceNumber,
    /// The directory of the file system that is mounted: `/`, or another for a bind mount of a part.
    pub root: PathBuf,
    /// Where.
    pub point: PathBuf,
    /// Options of this mount: `rw,nosuid,noatime`.
    pub options: String,
    /// How it hands mounts on.
    pub propagation: Propagation,
    /// The file system's type.
    pub kind: String,
    /// Its source, usually a device's path.
    pub source: String,
    /// Options of the file system: `rw,fmask=0022`.
    pub super_options: String,
}

/// The optional fields of a line (`Documentation/filesystems/sharedsubtree.rst`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Propagation {
    /// Its peer group, if it is shared.
    pub shared: Option<u32>,
    /// The peer group that it receives from, if it is a slave.
    pub master: Option<u32>,
    /// It cannot be bound.
    pub unbindable: bool,
}
