//! What a LUN can be given: a block device or an image file.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A device number as the kernel prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceNumber {
    /// The driver.
    pub major: u32,
    /// The device of that driver.
    pub minor: u32,
}

impl std::str::FromStr for DeviceNumber {
    type Err = NoDeviceNumber;

    /// `8:1`, as `mountinfo` and the attribute `dev` in sysfs have it.
    fn from_str(text: &str) -> Result<Self, NoDeviceNumber> {
        let numbers = text
            .trim_end()
            .split_once(':')
            .and_then(|(major, minor)| Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? }));
        numbers.ok_or(NoDeviceNumber)
    }
}

/// A text that is no device number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no device number (MAJOR:MINOR)")]
pub struct NoDeviceNumber;

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

/// What is in a card's slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Medium {
    /// The block device's node or the image file, all symbolic links resolved.
    pub path: PathBuf,
    /// Which of the two it is.
    pub backing: Backing,
    /// In bytes.
    pub size: u64,
    /// The device or file cannot be written.
    pub read_only: bool,
    /// What is on it, as far as its superblock tells.
    pub filesystem: Option<FileSystem>,
}

impl Medium {
    /// The numbers of the block devices that a LUN over it reaches: its own and its partitions'; none for an image file.
    pub fn numbers(&self) -> impl Iterator<Item = DeviceNumber> + '_ {
        let (number, partitions) = match &self.backing {
            Backing::Block { number, partitions } => (Some(*number), partitions.as_slice()),
            Backing::Image { .. } => (None, &[][..]),
        };
        number.into_iter().chain(partitions.iter().copied())
    }

    /// Whether that block device is reached by a LUN over it.
    #[must_use]
    pub fn has(&self, number: DeviceNumber) -> bool {
        self.numbers().any(|own| own == number)
    }
}

/// What kind of thing a medium is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backing {
    /// A whole disk, partition, loop or device-mapper device.
    Block {
        /// Its own number.
        number: DeviceNumber,
        /// The numbers of its partitions, if it is a whole disk.
        partitions: Vec<DeviceNumber>,
    },
    /// A regular file.
    Image {
        /// The file system that it is on.
        on: DeviceNumber,
        /// Its number there.
        inode: u64,
    },
}

/// A file system (or swap area) as its superblock describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// The kernel's word: `vfat`, `exfat`, `ext4`, `ntfs`, `f2fs`, `btrfs`, `iso9660`, `udf`, `swap`…
    pub kind: String,
    /// Its label, if it has one.
    pub label: Option<String>,
    /// Its UUID or serial number in the form of `/dev/disk/by-uuid`.
    pub uuid: Option<String>,
}
