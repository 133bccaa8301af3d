//! Memory cards: who has one, what keeps it busy, and what is needed to give it back. Values and rules only.
//!
//! Never looks at the system and never changes it: `sys::cards` observes and acts.

pub mod checker;
pub mod fstab;
mod holder;
mod medium;
mod mount;
pub mod mountinfo;
pub mod options;
mod record;
pub mod rules;
pub mod superblock;
pub mod swaps;
pub mod tree;
mod used;

pub use holder::{Holder, HolderKind};
pub use medium::{Backing, DeviceNumber, FileSystem, Medium, NoDeviceNumber};
pub use mount::{Mount, Propagation};
pub use record::{MountRecord, Record, SwapRecord};
pub use used::Used;

/// A configured card as it is now, or one that usbnet took and that is not configured any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCard {
    /// What the configuration calls it: a mount point, a path, `LABEL=…` or `UUID=…`.
    pub name: String,
    /// Its place in the configuration, which is its LUN; none for a card that is only in the journal.
    pub lun: Option<usize>,
    /// What a LUN would get; none while the slot is empty.
    pub medium: Option<Medium>,
    /// Its own mounts now, in the order in which they were made.
    pub mounts: Vec<Mount>,
    /// Its swap areas that are in use, in the order of `/proc/swaps`.
    pub swaps: Vec<SwapRecord>,
    /// How it was mounted before usbnet took it.
    pub record: Option<Record>,
    /// Whether usbnet keeps everything else on the device from mounting it.
    pub held: bool,
}
