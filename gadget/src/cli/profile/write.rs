//! Files into a directory: all of them or none, and never over somebody's work.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use usbnet_host_profiles::Entry;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something is there that is not what would be written.
    #[error(
        "{} is there already, with another content{}; use --force to replace it, or another directory",
        path.display(),
        more(*others)
    )]
    Differs {
        /// The first.
        path: PathBuf,
        /// How many others there are.
        others: usize,
    },
    /// Something is there that is no file.
    #[error("{} is in the way: it is no file; remove it, or use another directory", .0.display())]
    NoFile(PathBuf),
    /// The file system's refusal.
    #[error("{} cannot be written: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
}

fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

/// Writes the files below `out`.
///
/// # Errors
/// Nothing has been replaced then, and nothing half is left.
pub(super) fn write(out: &Path, entries: &[Entry], force: bool) -> Result<(), WriteError> {
    let mut differing = Vec::new();
    for entry in entries {
        let path = out.join(&entry.path);
        match content(&path)? {
            Some(found) if found != entry.bytes => differing.push(path),
            _ => {}
        }
    }
    match differing.as_slice() {
        [first, others @ ..] if !force => {
            return Err(WriteError::Differs { path: first.clone(), others: others.len() });
        }
        _ => {}
    }
    let mut new = Vec::new();
    let written = entries.iter().try_for_each(|entry| {
        let path = out.join(&entry.path);
        let beside = beside(&path);
        new.push((beside.clone(), path));
        prepare(&beside, entry).map_err(|cause| WriteError::Io { path: beside, cause })
    });
    // Nothing is replaced before everything is on the disk.
    let replaced = written.and_then(|()| {
        new.iter().try_for_each(|(from, path)| {
            fs::rename(from, path).map_err(|cause| WriteError::Io { path: path.clone(), cause })
        })
    });
    if replaced.is_err() {
        for (left, _) in &new {
            let _ = fs::remove_file(left); // most are not there
        }
    }
    replaced
}

/// What is in the file, if there is one.
fn content(path: &Path) -> Result<Option<Vec<u8>>, WriteError> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(WriteError::Io { path: path.to_owned(), cause }),
    };
    if !kind.is_file() {
        return Err(WriteError::NoFile(path.to_owned()));
    }
    fs::read(path).map(Some).map_err(|cause| WriteError::Io { path: path.to_owned(), cause })
}

/// A name of our own in the same directory.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.usbnet-new"))
}

fn prepare(path: &Path, entry: &Entry) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    // Never readable by more people than the file will be.
    let mut file: File =
        OpenOptions::new().write(true).create(true).truncate(true).mode(entry.mode).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(entry.mode))?;
    file.write_all(&entry.bytes)?;
    file.sync_all()
}
