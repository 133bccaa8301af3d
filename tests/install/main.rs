//! What a package installs: the program's documentation, its init files, and that all of it goes again.
//!
//! None of this needs a virtual machine. The init systems themselves, with the real daemon, are for one.

mod docs;
mod early;
mod files;
mod init;
mod lsb;
mod retire;
mod target;
mod uninstall;
mod words;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// The repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The shells that a device has as its `sh`.
const SHELLS: [&[&str]; 3] = [&["dash"], &["busybox", "ash"], &["bash", "--posix"]];

/// Writes a program.
fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, text).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}
