//! USB gadgets in configfs, in the manner of a small library.
//!
//! A gadget is *described* by [`GadgetSpec`] (plain values) and *observed* as [`LiveGadget`] (read from
//! the kernel); [`difference`], [`emptying`] and [`removal`] turn the two into an ordered list of [`Operation`]s, and
//! each [`Operation`] does one change. Nothing here binds or changes anything by itself, follows
//! a gadget of another name, or assumes that what it finds is whole: half-built
//! leftovers of a crash are an ordinary starting point.
//!
//! Source: the kernel's `Documentation/usb/gadget_configfs.rst` and
//! `Documentation/ABI/testing/configfs-usb-gadget*`.

mod attributes;
mod diff;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod live;
mod lun;
mod operation;
mod spec;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount, umount};

use crate::gather::Gather;

pub use diff::{difference, emptying, removal};
pub use error::ConfigfsError;
pub use live::{Attributes, LiveConfiguration, LiveFunction, LiveGadget, LiveOsDescriptors};
pub use lun::{LiveLun, Lun, legacy_luns};
pub use operation::{Check, Operation};
pub use spec::{
    ClassTriple, CompatibleId, ConfigurationSpec, EthernetDriver, EthernetSpec, FunctionSpec, GadgetSpec,
    LunSpec, MassStorageSpec, OsDescriptors, Strings,
};

/// Where the kernel's configfs is mounted: normally `/sys/kernel/config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFs {
    root: PathBuf,
}

/// What there is of configfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// `usb_gadget/` is there: gadgets can be made.
    Ready,
    /// configfs is mounted, libcomposite is not loaded.
    NoGadgets,
    /// The mount point exists (the kernel has configfs), nothing is mounted on it.
    NotMounted,
    /// The kernel has no configfs, or its module is not loaded.
    Missing,
}

/// A gadget in configfs that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherGadget {
    /// Its directory's name.
    pub name: String,
    /// The UDC that it is bound to.
    pub udc: Option<String>,
}

impl ConfigFs {
    /// The configfs mounted, or to be mounted, at `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The mount point.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory that a gadget of that name has or would have.
    #[must_use]
    pub fn gadget_dir(&self, name: &str) -> PathBuf {
        self.root.join("usb_gadget").join(name)
    }

    /// What there is.
    #[must_use]
    pub fn presence(&self) -> Presence {
        if self.root.join("usb_gadget").is_dir() {
            return Presence::Ready;
        }
        let mounted = nix::sys::statfs::statfs(&self.root)
            .is_ok_and(|fs| fs.filesystem_type() == nix::sys::statfs::FsType(CONFIGFS_MAGIC));
        match (mounted, self.root.is_dir()) {
            (true, _) => Presence::NoGadgets,
            (false, true) => Presence::NotMounted,
            (false, false) => Presence::Missing,
        }
    }

    /// Mount it.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn mount(&self) -> Result<(), ConfigfsError> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        match mount(Some("configfs"), &self.root, Some("configfs"), flags, None::<&str>) {
            Ok(()) | Err(Errno::EBUSY) => Ok(()),
            Err(cause) => Err(ConfigfsError::Mount { path: self.root.clone(), cause }),
        }
    }

    /// Unmount it.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn unmount(&self) -> Result<(), ConfigfsError> {
        umount(&self.root).map_err(|cause| ConfigfsError::Unmount { path: self.root.clone(), cause })
    }

    /// The gadget `name` as it is, or `None`.
    ///
    /// # Errors
    /// Something in it cannot be read.
    pub fn observe(&self, name: &str) -> Result<Option<LiveGadget>, ConfigfsError> {
        LiveGadget::observe(&self.gadget_dir(name))
    }

    /// Every gadget but `ours`, by name.
    ///
    /// # Errors
    /// `usb_gadget/` is there and cannot be read.
    pub fn others(&self, ours: &str) -> Result<Vec<OtherGadget>, ConfigfsError> {
        let dir = self.root.join("usb_gadget");
        let names = live::directories(&dir)?.into_iter().filter(|name| name != ours).sorted_by(Ord::cmp);
        Ok(names
            .into_iter()
            .map(|name| {
                let udc = operation::read(&dir.join(&name).join("UDC")).unwrap_or_default();
                OtherGadget { name, udc: Some(udc).filter(|udc| !udc.is_empty()) }
            })
            .collect())
    }
}

/// `CONFIGFS_MAGIC` in `include/uapi/linux/magic.h`.
const CONFIGFS_MAGIC: libc::c_long = 0x6265_6570;

/// Bind the gadget in `dir` to `udc` and read back that it is.
///
/// # Errors
/// What the kernel's refusal means; `sys` (normally `/sys`) tells a missing UDC from a taken one.
pub fn bind(dir: &Path, udc: &str, sys: &Path) -> Result<(), ConfigfsError> {
    let path = dir.join("UDC");
    match operation::write(&path, udc) {
        Ok(()) => {}
        Err(ConfigfsError::Write { cause, .. }) => {
            let driver = operation::read(&sys.join("class/udc").join(udc).join("function")).ok();
            return Err(refusal(dir, udc, cause, driver.as_deref()));
        }
        Err(other) => return Err(other),
    }
    let read = operation::read(&path)?;
    if read == udc { Ok(()) } else { Err(ConfigfsError::ReadBack { path, wrote: udc.to_owned(), read }) }
}

/// What an errno of the write to `UDC` means. `driver` is the gadget driver that the UDC has, perhaps "", or `None`
/// without such a UDC. Since 6.0 the kernel says EBUSY to all but a missing function.
fn refusal(dir: &Path, udc: &str, cause: Errno, driver: Option<&str>) -> ConfigfsError {
    let (gadget, udc) = (gadget_name(dir), udc.to_owned());
    match (cause, driver) {
        (Errno::EBUSY | Errno::ENODEV | Errno::ENOENT, None) => {
            ConfigfsError::NoSuchUdc { gadget, udc, cause }
        }
        (Errno::EBUSY, Some("")) => ConfigfsError::Start { gadget, udc, cause },
        (Errno::EBUSY, Some(driver)) => {
            ConfigfsError::UdcBusy { gadget, udc, driver: driver.to_owned(), cause }
        }
        (Errno::ENODEV | Errno::ENOSPC, _) => ConfigfsError::Endpoints { gadget, udc, cause },
        (Errno::EINVAL, _) => ConfigfsError::Incomplete { gadget, udc, cause },
        (cause, _) => ConfigfsError::Bind { gadget, udc, cause },
    }
}

/// Unbind the gadget in `dir`; one that is not bound is fine.
///
/// # Errors
/// What the kernel said.
pub fn unbind(dir: &Path) -> Result<(), ConfigfsError> {
    match operation::write(&dir.join("UDC"), "") {
        Ok(()) | Err(ConfigfsError::Write { cause: Errno::ENODEV | Errno::ENOENT, .. }) => Ok(()),
        Err(ConfigfsError::Write { cause, .. }) => {
            Err(ConfigfsError::Unbind { gadget: gadget_name(dir), cause })
        }
        Err(other) => Err(other),
    }
}

/// The name of the interface that the function in `function_dir` got when its gadget was bound.
///
/// # Errors
/// `ifname` cannot be read or names none.
pub fn interface(function_dir: &Path) -> Result<String, ConfigfsError> {
    let path = function_dir.join("ifname");
    let read = operation::read(&path)?;
    if live::is_interface_name(&read) { Ok(read) } else { Err(ConfigfsError::NoInterface { path, read }) }
}

fn gadget_name(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
