//! What can go wrong between us and the kernel's routing netlink.

use std::io;

use netlink_packet_core::DecodeError;
use nix::errno::Errno;

use super::Operation;

/// A netlink request that did not come true, or a monitor that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel says EPERM or EACCES.
    #[error("cannot {operation} of {interface}: not permitted; run as root or with CAP_NET_ADMIN")]
    NotPermitted {
        /// What was to be done.
        operation: Operation,
        /// Name of the interface, or `#INDEX` when it has none any more.
        interface: String,
    },
    /// The interface is not there, or no longer (ENODEV): a cable or a gadget that went away.
    #[error("cannot {operation} of {interface}: there is no such interface")]
    NoInterface {
        /// What was to be done.
        operation: Operation,
        /// Name of the interface, or `#INDEX`.
        interface: String,
    },
    /// Any other refusal.
    #[error("cannot {operation} of {interface}: {cause}", cause = cause.desc())]
    Refused {
        /// What was to be done.
        operation: Operation,
        /// Name of the interface, or `#INDEX`.
        interface: String,
        /// The kernel's reason.
        cause: Errno,
    },
    /// The kernel did not answer in time. It always does, so this is a defect worth seeing.
    #[error("cannot {operation} of {interface}: the kernel did not answer within {seconds} s")]
    NoAnswer {
        /// What was to be done.
        operation: Operation,
        /// Name of the interface, or `#INDEX`.
        interface: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The socket itself failed.
    #[error("netlink socket: {0}")]
    Socket(#[from] io::Error),
    /// A message that is not shaped as the kernel's ABI says.
    #[error("netlink message from the kernel makes no sense: {0}")]
    Malformed(#[from] DecodeError),
}

impl NetlinkError {
    /// Whether this is a matter of privileges (exit code 8) and not of the link.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            Self::NotPermitted { .. } => true,
            Self::Socket(error) => error.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }

    pub(super) fn from_errno(cause: Errno, operation: Operation, interface: String) -> Self {
        match cause {
            Errno::EPERM | Errno::EACCES => Self::NotPermitted { operation, interface },
            Errno::ENODEV => Self::NoInterface { operation, interface },
            cause => Self::Refused { operation, interface, cause },
        }
    }
}
