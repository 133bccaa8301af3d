//! A directory that behaves like configfs as far as the order of operations goes: attributes come and go with their
//! directories, and what is in use refuses.

use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use tempfile::TempDir;

use super::{ConfigFs, ConfigfsError, LiveGadget, Operation};

/// The directory and what keeps it.
pub(crate) struct FakeConfigFs {
    dir: TempDir,
}

const GADGET: [&str; 7] =
    ["UDC", "bDeviceClass", "bDeviceProtocol", "bDeviceSubClass", "bcdDevice", "idProduct", "idVendor"];
const ETHERNET: [&str; 4] = ["dev_addr", "host_addr", "ifname", "qmult"];

impl FakeConfigFs {
    pub(crate) fn new() -> Self {
        // In memory where there is such a place: file systems that flush a rewritten file on close take minutes.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let fake = Self { dir: dir.expect("a directory for the test") };
        fs::create_dir(fake.dir.path().join("usb_gadget")).expect("usb_gadget");
        fake
    }

    pub(crate) fn configfs(&self) -> ConfigFs {
        ConfigFs::at(self.dir.path())
    }

    pub(crate) fn observe(&self, gadget: &str) -> Option<LiveGadget> {
        self.configfs().observe(gadget).expect("readable")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn apply_all(&self, operations: &[Operation]) {
        for operation in operations {
            self.apply(operation).unwrap_or_else(|error| panic!("{operation:?}: {error}"));
        }
    }

    pub(crate) fn apply(&self, operation: &Operation) -> Result<(), ConfigfsError> {
        match operation {
            Operation::MakeDir { path } => {
                let existed = path.is_dir();
                operation.apply()?;
                if !existed {
                    self.populate(path);
                }
                Ok(())
            }
            Operation::Write { path, value, .. } => {
                if self.is_linked(&self.function_of(path)) {
                    let cause = Errno::EBUSY;
                    return Err(ConfigfsError::Write { path: path.clone(), value: value.clone(), cause });
                }
                operation.apply()
            }
            Operation::RemoveDir { path } => self.remove(path),
            Operation::Link { target, .. } if !target.is_dir() => panic!("{operation:?}: no target"),
            Operation::Link { .. } | Operation::Unlink { .. } => operation.apply(),
        }
    }

    fn remove(&self, path: &Path) -> Result<(), ConfigfsError> {
        let busy = |why: &Path| {
            println!("{} is in use: {}", path.display(), why.display());
            Err(ConfigfsError::Remove { path: path.to_owned(), cause: Errno::EBUSY })
        };
        if self.is_linked(path) {
            return busy(path);
        }
        for held in self.below(path) {
            let made = is_made(held.strip_prefix(self.dir.path()).expect("below"));
            if held.is_symlink() || (held.is_dir() && made) {
                return busy(&held);
            }
        }
        fs::remove_dir_all(path).expect("removable");
        Ok(())
    }

    fn below(&self, path: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(path).expect("readable").flatten() {
            if entry.file_type().expect("a type").is_dir() {
                found.extend(self.below(&entry.path()));
            }
            found.push(entry.path());
        }
        found
    }

    /// Links are in configurations and in `os_desc` only; looking there only keeps the tests quick.
    fn is_linked(&self, target: &Path) -> bool {
        let entries =
            |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        let Some(gadget) =
            target.ancestors().find(|path| path.parent().is_some_and(|up| up.ends_with("usb_gadget")))
        else {
            return false;
        };
        let configurations = entries(gadget.join("configs")).flat_map(entries);
        entries(gadget.join("os_desc"))
            .chain(configurations)
            .any(|path| fs::read_link(path).is_ok_and(|to| to == target))
    }

    /// The function that an attribute belongs to, or the path itself.
    fn function_of(&self, path: &Path) -> PathBuf {
        let is_function = |path: &&Path| path.parent().is_some_and(|parent| parent.ends_with("functions"));
        path.ancestors().find(is_function).unwrap_or(path).to_owned()
    }

    fn populate(&self, path: &Path) {
        let name = path.file_name().expect("a name").to_str().expect("text");
        let parent = path.parent().and_then(Path::file_name).expect("a parent").to_str().expect("text");
        let grand = path.ancestors().nth(2).and_then(Path::file_name).expect("a grandparent");
        match (parent, name.split('.').next().unwrap_or_default()) {
            ("usb_gadget", _) => {
                for group in ["configs", "functions", "strings", "os_desc"] {
                    fs::create_dir(path.join(group)).expect("group");
                }
                files(path, &GADGET);
                files(&path.join("os_desc"), &["b_vendor_code", "qw_sign", "use"]);
                fs::write(path.join("os_desc/use"), "0\n").expect("use");
            }
            ("strings", _) if grand == "c.1" => files(path, &["configuration"]),
            ("strings", _) => files(path, &["manufacturer", "product", "serialnumber"]),
            ("configs", _) => {
                fs::create_dir(path.join("strings")).expect("strings");
                files(path, &["MaxPower", "bmAttributes"]);
            }
            ("functions", "acm") => files(path, &["port_num"]),
            ("functions", "mass_storage") => {
                fs::create_dir(path.join("lun.0")).expect("lun.0");
                self.populate(&path.join("lun.0"));
            }
            ("functions", "rndis") => {
                files(path, &ETHERNET);
                files(path, &["class", "subclass", "protocol"]);
                os_descriptors(path, "interface.rndis");
            }
            ("functions", "ncm") => {
                files(path, &ETHERNET);
                os_descriptors(path, "interface.ncm");
            }
            ("functions", _) => files(path, &ETHERNET),
            (_, "lun") => files(path, &["cdrom", "file", "inquiry_string", "nofua", "removable", "ro"]),
            _ => panic!("the kernel would not make {}", path.display()),
        }
    }
}

/// Whether a directory is one that somebody made, and has to remove; the kernel makes and removes the other ones.
fn is_made(below_root: &Path) -> bool {
    let names: Vec<_> = below_root.iter().skip(2).filter_map(|name| name.to_str()).collect();
    !matches!(
        names[..],
        ["configs" | "functions" | "strings" | "os_desc"]
            | ["configs", _, "strings"]
            | ["functions", _, "os_desc" | "lun.0"]
            | ["functions", _, "os_desc", _]
    )
}

fn files(dir: &Path, names: &[&str]) {
    for name in names {
        fs::write(dir.join(name), "\n").expect("attribute");
    }
}

fn os_descriptors(function: &Path, group: &str) {
    let dir = function.join("os_desc").join(group);
    fs::create_dir_all(&dir).expect("os_desc");
    files(&dir, &["compatible_id", "sub_compatible_id"]);
}
