//! Leases across restarts of the responder: one small file, opened before privileges are dropped
//! and rewritten in place, because nobody can make or rename a file from an empty root.
//!
//! A file that was written half, by another version or by somebody else is ignored with a reason:
//! leases are a convenience, and the host asks again anyway. Never believes times of another boot.

use crate::dhcp::Lease;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// The first word of the file, with the version of what follows.
const MAGIC: &str = "usbnet-leases-1";

/// Where leases are written.
#[derive(Debug)]
pub(super) struct LeaseFile {
    file: File,
    boot_id: String,
}

/// Why leases of an earlier run are not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Longer than this program writes.
    #[error("it is longer than {max} bytes", max = LeaseFile::SIZE_MAX)]
    TooLong,
    /// Not what this program writes.
    #[error("it does not begin with \"{MAGIC}\", a boot id and a checksum")]
    Header,
    /// Written half, or damaged.
    #[error("its checksum is wrong")]
    Checksum,
    /// Right checksum, wrong content.
    #[error("its content is not a list of leases: {0}")]
    Content(#[from] serde_json::Error),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl LeaseFile {
    /// The longest file, in bytes: room for a full table of the longest client identifiers.
    pub const SIZE_MAX: u32 = 512 * 1024;

    /// Opens or makes the file; `boot_id` tells this boot from others.
    pub fn open(path: &Path, boot_id: String) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Root opens it: never through a link that somebody else put there, never a device.
        let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Self { file, boot_id })
    }

    /// The leases of an earlier run; none from a file that was just made.
    ///
    /// Those of another boot have no time left that could be known: `expires` is the end of time,
    /// which [`crate::dhcp::Server::restore`] makes a fresh lease of.
    pub fn read(&self) -> Result<Vec<Lease>, Fault> {
        let mut bytes = Vec::new();
        (&self.file).take(u64::from(Self::SIZE_MAX) + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > u64::from(Self::SIZE_MAX) {
            return Err(Fault::TooLong);
        }
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        decode(&bytes, &self.boot_id)
    }

    /// Replaces the content.
    pub fn write<'a>(&self, leases: impl Iterator<Item = &'a Lease>) -> io::Result<()> {
        let bytes = encode(leases, &self.boot_id)?;
        self.file.write_all_at(&bytes, 0)?;
        self.file.set_len(bytes.len() as u64)
    }
}

fn encode<'a>(leases: impl Iterator<Item = &'a Lease>, boot_id: &str) -> io::Result<Vec<u8>> {
    let list: Vec<&Lease> = leases.collect();
    let content = serde_json::to_vec(&list)?;
    let mut bytes = format!("{MAGIC} {boot_id} {:016x}\n", checksum(&content)).into_bytes();
    bytes.extend(content);
    Ok(bytes)
}

fn decode(bytes: &[u8], boot_id: &str) -> Result<Vec<Lease>, Fault> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Fault::Header)?;
    let header = std::str::from_utf8(&bytes[..end]).map_err(|_| Fault::Header)?;
    let mut words = header.split(' ');
    let (Some(MAGIC), Some(boot), Some(sum), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault::Header);
    };
    let content = &bytes[end + 1..];
    if sum != format!("{:016x}", checksum(content)) {
        return Err(Fault::Checksum);
    }
    let mut leases: Vec<Lease> = serde_json::from_slice(content)?;
    // A system without a boot id cannot tell, so each of its boots is another one.
    if boot != boot_id || boot.is_empty() {
        leases.iter_mut().for_each(|lease| lease.expires = Duration::MAX);
    }
    Ok(leases)
}

/// FNV-1a: tells a torn write from a whole one. Nobody else can write the file.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
