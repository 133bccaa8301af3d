//! The profile tree as a small disk: FAT, which every host reads, without a partition table.
//!
//! The same facts give the same bytes: no clock and no chance is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Write};

use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use sha2::{Digest, Sha256};
use usbnet_host_profiles::{self as profiles, Entry, LinkFacts};

/// The volume's label.
pub const IMAGE_LABEL: &str = "USBNET";

/// In bytes; a cluster has one.
const SECTOR: usize = 512;
/// Of a directory: 32 bytes an entry, 13 characters of a long name in each.
const NAME_PER_ENTRY: usize = 13;
const ENTRIES_PER_CLUSTER: usize = SECTOR / 32;
/// In entries; a whole number of sectors.
const ROOT_ENTRIES: u16 = 512;
/// What an image's size is a multiple of.
const GRAIN: usize = 16 * 1024;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The profiles cannot be made.
    #[error(transparent)]
    Profiles(#[from] profiles::ProfileError),
    /// They do not fit, which would be a fault of this program.
    #[error("the profiles cannot be put on a disk: {0}; please report this")]
    Fat(#[from] io::Error),
}

/// The disk with every profile of these facts.
///
/// # Errors
/// See [`ImageError`].
pub fn image(facts: &LinkFacts) -> Result<Vec<u8>, ImageError> {
    let entries = profiles::tree(facts)?;
    let mut disk = Cursor::new(vec![0; size(&entries)]);
    let options = FormatVolumeOptions::new()
        .bytes_per_cluster(512)
        .max_root_dir_entries(ROOT_ENTRIES)
        .volume_label(label())
        .volume_id(volume_id(&entries));
    format_volume(&mut disk, options)?;
    let volume = FileSystem::new(&mut disk, FsOptions::new())?;
    for entry in &entries {
        let root = volume.root_dir();
        for (end, _) in entry.path.match_indices('/') {
            root.create_dir(&entry.path[..end])?;
        }
        root.create_file(&entry.path)?.write_all(&entry.bytes)?;
    }
    volume.unmount()?;
    let mut bytes = disk.into_inner();
    bytes.chunks_exact_mut(SECTOR).for_each(mend);
    Ok(bytes)
}

/// In bytes.
const SLOT: usize = 32;
const LONG_NAME: u8 = 0x0f;

/// Makes a sector of a directory of fatfs 0.3.6 what checkers expect; any other stays as it is.
///
/// It gives `.` and `..` long names (rafalh/rust-fatfs#117), but they have to be the first two entries. And to a name
/// with a dot in front it gives a short name that is an extension alone.
fn mend(sector: &mut [u8]) {
    const DELETED: u8 = 0xe5;
    let is = |at: usize, name: &[u8; 11]| sector[at * SLOT..].starts_with(name);
    if is_long(sector, 0) && is(1, b".          ") && is_long(sector, 2) && is(3, b"..         ") {
        sector.copy_within(SLOT..2 * SLOT, 0);
        sector.copy_within(3 * SLOT..4 * SLOT, SLOT);
        (sector[2 * SLOT], sector[3 * SLOT]) = (DELETED, DELETED);
    }
    for at in 1..sector.len() / SLOT {
        let name = &sector[at * SLOT..at * SLOT + 11];
        // The long name in front belongs to this short one.
        let belongs = is_long(sector, at - 1) && sector[(at - 1) * SLOT + 13] == checksum(name);
        if belongs && name[0] == b' ' {
            sector[at * SLOT] = b'_';
            let sum = checksum(&sector[at * SLOT..at * SLOT + 11]);
            for long in (0..at).rev().take_while(|at| is_long(sector, *at)).collect::<Vec<_>>() {
                sector[long * SLOT + 13] = sum;
            }
        }
    }
}

fn is_long(sector: &[u8], at: usize) -> bool {
    sector[at * SLOT + 11] == LONG_NAME
}

/// What ties a long name to its short one (Microsoft's FAT specification, section 7.2).
fn checksum(short: &[u8]) -> u8 {
    short.iter().fold(0, |sum: u8, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// What the files and directories take, the two tables of 12 or 16 bits a cluster, and the rest.
fn size(entries: &[Entry]) -> usize {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in entries {
        let mut path = entry.path.as_str();
        while let Some((parent, name)) = path.rsplit_once('/') {
            names.entry(parent).or_default().insert(name);
            path = parent;
        }
    }
    let slots = |name: &&str| 1 + name.encode_utf16().count().div_ceil(NAME_PER_ENTRY);
    // With four slots for `.` and `..`: two are deleted again.
    let of_directory =
        |names: &BTreeSet<&str>| (2 + names.iter().map(slots).sum::<usize>()).div_ceil(ENTRIES_PER_CLUSTER);
    let directories: usize = names.values().map(of_directory).sum();
    let files: usize = entries.iter().map(|entry| entry.bytes.len().div_ceil(SECTOR)).sum();
    let clusters = directories + files;
    let tables = 2 * (2 * (clusters + 2)).div_ceil(SECTOR);
    let root = usize::from(ROOT_ENTRIES) * 32 / SECTOR;
    // The boot sector, and a little that the rounding of the tables may take.
    let sectors = clusters + tables + root + 8;
    (sectors * SECTOR).next_multiple_of(GRAIN)
}

fn label() -> [u8; 11] {
    let mut label = [b' '; 11];
    label[..IMAGE_LABEL.len()].copy_from_slice(IMAGE_LABEL.as_bytes());
    label
}

/// Hosts tell disks apart by it: other profiles are another disk.
fn volume_id(entries: &[Entry]) -> u32 {
    let hash = entries.iter().fold(Sha256::new(), |hash, entry| hash.chain_update(&entry.bytes)).finalize();
    hash.iter().take(4).fold(0, |id, byte| (id << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Command;

    use super::*;
    use crate::config::Config;
    use crate::identity::Identity;
    use crate::profile::{configured, link_facts};

    fn facts(product: &str) -> LinkFacts {
        let mut config = Config::default();
        config.gadget.product = product.to_owned();
        let identity = Ok(Identity::from_seed("a device"));
        link_facts(&config, "network", &identity, &configured(&config), "n800").expect("facts")
    }

    /// Every file below a directory with its content.
    fn read(directory: &fatfs::Dir<'_, Cursor<Vec<u8>>>, path: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in directory.iter().map(|entry| entry.expect("readable")) {
            let name = format!("{path}{}", entry.file_name());
            match entry.file_name().as_str() {
                "." | ".." => {}
                _ if entry.is_dir() => read(&entry.to_dir(), &format!("{name}/"), found),
                _ => {
                    let mut bytes = Vec::new();
                    entry.to_file().read_to_end(&mut bytes).expect("readable");
                    found.insert(name, bytes);
                }
            }
        }
    }

    #[test]
    fn everything_is_on_it_and_reads_back() {
        let facts = facts("N800");
        let bytes = image(&facts).expect("an image");
        let volume = FileSystem::new(Cursor::new(bytes), FsOptions::new()).expect("a volume");
        assert_eq!(volume.read_volume_label_from_root_dir().expect("readable").as_deref(), Some(IMAGE_LABEL));
        let mut found = BTreeMap::new();
        read(&volume.root_dir(), "", &mut found);
        let tree = profiles::tree(&facts).expect("profiles");
        let expected: BTreeMap<_, _> = tree.into_iter().map(|entry| (entry.path, entry.bytes)).collect();
        assert!(found == expected, "{:?}", found.keys().zip(expected.keys()).find(|(a, b)| a != b));
        assert!(expected.contains_key("README.html") && !expected.contains_key("autorun.inf"));
        let stats = volume.stats().expect("statistics");
        let free = stats.free_clusters() as usize * SECTOR;
        assert!(free <= 2 * GRAIN, "{free} bytes of memory are wasted");
    }

    #[test]
    fn the_same_facts_are_the_same_bytes() {
        let [one, again, other] =
            ["N800", "N800", "N810"].map(|product| image(&facts(product)).expect("an image"));
        assert!(one == again && one != other);
        assert_ne!(one[39..43], other[39..43], "the volume's id");
    }

    #[test]
    fn checkers_find_nothing() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), image(&facts("Ünïted \"N800\" & Söns")).expect("an image"))
            .expect("written");
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let said = Command::new("fsck.fat").arg("-n").arg("-V").arg(file.path()).env("PATH", path).output();
        let said = said.expect("dosfstools is installed");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    }
}
