//! From what is observed to the steps that lead to a mode: values in, values out.
//!
//! Decides *what* to do in *which* order for both backends; never does it, never looks at the system, and
//! never plans a change to a gadget or module that is not ours. An undo is no inverse of
//! steps but a plan too: observe again, plan the previous mode.

mod cards;
mod describe;
mod legacy;
mod profile_disk;
mod role;
mod shell;
mod support;
mod switch;
mod target;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::cards::{DeviceNumber, Medium, MountRecord, SwapRecord};
use crate::sys::configfs::{Lun, Operation};
use crate::sys::modules::Load;

pub use cards::{pulled_out, records, taken};
pub use describe::{DescribeError, SERIAL, bcd_device, describe, macs, profile_unit, usb_id};
pub use legacy::legacy_parameters;
pub use profile_disk::{ProfileDisk, is_image};
pub use role::{brings_udc, cuts_nothing_off, device_switch, role_switch};
pub use shell::{quote, script};
pub use support::{BackendChoice, Obstacle, Realisation, choose_backend, obstacle};
pub use switch::{PlanError, stop, switch};
pub use target::{
    Before, GadgetTarget, LegacyTarget, Lending, LinkTarget, LiveLegacy, LiveLink, Observed, PortRole,
    PortUse, RoleBefore, Spared, Target,
};

/// The name of our gadget's directory in configfs; what has another name is not ours.
pub const GADGET: &str = "usbnet";

/// One step of a plan. Each is data and equals a few shell lines (see [`script`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// End the responder.
    StopResponder {
        /// Its process, if it is known (for printing; the daemon knows its child).
        pid: Option<u32>,
    },
    /// Take the address off an interface that stays, and set it down.
    LinkDown {
        /// The interface.
        interface: String,
        /// The device's address on it.
        address: Ipv4Addr,
        /// Its prefix length in bits.
        prefix: u8,
    },
    /// Disconnect the gadget from its UDC.
    Unbind {
        /// The gadget's directory.
        gadget: PathBuf,
    },
    /// Unload a kernel module.
    UnloadModule {
        /// Its name.
        module: String,
    },
    /// Load a kernel module.
    LoadModule(Load),
    /// Mount configfs.
    MountConfigfs {
        /// Where.
        root: PathBuf,
    },
    /// Unmount configfs.
    UnmountConfigfs {
        /// Where.
        root: PathBuf,
    },
    /// One change in configfs.
    Configfs(Operation),
    /// Wait for a UDC that is not there yet.
    AwaitUdc {
        /// Its name, or any that `Auto` would take.
        named: Option<String>,
        /// How long at most, in seconds.
        seconds: u32,
    },
    /// Connect the gadget to a UDC, and read back that it is.
    Bind {
        /// The gadget's directory.
        gadget: PathBuf,
        /// The UDC; `None` for the one that [`Step::AwaitUdc`] found.
        udc: Option<String>,
    },
    /// Give the gadget's interface its address and set it up.
    LinkUp {
        /// Where the interface's name is read.
        interface: InterfaceSource,
        /// The device's address.
        address: Ipv4Addr,
        /// Its prefix length in bits.
        prefix: u8,
        /// In bytes; `None` leaves the function's own.
        mtu: Option<u16>,
    },
    /// Give the port a role.
    TakeRole(
        /// Which, and what it is taken from.
        RoleBefore,
    ),
    /// Give the port the role back that it had before [`Step::TakeRole`], unless something else has decided since.
    LeaveRole(
        /// What it was taken from.
        RoleBefore,
    ),
    /// Start the responder on the interface of the preceding [`Step::LinkUp`].
    StartResponder {
        /// Its command line behind `usbnet responder --interface NAME`.
        arguments: Vec<String>,
    },
    /// Take the medium out of a unit. The host may refuse.
    Eject {
        /// The card.
        card: String,
        /// The unit.
        lun: Lun,
        /// Although the host may have it locked.
        force: bool,
    },
    /// Take the profile disk away from the host, which has nothing to lose.
    WithdrawProfiles {
        /// The unit.
        lun: Lun,
        /// The image, which is removed.
        image: PathBuf,
    },
    /// Make the profile disk and show it to the host.
    OfferProfiles {
        /// The unit.
        lun: Lun,
        /// What is on it.
        disk: Box<ProfileDisk>,
    },
    /// Write everything to a card that waits in memory.
    Sync {
        /// The card.
        card: String,
        /// Where it is mounted.
        point: PathBuf,
        /// The file system's device.
        device: DeviceNumber,
    },
    /// Unmount a card; never lazily.
    Unmount {
        /// The card.
        card: String,
        /// Where.
        point: PathBuf,
    },
    /// Stop swapping to a card.
    SwapOff {
        /// The card.
        card: String,
        /// The area.
        swap: SwapRecord,
    },
    /// Keep everything else on the device from using a card.
    Hold {
        /// The card.
        card: String,
        /// What is held.
        medium: Medium,
    },
    /// Put a card that is held into a unit.
    Insert {
        /// The card.
        card: String,
        /// The unit.
        lun: Lun,
        /// The device or file.
        medium: PathBuf,
    },
    /// Let the device use a card again.
    Release {
        /// The card.
        card: String,
    },
    /// Check the file system of a card that the host had.
    Check {
        /// The card.
        card: String,
        /// The device or file.
        medium: Medium,
    },
    /// Mount a card as it was.
    Mount {
        /// The card.
        card: String,
        /// As what.
        mount: MountRecord,
    },
    /// Swap to a card again.
    SwapOn {
        /// The card.
        card: String,
        /// The area.
        swap: SwapRecord,
    },
}

impl Step {
    /// The card that it is about.
    #[must_use]
    pub fn card(&self) -> Option<&str> {
        match self {
            Self::Eject { card, .. }
            | Self::Sync { card, .. }
            | Self::Unmount { card, .. }
            | Self::SwapOff { card, .. }
            | Self::Hold { card, .. }
            | Self::Insert { card, .. }
            | Self::Release { card }
            | Self::Check { card, .. }
            | Self::Mount { card, .. }
            | Self::SwapOn { card, .. } => Some(card),
            _ => None,
        }
    }

    /// Whether the step makes use of a card again as the record has it, so that the record is needed until it succeeds.
    #[must_use]
    pub const fn restores(&self) -> bool {
        matches!(self, Self::Mount { .. } | Self::SwapOn { .. })
    }

    /// Whether the step gives something back. These go on past errors: the mode is what was asked for either way, and
    /// undoing it would take away what could be given back.
    #[must_use]
    pub const fn gives_back(&self) -> bool {
        matches!(self, Self::Release { .. } | Self::Check { .. } | Self::Mount { .. } | Self::SwapOn { .. })
    }
}

/// Where the name of the gadget's interface is read once the gadget is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceSource {
    /// `ifname` in this function's directory.
    Function(PathBuf),
    /// The child of the UDC that this legacy module drives.
    Module(String),
}
