//! The responder: the one process that reads what the host sends (DHCP and DNS).
//!
//! It opens its sockets as root, then gives everything away (see [`crate::sys::sandbox`]) and only
//! then reads the first byte. It decides nothing about addresses or names — [`crate::dhcp`] and
//! [`crate::dns`] do — and must never answer a datagram that came in on another interface, block
//! on a slow client, or use memory in proportion to what it is sent.
//!
//! Run by the daemon as a child ([`Child`], status over a socket) or alone (`usbnet responder`).

mod args;
mod backoff;
mod child;
mod error;
mod report;
mod settings;

pub use args::ResponderArgs;
pub use backoff::Backoff;
pub use child::{Child, ChildError, Incoming};
pub use error::ResponderError;
pub use report::{DhcpCounters, DnsCounters, LeaseView, Report, ReportError};
pub use settings::{Settings, SettingsError};

use std::os::fd::OwnedFd;

/// Serves until it is told to stop (SIGTERM, SIGINT, or the end of `status`).
///
/// `status` is the child's end of a `SOCK_SEQPACKET` pair: reports go out on it, any datagram
/// coming in asks for one. Without it the responder stands alone and only logs.
///
/// Closes every descriptor above 2 that is not `status`: for the `usbnet` binary only.
///
/// # Errors
/// When the sockets cannot be had, privileges cannot be dropped, or the interface goes away.
pub fn run(settings: Settings, status: Option<OwnedFd>) -> Result<(), ResponderError> {
    settings.check()?;
    drop(status);
    Ok(())
}
