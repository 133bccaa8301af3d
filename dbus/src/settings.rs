//! What front ends have set: kept in one file, replaced whole, so that a crash leaves the old or the new one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::words::ASK;

/// The settings, by usb-moded's names of modes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What to do when a cable comes; unless set, nothing.
    pub mode: Option<Chosen>,
    /// Modes that no list names; they can be set all the same.
    pub hidden: Vec<String>,
    /// The only modes that can be set; unless set, all.
    pub whitelist: Option<Vec<String>>,
}

/// The mode to set when a cable comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// Its name, or [`ASK`].
    pub mode: String,
    /// Who chose it.
    pub uid: u32,
}

impl Settings {
    /// Reads the file; none is no settings.
    ///
    /// # Errors
    /// It cannot be read, or is not what [`Settings::save`] writes.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// The file system's; the old file is there then.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }

    /// Whether a mode may be set; `charging_only` always may.
    #[must_use]
    pub fn permits(&self, mode: &str) -> bool {
        mode == crate::words::CHARGING_ONLY
            || self.whitelist.as_ref().is_none_or(|modes| modes.iter().any(|one| one == mode))
    }

    /// Hides a mode, or shows it again.
    pub fn hide(&mut self, mode: &str, hidden: bool) {
        put(&mut self.hidden, mode, hidden);
    }

    /// Adds a mode to the whitelist, or takes it out.
    pub fn allow(&mut self, mode: &str, allowed: bool) {
        let mut modes = self.whitelist.clone().unwrap_or_default();
        put(&mut modes, mode, allowed);
        self.restrict(modes);
    }

    /// Replaces the whitelist. A chosen mode that is not in it gives way to asking.
    pub fn restrict(&mut self, modes: Vec<String>) {
        self.whitelist = Some(modes);
        let kept = self.mode.take().map(|chosen| match self.permits(&chosen.mode) {
            true => chosen,
            false => Chosen { mode: ASK.to_owned(), ..chosen },
        });
        self.mode = kept;
    }
}

fn put(modes: &mut Vec<String>, mode: &str, wanted: bool) {
    modes.retain(|one| one != mode);
    if wanted {
        modes.push(mode.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(mode: &str) -> Option<Chosen> {
        Some(Chosen { mode: mode.to_owned(), uid: 1000 })
    }

    #[test]
    fn settings_outlive_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.json");
        assert_eq!(Settings::load(&path).unwrap(), Settings::default());
        let settings = Settings {
            mode: chosen("mass_storage"),
            hidden: vec!["host_mode".to_owned()],
            whitelist: Some(Vec::new()),
        };
        Settings::default().save(&path).unwrap();
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "only the file itself stays");
        fs::write(&path, "{").unwrap();
        assert!(Settings::load(&path).is_err());
    }

    #[test]
    fn a_whitelist_takes_away_what_it_does_not_name() {
        let list = |modes: &[&str]| Some(modes.iter().map(|mode| (*mode).to_owned()).collect::<Vec<_>>());
        let table: [(&str, Option<Vec<String>>, &str, bool); 5] = [
            ("no whitelist", None, "mass_storage", true),
            ("named", list(&["mass_storage"]), "mass_storage", true),
            ("not named", list(&["developer_mode"]), "mass_storage", false),
            ("empty", list(&[]), "mass_storage", false),
            ("charging is always there", list(&[]), "charging_only", true),
        ];
        for (name, whitelist, mode, expected) in table {
            let settings = Settings { whitelist, ..Settings::default() };
            assert_eq!(settings.permits(mode), expected, "{name}");
        }
    }

    #[test]
    fn a_chosen_mode_that_is_no_longer_permitted_becomes_ask() {
        let table = [
            ("still permitted", "mass_storage", "mass_storage", "mass_storage"),
            ("not any more", "developer_mode", "mass_storage", ASK),
            ("charging", "charging_only", "mass_storage", "charging_only"),
        ];
        for (name, before, permitted, after) in table {
            let mut settings = Settings { mode: chosen(before), ..Settings::default() };
            settings.restrict(vec![permitted.to_owned()]);
            assert_eq!(settings.mode, chosen(after), "{name}");
        }
    }

    #[test]
    fn modes_are_listed_once() {
        let mut settings = Settings::default();
        for (mode, hidden) in [("a", true), ("b", true), ("a", true), ("b", false), ("c", false)] {
            settings.hide(mode, hidden);
        }
        assert_eq!(settings.hidden, ["a"]);
        settings.allow("b", true);
        settings.allow("c", false);
        assert_eq!(settings.whitelist, Some(vec!["b".to_owned()]));
    }
}
