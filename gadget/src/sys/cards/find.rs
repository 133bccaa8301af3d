//! Which medium a card's name leads to.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};

use super::blocks::{Blocks, number};
use super::error::CardError;
use super::table::Table;
use crate::cards::fstab::{self, Source};
use crate::cards::superblock::{ReadAt, probe};
use crate::cards::{Backing, DeviceNumber, FileSystem, Medium, Record};
use crate::config::CardPlace;
use crate::printable::printable;

/// What a name leads to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The device or image file, if there is one.
    pub medium: Option<PathBuf>,
    /// The mount point by which it is named.
    pub point: Option<PathBuf>,
}

/// Where names are looked up.
pub(super) struct Finder<'a> {
    pub blocks: &'a Blocks,
    pub table: &'a Table,
    pub etc: &'a Path,
}

impl Finder<'_> {
    /// Follows a card's name: to what is mounted there, else to what usbnet took from there, else to what should be there.
    pub fn find(&self, place: &CardPlace, record: Option<&Record>, is_held: bool) -> Found {
        let point = match place {
            CardPlace::Path(path) => self.mount_point(path, record),
            CardPlace::Label(_) | CardPlace::Uuid(_) => None,
        };
        let mounted = point.as_ref().and_then(|point| self.mounted(point));
        let recorded = record.map(|record| record.medium.clone());
        let held = recorded.clone().filter(|_| is_held);
        let recorded = || recorded.filter(|medium| medium.exists());
        // Whatever was mounted there since is not what is held.
        let medium = held.or(mounted).or_else(|| match place {
            CardPlace::Path(path) if point.is_some() => recorded().or_else(|| self.in_fstab(path)),
            CardPlace::Path(path) => Some(path.clone()),
            // Another card may be where the recorded one was. Or it is that one, and the host has formatted it.
            CardPlace::Label(label) => self.by_label(label).or_else(recorded),
            CardPlace::Uuid(uuid) => self.by_uuid(uuid).or_else(recorded),
        });
        Found { medium, point }
    }

    /// The path without symbolic links, if it is a mount point, was one, or should be one.
    fn mount_point(&self, path: &Path, record: Option<&Record>) -> Option<PathBuf> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let was = || record.is_some_and(|record| record.mounts.iter().any(|mount| mount.point == real));
        (real.is_dir() || was() || self.in_fstab(path).is_some()).then_some(real)
    }

    /// The device behind the uppermost mount there that has one.
    fn mounted(&self, point: &Path) -> Option<PathBuf> {
        let on = self.table.mounts.iter().rev().filter(|mount| mount.point == point);
        on.map(|mount| self.table.block_of(mount)).find_map(|number| self.blocks.node(number))
    }

    fn in_fstab(&self, point: &Path) -> Option<PathBuf> {
        let text = fs::read(self.etc.join("fstab")).ok()?;
        match fstab::source_of(&text, point)? {
            Source::Path(path) => Some(path),
            Source::Label(label) => self.by_label(&label),
            Source::Uuid(uuid) => self.by_uuid(&uuid),
            Source::Link(link) => existing(self.blocks.dev().join("disk").join(link)),
        }
    }

    fn by_label(&self, label: &str) -> Option<PathBuf> {
        let links = self.blocks.dev().join("disk");
        let link = links.join("by-label").join(fstab::encode(label));
        let shown = printable(label);
        self.linked(&links, [link], |filesystem| filesystem.label.as_deref() == Some(shown.as_str()))
    }

    fn by_uuid(&self, uuid: &str) -> Option<PathBuf> {
        let links = self.blocks.dev().join("disk");
        // FAT and NTFS have theirs in capitals, all others in small letters.
        let forms = [uuid.to_owned(), uuid.to_ascii_uppercase(), uuid.to_ascii_lowercase()];
        let forms = forms.map(|form| links.join("by-uuid").join(fstab::encode(&form)));
        self.linked(&links, forms, |filesystem| {
            filesystem.uuid.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(uuid))
        })
    }

    /// What one of udev's links leads to; where nothing keeps such links, what every block device has in its superblock.
    fn linked(
        &self,
        links: &Path,
        wanted: impl IntoIterator<Item = PathBuf>,
        is: impl Fn(&FileSystem) -> bool,
    ) -> Option<PathBuf> {
        if links.is_dir() {
            return wanted.into_iter().find_map(existing);
        }
        let devices = self.blocks.all().into_iter();
        let real = devices.filter(|(name, _)| !name.starts_with("ram") && !name.starts_with("zram"));
        let sized = real.filter(|(_, number)| self.blocks.size(*number) > 0);
        let mut nodes = sized.filter_map(|(_, number)| self.blocks.node(number));
        nodes.find(|node| read_superblock(node).is_some_and(|filesystem| is(&filesystem)))
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// The medium at a path; none if there is nothing, or a slot without a card.
///
/// # Errors
/// There is something, but nothing that a LUN can be given.
pub(super) fn medium(card: &str, path: &Path, blocks: &Blocks) -> Result<Option<Medium>, CardError> {
    let Ok(path) = fs::canonicalize(path) else { return Ok(None) };
    if let Some(number) = blocks.number_of(&path) {
        return Ok(block(path, number, blocks));
    }
    let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
    let kind = metadata.file_type();
    if kind.is_dir() || kind.is_block_device() {
        // A mount point with nothing on it, or a node without a device.
        return Ok(None);
    }
    if !kind.is_file() {
        return Err(CardError::NotACard { card: card.to_owned(), path });
    }
    let read_only = statvfs(&path).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY));
    let filesystem = read_superblock(&path);
    let backing = Backing::Image { on: number(metadata.dev()), inode: metadata.ino() };
    Ok(Some(Medium { path, backing, size: metadata.len(), read_only, filesystem }))
}

fn block(path: PathBuf, number: DeviceNumber, blocks: &Blocks) -> Option<Medium> {
    let size = blocks.size(number);
    if size == 0 {
        return None;
    }
    let partitions = blocks.partitions(number);
    let on_partition = || {
        let nodes = partitions.iter().filter_map(|number| blocks.node(*number));
        nodes.filter_map(|node| read_superblock(&node)).next()
    };
    let filesystem = read_superblock(&path).or_else(on_partition);
    let read_only = blocks.is_read_only(number);
    Some(Medium { path, backing: Backing::Block { number, partitions }, size, read_only, filesystem })
}

/// What is on a device or in an image, as far as it can be read.
pub(super) fn read_superblock(path: &Path) -> Option<FileSystem> {
    probe(&FileAt::open(path).ok()?)
}

/// A device or image, to read superblocks from.
pub(super) struct FileAt(File);

impl FileAt {
    pub fn open(path: &Path) -> Result<Self, CardError> {
        File::open(path).map(Self).map_err(|cause| CardError::Read { path: path.to_owned(), cause })
    }
}

impl ReadAt for FileAt {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> bool {
        self.0.read_exact_at(buffer, offset).is_ok()
    }
}
