//! The mode that was active last, kept over a reboot for `start_mode: Last`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

const LONGEST: u64 = 256;

/// The mode written down, if one is.
#[must_use]
pub fn last_mode(file: &Path) -> Option<String> {
    if fs::metadata(file).ok()?.len() > LONGEST {
        return None;
    }
    let mode = fs::read_to_string(file).ok()?.trim().to_owned();
    (!mode.is_empty()).then_some(mode)
}

/// Writes a mode down: the file has the old or the new one, whenever the power goes.
///
/// # Errors
/// The file system's: read-only, full.
pub fn remember(file: &Path, mode: &str) -> io::Result<()> {
    if last_mode(file).as_deref() == Some(mode) {
        return Ok(()); // flash wears
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let new = file.with_extension("new");
    let mut out = File::create(&new)?;
    writeln!(out, "{mode}")?;
    out.sync_all()?;
    fs::rename(&new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_remembered() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("lib/usbnet/mode");
        assert_eq!(last_mode(&file), None);
        for mode in ["network", "charging", "charging"] {
            remember(&file, mode).expect("writable");
            assert_eq!(last_mode(&file).as_deref(), Some(mode));
        }
        assert_eq!(fs::read_dir(file.parent().expect("has one")).expect("readable").count(), 1);
        fs::write(&file, "x".repeat(1000)).expect("writable");
        assert_eq!(last_mode(&file), None, "garbage");
        fs::write(&file, "\n").expect("writable");
        assert_eq!(last_mode(&file), None, "empty");
    }
}
