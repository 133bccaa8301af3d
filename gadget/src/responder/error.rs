//! Why a responder could not start or had to end.

use super::SettingsError;
use crate::dns::ZoneError;
use crate::exit::Exit;
use crate::sys::sandbox::{SandboxError, UserError};
use nix::errno::Errno;
use std::path::PathBuf;

/// Why a responder could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ResponderError {
    /// The settings cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The device cannot be called so.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// It cannot run as this user.
    #[error(transparent)]
    User(#[from] UserError),
    /// There is no such interface.
    #[error("interface {0} does not exist; `ip link` lists those that do")]
    NoInterface(String),
    /// The interface was removed while it was served.
    #[error("interface {0} is gone; start the responder again when it is back")]
    InterfaceGone(String),
    /// Opening a socket needs a privilege.
    #[error("{what} on {interface} is not permitted: {source}; run it as root")]
    NotPermitted {
        /// What was attempted.
        what: &'static str,
        /// On which interface.
        interface: String,
        /// The kernel's answer.
        source: Errno,
    },
    /// Somebody else answers here already.
    #[error(
        "{transport} port {port} on {interface} is in use by {holder}; stop it, or keep it off this interface"
    )]
    PortInUse {
        /// "UDP" or "TCP".
        transport: &'static str,
        /// The port.
        port: u16,
        /// The interface.
        interface: String,
        /// Programs that have the port, or what they usually are.
        holder: String,
    },
    /// A socket could not be made ready.
    #[error("{what} on {interface} failed: {source}")]
    Socket {
        /// What was attempted.
        what: &'static str,
        /// On which interface.
        interface: String,
        /// The kernel's answer.
        source: Errno,
    },
    /// The lease file cannot be opened.
    #[error(
        "lease file {path} cannot be opened: {source}; its directory must exist and be writable for root"
    )]
    LeaseFile {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// Privileges could not be dropped.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The event loop itself failed.
    #[error("{what} failed: {source}")]
    Loop {
        /// The call.
        what: &'static str,
        /// The kernel's answer.
        source: Errno,
    },
}

impl ResponderError {
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Settings(_) | Self::Zone(_) | Self::User(_) => Exit::Usage,
            Self::NotPermitted { .. } => Exit::NotPermitted,
            Self::Sandbox(error) if error.is_permission() => Exit::NotPermitted,
            _ => Exit::Failed,
        }
    }
}
