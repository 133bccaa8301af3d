//! Who this device is: hardware addresses and a serial number that stay the same on every boot
//! and differ between devices.
//!
//! Derives from one seed; only [`Identity::read`] reads, and it must never write or invent a seed.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::FunctionKind;

/// Where a seed may come from, best first. `machine-id` is written once per installation
/// (machine-id(5)); the serial numbers are the board's.
const SOURCES: [(&str, Source); 5] = [
    ("etc/machine-id", Source::MachineId),
    ("var/lib/dbus/machine-id", Source::MachineId),
    ("sys/firmware/devicetree/base/serial-number", Source::Serial),
    ("proc/device-tree/serial-number", Source::Serial),
    ("proc/cpuinfo", Source::CpuInfo),
];

/// A file with an id is short; `/proc/cpuinfo` of a many-core board is the longest one.
const MAX_BYTES: u64 = 256 * 1024;

#[derive(Clone, Copy)]
enum Source {
    /// 32 hexadecimal digits.
    MachineId,
    /// A text ended by NUL (devicetree specification, section 2.2.4).
    Serial,
    /// The line `Serial : …` that ARM kernels print.
    CpuInfo,
}

impl Source {
    /// The id in the file's content, or why there is none to rely on.
    fn seed(self, content: &str) -> Result<&str, Skipped> {
        let found = match self {
            Self::MachineId | Self::Serial => content,
            Self::CpuInfo => content
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.trim() == "Serial")
                .map_or("", |(_, value)| value),
        };
        let seed = found.trim_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
        if seed.is_empty() {
            return Err(Skipped::Empty);
        }
        let well_formed = match self {
            Self::MachineId => seed.len() == 32 && seed.bytes().all(|byte| byte.is_ascii_hexdigit()),
            Self::Serial | Self::CpuInfo => seed.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '),
        };
        // What boards hold whose maker never wrote a number: every one of them would be the same device.
        let placeholder = seed.bytes().all(|byte| matches!(byte, b'0' | b'-' | b' '))
            || ["0123456789abcdef", "1234567890", "unknown", "none"]
                .iter()
                .any(|known| seed.eq_ignore_ascii_case(known));
        if !well_formed || placeholder { Err(Skipped::NotAnId) } else { Ok(seed) }
    }
}

/// Why a source gave no seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(io::ErrorKind),
    /// It holds nothing, or no line with a serial number.
    #[error("empty")]
    Empty,
    /// It holds a placeholder, zeros, or something malformed.
    #[error("no valid id")]
    NotAnId,
}

/// Why there is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No source gave a seed.
    #[error(
        "no stable identity for this device: {}; write one with `systemd-machine-id-setup` or \
         `dbus-uuidgen --ensure=/etc/machine-id`, or set gadget.serial and gadget.mac in the configuration",
        list(.0)
    )]
    NoSeed(Vec<(&'static str, Skipped)>),
}

/// Why a text is no machine-id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a machine-id; use the 32 hexadecimal digits in the device's /etc/machine-id")]
pub struct MachineIdError(String);

fn list(tried: &[(&str, Skipped)]) -> String {
    tried.iter().map(|(path, why)| format!("/{path}: {why}")).collect::<Vec<_>>().join(", ")
}

/// The end of the cable that a hardware address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// This device (`dev_addr`).
    Device,
    /// The computer at the other end (`host_addr`).
    Host,
}

/// What everything that identifies this device is derived from.
///
/// The seed itself never leaves it: a machine-id is confidential (machine-id(5)), so only hashes do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity([u8; 32]);

impl Identity {
    /// The identity of the device with this seed.
    #[must_use]
    pub fn from_seed(seed: &str) -> Self {
        Self(Sha256::new().chain_update(b"usbnet\0").chain_update(seed).finalize().into())
    }

    /// The identity of the device with this machine-id.
    ///
    /// # Errors
    /// It is none: not 32 hexadecimal digits, or all of them zero.
    pub fn from_machine_id(text: &str) -> Result<Self, MachineIdError> {
        let seed = Source::MachineId.seed(text).map_err(|_| MachineIdError(text.into()))?;
        Ok(Self::from_seed(seed))
    }

    /// The identity of the system under `root`, from its best seed.
    ///
    /// # Errors
    /// When no source holds a usable id; the error names every one of them.
    pub fn read(root: &Path) -> Result<Self, IdentityError> {
        let mut tried = Vec::new();
        for (path, source) in SOURCES {
            let content = read_start(&root.join(path)).map_err(|error| Skipped::Unreadable(error.kind()));
            match content.as_deref().map_err(|why| *why).and_then(|content| source.seed(content)) {
                Ok(seed) => return Ok(Self::from_seed(seed)),
                Err(why) => tried.push((path, why)),
            }
        }
        Err(IdentityError::NoSeed(tried))
    }

    /// The hardware address of one end of a function: locally administered, unicast, and on this
    /// device different from that of every other function and side.
    #[must_use]
    pub fn mac(&self, function: FunctionKind, side: Side) -> MacAddr {
        let [first, middle @ .., last, _, _] = self.derive(b"mac");
        let [b, c, d, e] = middle;
        // The hash tells devices apart. The last four bits tell the functions and sides of one
        // device apart, where a hash could collide.
        let slot = function as u8 * 2 + u8::from(side == Side::Host);
        MacAddr([first & 0xfc | 0x02, b, c, d, e, last & 0xf0 | slot])
    }

    /// The USB serial number: 16 upper-case hexadecimal digits, which every host accepts.
    #[must_use]
    pub fn serial(&self) -> String {
        format!("{:016X}", u64::from_be_bytes(self.derive(b"serial")))
    }

    /// Eight bytes for one purpose, unrelated to those for another.
    fn derive(&self, purpose: &[u8]) -> [u8; 8] {
        let hash: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(purpose).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = hash;
        [a, b, c, d, e, f, g, h]
    }
}

/// The file as text, as far as an id can be in it. Bytes that are no text cannot be part of one.
fn read_start(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An Ethernet address, `aa:bb:cc:dd:ee:ff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// The address of these six bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// The six bytes, in the order in which they are written.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether one station is meant: not a group, not broadcast, not all zero.
    #[must_use]
    pub const fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl From<MacAddr> for String {
    fn from(mac: MacAddr) -> Self {
        mac.to_string()
    }
}

/// Why a text is no [`MacAddr`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hardware address; write it like 02:1a:2b:3c:4d:5e")]
pub struct MacError(String);

impl FromStr for MacAddr {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let refused = || MacError(text.into());
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2).ok_or_else(refused)?;
            // `from_str_radix` alone would take a sign.
            if !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(refused());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| refused())?;
        }
        if parts.next().is_some() { Err(refused()) } else { Ok(Self(bytes)) }
    }
}

impl TryFrom<String> for MacAddr {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
