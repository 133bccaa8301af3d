//! Why a mode was not reached.

use std::io;
use std::path::PathBuf;

use crate::control::Refusal;
use crate::exit::Exit;
use crate::link::LinkError;
use crate::plan::{DescribeError, Obstacle, PlanError};
use crate::responder::ChildError;
use crate::sys::cards::CardError;
use crate::sys::configfs::ConfigfsError;
use crate::sys::modules::ModuleError;
use crate::sys::netlink::NetlinkError;
use crate::sys::udc::UdcError;
use crate::sys::usb_role::RoleError;

/// Why a switch failed, or could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// the kernel lacks something
    #[error(transparent)]
    Obstacle(#[from] Obstacle),
    /// something else is in the way
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// the device has no identity
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// no subnet is free
    #[error(transparent)]
    Link(#[from] LinkError),
    /// configfs
    #[error(transparent)]
    Configfs(#[from] ConfigfsError),
    /// the controller
    #[error(transparent)]
    Udc(#[from] UdcError),
    /// the port's role
    #[error(transparent)]
    Role(#[from] RoleError),
    /// a module
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// the interface
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// the responder's process
    #[error(transparent)]
    Responder(#[from] ChildError),
    /// the responder ended at once
    #[error("the responder ended before it served ({0}); its reason is in the log, just before this line")]
    ResponderEnded(std::process::ExitStatus),
    /// the responder is silent
    #[error("the responder does not answer within {0} s; see its lines in the log")]
    ResponderSilent(u64),
    /// a legacy module made no interface
    #[error(
        "module {0} is loaded, but drives no UDC: another gadget has it, or there is none; see usbnet check"
    )]
    NotDriven(String),
    /// read back: not bound
    #[error("the gadget is not bound to a UDC although the kernel took it; see the kernel's log")]
    NotBound,
    /// read back: not addressed
    #[error("{interface} does not have {address} although the kernel took it; another program removes it")]
    NotAddressed {
        /// The interface.
        interface: String,
        /// The device's address.
        address: std::net::Ipv4Addr,
    },
    /// a serial port is in use
    #[error("{} is open by {}; end that first, the kernel would wait for it without limit", device.display(), holders.join(", "))]
    Held {
        /// The gadget's serial port.
        device: PathBuf,
        /// Who has it open.
        holders: Vec<String>,
    },
    /// cards
    #[error(transparent)]
    Card(#[from] CardError),
    /// none of the configured cards may be lent
    #[error(transparent)]
    CardRefused(std::sync::Arc<CardError>),
    /// every slot is empty
    #[error("there is no card to lend: {} absent; insert one, or see usbnet status", absent(.0))]
    NoCard(Vec<String>),
    /// a card is in use on either side, or the switch was cancelled
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// a card that was to be lent is not the one that was taken from the device
    #[error("card {card} was pulled out while the mode was being set; ask for the mode again")]
    PulledOut {
        /// The card.
        card: String,
    },
    /// read back: a card is not with the host
    #[error("card {card} is not in its unit although the kernel took it; see the kernel's log")]
    NotLent {
        /// The card.
        card: String,
    },
    /// the facts for the profile disk
    #[error(transparent)]
    Profile(#[from] crate::profile::ProfileError),
    /// the journal cannot be understood
    #[error(
        "{} cannot be used: {cause}; it says how cards were mounted: mount them by hand, then remove it",
        path.display()
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// the note about what there was
    #[error("{} cannot be written: {cause}; usbnet notes there what to put back", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// waiting failed
    #[error("waiting for the kernel failed: {0}")]
    Wait(#[from] io::Error),
    /// teardown goes on past errors and reports them all
    #[error("not everything was taken down: {}", list(.0))]
    Teardown(Vec<SwitchError>),
}

fn list(errors: &[SwitchError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn absent(names: &[String]) -> String {
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

impl SwitchError {
    /// What the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Plan(PlanError::PortInUse { .. }) => Exit::CardBusy,
            Self::Obstacle(_)
            | Self::Plan(_)
            | Self::Udc(_)
            | Self::Module(_)
            | Self::NotDriven(_)
            | Self::Configfs(ConfigfsError::NoDriver { .. }) => Exit::NoKernelSupport,
            Self::Refused(refusal) => refusal.exit(),
            Self::Card(error) => error.exit(),
            Self::CardRefused(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    /// Whether somebody is in the way or changed their mind: nothing is wrong, and the mode before goes on.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Plan(PlanError::PortInUse { .. }))
    }

    /// Whether all that is missing is a UDC, and one may come.
    #[must_use]
    pub fn lacks_udc(&self) -> bool {
        matches!(self, Self::Udc(error) if error.is_absence())
    }

    /// The answer for whoever asked for the switch.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            other => Refusal::Failed { exit: other.exit(), message: other.to_string() },
        }
    }
}
