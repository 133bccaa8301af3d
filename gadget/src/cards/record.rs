//! What was taken from the device, exactly enough to give it back the same.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

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

    /// How a card is in use now, and was as far as it has not been given back since it was taken last; then it may have been
    /// put in again, and have another name by now.
    #[must_use]
    pub fn renewed(card: &ObservedCard) -> Option<Self> {
        let mut now = Self::of(card)?;
        let before = card.record.as_ref();
        for mount in before.into_iter().flat_map(|record| record.mounts_on(&now.medium)) {
            if !now.mounts.iter().any(|there| there.source == mount.source) {
                now.mounts.push(mount);
            }
        }
        let same = before.filter(|record| record.medium == now.medium);
        for swap in same.into_iter().flat_map(|record| &record.swaps) {
            if !now.swaps.iter().any(|there| there.path == swap.path) {
                now.swaps.push(swap.clone());
            }
        }
        Some(now)
    }

    /// Its mounts, from `medium`: of another one only those that were from the old one.
    fn mounts_on(&self, medium: &Path) -> Vec<MountRecord> {
        let moved = self.mounts.iter().map(|mount| (mount, mount.moved(&self.medium, medium)));
        let fits = |(before, now): &(&MountRecord, MountRecord)| self.medium == medium || **before != *now;
        moved.filter(fits).map(|(_, now)| now).collect()
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
            unbindable: mount.propagation.unbindable,
        }
    }

    /// The same of a card whose device has another name by now: it was pulled out and put in again.
    #[must_use]
    pub fn moved(&self, before: &Path, now: &Path) -> Self {
        let mut moved = self.clone();
        if let Some(partition) =
            self.source.as_os_str().as_bytes().strip_prefix(before.as_os_str().as_bytes())
        {
            moved.source = OsString::from_vec([now.as_os_str().as_bytes(), partition].concat()).into();
        }
        moved
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
