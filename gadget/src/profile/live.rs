//! The link as a running daemon has it, which is not always as it was configured.

use std::net::{AddrParseError, Ipv4Addr};

use crate::control::Status;
use crate::identity::{MacAddr, MacError};
use crate::link::Addresses;

/// The link that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The mode that is set.
    pub mode: String,
    /// The addresses in use; the pool is not told.
    pub addresses: Addresses,
    /// The host end's hardware address, if the backend sets one.
    pub host_mac: Option<MacAddr>,
    /// Why they are not the configured ones.
    pub moved: Option<String>,
}

/// Why the daemon's answer is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiveError {
    /// An address.
    #[error(
        "the daemon's status has an address that is none: {0}; are usbnet and its daemon of one version?"
    )]
    Address(#[from] AddrParseError),
    /// An address with a prefix length.
    #[error("the daemon's status has the address {0:?}; are usbnet and its daemon of one version?")]
    Prefix(String),
    /// A hardware address.
    #[error("the daemon's status has a hardware address that is none: {0}")]
    Mac(#[from] MacError),
}

impl Live {
    /// The link in a status; `None` if no mode with one is set.
    ///
    /// # Errors
    /// See [`LiveError`].
    pub fn of(status: &Status) -> Result<Option<Self>, LiveError> {
        let (Some(mode), Some(link)) = (&status.mode, &status.link) else { return Ok(None) };
        let prefix = || LiveError::Prefix(link.address.clone());
        let (address, length) = link.address.split_once('/').ok_or_else(prefix)?;
        let address: Ipv4Addr = address.parse()?;
        let length = length.parse().ok().filter(|length| *length <= 32).ok_or_else(prefix)?;
        let addresses = Addresses { address, prefix: length, host: link.host.parse()?, pool: None };
        let host_mac = link.host_mac.as_ref().map(|mac| mac.parse()).transpose()?;
        Ok(Some(Self { mode: mode.clone(), addresses, host_mac, moved: link.moved.clone() }))
    }
}
