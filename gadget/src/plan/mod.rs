//! From what is observed to the steps that lead to a mode: values in, values out.
//!
//! Decides *what* to do in *which* order for both backends; never does it, never looks at the system, and
//! never plans a change to a gadget or module that is not ours. An undo is no inverse of
//! steps but a plan too: observe again, plan the previous mode.

mod describe;
mod legacy;
mod shell;
mod support;
mod switch;
mod target;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sys::configfs::Operation;
use crate::sys::modules::Load;

pub use describe::{DescribeError, bcd_device, describe};
pub use legacy::legacy_parameters;
pub use shell::{quote, script};
pub use support::{BackendChoice, Obstacle, Realisation, choose_backend, obstacle};
pub use switch::{PlanError, stop, switch};
pub use target::{Before, GadgetTarget, LegacyTarget, LinkTarget, LiveLegacy, LiveLink, Observed, Target};

/// The name of our gadget's directory in configfs; what has another name is not ours.
pub const GADGET: &str = "usbnet";

/// One step of a plan. Each is data, equals a few shell lines (see [`script`]) and can be journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Start the responder on the interface of the preceding [`Step::LinkUp`].
    StartResponder {
        /// Its command line behind `usbnet responder --interface NAME`.
        arguments: Vec<String>,
    },
}

/// Where the name of the gadget's interface is read once the gadget is bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum InterfaceSource {
    /// `ifname` in this function's directory.
    Function(PathBuf),
    /// The child of the UDC that this legacy module drives.
    Module(String),
}
