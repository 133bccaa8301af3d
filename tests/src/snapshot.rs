//! What a refused switch must leave byte for byte as it was.

use std::{collections::BTreeMap, fs, path::Path};

use crate::daemon::status;

/// The mode, every mount and every attribute of every gadget.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The mode, as the status has it.
    pub mode: Option<String>,
    /// `/proc/self/mountinfo`, with the mounts' numbers: a mount that went and came again has another.
    pub mounts: String,
    /// Path and content of everything below `usb_gadget`.
    pub gadgets: BTreeMap<String, String>,
}

impl Snapshot {
    /// As it is now.
    ///
    /// # Panics
    ///
    /// Without a running daemon.
    #[must_use]
    pub fn take() -> Self {
        let mut gadgets = BTreeMap::new();
        walk(Path::new("/sys/kernel/config/usb_gadget"), &mut gadgets);
        // The kernel's own: it fills these in when the host enumerates.
        gadgets.retain(|path, _| !["/bMaxPacketSize0", "/bcdUSB"].iter().any(|name| path.ends_with(name)));
        Self {
            mode: status().mode,
            mounts: fs::read_to_string("/proc/self/mountinfo").expect("mountinfo"),
            gadgets,
        }
    }
}

impl Snapshot {
    /// Expects all to be as it was.
    ///
    /// # Panics
    ///
    /// With what is otherwise, and only that.
    #[track_caller]
    pub fn assert_unchanged(&self, when: &str) {
        let now = Self::take();
        assert_eq!(now.mode, self.mode, "{when}: the mode");
        let new = |one: &str, other: &str| -> Vec<String> {
            one.lines().filter(|line| !other.lines().any(|old| old == *line)).map(str::to_owned).collect()
        };
        let (gone, come) = (new(&self.mounts, &now.mounts), new(&now.mounts, &self.mounts));
        assert!(self.mounts == now.mounts, "{when}: mounts have gone {gone:#?} and come {come:#?}");
        let all = self.gadgets.keys().chain(now.gadgets.keys());
        let changed: BTreeMap<_, _> = all
            .filter(|path| self.gadgets.get(*path) != now.gadgets.get(*path))
            .map(|path| (path, (self.gadgets.get(path), now.gadgets.get(path))))
            .collect();
        assert!(changed.is_empty(), "{when}: of the gadget was changed {changed:#?}");
    }
}

fn walk(directory: &Path, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("its type");
        let content = if kind.is_dir() {
            walk(&path, into);
            "a directory".to_owned()
        } else if kind.is_symlink() {
            fs::read_link(&path).expect("a link").display().to_string()
        } else {
            fs::read(&path).map_or_else(|error| error.to_string(), |bytes| bytes.escape_ascii().to_string())
        };
        into.insert(path.display().to_string(), content);
    }
}
