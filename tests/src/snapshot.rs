//! What a refused switch must leave byte for byte as it was.

use std::{collections::BTreeMap, fs, path::Path};

use crate::daemon::status;

/// The mode, every mount and every attribute of every gadget.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        Self {
            mode: status().mode,
            mounts: fs::read_to_string("/proc/self/mountinfo").expect("mountinfo"),
            gadgets,
        }
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
            fs::read(&path).map_or_else(|error| error.to_string(), |bytes| format!("{bytes:?}"))
        };
        into.insert(path.display().to_string(), content);
    }
}
