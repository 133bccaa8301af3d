//! The mounts of a name space, with the block devices behind them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::blocks::Blocks;
use super::error::CardError;
use crate::cards::{DeviceNumber, Medium, Mount, mountinfo};
use crate::gather::Gather;

/// The mounts of one mount name space.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the kernel's order.
    pub mounts: Vec<Mount>,
    /// The block devices of file systems that have a number of their own (btrfs), by that number.
    blocks: BTreeMap<DeviceNumber, DeviceNumber>,
}

impl Table {
    /// The mounts that `process` (`/proc/self`, `/proc/812`) sees.
    ///
    /// # Errors
    /// They cannot be read or understood.
    pub fn of(process: &Path, blocks: &Blocks) -> Result<Self, CardError> {
        let path = process.join("mountinfo");
        let bytes = fs::read(&path).map_err(|cause| CardError::Read { path: path.clone(), cause })?;
        let mounts = mountinfo::parse(&bytes).map_err(|cause| CardError::Mountinfo { path, cause })?;
        let own_number = |mount: &&Mount| mount.device.major == 0 && mount.source.starts_with('/');
        let numbers = mounts.iter().filter(own_number);
        let blocks = numbers
            .filter_map(|mount| Some((mount.device, blocks.number_of(Path::new(&mount.source))?)))
            .gather();
        Ok(Self { mounts, blocks })
    }

    /// The block device that a mounted file system is on.
    #[must_use]
    pub fn block_of(&self, mount: &Mount) -> DeviceNumber {
        self.blocks.get(&mount.device).copied().unwrap_or(mount.device)
    }

    /// Whether a mount is one of the medium's file systems.
    #[must_use]
    pub fn is_of(&self, mount: &Mount, medium: &Medium) -> bool {
        medium.has(self.block_of(mount))
    }

    /// The uppermost mount on a place.
    #[must_use]
    pub fn on(&self, point: &Path) -> Option<&Mount> {
        self.mounts.iter().rev().find(|mount| mount.point == point)
    }

    /// The mount that a path is in.
    #[must_use]
    pub fn around(&self, path: &Path) -> Option<&Mount> {
        path.ancestors().find_map(|point| self.on(point))
    }

    /// The block devices that a mount is on: its own, or, for an overlay, those of its layers.
    #[must_use]
    pub fn under(&self, mount: &Mount) -> Vec<DeviceNumber> {
        if mount.kind != "overlay" {
            return vec![self.block_of(mount)];
        }
        let layers = mount.super_options.split(',').filter_map(|option| {
            let (key, value) = option.split_once('=')?;
            matches!(key, "lowerdir" | "upperdir" | "lowerdir+").then_some(value)
        });
        let paths = layers.flat_map(|layers| layers.split(':')).map(PathBuf::from);
        let mounts = paths.filter_map(|path| self.around(&path));
        // An overlay over an overlay is left at that: it ends at the second one's number, which no medium has.
        mounts.map(|mount| self.block_of(mount)).collect()
    }
}
