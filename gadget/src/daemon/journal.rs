//! The journal: which switch is under way, and how the cards were in use that usbnet has taken. In the run directory, so
//! that it outlives a killed daemon and ends with the boot, as mounts do.
//!
//! Says nothing about gadget, link and responder: what is there of these is observed, and a plan from it leads anywhere.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::SwitchError;
use crate::cards::Record;

const VERSION: u32 = 1;

/// What is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The switch under way, if one is.
    pub switch: Option<UnderWay>,
    /// The cards that usbnet has taken.
    pub records: Vec<Record>,
}

/// A switch that has begun and is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The mode that is left.
    pub from: Option<String>,
    /// The mode to reach; none to take everything down.
    pub to: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Versioned {
    version: u32,
    #[serde(flatten)]
    journal: Journal,
}

/// The journal in one run directory.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
}

impl JournalFile {
    /// That in `run`.
    #[must_use]
    pub fn at(run: &Path) -> Self {
        Self { path: run.join("journal.json") }
    }

    /// What is written; nothing if no file is there.
    ///
    /// # Errors
    /// The file is there and is no journal of this version: what it says of cards must not be lost.
    pub fn read(&self) -> Result<Journal, SwitchError> {
        let failed = |cause: io::Error| SwitchError::Journal { path: self.path.clone(), cause };
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Journal::default()),
            Err(error) => return Err(failed(error)),
        };
        let found: Versioned = serde_json::from_slice(&text)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        if found.version == VERSION {
            Ok(found.journal)
        } else {
            let text = format!("it is of version {}, not {VERSION}", found.version);
            Err(failed(io::Error::new(io::ErrorKind::InvalidData, text)))
        }
    }

    /// Writes it: the file has the old or the new text, whenever the daemon ends. One that says nothing is removed.
    ///
    /// # Errors
    /// The file system's: full, read-only.
    pub fn write(&self, journal: &Journal) -> Result<(), SwitchError> {
        self.try_write(journal).map_err(|cause| SwitchError::Note { path: self.path.clone(), cause })
    }

    fn try_write(&self, journal: &Journal) -> io::Result<()> {
        if *journal == Journal::default() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let text = serde_json::to_vec(&Versioned { version: VERSION, journal: journal.clone() })?;
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let record = Record {
            card: "/media/mmc1".into(),
            medium: "/dev/mmcblk1p1".into(),
            mounts: vec![],
            swaps: vec![],
        };
        Journal {
            switch: Some(UnderWay { from: Some("network".into()), to: Some("storage".into()) }),
            records: vec![record],
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_leaves_no_file() {
        let run = tempfile::tempdir().expect("a directory");
        let file = JournalFile::at(run.path());
        assert_eq!(file.read().expect("readable"), Journal::default());
        file.write(&journal()).expect("writable");
        assert_eq!(file.read().expect("readable"), journal());
        file.write(&Journal::default()).expect("writable");
        file.write(&Journal::default()).expect("writable");
        assert_eq!(fs::read_dir(run.path()).expect("readable").count(), 0);
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_and_stays() {
        for (name, text) in
            [("half", "{\"version\":1,"), ("newer", "{\"version\":2,\"switch\":null,\"records\":[]}")]
        {
            let run = tempfile::tempdir().expect("a directory");
            fs::write(run.path().join("journal.json"), text).expect("writable");
            assert!(JournalFile::at(run.path()).read().is_err(), "{name}");
            assert!(run.path().join("journal.json").exists(), "{name}");
        }
    }

    #[test]
    fn a_full_file_system_is_named() {
        let error = JournalFile::at(Path::new("/dev/null/run")).write(&journal()).expect_err("no directory");
        assert!(error.to_string().starts_with("/dev/null/run/journal.json cannot be written"), "{error}");
    }
}
