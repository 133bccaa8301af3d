//! Everything that can be wrong with a configuration, with the words that say so.
//!
//! Messages only: each names the cause and the allowed values or the next step. What decides that
//! a problem is there lives with the readers and the checks.

use std::{io, net::Ipv4Addr};

use super::{AddressError, CardPlaceError, FunctionKind, HostPreset, InterfaceAddress, PoolError};
use crate::{exit::Exit, identity::MacError};

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {cause}; `usbnet config --default` prints one to start from")]
    Unreadable {
        /// The file's name as given.
        file: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file is longer than any configuration.
    #[error("{file}: is longer than {limit} bytes; this is no configuration of usbnet")]
    TooLong {
        /// The file's name as given.
        file: String,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// The content is wrong at a place.
    #[error("{file}:{line}:{column}: {path}{}{problem}", if path.is_empty() { "" } else { ": " })]
    Invalid {
        /// The file's name as given.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// The field, `link.host`; empty for the whole file.
        path: String,
        /// What is wrong.
        problem: Box<Problem>,
    },
}

impl ConfigError {
    /// The file's name as given.
    #[must_use]
    pub fn file(&self) -> &str {
        let (Self::Unreadable { file, .. } | Self::TooLong { file, .. } | Self::Invalid { file, .. }) = self;
        file
    }

    /// Line and column, both from 1, if the error has a place in the file.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Invalid { line, column, .. } => Some((*line, *column)),
            Self::Unreadable { .. } | Self::TooLong { .. } => None,
        }
    }

    /// How the command ends.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        Exit::ConfigInvalid
    }
}

