//! Files into a directory: all of them or none, and never over somebody's work.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use usbnet_host_profiles::Entry;

use crate::exit::Exit;

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
    #[error("{} cannot be written: {cause}; {}", path.display(), next_step(cause))]
    Io {
        /// The file that was to be written.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// It failed, and so did undoing it.
    #[error("{error}; and {} cannot be put back: {cause}; it is kept as {}", path.display(), kept.display())]
    NotPutBack {
        /// Why nothing could be written.
        error: Box<WriteError>,
        /// The file that was there before.
        path: PathBuf,
        /// Where it is now.
        kept: PathBuf,
        /// Why it is not back.
        cause: io::Error,
    },
}

impl WriteError {
    /// What the command ends with.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => Exit::NotPermitted,
            Self::NotPutBack { error, .. } => error.exit(),
            Self::Differs { .. } | Self::NoFile(_) | Self::Io { .. } => Exit::Failed,
        }
    }
}

fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

fn next_step(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied => "run it as root, or write elsewhere",
        io::ErrorKind::StorageFull => "make room there, or write elsewhere",
        _ => "write elsewhere",
    }
}

/// Something that was done, and can be undone.
#[derive(Debug)]
enum Step {
    MadeDirectory(PathBuf),
    MadeFile(PathBuf),
    /// A file that was there before, out of the way.
    Kept {
        path: PathBuf,
        kept: PathBuf,
    },
}

/// Writes the files below `out`.
///
/// # Errors
/// Nothing has been replaced then, and nothing is left of what was made, directories neither. Only
/// [`WriteError::NotPutBack`] says otherwise.
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
    let mut steps = Vec::new();
    match take(out, entries, &mut steps) {
        Ok(()) => {
            remove_kept(&steps);
            Ok(())
        }
        Err(error) => Err(undo(steps, error)),
    }
}

/// Takes every step, and notes each one that was taken.
fn take(out: &Path, entries: &[Entry], steps: &mut Vec<Step>) -> Result<(), WriteError> {
    // Nothing is replaced before everything is on the disk.
    let mut new = Vec::new();
    for entry in entries {
        let path = out.join(&entry.path);
        let from = prepare(&path, entry, steps).map_err(|cause| failed(&path, cause))?;
        new.push((from, path));
    }
    new.iter().try_for_each(|(from, path)| place(from, path, steps).map_err(|cause| failed(path, cause)))
}

/// The name that is said is the one that was asked for, not one beside it.
fn failed(path: &Path, cause: io::Error) -> WriteError {
    WriteError::Io { path: path.to_owned(), cause }
}

/// What is in the file, if there is one.
fn content(path: &Path) -> Result<Option<Vec<u8>>, WriteError> {
    let kind = match fs::symlink_metadata(path) {
        Ok(found) => found.file_type(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(path, cause)),
    };
    if !kind.is_file() {
        return Err(WriteError::NoFile(path.to_owned()));
    }
    fs::read(path).map(Some).map_err(|cause| failed(path, cause))
}

/// The new file, on the disk, under a name beside its own.
fn prepare(path: &Path, entry: &Entry, steps: &mut Vec<Step>) -> io::Result<PathBuf> {
    make_directories(path.parent().unwrap_or(Path::new("")), steps)?;
    // Never readable by more people than the file will be.
    let (beside, mut file) = beside(path, entry.mode)?;
    steps.push(Step::MadeFile(beside.clone()));
    file.set_permissions(fs::Permissions::from_mode(entry.mode))?;
    file.write_all(&entry.bytes)?;
    file.sync_all()?;
    Ok(beside)
}

/// Like `create_dir_all`, but it is known what was made.
fn make_directories(directory: &Path, steps: &mut Vec<Step>) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.is_dir();
    let missing: Vec<_> = directory.ancestors().take_while(is_missing).collect();
    for path in missing.into_iter().rev() {
        match fs::create_dir(path) {
            Ok(()) => steps.push(Step::MadeDirectory(path.to_owned())),
            Err(_) if path.is_dir() => {} // `new/..`, or somebody else was faster
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

/// A file of our own in the same directory. A name that is taken is somebody's, and a link would lead elsewhere.
fn beside(path: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    let mut number = 0_u64;
    loop {
        let beside = path.with_file_name(format!(".usbnet-{number}"));
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside) {
            Ok(file) => return Ok((beside, file)),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(cause) => return Err(cause),
        }
    }
}

/// Gives the new file its name; one that was there before is kept, for it may have to be put back.
fn place(from: &Path, path: &Path, steps: &mut Vec<Step>) -> io::Result<()> {
    let is_replaced = path.is_file();
    if is_replaced {
        let kept = keep(path)?;
        steps.push(Step::Kept { path: path.to_owned(), kept });
    }
    fs::rename(from, path)?;
    // The name is free now, and may become another file's.
    steps.retain(|step| !matches!(step, Step::MadeFile(made) if made == from));
    // Putting back replaces it; else it is to be removed.
    if !is_replaced {
        steps.push(Step::MadeFile(path.to_owned()));
    }
    Ok(())
}

/// Gives a file a second name, so that its own is never free; where there are no links it is moved over an empty one of
/// our own. Nothing of somebody else's is replaced.
fn keep(path: &Path) -> io::Result<PathBuf> {
    for number in 0_u64.. {
        let kept = path.with_file_name(format!(".usbnet-{number}"));
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => break,
        }
    }
    let (kept, _) = beside(path, 0o600)?;
    fs::rename(path, &kept).inspect_err(|_| drop(fs::remove_file(&kept)))?;
    Ok(kept)
}

fn remove_kept(steps: &[Step]) {
    for step in steps {
        if let Step::Kept { kept, .. } = step {
            let _ = fs::remove_file(kept); // everything is written; a file too many is no failure
        }
    }
}

/// Undoes the steps, the last one first, and says why.
fn undo(steps: Vec<Step>, error: WriteError) -> WriteError {
    let mut said = error;
    for step in steps.into_iter().rev() {
        // What was made and cannot be removed is in nobody's way.
        match step {
            Step::MadeDirectory(path) => drop(fs::remove_dir(path)),
            Step::MadeFile(path) => drop(fs::remove_file(path)),
            Step::Kept { path, kept } => {
                if let Err(cause) = fs::rename(&kept, &path) {
                    said = WriteError::NotPutBack { error: Box::new(said), path, kept, cause };
                }
            }
        }
    }
    said
}
