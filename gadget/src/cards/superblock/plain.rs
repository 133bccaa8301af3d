//! File systems whose superblock says it all: a mark, a label and a UUID at fixed places.

use super::{ReadAt, text, utf16, uuid};
use crate::cards::FileSystem;

fn found(kind: &str, label: Option<String>, uuid: Option<String>) -> Option<FileSystem> {
    Some(FileSystem { kind: kind.to_owned(), label, uuid })
}

/// `fs/ext4/ext4.h`, `struct ext4_super_block`: at 1024; the three kinds differ in their features.
pub(super) fn ext(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    const HAS_JOURNAL: u32 = 0x4;
    /// What ext3 can have: file types, a journal to recover, meta block groups.
    const INCOMPATIBLE_OF_EXT3: u32 = 0x2 | 0x4 | 0x10;
    /// Sparse superblocks, large files, and directories as B-trees.
    const READ_ONLY_COMPATIBLE_OF_EXT3: u32 = 0x1 | 0x2 | 0x4;
    let block = medium.bytes::<0x100>(1024)?;
    if block[0x38..0x3a] != [0x53, 0xef] {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    let (compatible, incompatible, read_only) = (word(0x5c), word(0x60), word(0x64));
    let kind = if incompatible & !INCOMPATIBLE_OF_EXT3 != 0 || read_only & !READ_ONLY_COMPATIBLE_OF_EXT3 != 0
    {
        "ext4"
    } else if compatible & HAS_JOURNAL != 0 {
        "ext3"
    } else {
        "ext2"
    };
    found(kind, text(&block[0x78..0x88]), uuid(block[0x68..0x78].try_into().ok()?))
}

/// Whether an ext3 or ext4 file system was not unmounted by who had it last: its journal is to be replayed
/// (`EXT4_FEATURE_INCOMPAT_RECOVER`), which the kernel does when it mounts it.
#[must_use]
pub fn is_journal_open(medium: &(impl ReadAt + ?Sized)) -> bool {
    const RECOVER: u8 = 0x4;
    let mark = medium.bytes(1024 + 0x38) == Some([0x53, 0xef]);
    mark && medium.bytes(1024 + 0x60).is_some_and(|[incompatible]| incompatible & RECOVER != 0)
}

/// `fs/btrfs/ctree.h`, `struct btrfs_super_block`: at 64 KiB.
pub(super) fn btrfs(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    const AT: u64 = 0x1_0000;
    if medium.bytes(AT + 0x40)? != *b"_BHRfS_M" {
        return None;
    }
    found("btrfs", text(&medium.bytes::<256>(AT + 0x12b)?), uuid(medium.bytes(AT + 0x20)?))
}

/// `include/linux/f2fs_fs.h`, `struct f2fs_super_block`: at 1024.
pub(super) fn f2fs(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    if medium.bytes(1024)? != 0xf2f5_2010_u32.to_le_bytes() {
        return None;
    }
    let label = medium.bytes::<1024>(1024 + 0x7c)?;
    let units = label.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    found("f2fs", utf16(units), uuid(medium.bytes(1024 + 0x6c)?))
}

/// `fs/xfs/libxfs/xfs_format.h`, `struct xfs_dsb`.
pub(super) fn xfs(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    if medium.bytes(0)? != *b"XFSB" {
        return None;
    }
    found("xfs", text(&medium.bytes::<12>(0x6c)?), uuid(medium.bytes(0x20)?))
}

/// `include/linux/swap.h`, `union swap_header`: the mark ends a page of 4, 16 or 64 KiB.
pub(super) fn swap(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    let is_marked = |page: u64| medium.bytes(page - 10) == Some(*b"SWAPSPACE2");
    if ![0x1000, 0x4000, 0x1_0000].into_iter().any(is_marked) {
        return None;
    }
    found("swap", text(&medium.bytes::<16>(0x41c)?), uuid(medium.bytes(0x40c)?))
}

/// `fs/hfsplus/hfsplus_raw.h`, `struct hfsplus_vh`: at 1024. Its name is in its catalogue, which is not read.
pub(super) fn hfsplus(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    let is_hfsplus = matches!(&medium.bytes(1024)?, b"H+\x00\x04" | b"HX\x00\x05");
    is_hfsplus.then(|| FileSystem { kind: "hfsplus".to_owned(), label: None, uuid: None })
}

/// `fs/ntfs3/ntfs.h`, `struct NTFS_BOOT`. Its label is in the file `$Volume`, which is not read.
pub(super) fn ntfs(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    if medium.bytes(3)? != *b"NTFS    " {
        return None;
    }
    let serial = u64::from_le_bytes(medium.bytes(0x48)?);
    found("ntfs", None, Some(format!("{serial:016X}")))
}

/// LUKS 1 and 2, `lib/luks1/luks.h` of cryptsetup.
pub(super) fn luks(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    if medium.bytes(0)? != *b"LUKS\xba\xbe" {
        return None;
    }
    found("crypto_LUKS", None, text(&medium.bytes::<40>(0xa8)?))
}

/// ECMA-119 (ISO 9660) and ECMA-167 (UDF): volume descriptors from sector 16. UDF is preferred where both are, as mount(8)
/// does.
pub(super) fn optical(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    const SECTOR: u64 = 2048;
    let descriptors = (16..48).map(|sector| sector * SECTOR);
    let mut iso = None;
    for at in descriptors {
        let head = medium.bytes::<7>(at)?;
        match &head[1..6] {
            b"CD001" if head[0] == 1 => iso = iso.or(iso9660(medium, at)),
            b"NSR02" | b"NSR03" => return found("udf", None, None),
            b"CD001" | b"BEA01" | b"BOOT2" | b"TEA01" | b"CDW02" => {}
            _ => break,
        }
    }
    iso
}

/// ECMA-119 §8.4: the primary volume descriptor. Its time of creation or change is what stands for a UUID.
fn iso9660(medium: &(impl ReadAt + ?Sized), at: u64) -> Option<FileSystem> {
    let date = |offset| {
        let digits = medium.bytes::<16>(at + offset)?;
        let is_set = digits.iter().all(u8::is_ascii_digit) && digits.iter().any(|digit| *digit != b'0');
        let text = is_set.then(|| String::from_utf8_lossy(&digits).into_owned())?;
        let parts = [0..4, 4..6, 6..8, 8..10, 10..12, 12..14, 14..16].map(|range| text[range].to_owned());
        Some(parts.join("-"))
    };
    found("iso9660", text(&medium.bytes::<32>(at + 40)?), date(830).or_else(|| date(813)))
}
