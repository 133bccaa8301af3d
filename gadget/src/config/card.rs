//! Which memory cards the storage modes lend, and what happens when one is in use.
//!
//! Values and their words only: whether such a card exists, and who uses it, is asked when a mode starts.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::name;

/// One card: a logical unit of the mass storage function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Which one.
    pub at: CardPlace,
    /// The host cannot write it.
    pub read_only: bool,
    /// The host sees a CD-ROM drive; always read-only too.
    pub cdrom: bool,
    /// The host's wish that a write reaches the medium at once is ignored: faster, and unsafe when the cable is pulled.
    pub no_fua: bool,
    /// The name that the host sees, 1 to 28 printable ASCII characters; without it the kernel's own.
    pub inquiry: Option<String>,
    /// It may be on a disk that the system itself uses, but never be the root file system.
    pub allow_system: bool,
}

impl Card {
    /// A card without any option.
    #[must_use]
    pub const fn new(at: CardPlace) -> Self {
        Self { at, read_only: false, cdrom: false, no_fua: false, inquiry: None, allow_system: false }
    }
}

/// How a card is named; displayed as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardPlace {
    /// A mount point, a device node or an image file: absolute, without `..`.
    Path(PathBuf),
    /// A file system's label.
    Label(String),
    /// A file system's UUID or serial number, as `/dev/disk/by-uuid` has it.
    Uuid(String),
}

impl CardPlace {
    /// Whether both name the same, whatever is there: paths by their parts, UUIDs in any case.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Uuid(one), Self::Uuid(two)) => one.eq_ignore_ascii_case(two),
            (one, two) => one == two,
        }
    }
}

/// A text that names no card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardPlaceError {
    /// Neither a path nor a tag.
    #[error(
        "{0:?} names no card; write an absolute path (mount point, device or image file), \"LABEL=…\" or \"UUID=…\""
    )]
    Neither(String),
    /// A path, label or UUID that cannot be one.
    #[error("{text:?} is no {what}; allowed: {allowed}")]
    Malformed {
        /// The path, or what stands behind `=`.
        text: String,
        /// What it should be.
        what: &'static str,
        /// How that looks.
        allowed: &'static str,
    },
}

impl FromStr for CardPlace {
    type Err = CardPlaceError;

    fn from_str(text: &str) -> Result<Self, CardPlaceError> {
        let keep = |rule: &name::Rule, value: &str| match (rule.holds)(value) {
            true => Ok(value.to_owned()),
            false => Err(CardPlaceError::Malformed {
                text: value.to_owned(),
                what: rule.what,
                allowed: rule.allowed,
            }),
        };
        match text.split_once('=') {
            Some(("LABEL", label)) => keep(&name::LABEL_OF_CARD, label).map(Self::Label),
            Some(("UUID", uuid)) => keep(&name::UUID, uuid).map(Self::Uuid),
            _ if text.starts_with('/') => keep(&name::CARD_PATH, text).map(|path| Self::Path(path.into())),
            _ => Err(CardPlaceError::Neither(text.to_owned())),
        }
    }
}

impl fmt::Display for CardPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Label(label) => write!(f, "LABEL={label}"),
            Self::Uuid(uuid) => write!(f, "UUID={uuid}"),
        }
    }
}

/// What is done around lending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// When something on the device holds a card.
    pub on_busy: OnBusy,
    /// When the host ejects a card by itself.
    pub on_eject: OnEject,
    /// When a card comes back from the host.
    pub check: FsCheck,
}

impl Storage {
    /// What nobody has to choose: no file is cut off, no slot changes by itself, nothing is written unasked.
    pub const DEFAULT: Self =
        Self { on_busy: OnBusy::Refuse, on_eject: OnEject::Keep, check: FsCheck::Report };
}

impl Default for Storage {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What happens when something on the device holds a card that is to be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OnBusy {
    /// The switch is refused, and every holder named.
    Refuse,
    /// The switch waits for the holders to end, then is refused.
    Wait {
        /// For at most so long: 1 to 3600.
        seconds: u32,
    },
    /// Holding processes get SIGTERM and a time to end, and swap on a card is turned off; then the switch is refused.
    Terminate {
        /// How long they get, in seconds: 1 to 3600.
        #[serde(rename = "seconds")]
        grace: u32,
    },
}

impl OnBusy {
    /// The allowed seconds.
    pub const SECONDS: std::ops::RangeInclusive<u32> = 1..=3600;

    /// The time in it, in seconds.
    #[must_use]
    pub const fn seconds(self) -> Option<u32> {
        match self {
            Self::Refuse => None,
            Self::Wait { seconds } | Self::Terminate { grace: seconds } => Some(seconds),
        }
    }
}

impl fmt::Display for OnBusy {
    /// As in the configuration: `Refuse`, `Wait(30)`, `Terminate(5)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("Refuse"),
            Self::Wait { seconds } => write!(f, "Wait({seconds})"),
            Self::Terminate { grace } => write!(f, "Terminate({grace})"),
        }
    }
}

/// What happens when the host ejects a card by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnEject {
    /// The slot stays empty until the mode is left.
    Keep,
    /// The device gets the card back at once.
    GiveBack,
}

impl OnEject {
    /// Both, in the order in which messages list them.
    pub const ALL: [Self; 2] = [Self::Keep, Self::GiveBack];

    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "Keep",
            Self::GiveBack => "GiveBack",
        }
    }
}

/// What is done with a card's file system when the card comes back from the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsCheck {
    /// It is mounted unchecked.
    Off,
    /// It is checked, and errors are reported.
    Report,
    /// It is checked, and what the checker mends without asking is mended.
    Repair,
}

impl FsCheck {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Off, Self::Report, Self::Repair];

    /// The word for it in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Report => "Report",
            Self::Repair => "Repair",
        }
    }
}
