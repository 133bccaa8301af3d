//! FAT and exFAT, whose label is a file of the root directory.
//!
//! Sources: Microsoft's "FAT32 File System Specification" (2000) and "exFAT file system specification" (2019).

use super::{ReadAt, text, utf16};
use crate::cards::FileSystem;

/// How many directory entries are looked at for the label: it is among the first.
const ENTRIES: u64 = 512;

/// The size of a directory entry in bytes, of both.
const ENTRY: u64 = 32;

/// FAT12, FAT16 and FAT32: to the kernel all of them are `vfat`.
pub(super) fn vfat(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    let boot = Boot::read(medium)?;
    let serial = u32::from_le_bytes(medium.bytes(boot.extended + 1 + 2)?);
    let has_extension = matches!(medium.bytes(boot.extended + 2)?, [0x28 | 0x29]);
    let in_boot_sector = || {
        let label = text(&medium.bytes::<11>(boot.extended + 7)?);
        label.filter(|label| has_extension && label != "NO NAME")
    };
    Some(FileSystem {
        kind: "vfat".to_owned(),
        // The directory's is the one that hosts change.
        label: label_in(medium, boot.root).or_else(in_boot_sector),
        uuid: (has_extension && serial != 0).then(|| dashed(serial)),
    })
}

/// The serial number as Windows and udev write it.
fn dashed(serial: u32) -> String {
    format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)
}

/// What the boot sector tells; chapter "Boot Sector and BPB".
struct Boot {
    /// Where the root directory begins.
    root: u64,
    /// Where the extended part begins: drive number, flags, mark, serial number, label.
    extended: u64,
}

impl Boot {
    fn read(medium: &(impl ReadAt + ?Sized)) -> Option<Self> {
        let sector = medium.bytes::<512>(0)?;
        let word = |at: usize| u64::from(u16::from_le_bytes([sector[at], sector[at + 1]]));
        let long = |at: usize| word(at) | word(at + 2) << 16;
        let bytes = word(11);
        let (cluster, reserved, copies) = (u64::from(sector[13]), word(14), u64::from(sector[16]));
        let is_fat = sector[510..512] == [0x55, 0xaa]
            && matches!(sector[0], 0xeb | 0xe9)
            && bytes.is_power_of_two()
            && (512..=4096).contains(&bytes)
            && cluster.is_power_of_two()
            && reserved > 0
            && (1..=2).contains(&copies)
            && (sector[21] == 0xf0 || sector[21] >= 0xf8);
        if !is_fat {
            return None;
        }
        let small = word(22);
        let (table, is_32) = if small == 0 { (long(36), true) } else { (small, false) };
        let after_tables = (reserved + copies * table) * bytes;
        let root = if is_32 {
            let first = long(44).checked_sub(2)?;
            after_tables + first * cluster * bytes
        } else {
            after_tables
        };
        Some(Self { root, extended: if is_32 { 64 } else { 36 } })
    }
}

/// The label in a FAT root directory: the first living entry whose attributes say so.
fn label_in(medium: &(impl ReadAt + ?Sized), root: u64) -> Option<String> {
    const DELETED: u8 = 0xe5;
    for index in 0..ENTRIES {
        let entry = medium.bytes::<32>(root + index * ENTRY)?;
        let attributes = entry[11];
        match entry[0] {
            0 => return None,
            // Parts of long names have the same bit, and three more.
            first if first != DELETED && attributes & 0x3f != 0x0f && attributes & 0x18 == 0x08 => {
                return text(&entry[..11]);
            }
            _ => {}
        }
    }
    None
}

/// exFAT §3.1 (boot sector) and §7.3 (volume label).
pub(super) fn exfat(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    const LABEL: u8 = 0x83;
    let sector = medium.bytes::<512>(0)?;
    if sector[3..11] != *b"EXFAT   " {
        return None;
    }
    let long = |at: usize| u32::from_le_bytes([sector[at], sector[at + 1], sector[at + 2], sector[at + 3]]);
    let (bytes, cluster) = (u32::from(sector[108]), u32::from(sector[109]));
    let root = || {
        let sector_bytes =
            1_u64.checked_shl(bytes).filter(|_| (9..=12).contains(&bytes) && cluster <= 25 - bytes)?;
        let heap = u64::from(long(88)) * sector_bytes;
        let first = u64::from(long(96).checked_sub(2)?);
        Some(heap + (first << (bytes + cluster)))
    };
    let label = root().and_then(|root| {
        let entries = (0..ENTRIES).map_while(|index| medium.bytes::<32>(root + index * ENTRY));
        let mut living = entries.take_while(|entry| entry[0] != 0);
        let entry = living.find(|entry| entry[0] == LABEL)?;
        let units = entry[2..24].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        utf16(units.take(usize::from(entry[1])))
    });
    Some(FileSystem { kind: "exfat".to_owned(), label, uuid: Some(dashed(long(100))) })
}
