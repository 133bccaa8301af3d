//! A gadget as it is: read from configfs, whoever made it and however far they got.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::error::{ConfigfsError, errno};
use super::lun::{LiveLun, Lun};
use super::operation::read;
use crate::gather::Gather;

/// Attribute names and values, without the newline.
pub type Attributes = BTreeMap<String, String>;

/// A gadget directory and everything in it that usbnet sets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveGadget {
    /// The gadget's directory.
    pub path: PathBuf,
    /// `UDC`, if it is bound.
    pub udc: Option<String>,
    /// `idVendor`, `bcdDevice`, ….
    pub attributes: Attributes,
    /// By language (`0x409`).
    pub strings: BTreeMap<String, Attributes>,
    /// By directory name (`ncm.usb0`).
    pub functions: BTreeMap<String, LiveFunction>,
    /// By directory name (`c.1`).
    pub configurations: BTreeMap<String, LiveConfiguration>,
    /// `os_desc`.
    pub os_descriptors: LiveOsDescriptors,
}

/// A function directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveFunction {
    /// Its attributes; those in groups below have the path (`os_desc/interface.rndis/compatible_id`, `lun.0/file`).
    pub attributes: Attributes,
}

/// A configuration directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveConfiguration {
    /// `MaxPower`, `bmAttributes`.
    pub attributes: Attributes,
    /// By language.
    pub strings: BTreeMap<String, Attributes>,
    /// The name of each link and of the function that it points to.
    pub links: BTreeMap<String, String>,
}

/// The `os_desc` directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveOsDescriptors {
    /// `use`, `b_vendor_code`, `qw_sign`.
    pub attributes: Attributes,
    /// The name of each link and of the configuration that it points to.
    pub links: BTreeMap<String, String>,
}

impl LiveGadget {
    /// Read the gadget in `path`, or `None` if there is none.
    ///
    /// # Errors
    /// The directory is there and cannot be read. Something that vanishes meanwhile is no error.
    pub fn observe(path: &Path) -> Result<Option<Self>, ConfigfsError> {
        if !path.is_dir() {
            return Ok(None);
        }
        let os = path.join("os_desc");
        let mut functions = BTreeMap::new();
        for name in directories(&path.join("functions"))? {
            let attributes = attributes(&path.join("functions").join(&name), FUNCTION_DEPTH)?;
            functions.insert(name, LiveFunction { attributes });
        }
        let mut configurations = BTreeMap::new();
        for name in directories(&path.join("configs"))? {
            let dir = path.join("configs").join(&name);
            let configuration = LiveConfiguration {
                attributes: attributes(&dir, 0)?,
                strings: strings(&dir.join("strings"))?,
                links: links(&dir)?,
            };
            configurations.insert(name, configuration);
        }
        Ok(Some(Self {
            path: path.to_owned(),
            udc: Some(read(&path.join("UDC")).unwrap_or_default()).filter(|udc| !udc.is_empty()),
            attributes: attributes(path, 0)?,
            strings: strings(&path.join("strings"))?,
            functions,
            configurations,
            os_descriptors: LiveOsDescriptors { attributes: attributes(&os, 0)?, links: links(&os)? },
        }))
    }

    /// The interface of each network function that has one, by function name.
    ///
    /// The kernel names the interface when the gadget is bound for the first time; before, `ifname`
    /// holds a pattern (`usb%d`) or a remark in brackets.
    #[must_use]
    pub fn interfaces(&self) -> Vec<(&str, &str)> {
        self.functions
            .iter()
            .filter_map(|(name, function)| {
                let interface = function.attributes.get("ifname")?;
                is_interface_name(interface).then_some((name.as_str(), interface.as_str()))
            })
            .collect()
    }
}

/// Groups below a function: `lun.0/file` is one down, `os_desc/interface.rndis/compatible_id` two.
const FUNCTION_DEPTH: u8 = 2;

/// What `ifname` shows once the kernel has registered the interface.
pub(super) fn is_interface_name(name: &str) -> bool {
    !name.is_empty() && name.len() < 16 && !name.contains(['%', '(', ' ', '/'])
}

fn strings(path: &Path) -> Result<BTreeMap<String, Attributes>, ConfigfsError> {
    let mut strings = BTreeMap::new();
    for language in directories(path)? {
        let texts = attributes(&path.join(&language), 0)?;
        strings.insert(language, texts);
    }
    Ok(strings)
}

/// The readable attributes of a directory, and of `depth` levels of groups below it.
fn attributes(path: &Path, depth: u8) -> Result<Attributes, ConfigfsError> {
    let mut found = Attributes::new();
    for entry in entries(path)? {
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
        if kind.is_file() && name != "UDC" {
            // Write-only attributes and those that the kernel fails to show say nothing.
            if let Ok(value) = read(&entry.path()) {
                found.insert(name, value);
            }
        } else if kind.is_dir() && depth > 0 {
            let below = attributes(&entry.path(), depth - 1)?;
            found.extend(below.into_iter().map(|(key, value)| (format!("{name}/{key}"), value)));
        }
    }
    Ok(found)
}

pub(super) fn directories(path: &Path) -> Result<Vec<String>, ConfigfsError> {
    Ok(entries(path)?
        .into_iter()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}

fn links(path: &Path) -> Result<BTreeMap<String, String>, ConfigfsError> {
    Ok(entries(path)?
        .into_iter()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().into_string().ok()?, target.file_name()?.to_str()?.to_owned()))
        })
        .gather())
}

fn entries(path: &Path) -> Result<Vec<fs::DirEntry>, ConfigfsError> {
    let failed = |error: std::io::Error| ConfigfsError::Read { path: path.to_owned(), cause: errno(&error) };
    match fs::read_dir(path) {
        Ok(dir) => dir.map(|entry| entry.map_err(failed)).collect(),
        Err(error) if errno(&error) == Errno::ENOENT => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

impl LiveGadget {
    /// The logical units of its mass storage function.
    #[must_use]
    pub fn luns(&self) -> Vec<LiveLun> {
        let storage = self.functions.iter().filter(|(name, _)| name.starts_with("mass_storage."));
        storage
            .flat_map(|(name, function)| {
                let directory = self.path.join("functions").join(name);
                function.luns().into_iter().filter_map(move |lun| {
                    let index = lun.strip_prefix("lun.")?.parse().ok()?;
                    let file = function.attributes.get(&format!("{lun}/file")).cloned().unwrap_or_default();
                    Some(LiveLun { lun: Lun::Configfs(directory.join(&lun)), index, file })
                })
            })
            .sorted_by(|a, b| a.index.cmp(&b.index))
    }
}

impl LiveFunction {
    /// The names of its LUN directories.
    pub(super) fn luns(&self) -> Vec<String> {
        let mut luns: Vec<_> = self
            .attributes
            .keys()
            .filter_map(|key| key.split_once('/').map(|(group, _)| group))
            .filter(|group| group.starts_with("lun."))
            .map(str::to_owned)
            .collect();
        luns.dedup();
        luns
    }
}
