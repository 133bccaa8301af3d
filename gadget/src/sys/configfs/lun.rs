//! The medium of one logical unit: puts it in, takes it out, says what is in.
//!
//! Source: `Documentation/ABI/testing/configfs-usb-gadget-mass-storage`, `Documentation/usb/mass-storage.rst`.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::error::ConfigfsError;
use super::operation::{read, write};
use crate::gather::Gather;

/// Where the attributes of a logical unit are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lun {
    /// In configfs: this directory.
    Configfs(PathBuf),
    /// Of a legacy module: the unit of this number below the UDC's device, which is there once the module is loaded.
    Legacy(usize),
}

/// A logical unit and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLun {
    /// Which.
    pub lun: Lun,
    /// Its number.
    pub index: usize,
    /// `file`; empty without a medium.
    pub file: String,
}

impl Lun {
    /// The directory of its attributes. `sys` is normally `/sys`.
    #[must_use]
    pub fn directory(&self, sys: &Path) -> PathBuf {
        match self {
            Self::Configfs(directory) => directory.clone(),
            Self::Legacy(index) => {
                let all = legacy_directories(sys);
                all.into_iter()
                    .find(|(at, _)| at == index)
                    .map_or_else(|| sys.join("no-such-unit"), |(_, directory)| directory)
            }
        }
    }

    /// Puts a medium in.
    ///
    /// # Errors
    /// The kernel cannot open it: `EACCES` and `EROFS` when it cannot be written, `ENOENT` when it is gone.
    pub fn insert(&self, sys: &Path, medium: &Path) -> Result<(), ConfigfsError> {
        write(&self.directory(sys).join("file"), &medium.to_string_lossy())
    }

    /// Takes the medium out; false if the host has locked it, and then nothing has changed. With `force` the lock does
    /// not count: what the host has not written is lost.
    ///
    /// # Errors
    /// Any other refusal.
    pub fn eject(&self, sys: &Path, force: bool) -> Result<bool, ConfigfsError> {
        let directory = self.directory(sys);
        let result = match force && directory.join("forced_eject").exists() {
            true => write(&directory.join("forced_eject"), "1"),
            false => write(&directory.join("file"), ""),
        };
        match result {
            Ok(()) => Ok(true),
            Err(ConfigfsError::Write { cause: Errno::EBUSY, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What is in it now; empty if nothing is, or if the unit itself is gone.
    #[must_use]
    pub fn medium(&self, sys: &Path) -> String {
        read(&self.directory(sys).join("file")).unwrap_or_default()
    }
}

/// The logical units of a legacy module that is loaded, with what is in them.
#[must_use]
pub fn legacy_luns(sys: &Path) -> Vec<LiveLun> {
    legacy_directories(sys)
        .into_iter()
        .map(|(index, directory)| LiveLun {
            lun: Lun::Legacy(index),
            index,
            file: read(&directory.join("file")).unwrap_or_default(),
        })
        .sorted_by(|a, b| a.index.cmp(&b.index))
}

/// `UDC/device/gadget.0/lun0`; before 5.x `gadget/lun0`, and `gadget/gadget-lun0` in the days of `g_file_storage`.
fn legacy_directories(sys: &Path) -> Vec<(usize, PathBuf)> {
    let list = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
    let udcs = list(sys.join("class/udc")).map(|udc| udc.path().join("device"));
    let gadgets =
        udcs.flat_map(list).filter(|entry| entry.file_name().to_string_lossy().starts_with("gadget"));
    gadgets
        .flat_map(|gadget| list(gadget.path()))
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let index = name.strip_prefix("gadget-").unwrap_or(&name).strip_prefix("lun")?.parse().ok()?;
            Some((index, entry.path()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_units_are_found_under_every_name_that_kernels_gave_them() {
        for gadget in ["gadget.0/lun", "gadget/lun", "gadget/gadget-lun"] {
            let sys = tempfile::tempdir().expect("a directory");
            for (index, file) in [(1, ""), (0, "/dev/mmcblk1p1")] {
                let directory = sys.path().join(format!("class/udc/musb.0/device/{gadget}{index}"));
                fs::create_dir_all(&directory).expect("made");
                fs::write(directory.join("file"), format!("{file}\n")).expect("written");
            }
            let found = legacy_luns(sys.path());
            let files: Vec<_> = found.iter().map(|lun| (lun.index, lun.file.as_str())).collect();
            assert_eq!(files, [(0, "/dev/mmcblk1p1"), (1, "")], "{gadget}");
            Lun::Legacy(1).insert(sys.path(), Path::new("/dev/mmcblk2")).expect("inserted");
            assert_eq!(Lun::Legacy(1).medium(sys.path()), "/dev/mmcblk2");
            assert_eq!(Lun::Legacy(1).eject(sys.path(), false).ok(), Some(true));
            assert_eq!(Lun::Legacy(1).medium(sys.path()), "");
        }
    }
}