/// A problem at a byte of the text.
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) path: String,
    pub(super) problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No text.
    #[error("nothing is configured; write `Config()` for the defaults, or remove the file")]
    NothingThere,
    /// Bytes that are no text.
    #[error("the file is not valid UTF-8 from here on; save it as UTF-8")]
    NotUtf8,
    /// A bracket too few.
    #[error("the text ends too early; close what is open, with `)`, `]` or `}}`")]
    EndsEarly,
    /// More brackets than any configuration has.
    #[error("nested too deeply; the deepest value of a configuration is in five brackets")]
    TooDeep,
    /// Not RON.
    #[error("{}", lower_case(.0))]
    Syntax(ron::Error),
    /// `#![enable(…)]` or the like.
    #[error("attributes like #![enable(…)] have no meaning here; remove them")]
    Attribute,
    /// Another kind of value.
    #[error("expected {wanted}, found {found}")]
    WrongKind {
        /// What stands there.
        found: &'static str,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A bare word that means nothing here.
    #[error("expected {wanted}, found `{word}`")]
    UnknownWord {
        /// The word.
        word: String,
        /// What may stand there.
        wanted: &'static str,
    },
    /// A group of another name.
    #[error("expected `{wanted}(…)`, found `{found}`")]
    StructName {
        /// The name that stands there.
        found: String,
        /// The name that may.
        wanted: &'static str,
    },
    /// A field that does not exist.
    #[error("unknown field `{field}`; allowed: {}", .allowed.join(", "))]
    UnknownField {
        /// The field.
        field: String,
        /// The fields that exist.
        allowed: &'static [&'static str],
    },
    /// A field or a key that occurs twice.
    #[error("the {what} {name:?} is there twice; keep one")]
    Twice {
        /// `field`, `name`, `function`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// A field without which its group means nothing.
    #[error("the field `{field}` is missing; add {example}")]
    Missing {
        /// The field.
        field: &'static str,
        /// How it may look.
        example: &'static str,
    },
    /// A number outside its range.
    #[error("{found} is outside {low} to {high}{unit}")]
    Range {
        /// The number.
        found: i64,
        /// The lowest allowed.
        low: i64,
        /// The highest allowed.
        high: i64,
        /// A space and the unit, or nothing.
        unit: &'static str,
    },
    /// A USB id outside its range.
    #[error("{} is no USB id; allowed: {low:#06x} to 0xffff", hex(*found))]
    UsbId {
        /// The number.
        found: i64,
        /// The lowest allowed: a vendor is never 0.
        low: i64,
    },
    /// A USB string that is empty or too long.
    #[error("a USB string has 1 to 126 UTF-16 units, this one has {0}")]
    StringLength(usize),
    /// A USB string that would fit the descriptor, but not the kernel's buffer.
    #[error("the kernel takes a USB string of at most 126 bytes in UTF-8, this one has {0}")]
    StringBytes(usize),
    /// A USB string with a line break or the like.
    #[error("the control character {0:?} cannot be in a USB string; remove it")]
    ControlCharacter(char),
    /// A serial number that Windows does not take.
    #[error("{0:?} cannot be in a serial number; allowed: printable ASCII without the comma")]
    SerialCharacter(char),
    /// A malformed name.
    #[error("{name:?} is no {what}; allowed: {allowed}")]
    Name {
        /// The name.
        name: String,
        /// What it should name.
        what: &'static str,
        /// How such a name looks.
        allowed: &'static str,
    },
    /// A mode name with a meaning of its own.
    #[error("the mode name {0:?} is reserved; choose another")]
    ReservedMode(String),
    /// A domain with a meaning of its own.
    #[error("the domain {0:?} has a meaning of its own (RFC 6761, RFC 6762); choose another, such as usbnet")]
    ReservedDomain(String),
    /// Not `A.B.C.D/N`.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not `FIRST-LAST`.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Not `A.B.C.D`.
    #[error("{0:?} is not an IPv4 address; write it like 192.168.2.14")]
    HostAddress(String),
    /// Not a hardware address.
    #[error(transparent)]
    Mac(#[from] MacError),
    /// A hardware address that no station can have.
    #[error("{0} is not the address of one station; the first byte must be even, 02:… is for own use")]
    NotUnicast(crate::identity::MacAddr),
    /// Both ends with one hardware address.
    #[error("device and host have the same hardware address {0}; change one of them")]
    SameMac(crate::identity::MacAddr),
    /// A subnet without room, or a range of the Internet.
    #[error("a prefix of {0} bits is outside 8 to 30; /30 is the smallest subnet with room for both ends")]
    Prefix(u8),
    /// An address from a block that is no unicast address.
    #[error("{address} is {what}; take a private one, such as 192.168.2.15")]
    SpecialAddress {
        /// The address.
        address: Ipv4Addr,
        /// What such addresses are for.
        what: &'static str,
    },
    /// An address that stands for the subnet or everybody in it.
    #[error("{address} is the {what} address of {}/{}; take one between {} and {}",
        .subnet.network(), .subnet.prefix, first_of(*subnet), last_of(*subnet))]
    EndOfSubnet {
        /// The address.
        address: Ipv4Addr,
        /// `network` or `broadcast`.
        what: &'static str,
        /// The subnet.
        subnet: InterfaceAddress,
    },
    /// An address elsewhere.
    #[error("{address} is not in the device's subnet {}/{}; take one between {} and {}",
        .subnet.network(), .subnet.prefix, first_of(*subnet), last_of(*subnet))]
    OutsideSubnet {
        /// The address.
        address: Ipv4Addr,
        /// The subnet.
        subnet: InterfaceAddress,
    },
    /// Device and host with one address.
    #[error("{0} is the device's own address; the host needs another")]
    HostIsDevice(Ipv4Addr),
    /// A pool that ends before it begins.
    #[error("the pool ends at {last}, before it begins at {first}; swap them")]
    PoolBackwards {
        /// The lowest address.
        first: Ipv4Addr,
        /// The highest address.
        last: Ipv4Addr,
    },
    /// A pool with the device in it.
    #[error("the pool contains the device's own address {0}; end it before or begin it behind")]
    PoolHasDevice(Ipv4Addr),
    /// A pool that one cable never needs.
    #[error("the pool has {0} addresses; allowed: 1 to 256")]
    PoolSize(u64),
    /// No mode at all.
    #[error("there is no mode; add one, such as \"network\": (functions: [Ncm])")]
    NoModes,
    /// A mode that does not exist.
    #[error("there is no mode {name:?}; there are: {known}")]
    NoSuchMode {
        /// The name.
        name: String,
        /// The modes' names, joined.
        known: String,
    },
    /// Two network functions in one mode.
    #[error("a mode has at most one network function: {first} or {second}; remove one")]
    TwoNetworks {
        /// The one before.
        first: &'static str,
        /// The one too many.
        second: &'static str,
    },
    /// A function that the host preset's systems cannot use.
    #[error("{host} hosts cannot use {}; allowed with this host_preset: {allowed}", .function.word())]
    PresetContradicts {
        /// The preset.
        host: HostPreset,
        /// The function.
        function: FunctionKind,
        /// The functions that such hosts know, joined.
        allowed: String,
    },
    /// A preset that picks a network function for a mode that has none.
    #[error("{0} picks a network function, but `functions` has none; leave host_preset out")]
    PresetWithoutNetwork(HostPreset),
    /// A composite that macOS cannot use.
    #[error("macOS hosts use Ecm only when it is alone; use Ncm, or remove {}", .0.word())]
    EcmInComposite(FunctionKind),
    /// A function that no module of the legacy backend brings.
    #[error(
        "the legacy backend has no {}; allowed: Ecm, Rndis, Eem or MassStorage alone, or backend: Configfs",
        .0.word()
    )]
    NotLegacy(FunctionKind),
    /// Two functions, each of them a module that is a whole gadget.
    #[error("a legacy module is a whole gadget, so {} goes alone; make two modes of it, or use backend: Configfs", .0.word())]
    LegacyComposite(FunctionKind),
    /// A profile disk without a link to have profiles for.
    #[error("a profile disk is for the hosts of a network function, and this mode has none; remove it")]
    ProfileDiskAlone,
    /// A profile disk beside a module that is a whole gadget.
    #[error("a legacy module is a whole gadget, without a profile disk; remove it, or use backend: Configfs")]
    ProfileDiskLegacy,
    /// A profile disk that no slot is left for.
    #[error("a profile disk needs a slot of its own, and the cards have all {0}; remove a card, or the disk")]
    ProfileDiskSlot(usize),
    /// Text that names no card.
    #[error(transparent)]
    CardPlace(#[from] CardPlaceError),
    /// More cards than the mass storage function has LUNs.
    #[error("there are {0} cards; the kernel has 16 slots, so keep 16")]
    CardCount(usize),
    /// A card that is configured before.
    #[error("the card {0} is there twice; keep one")]
    CardTwice(String),
    /// The root file system as a card.
    #[error("/ is the root file system, which is never lent; name a card")]
    RootAsCard,
    /// A part of the system as a card.
    #[error(
        "{0} belongs to the system; if it is a card all the same, write Card(at: {0:?}, allow_system: true)"
    )]
    SystemCard(String),
    /// A CD-ROM that can be written.
    #[error("a CD-ROM cannot be written; remove read_only: false, or cdrom")]
    WritableCdrom,
    /// A console that nothing leads to.
    #[error(
        "no mode has a serial port for the console; add Acm to a mode's functions (not with backend: Legacy), or write Off"
    )]
    ConsoleWithoutPort,
    /// An inquiry string that SCSI has no room for.
    #[error("an inquiry string has 1 to 28 printable ASCII characters; {0:?} has not")]
    Inquiry(String),
}

/// `ron` begins its messages with a capital.
fn lower_case(error: &ron::Error) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// Ids are written in hexadecimal, but no hexadecimal number is negative.
fn hex(number: i64) -> String {
    if number < 0 { number.to_string() } else { format!("{number:#06x}") }
}

fn first_of(subnet: InterfaceAddress) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.network()).saturating_add(1))
}

fn last_of(subnet: InterfaceAddress) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(subnet.broadcast()).saturating_sub(1))
}
