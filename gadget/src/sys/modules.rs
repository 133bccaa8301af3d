//! Kernel modules: which are loaded, which could be, and loading and unloading them.
//!
//! Reads `/proc/modules` and the module index below `/lib/modules/RELEASE`; loads with the `modprobe` program or, for
//! a given file, with `finit_module(2)`. Never unloads what it was not told to.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::kmod::{DeleteModuleFlags, ModuleInitFlags, delete_module, finit_module};
use serde::{Deserialize, Serialize};

use crate::gather::Gather;
use crate::sys::program;

#[cfg(test)]
mod tests;

/// What can go wrong with modules.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// A list or index cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is no such module file.
    #[error("there is no {module}.ko for kernel {release} in {}; correct insmod_from, or install the module there", dir.display())]
    NotFound {
        /// The module.
        module: String,
        /// The running kernel.
        release: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// `modprobe` cannot be run.
    #[error("cannot run modprobe to load {module}: {cause}; load it by hand, or set insmod_from")]
    NoModprobe {
        /// The module.
        module: String,
        /// Why.
        cause: io::Error,
    },
    /// `modprobe` failed.
    #[error("modprobe cannot load {module}: {said}; `dmesg` says more")]
    Modprobe {
        /// The module.
        module: String,
        /// Its own words.
        said: String,
    },
    /// The kernel refuses a module file.
    #[error("cannot load {}: {cause}{}", path.display(), hint(*cause))]
    Insert {
        /// The module file.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// The kernel refuses to unload a module.
    #[error("cannot unload {module}: {}; `lsmod` shows its users", if *cause == Errno::EAGAIN { "something still uses it" } else { cause.desc() })]
    Remove {
        /// The module.
        module: String,
        /// Why.
        cause: Errno,
    },
}

const fn hint(cause: Errno) -> &'static str {
    match cause {
        Errno::ENOEXEC => " (built for another kernel)",
        Errno::ENOENT => " (it needs a symbol that no loaded module has, or knows no such parameter)",
        Errno::EINVAL => " (it refuses a parameter's value)",
        Errno::ENODEV => " (no UDC that it could use)",
        Errno::EKEYREJECTED => " (not signed by a key of this kernel)",
        Errno::EPERM => " (not permitted, or module loading is disabled)",
        _ => "",
    }
}

/// A module to load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Its name, with underscores.
    pub module: String,
    /// Names and unquoted values. A value may not contain a double quote: the kernel has no escape for it.
    pub parameters: Vec<(String, String)>,
    /// Where from.
    pub source: Source,
}

/// How a module is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// By the `modprobe` program, which finds the file and what it depends on.
    Modprobe,
    /// This file, alone.
    File(PathBuf),
}

/// Whether a module can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    /// In `/proc/modules`.
    Loaded,
    /// Part of the kernel image.
    BuiltIn,
    /// The index names a file for it.
    Loadable,
    /// The index does not know it.
    Missing,
    /// There is no index for the running kernel, so it shows only when it is tried.
    Unknown,
}

/// The modules of the running kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    /// Those loaded, with the modules that use them.
    pub loaded: BTreeMap<String, BTreeSet<String>>,
    /// Those that there are.
    pub index: Index,
}

/// The modules for gadgets that the running kernel has; `None` where it has no such index.
///
/// Read once: it has thousands of lines, and only changes when modules are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Those that are built in.
    pub built_in: Option<BTreeSet<String>>,
    /// Those that could be loaded.
    pub loadable: Option<BTreeSet<String>>,
}

impl Index {
    /// Read `modules.dep` and `modules.builtin` in `dir`, normally `/lib/modules/RELEASE`.
    ///
    /// # Errors
    /// One is there and cannot be read.
    pub fn read(dir: &Path) -> Result<Self, ModuleError> {
        let names = |file: &str| -> Result<Option<BTreeSet<String>>, ModuleError> {
            let Some(text) = read_if_present(&dir.join(file))? else { return Ok(None) };
            let lines = text.lines().filter(|line| concerns_gadgets(line));
            Ok(Some(lines.filter_map(module_of_line).gather()))
        };
        Ok(Self { built_in: names("modules.builtin")?, loadable: names("modules.dep")? })
    }
}

