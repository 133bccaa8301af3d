//! Puts a profile's files where they lie on the host and its guide beside them, and runs the host's check over them.

use std::{
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use usbnet_host_profiles::{File, Host, Shape};

use crate::{facts::Device, mutations::Edit};

/// One profile to check.
pub struct Case {
    host: &'static Host,
    shape: Shape,
    device: Device,
    files: Vec<File>,
    guide: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {:?}", self.host.name, self.shape, self.device)
    }
}

impl Case {
    pub fn new(host: &'static Host, shape: Shape, device: Device) -> Self {
        let profile = host.profile(&device.facts(), shape).expect("a shape that the host has");
        Self { host, shape, device, files: profile.files, guide: profile.guide }
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        self.host.name
    }

    /// Makes the edit; one that changes nothing proves nothing.
    pub fn mutate(&mut self, edit: &Edit) -> Result<(), String> {
        let mut edited = false;
        if edit.file == "guide.md" {
            let text = self.guide.replace(edit.from, edit.to);
            edited = text != self.guide;
            self.guide = text;
        }
        for file in self.files.iter_mut().filter(|file| file.path.ends_with(edit.file)) {
            match edit.mode {
                Some(mode) => (file.mode, edited) = (mode, true),
                None => {
                    let text = file.text.replace(edit.from, edit.to);
                    edited |= text != file.text;
                    file.text = text;
                }
            }
        }
        if edited { Ok(()) } else { Err(format!("{self}: nothing to edit: {edit:?}")) }
    }

    /// The texts of the files that a shell runs.
    pub fn scripts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.text.as_str()).filter(|text| text.starts_with("#!/bin/sh"))
    }

    fn write(&self, root: &Path) -> std::io::Result<()> {
        for file in &self.files {
            let path = root.join(file.relative());
            fs::create_dir_all(path.parent().unwrap_or(root))?;
            fs::write(&path, file.bytes())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?;
        }
        fs::write(root.join("guide.md"), &self.guide)?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))
    }
}

/// Runs the check, in which nothing is waited for longer than `seconds`; what it said if it found something wrong.
pub fn check(case: &Case, seconds: u32) -> Result<(), String> {
    let files = tempfile::tempdir().map_err(|error| error.to_string())?;
    case.write(files.path()).map_err(|error| error.to_string())?;
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let packages = here.join("../.vm").canonicalize().map_err(|_| "no .vm; run scripts/setup")?;
    let facts = case.device.facts();
    let said = Command::new("timeout")
        .args(["-s", "KILL", "120", "unshare", "-m", "-n", "-p", "--fork", "--kill-child", "--mount-proc"])
        .arg(here.join("profiles/sandbox"))
        .args([packages.as_path(), files.path()])
        .args([case.host.name, case.shape.word()])
        .env("WAIT", seconds.to_string())
        .env("MTU", facts.mtu.map(|mtu| mtu.to_string()).unwrap_or_default())
        .env("PRODUCT", &facts.product)
        .env("DHCP", if facts.dhcp { "1" } else { "" })
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&said.stderr);
    if said.status.success() { Ok(()) } else { Err(format!("{}: {text}", said.status)) }
}
