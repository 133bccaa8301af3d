//! What keeps a card busy, in words that let a person end it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::printable::printable;

/// One thing that keeps a card from being taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// How.
    pub kind: HolderKind,
    /// The process, if it is one.
    pub pid: Option<u32>,
    /// Its program's name.
    pub program: Option<String>,
    /// Its user's name, or number where there is no name.
    pub user: Option<String>,
    /// What it holds: a file, a mount point, a device.
    pub path: PathBuf,
}

/// How something keeps a card busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// An open file or directory.
    OpenFile,
    /// A current directory.
    CurrentDirectory,
    /// A root directory.
    RootDirectory,
    /// A program that runs from it.
    Executable,
    /// A file mapped to memory.
    MappedFile,
    /// A socket bound to a path on it.
    Socket,
    /// The block device itself, open.
    Device,
    /// A swap area.
    Swap,
    /// A loop device over one of its files.
    Loop,
    /// A device-mapper or RAID device over it.
    Mapper,
    /// Another mount of it, of a directory or at another place.
    BindMount,
    /// Another file system mounted inside of it.
    NestedMount,
    /// It is mounted in another mount name space.
    MountNamespace,
}

/// One line, whatever the names in it: they are the card's, and any user's. The fields have them as they are.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path.to_string_lossy());
        if let Some(pid) = self.pid {
            let program = self.program.as_deref().map_or_else(|| "a process".to_owned(), printable);
            write!(f, "{program} (pid {pid}")?;
            if let Some(user) = &self.user {
                write!(f, ", {user}")?;
            }
            f.write_str(") ")?;
        }
        match (self.kind, self.pid) {
            (HolderKind::OpenFile | HolderKind::Device, _) => write!(f, "has {path} open"),
            (HolderKind::CurrentDirectory, _) => write!(f, "works in {path}"),
            (HolderKind::RootDirectory, _) => write!(f, "has its root in {path}"),
            (HolderKind::Executable, _) => write!(f, "runs from {path}"),
            (HolderKind::MappedFile, _) => write!(f, "has {path} mapped"),
            (HolderKind::Socket, _) => write!(f, "has the socket {path}"),
            (HolderKind::Swap, _) => write!(f, "{path} is used as swap"),
            (HolderKind::Loop, _) => write!(f, "a loop device is over {path}"),
            (HolderKind::Mapper, _) => write!(f, "{path} is over it"),
            (HolderKind::BindMount, _) => write!(f, "it is mounted on {path} too"),
            (HolderKind::NestedMount, _) => write!(f, "another file system is mounted on {path}"),
            (HolderKind::MountNamespace, Some(_)) => {
                write!(f, "has it mounted on {path} in a mount name space of its own")
            }
            (HolderKind::MountNamespace, None) => {
                write!(f, "it is mounted on {path} in another mount name space")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_forge_nothing() {
        let path = PathBuf::from("/media/mmc1/a\nusbnet: \u{1b}[2J");
        let held = |pid, program: &str| Holder {
            kind: HolderKind::OpenFile,
            pid,
            program: Some(program.to_owned()),
            user: Some("user".to_owned()),
            path: path.clone(),
        };
        let table = [
            (held(Some(812), "vi\rB"), "vi?B (pid 812, user) has /media/mmc1/a?usbnet: ?[2J open"),
            (held(None, ""), "has /media/mmc1/a?usbnet: ?[2J open"),
        ];
        for (holder, line) in table {
            assert_eq!(holder.to_string(), line);
            let told = serde_json::to_value(&holder).expect("JSON");
            assert_eq!(
                told["path"].as_str().map(PathBuf::from),
                Some(path.clone()),
                "programs need the path itself"
            );
        }
    }
}
