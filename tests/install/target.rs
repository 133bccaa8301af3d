//! A file system that `scripts/install` installs into.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use usbnet_tests::run::{Outcome, run};

use crate::{ROOT, program};

/// Every path below, with its mode and, of a file, its content.
pub type Tree = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

/// What is built.
pub const PROGRAMS: [&str; 3] = ["usbnet", "usbnet-dbus", "usbnet-applet"];

/// A file system to install into.
pub struct Target {
    directory: TempDir,
}

impl Target {
    pub fn new() -> Self {
        let target = Self { directory: tempfile::tempdir().expect("a directory") };
        for name in PROGRAMS {
            program(&target.built(name), name);
        }
        fs::create_dir(target.at("")).expect("a directory");
        target
    }

    pub fn built(&self, name: &str) -> PathBuf {
        self.directory.path().join("build/release").join(name)
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join("root").join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().expect("a directory")).expect("a directory");
        fs::write(self.at(path), text).expect("writable");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        read(&self.at(""), &mut tree);
        tree
    }

    /// Runs the script as `shell`, with the umask of somebody careful.
    pub fn run(&self, shell: &[&str], arguments: &str) -> Outcome {
        let line = format!(
            "umask 077; export CARGO_TARGET_DIR='{}'; exec {} '{ROOT}/scripts/install' DESTDIR='{}' {arguments}",
            self.directory.path().join("build").display(),
            shell.join(" "),
            self.at("").display()
        );
        run(&["sh", "-c", &line])
    }

    /// Runs it with success; returns what it says.
    #[track_caller]
    pub fn does(&self, arguments: &str) -> String {
        let outcome = self.run(&["sh"], arguments);
        assert_eq!((outcome.code, &*outcome.err), (0, ""), "{arguments}");
        outcome.out
    }
}

fn read(directory: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = path.symlink_metadata().expect("its metadata");
        let content = metadata.is_file().then(|| fs::read(&path).expect("readable"));
        tree.insert(path.clone(), (metadata.permissions().mode() & 0o7777, content));
        if metadata.is_dir() {
            read(&path, tree);
        }
    }
}
