//! What can go wrong in configfs, with the path, the value and the cause.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// A failed look at, or change of, configfs.
#[derive(Debug, thiserror::Error)]
pub enum ConfigfsError {
    /// The kernel has no driver for a function.
    #[error(
        "cannot create {}: the kernel has no function driver for {driver:?} and could not load one; install its module \
         (usb_f_*), or choose a mode without it",
        path.display()
    )]
    NoDriver {
        /// The function's directory.
        path: PathBuf,
        /// The driver, as the kernel names it.
        driver: String,
    },
    /// A directory cannot be made.
    #[error("cannot create {}: {cause}; `dmesg` says more", path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// A directory cannot be removed.
    #[error("cannot remove {}: {cause}; something still uses it, `usbnet check` says more", path.display())]
    Remove {
        /// The directory or link.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// A link cannot be made.
    #[error("cannot link {} to {}: {cause}; `dmesg` says more", link.display(), target.display())]
    Link {
        /// The link.
        link: PathBuf,
        /// What it shall point to.
        target: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// An attribute refuses a value.
    #[error("cannot write {value:?} to {}: {cause}{}", path.display(), hint_write(*cause))]
    Write {
        /// The attribute.
        path: PathBuf,
        /// What was written.
        value: String,
        /// Why.
        cause: Errno,
    },
    /// An attribute took a value and shows another.
    #[error("wrote {wrote:?} to {}, but it reads {read:?}; another program changes it, or this kernel does not know the value", path.display())]
    ReadBack {
        /// The attribute.
        path: PathBuf,
        /// What was written.
        wrote: String,
        /// What it shows.
        read: String,
    },
    /// Something cannot be read.
    #[error("cannot read {}: {cause}; usbnet must be root there", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// configfs is not there.
    #[error("cannot mount configfs on {}: {cause}; it needs a kernel with CONFIG_CONFIGFS_FS", path.display())]
    Mount {
        /// The mount point.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// configfs cannot be unmounted.
    #[error("cannot unmount configfs from {}: {cause}; something else uses it by now", path.display())]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// The UDC is not there.
    #[error("cannot bind gadget {gadget} to {udc}: there is no such UDC ({cause}); see /sys/class/udc")]
    NoSuchUdc {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// Something else drives the UDC.
    #[error("cannot bind gadget {gadget} to {udc}: {driver} has it ({cause}); unload or unbind that first")]
    UdcBusy {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// The gadget driver that has it, as sysfs names it.
        driver: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// The kernel did not say which of the two it is: since 6.0 it answers EBUSY to either.
    #[error(
        "cannot bind gadget {gadget} to {udc}: the kernel cannot start its functions ({cause}); the controller may have \
         too few endpoints for them, `dmesg` says more"
    )]
    Start {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// The UDC has too few endpoints.
    #[error(
        "cannot bind gadget {gadget} to {udc}: the controller has no endpoints left for these functions ({cause}); choose a mode with fewer"
    )]
    Endpoints {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// The kernel finds the gadget incomplete.
    #[error(
        "cannot bind gadget {gadget} to {udc}: the kernel finds its configuration incomplete or its functions at odds ({cause})"
    )]
    Incomplete {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// Any other refusal to bind.
    #[error("cannot bind gadget {gadget} to {udc}: {cause}; `dmesg` says more")]
    Bind {
        /// The gadget.
        gadget: String,
        /// The UDC.
        udc: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// The gadget cannot be unbound.
    #[error("cannot unbind gadget {gadget}: {cause}; `dmesg` says more")]
    Unbind {
        /// The gadget.
        gadget: String,
        /// What the kernel said.
        cause: Errno,
    },
    /// Bound, but the function did not get an interface.
    #[error("{} names no interface ({read:?}): is the gadget bound?", path.display())]
    NoInterface {
        /// The `ifname` attribute.
        path: PathBuf,
        /// What it shows.
        read: String,
    },
}

/// The errno of an I/O error; `EIO` stands for what is not one.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}

/// The failure to make a directory: of a function, ENOENT means that the kernel could not load its driver.
pub(super) fn create(path: &Path, cause: Errno) -> ConfigfsError {
    let is_function = path.parent().and_then(Path::file_name).is_some_and(|dir| dir == "functions");
    let driver = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
    match (is_function, driver, cause) {
        (true, Some(driver), Errno::ENOENT) => {
            ConfigfsError::NoDriver { path: path.to_owned(), driver: driver.to_owned() }
        }
        _ => ConfigfsError::Create { path: path.to_owned(), cause },
    }
}

const fn hint_write(cause: Errno) -> &'static str {
    match cause {
        Errno::EBUSY => " (in use: a linked or bound function, or a medium the host has locked)",
        Errno::ENOENT => " (this kernel has no such attribute)",
        Errno::EOVERFLOW => " (longer than the kernel allows: 126 bytes for a string)",
        _ => "",
    }
}
