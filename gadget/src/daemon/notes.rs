//! What `stop` has to know of the time before: kept in the run directory, so that it outlives a killed daemon and
//! ends with the boot.
//!
//! Modes and steps need no note: what is there is observed. Whose it is cannot be, hence these.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::SwitchError;
use crate::gather::Gather;
use crate::plan::{Before, RoleBefore};
use crate::sys::usb_role::Role;

/// The notes in one run directory.
#[derive(Debug)]
pub struct Notes {
    before: PathBuf,
    loaded: PathBuf,
    role: PathBuf,
}

impl Notes {
    /// Those in `run`.
    #[must_use]
    pub fn at(run: &Path) -> Self {
        Self { before: run.join("before.json"), loaded: run.join("loaded"), role: run.join("role") }
    }

    /// What there was before usbnet, if that is noted.
    #[must_use]
    pub fn before(&self) -> Option<Before> {
        serde_json::from_slice(&fs::read(&self.before).ok()?).ok()
    }

    /// Notes what there was before usbnet, unless that is noted already: a daemon that was killed knew better.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_before(&self, before: &Before) -> Result<(), SwitchError> {
        if self.before().is_some() {
            return Ok(());
        }
        write(&self.before, &serde_json::to_vec(before).unwrap_or_default())
    }

    /// The modules that usbnet loaded itself.
    #[must_use]
    pub fn loaded(&self) -> BTreeSet<String> {
        fs::read_to_string(&self.loaded).unwrap_or_default().lines().map(str::to_owned).gather()
    }

    /// Notes a module that is about to be loaded.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_loaded(&self, module: &str) -> Result<(), SwitchError> {
        let mut loaded = self.loaded();
        if !loaded.insert(module.to_owned()) {
            return Ok(());
        }
        let lines: String = loaded.iter().map(|module| format!("{module}\n")).collect();
        write(&self.loaded, lines.as_bytes())
    }

    /// The role that usbnet gave a port and what it took it from, if it did.
    #[must_use]
    pub fn role(&self) -> Option<RoleBefore> {
        let text = fs::read_to_string(&self.role).ok()?;
        let (taken, before) = text.trim_end().split_once(' ')?;
        let (word, attribute) = before.split_once(' ')?;
        Some(RoleBefore { attribute: attribute.into(), word: word.to_owned(), taken: Role::parse(taken)? })
    }

    /// Notes the role that a port is about to be given, and what it is taken from.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_role(&self, before: &RoleBefore) -> Result<(), SwitchError> {
        let RoleBefore { attribute, word, taken } = before;
        write(&self.role, format!("{} {word} {}\n", taken.word(), attribute.display()).as_bytes())
    }

    /// The port has its role again, or something else has decided.
    pub fn forget_role(&self) {
        let _ = fs::remove_file(&self.role);
    }

    /// Everything is as it was: the notes have done their duty.
    pub fn forget(&self) {
        let _ = fs::remove_file(&self.before);
        let _ = fs::remove_file(&self.loaded);
    }
}

/// Writes a note as a whole, or leaves the old one.
fn write(path: &Path, text: &[u8]) -> Result<(), SwitchError> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|cause| SwitchError::Note { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_note_stays_until_it_is_forgotten() {
        let run = tempfile::tempdir().expect("a directory");
        let notes = Notes::at(run.path());
        assert_eq!(notes.before(), None);
        let first = Before { modules: ["dummy_hcd".to_owned()].into(), mounted: true };
        notes.keep_before(&first).expect("writable");
        notes.keep_before(&Before::default()).expect("writable");
        assert_eq!(notes.before(), Some(first));
        for module in ["libcomposite", "g_ether", "g_ether"] {
            notes.keep_loaded(module).expect("writable");
        }
        assert_eq!(notes.loaded(), ["g_ether".to_owned(), "libcomposite".to_owned()].into());
        assert_eq!(notes.role(), None);
        for (word, taken) in [("device", Role::Host), ("none", Role::Device)] {
            let attribute = "/sys/class/usb_role/a b/role".into();
            let role = RoleBefore { attribute, word: word.to_owned(), taken };
            notes.keep_role(&role).expect("writable");
            assert_eq!(notes.role(), Some(role));
        }
        notes.forget_role();
        assert_eq!(notes.role(), None);
        notes.forget();
        assert_eq!(fs::read_dir(run.path()).expect("readable").count(), 0);
    }

    #[test]
    fn a_note_that_cannot_be_written_is_named() {
        let notes = Notes::at(Path::new("/dev/null/run"));
        let error = notes.keep_loaded("g_ether").expect_err("no directory");
        assert!(error.to_string().starts_with("/dev/null/run/loaded cannot be written"), "{error}");
    }
}
