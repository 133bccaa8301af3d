//! One change in configfs, as data: what the planner orders and the executor does.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::error::{ConfigfsError, create, errno};

/// One change in configfs. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// `mkdir`; a directory that exists already is fine.
    MakeDir {
        /// The directory.
        path: PathBuf,
    },
    /// Write an attribute, and read it back.
    Write {
        /// The attribute file.
        path: PathBuf,
        /// The value as the kernel shows it, without the newline.
        value: String,
        /// What to do where the kernel differs.
        check: Check,
    },
    /// Make a symbolic link.
    Link {
        /// The existing function or configuration.
        target: PathBuf,
        /// The link in the configuration or in `os_desc`.
        link: PathBuf,
    },
    /// Remove a symbolic link; one that is gone already is fine.
    Unlink {
        /// The link.
        link: PathBuf,
    },
    /// `rmdir`; a directory that is gone already is fine.
    RemoveDir {
        /// The directory.
        path: PathBuf,
    },
}

/// How strictly a written attribute is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Check {
    /// The attribute must exist and read back as written.
    Echo,
    /// The attribute must exist; it is write-only or shows another form.
    WriteOnly,
    /// Older kernels lack this attribute: then it is left out. Else as [`Check::Echo`].
    IfPresent,
}

impl Operation {
    /// Do it.
    ///
    /// # Errors
    /// The path, the value and what the kernel said.
    pub fn apply(&self) -> Result<(), ConfigfsError> {
        match self {
            Self::MakeDir { path } => match fs::create_dir(path).map_err(|e| errno(&e)) {
                Ok(()) => Ok(()),
                Err(Errno::EEXIST) if path.is_dir() => Ok(()),
                Err(cause) => Err(create(path, cause)),
            },
            Self::Write { path, value, check } => match check {
                Check::Echo => write_checked(path, value),
                Check::WriteOnly => write(path, value),
                Check::IfPresent if path.exists() => write_checked(path, value),
                Check::IfPresent => {
                    log::info!("{} is not in this kernel; left out", path.display());
                    Ok(())
                }
            },
            Self::Link { target, link } => std::os::unix::fs::symlink(target, link).map_err(|error| {
                ConfigfsError::Link { link: link.clone(), target: target.clone(), cause: errno(&error) }
            }),
            Self::Unlink { link } => gone(link, fs::remove_file(link)),
            Self::RemoveDir { path } => gone(path, fs::remove_dir(path)),
        }
    }
}

/// The outcome of a removal: what was not there need not be removed.
fn gone(path: &Path, outcome: std::io::Result<()>) -> Result<(), ConfigfsError> {
    match outcome.map_err(|e| errno(&e)) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(cause) => Err(ConfigfsError::Remove { path: path.to_owned(), cause }),
    }
}

fn write_checked(path: &Path, value: &str) -> Result<(), ConfigfsError> {
    write(path, value)?;
    let read = read(path)?;
    if read == value {
        Ok(())
    } else {
        Err(ConfigfsError::ReadBack { path: path.to_owned(), wrote: value.to_owned(), read })
    }
}

/// One `write(2)`, as configfs needs it: the value goes in whole or not at all.
pub(super) fn write(path: &Path, value: &str) -> Result<(), ConfigfsError> {
    // An empty write never reaches the attribute, a lone newline does and is stripped.
    let line = format!("{value}\n");
    OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| ConfigfsError::Write {
            path: path.to_owned(),
            value: value.to_owned(),
            cause: errno(&error),
        })
}

/// The value of an attribute without the trailing newline (old kernels add a NUL too).
pub(super) fn read(path: &Path) -> Result<String, ConfigfsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\0']).to_owned()),
        Err(error) => Err(ConfigfsError::Read { path: path.to_owned(), cause: errno(&error) }),
    }
}