impl Modules {
    /// Look at `/proc/modules`; `proc` is normally `/proc`.
    ///
    /// # Errors
    /// It is there and cannot be read. A kernel without modules has none, and that is fine.
    pub fn observe(proc: &Path, index: Index) -> Result<Self, ModuleError> {
        let loaded = read_if_present(&proc.join("modules"))?.map(|text| loaded(&text)).unwrap_or_default();
        Ok(Self { loaded, index })
    }

    /// Whether `module` (with underscores) can be had.
    #[must_use]
    pub fn availability(&self, module: &str) -> Availability {
        let knows = |set: &Option<BTreeSet<String>>| set.as_ref().is_some_and(|set| set.contains(module));
        if self.loaded.contains_key(module) {
            Availability::Loaded
        } else if knows(&self.index.built_in) {
            Availability::BuiltIn
        } else if knows(&self.index.loadable) {
            Availability::Loadable
        } else if self.index.loadable.is_some() {
            Availability::Missing
        } else {
            Availability::Unknown
        }
    }
}

/// `uname -r`.
#[must_use]
pub fn release() -> String {
    nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
}

impl Load {
    /// Load it. One that is loaded already is fine for the kernel's modprobe, and `EEXIST` is fine for a file.
    ///
    /// # Errors
    /// What modprobe or the kernel said.
    pub fn apply(&self) -> Result<(), ModuleError> {
        match &self.source {
            Source::Modprobe => self.modprobe(),
            Source::File(path) => self.insert(path),
        }
    }

    /// The parameters as the kernel reads them: a value with a space in double quotes.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        self.parameters
            .iter()
            .map(|(name, value)| {
                if value.is_empty() || value.contains(char::is_whitespace) {
                    format!("{name}=\"{value}\"")
                } else {
                    format!("{name}={value}")
                }
            })
            .collect()
    }

    fn modprobe(&self) -> Result<(), ModuleError> {
        let output = program::command("modprobe")
            .arg(&self.module)
            .args(self.arguments())
            .output()
            .map_err(|cause| ModuleError::NoModprobe { module: self.module.clone(), cause })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        let said = if said.is_empty() { output.status.to_string() } else { said };
        Err(ModuleError::Modprobe { module: self.module.clone(), said })
    }

    fn insert(&self, path: &Path) -> Result<(), ModuleError> {
        let failed = |cause| ModuleError::Insert { path: path.to_owned(), cause };
        let file = File::open(path).map_err(|cause| ModuleError::Read { path: path.to_owned(), cause })?;
        let arguments = CString::new(self.arguments().join(" ")).map_err(|_| failed(Errno::EINVAL))?;
        let flags = match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz" | "xz" | "zst") => ModuleInitFlags::from_bits_retain(MODULE_INIT_COMPRESSED_FILE),
            _ => ModuleInitFlags::empty(),
        };
        match finit_module(&file, &arguments, flags) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(cause) => Err(failed(cause)),
        }
    }
}

/// `MODULE_INIT_COMPRESSED_FILE` in `include/uapi/linux/module.h`, since Linux 5.17.
const MODULE_INIT_COMPRESSED_FILE: u32 = 4;

/// Unload a module; one that is gone already is fine.
///
/// # Errors
/// What the kernel said: `EWOULDBLOCK` if something uses it.
pub fn unload(module: &str) -> Result<(), ModuleError> {
    let failed = |cause| ModuleError::Remove { module: module.to_owned(), cause };
    let name = CString::new(module).map_err(|_| failed(Errno::EINVAL))?;
    match delete_module(&name, DeleteModuleFlags::O_NONBLOCK) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(cause) => Err(failed(cause)),
    }
}

