//! A system of files in which cards can be looked for.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use super::{CardSystem, blocks};
use crate::cards::DeviceNumber;

/// `proc`, `sys`, `dev`, `etc` and whatever else in a directory of its own.
pub(super) struct Fake {
    root: tempfile::TempDir,
}

impl Fake {
    /// With a root file system on 179:2, a partition of 179:0, and nothing else.
    pub fn new() -> Self {
        let fake = Self { root: tempfile::tempdir().expect("a directory") };
        for directory in ["proc/self/ns", "dev", "etc", "sys/class/block", "sys/dev/block", "media"] {
            fs::create_dir_all(fake.at(directory)).expect("a directory");
        }
        fake.disk("mmcblk0", "179:0", &[("mmcblk0p1", "179:1"), ("mmcblk0p2", "179:2")]);
        fake.mounts(&["1 0 179:2 / / rw shared:1 - ext4 /dev/root rw"]);
        fake
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn system(&self) -> CardSystem {
        CardSystem::at(&self.at("proc"), &self.at("sys"), &self.at("dev"), &self.at("etc"))
    }

    /// The number of the file system that all of this is really on.
    pub fn number(&self) -> DeviceNumber {
        blocks::number(fs::metadata(self.root.path()).expect("the directory").dev())
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, bytes).expect("a file");
    }

    pub fn link(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        symlink(target, path).expect("a link");
    }

    /// A disk of 1 MiB with its partitions, all of them with an empty medium.
    pub fn disk(&self, name: &str, number: &str, partitions: &[(&str, &str)]) {
        self.disk_at(name, number, partitions);
    }

    /// The same with a place below `devices`, which ends with its name.
    pub fn disk_at(&self, place: &str, number: &str, partitions: &[(&str, &str)]) {
        let dir = format!("sys/devices/{place}");
        self.device(&dir, place.rsplit('/').next().unwrap_or(place), number);
        for (part, number) in partitions {
            self.write(&format!("{dir}/{part}/partition"), "1\n");
            self.device(&format!("{dir}/{part}"), part, number);
        }
    }

    fn device(&self, dir: &str, name: &str, number: &str) {
        self.write(&format!("{dir}/dev"), format!("{number}\n"));
        self.write(&format!("{dir}/size"), "2048\n");
        self.write(&format!("{dir}/ro"), "0\n");
        self.write(&format!("{dir}/uevent"), format!("MAJOR=1\nDEVNAME={name}\n"));
        self.link(&format!("sys/class/block/{name}"), self.at(dir));
        self.link(&format!("sys/dev/block/{number}"), self.at(dir));
        self.write(&format!("dev/{name}"), vec![0; 0x2000]);
    }

    /// Formats a device: an ext4 superblock with that label, and the UUID 01010101-….
    pub fn format(&self, name: &str, label: &str) {
        let mut bytes = vec![0; 0x2000];
        bytes[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
        bytes[1024 + 0x60] = 0x40;
        bytes[1024 + 0x68..1024 + 0x78].fill(1);
        bytes[1024 + 0x78..1024 + 0x78 + label.len()].copy_from_slice(label.as_bytes());
        self.write(&format!("dev/{name}"), bytes);
    }

    /// The mounts of this name space. `@` stands for the directory of this system.
    pub fn mounts(&self, lines: &[&str]) {
        self.write("proc/self/mountinfo", self.lines(lines));
    }

    /// Lines with `@` resolved.
    pub fn lines(&self, lines: &[&str]) -> String {
        let root = self.root.path().display().to_string();
        lines.iter().map(|line| line.replace('@', &root) + "\n").collect()
    }
}
