//! USB device controllers: which there are, in what state, and which one to take.
//!
//! Source: the kernel's `Documentation/ABI/stable/sysfs-class-udc`.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::gather::Gather;

#[cfg(test)]
mod tests;

/// What can go wrong with UDCs.
#[derive(Debug, thiserror::Error)]
pub enum UdcError {
    /// sysfs cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is none at all.
    #[error(
        "no USB device controller in /sys/class/udc: the hardware has none, its driver is not loaded, or the port is in host mode"
    )]
    None,
    /// There are only those that `Auto` does not take.
    #[error("the only USB device controllers are virtual ones ({names}); name one with udc: \"…\" to use it")]
    OnlyVirtual {
        /// Their names.
        names: String,
    },
    /// The one that the configuration names is not there.
    #[error("there is no UDC {wanted}; there is {present}")]
    NoSuch {
        /// The configured name.
        wanted: String,
        /// What there is instead.
        present: String,
    },
    /// There is none that would do, and a port has the host's role.
    #[error("{none}; {port}")]
    HostsPort {
        /// Why none would do.
        none: Box<Self>,
        /// The port, and what makes it a device's.
        port: String,
    },
    /// Waiting for one did not help.
    #[error("no usable UDC after {} s: {last}", waited.as_secs())]
    Timeout {
        /// How long.
        waited: Duration,
        /// Why the last look found none.
        last: Box<Self>,
    },
    /// The watch for changes failed.
    #[error("cannot wait for a UDC: {0}")]
    Wait(io::Error),
}

/// The state of a UDC as USB 2.0 chapter 9 (figure 9-1) and the kernel's `usb_state_string` have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UdcState {
    /// No cable, or a host without power, or nothing bound.
    NotAttached,
    /// There is a cable.
    Attached,
    /// The host gives power.
    Powered,
    /// A wireless state that wired controllers do not have.
    Reconnecting,
    /// As above.
    Unauthenticated,
    /// The host has reset the bus and begins to enumerate.
    Default,
    /// The host has given an address.
    Addressed,
    /// The host has chosen the configuration: the functions work.
    Configured,
    /// The host sleeps, or has suspended the port.
    Suspended,
    /// A word that usbnet does not know.
    Unknown,
}

impl UdcError {
    /// Whether there is only none now: a dual-role port has one as soon as a host is plugged in.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::None | Self::OnlyVirtual { .. } | Self::NoSuch { .. } | Self::Timeout { .. } => true,
            Self::HostsPort { none, .. } => none.is_absence(),
            Self::Read { .. } | Self::Wait(_) => false,
        }
    }
}

impl UdcState {
    /// The state of that name, as sysfs shows it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "not attached" => Self::NotAttached,
            "attached" => Self::Attached,
            "powered" => Self::Powered,
            "reconnecting" => Self::Reconnecting,
            "unauthenticated" => Self::Unauthenticated,
            "default" => Self::Default,
            "addressed" => Self::Addressed,
            "configured" => Self::Configured,
            "suspended" => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// The kernel's own word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAttached => "not attached",
            Self::Attached => "attached",
            Self::Powered => "powered",
            Self::Reconnecting => "reconnecting",
            Self::Unauthenticated => "unauthenticated",
            Self::Default => "default",
            Self::Addressed => "addressed",
            Self::Configured => "configured",
            Self::Suspended => "suspended",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a host has begun to talk to the gadget.
    #[must_use]
    pub const fn is_enumerated(self) -> bool {
        matches!(self, Self::Default | Self::Addressed | Self::Configured | Self::Suspended)
    }

    /// Whether there is a host at the other end of a cable.
    #[must_use]
    pub const fn has_cable(self) -> bool {
        !matches!(self, Self::NotAttached | Self::Unknown)
    }
}

impl std::fmt::Display for UdcState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A UDC as sysfs shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Udc {
    /// Its name in `/sys/class/udc`.
    pub name: String,
    /// `state`; without a driver on it, a state that needs one is an old one and reads as "not attached".
    pub state: UdcState,
    /// `function`: the gadget driver on it (`g_ether`, or the gadget's name with configfs), if one is.
    pub driver: Option<String>,
    /// `current_speed` (`high-speed`, …), unless `UNKNOWN`.
    pub current_speed: Option<String>,
    /// `maximum_speed`, unless `UNKNOWN`.
    pub maximum_speed: Option<String>,
    /// `is_otg`.
    pub is_otg: bool,
    /// The interfaces whose parent it is (of a legacy gadget or of a configfs one).
    pub interfaces: Vec<String>,
}

/// Which UDC was taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// Why this one.
    pub reason: Reason,
}

/// Why a UDC was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The configuration names it.
    Named,
    /// Our gadget is bound to it already.
    Bound,
    /// It is the only one that is not virtual.
    Only,
    /// It has a cable, others do not.
    Cable,
    /// Nothing else drives it.
    Free,
    /// The first by name.
    First,
}

/// Controllers that exist in software only, of a USB/IP server: nothing is plugged into them.
const VIRTUAL: &str = "usbip-vudc";

/// Every UDC, by name. `sys` is normally `/sys`.
///
/// # Errors
/// `class/udc` is there and cannot be read. A kernel without UDCs has none, and that is fine.
pub fn list(sys: &Path) -> Result<Vec<Udc>, UdcError> {
    let dir = sys.join("class/udc");
    let failed = |cause| UdcError::Read { path: dir.clone(), cause };
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut udcs = Vec::new();
    for entry in entries {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            udcs.push(look(&dir.join(&name), name));
        }
    }
    Ok(udcs.into_iter().sorted_by(|a, b| a.name.cmp(&b.name)))
}

