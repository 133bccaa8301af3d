//! What is on a medium, by its superblock: the kernel's word for the file system, its label and its UUID.
//!
//! Reads only through the function that is given to it. What is on a card was written by others: every offset that comes
//! from there is bounded, and nothing found is a reason to refuse, only to tell.

mod fat;
mod plain;

use super::FileSystem;
use crate::printable::printable;
pub use plain::is_journal_open;

#[cfg(test)]
mod tests;

/// Reads exactly the buffer's length at a byte offset of the medium, or says that it cannot.
pub trait ReadAt {
    /// Whether the whole buffer was filled.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> bool;

    /// `N` bytes from an offset.
    fn bytes<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        let mut buffer = [0; N];
        self.read_at(offset, &mut buffer).then_some(buffer)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let start = usize::try_from(offset).ok();
        let found = start.and_then(|start| self.get(start..)?.get(..buffer.len()));
        found.map(|found| buffer.copy_from_slice(found)).is_some()
    }
}

/// The file system or swap area on a medium, if it is one that usbnet knows.
///
/// What is found first wins; the order is from marks that nothing else has to those that others may contain.
#[must_use]
pub fn probe(medium: &(impl ReadAt + ?Sized)) -> Option<FileSystem> {
    plain::luks(medium)
        .or_else(|| plain::btrfs(medium))
        .or_else(|| plain::f2fs(medium))
        .or_else(|| plain::ext(medium))
        .or_else(|| plain::xfs(medium))
        .or_else(|| plain::swap(medium))
        .or_else(|| plain::hfsplus(medium))
        .or_else(|| plain::ntfs(medium))
        .or_else(|| fat::exfat(medium))
        .or_else(|| plain::optical(medium))
        .or_else(|| fat::vfat(medium))
}

/// A fixed-length text without what pads it, fit to be shown; none if nothing is left.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = printable(String::from_utf8_lossy(&bytes[..end]).trim());
    (!text.is_empty()).then_some(text)
}

/// UTF-16 until its first zero, without what pads it, fit to be shown.
fn utf16(units: impl Iterator<Item = u16>) -> Option<String> {
    let units = units.take_while(|unit| *unit != 0);
    let text: String =
        char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let text = printable(text.trim());
    (!text.is_empty()).then_some(text)
}

/// A UUID in its usual form; none if it is all zeroes.
fn uuid(bytes: [u8; 16]) -> Option<String> {
    if bytes == [0; 16] {
        return None;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
