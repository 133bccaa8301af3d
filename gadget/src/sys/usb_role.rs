//! The role of a USB port: what decides it, and setting it.
//!
//! Sources: the kernel's `Documentation/ABI/testing/sysfs-class-usb_role`; `mode` of `drivers/usb/musb/musb_core.c`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::clock;
use super::udc;
use crate::gather::Gather;

#[cfg(test)]
mod tests;

/// The word for the host's role.
pub const HOST: &str = "host";

/// How often a role is read back: most drivers change it after the write has returned, and not all tell when.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why a port has not the role that it was given.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// The kernel does not take the word.
    #[error("the kernel refuses {word:?} in {}: {cause}; its log may say why (dmesg)", attribute.display())]
    Refused {
        /// The attribute.
        attribute: PathBuf,
        /// What was written.
        word: String,
        /// What the kernel said.
        cause: io::Error,
    },
    /// It takes it, and nothing comes of it.
    #[error(
        "{} is {found:?} {} s after {word:?} was written there; what is plugged in may decide: pull it out, then try again",
        attribute.display(), waited.as_secs()
    )]
    NotTaken {
        /// The attribute.
        attribute: PathBuf,
        /// What was written.
        word: String,
        /// What is there.
        found: String,
        /// How long it had.
        waited: Duration,
    },
}

/// What decides a port's role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSwitch {
    /// `/sys/class/usb_role/NAME/role`, or `mode` of a musb controller without that.
    pub attribute: PathBuf,
    /// What it says: `host`, `device` or `none`; musb's is a state of OTG, such as `b_peripheral`.
    pub role: String,
    /// The controller that it belongs to.
    pub controller: PathBuf,
}

impl RoleSwitch {
    /// Whether the port has the host's role.
    #[must_use]
    pub fn is_host(&self) -> bool {
        is_host(&self.role)
    }

    /// What gives the port its present role back. musb does not tell what it is set to, only what came of it; it begins
    /// with `otg`.
    #[must_use]
    pub fn word_back(&self) -> &str {
        if self.attribute.ends_with("mode") { "otg" } else { &self.role }
    }

    /// Whether it belongs to a UDC's controller. Some register one of the two with a part of them.
    #[must_use]
    pub fn is_of(&self, udc: &Path) -> bool {
        self.controller.starts_with(udc) || udc.starts_with(&self.controller)
    }
}

/// Everything that decides a port's role, by name; those of the class first. `sys` is normally `/sys`.
#[must_use]
pub fn list(sys: &Path) -> Vec<RoleSwitch> {
    let mut found: Vec<RoleSwitch> = Vec::new();
    for (place, prefix, device, attribute) in
        [("class/usb_role", "", "device", "role"), ("bus/platform/devices", "musb", "", "mode")]
    {
        let place = sys.join(place);
        for name in udc::names(&place).into_iter().sorted_by(Ord::cmp) {
            let directory = place.join(&name);
            let (attribute, controller) = (directory.join(attribute), real(directory.join(device)));
            let is_known = found.iter().any(|known| known.controller == controller);
            if name.starts_with(prefix) && attribute.exists() && !is_known {
                found.push(RoleSwitch { role: read(&attribute), attribute, controller });
            }
        }
    }
    found
}

/// The controller of a UDC.
#[must_use]
pub fn controller(sys: &Path, udc: &str) -> PathBuf {
    real(sys.join("class/udc").join(udc).join("device"))
}

fn real(path: PathBuf) -> PathBuf {
    fs::canonicalize(&path).unwrap_or(path)
}

/// What an attribute says; nothing if it is gone.
#[must_use]
pub fn read(attribute: &Path) -> String {
    fs::read_to_string(attribute).unwrap_or_default().trim().to_owned()
}

/// In OTG, an A-device is a host.
fn is_host(role: &str) -> bool {
    role == HOST || role.starts_with("a_")
}

/// Writes a role and waits until the port has it; any role but the host's is as good as another, since without a cable
/// there is none.
///
/// # Errors
/// The port has not got it `within` this time, or the kernel refuses it at once.
pub fn set(attribute: &Path, word: &str, within: Duration) -> Result<(), RoleError> {
    let written = fs::write(attribute, word);
    let until = clock::now() + within;
    loop {
        let found = read(attribute);
        if is_host(&found) == (word == HOST) {
            return Ok(());
        }
        let (attribute, word) = (attribute.to_owned(), word.to_owned());
        if let Err(cause) = written {
            return Err(RoleError::Refused { attribute, word, cause });
        }
        if clock::now() >= until {
            return Err(RoleError::NotTaken { attribute, word, found, waited: within });
        }
        thread::sleep(LOOK_AGAIN);
    }
}
