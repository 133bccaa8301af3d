//! What makes a file one of a card: looked up for every open file of every process, so it is a few short sorted lists.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::stat::Stat;
use crate::cards::{Backing, DeviceNumber, HolderKind, ObservedCard};
use crate::gather::Gather;

/// The cards that are to be taken, by what their files have in common. A card is its place in that list.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The numbers of the file systems on them.
    file_systems: Vec<(DeviceNumber, usize)>,
    /// Mounts whose files have other numbers than their file system (the subvolumes of btrfs).
    mounts: Vec<(u64, usize)>,
    /// Image files.
    images: Vec<((DeviceNumber, u64), usize)>,
    /// Their block devices.
    devices: Vec<(DeviceNumber, usize)>,
    /// Sockets bound to a path on one.
    sockets: Vec<(u64, usize, PathBuf)>,
    /// Sockets bound to a path that was relative to where the process was.
    relative_sockets: Vec<(u64, PathBuf)>,
}

impl Targets {
    pub fn of(cards: &[ObservedCard]) -> Self {
        let mut targets = Self::default();
        for (card, observed) in cards.iter().enumerate() {
            let Some(medium) = &observed.medium else { continue };
            for number in medium.numbers() {
                targets.devices.push((number, card));
                targets.file_systems.push((number, card));
            }
            if let Backing::Image { on, inode } = medium.backing {
                targets.images.push(((on, inode), card));
            }
        }
        targets
    }

    /// A mount of a card. Only one whose file system has another number than the device adds anything.
    pub fn add_mount(&mut self, card: usize, id: u32, device: DeviceNumber) {
        if !self.file_systems.contains(&(device, card)) {
            self.file_systems.push((device, card));
        }
        if device.major == 0 {
            self.mounts.push((id.into(), card));
        }
    }

    /// A socket bound to a path on a card.
    pub fn add_socket(&mut self, inode: u64, card: usize, path: PathBuf) {
        let place = self.sockets.partition_point(|(other, ..)| *other < inode);
        self.sockets.insert(place, (inode, card, path));
    }

    /// A socket bound to a path that only its process can tell.
    pub fn add_relative_socket(&mut self, inode: u64, path: PathBuf) {
        let place = self.relative_sockets.partition_point(|(other, _)| *other < inode);
        self.relative_sockets.insert(place, (inode, path));
    }

    /// How the file systems that mapped files can be on look in `/proc/PID/maps`. No other text of a line has this form: what
    /// stands before is in columns, and what stands after belongs to a line that is looked at in vain.
    pub fn marks_in_maps(&self) -> Vec<String> {
        let numbers = self.file_systems.iter().map(|(number, _)| *number);
        let numbers: BTreeSet<_> = numbers.chain(self.images.iter().map(|((number, _), _)| *number)).gather();
        numbers.iter().map(|number| format!(" {:02x}:{:02x} ", number.major, number.minor)).collect()
    }

    /// Whether a card is an image file.
    pub fn is_image(&self, card: usize) -> bool {
        self.images.iter().any(|(_, image)| *image == card)
    }

    /// Whose file it is, and how an open one holds its card.
    pub fn open(&self, stat: &Stat) -> Option<(usize, HolderKind)> {
        let device = || find(&self.devices, &stat.node_of).map(|card| (card, HolderKind::Device));
        let device = if stat.kind == libc::S_IFBLK { device() } else { None };
        device.or_else(|| self.file(stat).map(|card| (card, HolderKind::OpenFile)))
    }

    /// Whose file it is.
    pub fn file(&self, stat: &Stat) -> Option<usize> {
        let by_mount = || find(&self.mounts, &stat.mount?);
        let by_number = || find(&self.images, &(stat.device, stat.inode));
        find(&self.file_systems, &stat.device).or_else(by_mount).or_else(by_number)
    }

    /// Whose file system has that number, or whose image file that is.
    pub fn mapped(&self, device: DeviceNumber, inode: u64) -> Option<usize> {
        find(&self.file_systems, &device).or_else(|| find(&self.images, &(device, inode)))
    }

    /// The path that a socket was bound to, if it is a relative one.
    pub fn relative_socket(&self, inode: u64) -> Option<&PathBuf> {
        let found = self.relative_sockets.binary_search_by_key(&inode, |(inode, _)| *inode).ok()?;
        Some(&self.relative_sockets[found].1)
    }

    /// Which card a socket is bound to, and by what path.
    pub fn socket(&self, inode: u64) -> Option<(usize, &PathBuf)> {
        let found = self.sockets.binary_search_by_key(&inode, |(inode, ..)| *inode).ok()?;
        let (_, card, path) = &self.sockets[found];
        Some((*card, path))
    }
}

/// A handful of entries: looking at each is quicker than any cleverness.
fn find<Key: PartialEq>(list: &[(Key, usize)], key: &Key) -> Option<usize> {
    list.iter().find(|(known, _)| known == key).map(|(_, card)| *card)
}
