//! What was taken from the device, exactly enough to give it back the same.

use std::path::PathBuf;

use super::{Mount, ObservedCard};
use serde::{Deserialize, Serialize};

/// How a card was in use before usbnet took it; kept in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the configuration calls it.
    pub card: String,
    /// The block device or image file.
    pub medium: PathBuf,
    /// Its mounts, in the order in which they were made.
    pub mounts: Vec<MountRecord>,
    /// Its swap areas, in the order of `/proc/swaps`.
    pub swaps: Vec<SwapRecord>,
}

impl Record {
    /// How a card is in use now; none for an empty slot.
    #[must_use]
    pub fn of(card: &ObservedCard) -> Option<Self> {
        Some(Self {
            card: card.name.clone(),
            medium: card.medium.as_ref()?.path.clone(),
            mounts: card.mounts.iter().map(MountRecord::of).collect(),
            swaps: card.swaps.clone(),
        })
    }
}

impl MountRecord {
    /// What it takes to make that mount again.
    #[must_use]
    pub fn of(mount: &Mount) -> Self {
        Self {
            source: mount.source.clone().into(),
            point: mount.point.clone(),
            kind: mount.kind.clone(),
            options: mount.options.clone(),
            super_options: mount.super_options.clone(),
            shared: mount.propagation.shared.is_some(),
            slave: mount.propagation.master.is_some(),
            unbindable: mount.propagation.unbindable,
        }
    }
}

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// The device.
    pub source: PathBuf,
    /// The mount point.
    pub point: PathBuf,
    /// The file system's type.
    pub kind: String,
    /// Options of the mount, as `mountinfo` lists them.
    pub options: String,
    /// Options of the file system, as `mountinfo` lists them.
    pub super_options: String,
    /// It was shared.
    pub shared: bool,
    /// It received from another peer group.
    pub slave: bool,
    /// It could not be bound.
    pub unbindable: bool,
}

/// One swap area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapRecord {
    /// The device or file.
    pub path: PathBuf,
    /// As `/proc/swaps` shows it; negative ones are the kernel's own choice.
    pub priority: i32,
}