fn read_if_present(path: &Path) -> Result<Option<String>, ModuleError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(ModuleError::Read { path: path.to_owned(), cause }),
    }
}

/// `NAME SIZE COUNT USER,USER,|- STATE ADDRESS`, one a line.
fn loaded(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let users = fields.nth(2).unwrap_or("-");
            let users = users.split(',').filter(|user| !matches!(*user, "" | "-" | "[permanent]"));
            Some((name.to_owned(), users.map(str::to_owned).gather()))
        })
        .gather()
}

/// Whether a line of an index, which has thousands, is about a module that makes gadgets: by its directory, or,
/// where somebody built it apart from the kernel, by its name.
fn concerns_gadgets(line: &str) -> bool {
    let path = line.split(':').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    path.contains("/gadget/")
        || ["usb_f_", "g_", "u_ether.", "u_serial.", "libcomposite.", "configfs."]
            .iter()
            .any(|start| name.starts_with(start))
}

/// The module that a line of `modules.dep` (`PATH: PATH…`) or `modules.builtin` (`PATH`) is about.
fn module_of_line(line: &str) -> Option<String> {
    module_name(Path::new(line.split(':').next()?))
}

/// The name of the module in a file `NAME.ko`, `NAME.ko.xz`, …: with underscores, as `/proc/modules` has it.
#[must_use]
pub fn module_name(file: &Path) -> Option<String> {
    let (name, _) = file.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// The files to load for `module`, in order, below `DIR/RELEASE`: those that it depends on first.
///
/// The order comes from `modules.dep` where there is one. Without it the module's file is looked for in the directory
/// and its subdirectories, and loaded alone, as on the Maemo tablets
/// (`/mnt/initfs/lib/modules/2.6.21-omap1/g_ether.ko`).
///
/// # Errors
/// There is no such file, or a directory cannot be read.
pub fn resolve(dir: &Path, release: &str, module: &str) -> Result<Vec<PathBuf>, ModuleError> {
    let root = dir.join(release);
    let index = read_if_present(&root.join("modules.dep"))?.unwrap_or_default();
    let wanted = module.replace('-', "_");
    if let Some(line) = index.lines().find(|line| module_of_line(line).as_deref() == Some(wanted.as_str())) {
        let (file, needs) = line.split_once(':').unwrap_or((line, ""));
        // What is needed deepest stands last. Old indexes have absolute paths.
        let usual = format!("/lib/modules/{release}/");
        let files = needs.split_whitespace().rev().chain([file]);
        return Ok(files.map(|path| root.join(path.strip_prefix(&usual).unwrap_or(path))).collect());
    }
    match find(&root, &wanted, SEARCH_DEPTH)? {
        Some(file) => Ok(vec![file]),
        None => Err(ModuleError::NotFound {
            module: module.to_owned(),
            release: release.to_owned(),
            dir: dir.to_owned(),
        }),
    }
}

/// `kernel/drivers/usb/gadget/legacy` is five down.
const SEARCH_DEPTH: u8 = 6;

fn find(dir: &Path, module: &str, depth: u8) -> Result<Option<PathBuf>, ModuleError> {
    let failed = |cause| ModuleError::Read { path: dir.to_owned(), cause };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut below = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below.push(path);
        } else if module_name(&path).as_deref() == Some(module) {
            return Ok(Some(path));
        }
    }
    for dir in below.into_iter().filter(|_| depth > 0).sorted_by(Ord::cmp) {
        if let Some(file) = find(&dir, module, depth - 1)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The parameters of a loaded module as `/sys/module/NAME/parameters` shows them; `sys` is normally `/sys`.
#[must_use]
pub fn parameters(sys: &Path, module: &str) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(sys.join("module").join(module).join("parameters")) else {
        return BTreeMap::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let value = fs::read_to_string(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, value.trim_end_matches('\n').to_owned()))
        })
        .gather()
}
