//! The role of a USB port: what decides it, and setting it.
//!
//! Sources: the kernel's `Documentation/ABI/testing/sysfs-class-usb_role`; `mode` of `drivers/usb/musb/musb_core.c` and
//! what its glue, such as `musb_dsps.c`, makes of that.

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
const HOST: &str = "host";
/// The word for no role.
pub const NONE: &str = "none";
/// musb's word for the device's role.
const PERIPHERAL: &str = "peripheral";
/// musb's word for whatever the cable decides.
const OTG: &str = "otg";

/// How long a musb may take to leave the host's role for `otg`. Those of the AM335x never do: `musb_dsps.c` sets the ID
/// pin for `host` and for `peripheral`, and for `otg` leaves it as it was set. Its poll then takes 2 s.
const OTG_WITHIN: Duration = Duration::from_secs(1);

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

/// A role that a port can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The host's.
    Host,
    /// The device's.
    Device,
}

impl Role {
    /// The one that is noted as this.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Host, Self::Device].into_iter().find(|role| role.word() == word)
    }

    /// The class's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => HOST,
            Self::Device => "device",
        }
    }

    /// What to write to an attribute for it.
    #[must_use]
    pub fn word_for(self, attribute: &Path) -> &'static str {
        if self == Self::Device && is_musb(attribute) { PERIPHERAL } else { self.word() }
    }

    /// Whether it is what an attribute says. In OTG, an A-device is a host.
    #[must_use]
    pub fn is(self, said: &str) -> bool {
        said == self.word() || said.starts_with(if self == Self::Host { "a_" } else { "b_" })
    }
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
    /// Whether the kernel knows a Type-C connector that decides it (since Linux 6.9): its drivers set the role then.
    pub connector: bool,
}

impl RoleSwitch {
    /// Whether the port has that role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        role.is(&self.role)
    }

    /// What gives the port its present role back. musb does not tell what it is set to, only what came of it; it begins
    /// with `otg`.
    #[must_use]
    pub fn word_back(&self) -> &str {
        if is_musb(&self.attribute) { OTG } else { &self.role }
    }

    /// What a host's port says, and what makes it a device's.
    #[must_use]
    pub fn next_step(&self) -> String {
        let (attribute, device) = (self.attribute.display(), Role::Device.word_for(&self.attribute));
        let is = format!("{attribute} is {:?}", self.role);
        match self.attribute.parent().filter(|_| self.connector) {
            Some(switch) => format!(
                "{is}, which its Type-C connector decides: plug a computer in, or echo {device} > {}/connector/data_role",
                switch.display()
            ),
            None => format!(
                "{is}: echo {device} > {attribute} makes it a device's port, and so does usbnet mode NAME while the \
                 daemon runs"
            ),
        }
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
                let connector = directory.join("connector").exists();
                found.push(RoleSwitch { role: read(&attribute), attribute, controller, connector });
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

/// Whether it is musb's `mode`, which has other words than the class.
#[must_use]
pub fn is_musb(attribute: &Path) -> bool {
    attribute.ends_with("mode")
}

/// A role that is being changed.
#[derive(Debug)]
struct Change<'a> {
    /// What has been written.
    word: &'a str,
    begun: Duration,
    within: Duration,
}

/// What comes next in it.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done,
    Wait,
    Write(&'static str),
    TooLate,
}

impl Change<'_> {
    /// Any role but the host's is as good as another, since without a cable there is none.
    fn next(&mut self, found: &str, now: Duration) -> Next {
        let passed = now.saturating_sub(self.begun);
        if Role::Host.is(found) == (self.word == HOST) {
            Next::Done
        } else if passed >= self.within {
            Next::TooLate
        } else if self.word == OTG && passed >= OTG_WITHIN {
            self.word = PERIPHERAL;
            Next::Write(PERIPHERAL)
        } else {
            Next::Wait
        }
    }
}

/// Writes a role and waits until the port has it.
///
/// # Errors
/// The port has not got it `within` this time, or the kernel refuses it at once.
pub fn set(attribute: &Path, word: &str, within: Duration) -> Result<(), RoleError> {
    let mut change = Change { word, begun: clock::now(), within };
    let mut written = fs::write(attribute, word);
    loop {
        let found = read(attribute);
        let next = change.next(&found, clock::now());
        let owned = || (attribute.to_owned(), change.word.to_owned());
        if let Err(cause) = written {
            let (attribute, word) = owned();
            let refused = RoleError::Refused { attribute, word, cause };
            if next != Next::Done {
                return Err(refused);
            }
            log::warn!("{refused}");
        }
        written = match next {
            Next::Done => return Ok(()),
            Next::TooLate => {
                let (attribute, word) = owned();
                return Err(RoleError::NotTaken { attribute, word, found, waited: within });
            }
            Next::Write(word) => fs::write(attribute, word),
            Next::Wait => {
                thread::sleep(LOOK_AGAIN);
                Ok(())
            }
        };
    }
}