/// One UDC. An attribute that an old kernel lacks, or a UDC that goes away meanwhile, leaves its fields empty.
fn look(dir: &Path, name: String) -> Udc {
    let text = |attribute: &str| {
        let text = fs::read_to_string(dir.join(attribute)).unwrap_or_default();
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let speed = |attribute: &str| text(attribute).filter(|speed| speed != "UNKNOWN");
    let driver = text("function");
    let state = UdcState::parse(&text("state").unwrap_or_default());
    Udc {
        state: if driver.is_none() && state.is_enumerated() { UdcState::NotAttached } else { state },
        driver,
        current_speed: speed("current_speed"),
        maximum_speed: speed("maximum_speed"),
        is_otg: text("is_otg").as_deref() == Some("1"),
        interfaces: interfaces(dir),
        name,
    }
}

/// The network interfaces below the UDC's gadget device: `device/gadget.0/net/`, `device/gadget/net/` before 5.16.
fn interfaces(dir: &Path) -> Vec<String> {
    let device = dir.join("device");
    names(&device)
        .into_iter()
        .filter(|name| name.starts_with("gadget"))
        .flat_map(|gadget| names(&device.join(gadget).join("net")))
        .sorted_by(Ord::cmp)
}

/// What is in a directory.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Which UDC to take.
///
/// The `named` one; else the one that our gadget is bound to (`ours`); else, leaving out virtual ones, one that nothing
/// drives before one that something does, one with a cable before one without, and the first by name. That another driver
/// holds the result is for the caller to judge.
///
/// # Errors
/// There is none, or none of that name.
pub fn choose(udcs: &[Udc], named: Option<&str>, ours: Option<&str>) -> Result<Choice, UdcError> {
    let names = |udcs: &[Udc]| udcs.iter().map(|udc| udc.name.as_str()).collect::<Vec<_>>().join(", ");
    let take = |name: &str, reason| Ok(Choice { name: name.to_owned(), reason });
    let has = |name: &str| udcs.iter().any(|udc| udc.name == name);
    if udcs.is_empty() {
        return Err(UdcError::None);
    }
    if let Some(wanted) = named {
        return if has(wanted) {
            take(wanted, Reason::Named)
        } else {
            Err(UdcError::NoSuch { wanted: wanted.to_owned(), present: names(udcs) })
        };
    }
    if let Some(ours) = ours.filter(|ours| has(ours)) {
        return take(ours, Reason::Bound);
    }
    let real: Vec<&Udc> = udcs.iter().filter(|udc| !udc.name.starts_with(VIRTUAL)).collect();
    let rank = |udc: &&&Udc| (udc.driver.is_some(), !udc.state.has_cable(), udc.name.clone());
    let Some(best) = real.iter().min_by_key(rank) else {
        return Err(UdcError::OnlyVirtual { names: names(udcs) });
    };
    let differs = |what: fn(&Udc) -> bool| real.iter().any(|udc| what(udc) != what(best));
    let reason = if real.len() == 1 {
        Reason::Only
    } else if differs(|udc| udc.driver.is_some()) {
        Reason::Free
    } else if differs(|udc| udc.state.has_cable()) {
        Reason::Cable
    } else {
        Reason::First
    };
    take(&best.name, reason)
}

/// Wait until [`choose`] finds a UDC.
///
/// `change` returns when something about devices may have changed or the given time is over, for example on a uevent; it has to
/// listen already when this is called, or a UDC that comes in between is seen late.
///
/// # Errors
/// Time is over, sysfs cannot be read, or `change` failed.
pub fn wait(
    sys: &Path,
    named: Option<&str>,
    timeout: Duration,
    mut change: impl FnMut(Duration) -> io::Result<()>,
) -> Result<Choice, UdcError> {
    let start = Instant::now();
    loop {
        let last = match choose(&list(sys)?, named, None) {
            Ok(choice) => return Ok(choice),
            Err(last) => Box::new(last),
        };
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(UdcError::Timeout { waited: timeout, last });
        }
        change(left).map_err(UdcError::Wait)?;
    }
}

/// The state of one UDC as a file descriptor to wait on: the kernel marks it urgent (`EPOLLPRI`) whenever the state
/// changes.
///
/// Not every controller tells that the cable is out: `dummy_hcd` stays "configured" until a host resets it again. The
/// carrier of the gadget's interface does tell.
#[derive(Debug)]
pub struct StateWatch {
    file: File,
    path: PathBuf,
}

impl StateWatch {
    /// Watch `udc`; `sys` is normally `/sys`.
    ///
    /// # Errors
    /// There is no such UDC, or it has no state.
    pub fn open(sys: &Path, udc: &str) -> Result<Self, UdcError> {
        let path = sys.join("class/udc").join(udc).join("state");
        match File::open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(cause) => Err(UdcError::Read { path, cause }),
        }
    }

    /// The state now. Reading it also makes the descriptor wait for the next change, so it has to be read once at first.
    ///
    /// # Errors
    /// The UDC is gone.
    pub fn read(&self) -> Result<UdcState, UdcError> {
        let mut bytes = [0; 64];
        match self.file.read_at(&mut bytes, 0) {
            Ok(length) => Ok(UdcState::parse(&String::from_utf8_lossy(&bytes[..length]))),
            Err(cause) => Err(UdcError::Read { path: self.path.clone(), cause }),
        }
    }
}

impl AsFd for StateWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
