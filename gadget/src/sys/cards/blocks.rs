//! Block devices as sysfs shows them: numbers, nodes, sizes, partitions, and what is over and under them.
//!
//! Sources: `Documentation/ABI/stable/sysfs-block`, `Documentation/ABI/testing/sysfs-block-loop`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::cards::DeviceNumber;
use crate::gather::Gather;

/// The block devices of a system.
#[derive(Debug, Clone)]
pub struct Blocks {
    sys: PathBuf,
    dev: PathBuf,
}

/// A device number from `st_dev` or `st_rdev`.
#[must_use]
pub fn number(device: u64) -> DeviceNumber {
    DeviceNumber { major: libc::major(device), minor: libc::minor(device) }
}

impl Blocks {
    /// `sys` and `dev` are normally `/sys` and `/dev`.
    #[must_use]
    pub const fn at(sys: PathBuf, dev: PathBuf) -> Self {
        Self { sys, dev }
    }

    /// Where nodes are.
    #[must_use]
    pub fn dev(&self) -> &Path {
        &self.dev
    }

    fn dir(&self, number: DeviceNumber) -> PathBuf {
        self.sys.join("dev/block").join(number.to_string())
    }

    fn attribute(&self, number: DeviceNumber, name: &str) -> Option<String> {
        Some(fs::read_to_string(self.dir(number).join(name)).ok()?.trim_end().to_owned())
    }

    /// Whether there is a block device of that number.
    #[must_use]
    pub fn exists(&self, number: DeviceNumber) -> bool {
        self.dir(number).exists()
    }

    /// The number of the block device that a path leads to: of the node, or, below `/dev`, by the name that sysfs has for it.
    #[must_use]
    pub fn number_of(&self, path: &Path) -> Option<DeviceNumber> {
        let path = fs::canonicalize(path).ok()?;
        let metadata = fs::metadata(&path).ok()?;
        if metadata.file_type().is_block_device() {
            return Some(number(metadata.rdev()));
        }
        let dev = fs::canonicalize(&self.dev).ok()?;
        // sysfs has an exclamation mark where a device's name has a slash.
        let name = path.strip_prefix(dev).ok()?.to_str()?.replace('/', "!");
        read_number(&self.sys.join("class/block").join(name))
    }

    /// Whether it is a part of another device, whose directory in sysfs is `device`.
    #[must_use]
    pub fn is_below(&self, number: DeviceNumber, device: &Path) -> bool {
        fs::canonicalize(self.dir(number)).is_ok_and(|dir| dir.starts_with(device))
    }

    /// The device's node: the kernel's own name for it.
    #[must_use]
    pub fn node(&self, number: DeviceNumber) -> Option<PathBuf> {
        let uevent = self.attribute(number, "uevent")?;
        let name = uevent.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
        Some(self.dev.join(name))
    }

    /// In bytes; 0 is a slot without a medium.
    #[must_use]
    pub fn size(&self, number: DeviceNumber) -> u64 {
        // Sectors are of 512 bytes here, whatever the device's own are.
        let sectors = self.attribute(number, "size").and_then(|size| size.parse::<u64>().ok());
        sectors.unwrap_or(0).saturating_mul(512)
    }

    /// Whether it refuses writes.
    #[must_use]
    pub fn is_read_only(&self, number: DeviceNumber) -> bool {
        self.attribute(number, "ro").as_deref() == Some("1")
    }

    /// Its partitions, by number.
    #[must_use]
    pub fn partitions(&self, number: DeviceNumber) -> Vec<DeviceNumber> {
        let parts = entries(&self.dir(number)).into_iter().filter(|path| path.join("partition").exists());
        parts.filter_map(|path| read_number(&path)).sorted_by(Ord::cmp)
    }

    /// The whole disk: itself, or what it is a partition of.
    #[must_use]
    pub fn disk(&self, number: DeviceNumber) -> DeviceNumber {
        let dir = self.dir(number);
        if !dir.join("partition").exists() {
            return number;
        }
        let parent = fs::canonicalize(dir).ok().and_then(|dir| read_number(dir.parent()?));
        parent.unwrap_or(number)
    }

    /// The devices made over it (device-mapper, RAID, bcache), by the names that users know.
    #[must_use]
    pub fn over(&self, number: DeviceNumber) -> Vec<PathBuf> {
        let holders = entries(&self.dir(number).join("holders"));
        let name = |path: &PathBuf| {
            let mapped = fs::read_to_string(path.join("dm/name")).ok();
            let mapped = mapped.map(|name| self.dev.join("mapper").join(name.trim_end()));
            mapped.or_else(|| Some(self.dev.join(path.file_name()?)))
        };
        holders.iter().filter_map(name).collect()
    }

    /// The device itself, and every one under it: what device-mapper and RAID devices are made of, and what the files of
    /// loop devices are on.
    #[must_use]
    pub fn under(&self, number: DeviceNumber) -> BTreeSet<DeviceNumber> {
        let mut found = BTreeSet::new();
        let mut next = vec![number];
        while let Some(number) = next.pop() {
            if !found.insert(number) {
                continue;
            }
            next.extend(
                entries(&self.dir(number).join("slaves")).iter().filter_map(|path| read_number(path)),
            );
            if let Some(backing) = self.loop_backing(number) {
                let file = fs::metadata(&backing).ok().map(|metadata| self::number(metadata.dev()));
                next.extend(self.number_of(&backing).or(file));
            }
        }
        found
    }

    /// The file that a loop device is over, as the kernel names it.
    #[must_use]
    pub fn loop_backing(&self, number: DeviceNumber) -> Option<PathBuf> {
        let disk = self.disk(number);
        self.attribute(disk, "loop/backing_file").map(PathBuf::from)
    }

    /// Every block device, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(String, DeviceNumber)> {
        let named = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), read_number(&path)?));
        entries(&self.sys.join("class/block")).into_iter().filter_map(named).collect()
    }
}

/// The attribute `dev` of a device's directory.
fn read_number(dir: &Path) -> Option<DeviceNumber> {
    fs::read_to_string(dir.join("dev")).ok()?.parse().ok()
}

/// What is in a directory, by name; nothing if it is none.
fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).sorted_by(Ord::cmp)
}
