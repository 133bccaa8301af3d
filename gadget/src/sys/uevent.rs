//! The kernel's device events (`NETLINK_KOBJECT_UEVENT`): a UDC, a gadget or a network interface that
//! appears, changes or goes.
//!
//! Only what the kernel itself sent is believed. Parsing is bounded and never panics; a message that
//! makes no sense is counted, not fatal.
//!
//! Shape: `ACTION@DEVPATH\0KEY=VALUE\0…` (kernel `lib/kobject_uevent.c`).

#[cfg(test)]
mod tests;

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_KOBJECT_UEVENT};
use nix::errno::Errno;

/// The kernel's multicast group; udev's own, second one carries a different format.
const KERNEL_GROUP: u32 = 1;
/// The kernel's limit is 2048 bytes of variables and a path before them (UEVENT_BUFFER_SIZE).
const LARGEST: usize = 8192;
/// The kernel's own limit is 64 (UEVENT_NUM_ENVP).
const MOST_VARIABLES: usize = 128;

/// What happened to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It appeared.
    Add,
    /// It is gone.
    Remove,
    /// Something about it changed. A UDC says so when a gadget is bound to it or unbound.
    Change,
    /// It has a new path, for example a renamed network interface.
    Move,
    /// It came back into use.
    Online,
    /// It went out of use.
    Offline,
    /// A driver took it.
    Bind,
    /// Its driver let it go.
    Unbind,
}

/// One device event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uevent {
    /// What happened.
    pub action: Action,
    /// The device's path below `/sys`, starting with `/`.
    pub devpath: String,
    /// The device's class or bus, for example `udc`, `net`, `usb`.
    pub subsystem: Option<String>,
    /// All other variables, in the kernel's order.
    pub variables: Vec<(String, String)>,
}

impl Uevent {
    /// The last part of the path, which for a class device is its name: `usb0`, `dummy_udc.0`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.devpath.rsplit('/').next().unwrap_or_default()
    }

    /// The value of a variable, for example `INTERFACE`, `IFINDEX`, `USB_UDC_NAME`.
    #[must_use]
    pub fn variable(&self, key: &str) -> Option<&str> {
        self.variables.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Reads one datagram from the kernel.
    ///
    /// # Errors
    /// [`Malformed`], with what is wrong.
    pub fn parse(datagram: &[u8]) -> Result<Self, Malformed> {
        if datagram.len() > LARGEST {
            return Err(Malformed::TooLong);
        }
        // Unterminated means cut off, and then the last value is not what it seems.
        let body = datagram.strip_suffix(&[0]).ok_or(Malformed::CutOff)?;
        let text = str::from_utf8(body).map_err(|_| Malformed::NotText)?;
        let mut parts = text.split('\0');
        let (action, devpath) =
            parts.next().and_then(|head| head.split_once('@')).ok_or(Malformed::NoHead)?;
        let action = Action::parse(action).ok_or(Malformed::UnknownAction)?;
        if !devpath.starts_with('/') {
            return Err(Malformed::NoPath);
        }
        let mut event = Self { action, devpath: devpath.to_owned(), subsystem: None, variables: Vec::new() };
        for part in parts {
            let (key, value) = part.split_once('=').ok_or(Malformed::NoValue)?;
            match key {
                "ACTION" | "DEVPATH" => {} // the head again
                "SUBSYSTEM" => event.subsystem = Some(value.to_owned()),
                _ if event.variables.len() == MOST_VARIABLES => return Err(Malformed::TooMany),
                _ => event.variables.push((key.to_owned(), value.to_owned())),
            }
        }
        Ok(event)
    }
}

impl Action {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "add" => Self::Add,
            "remove" => Self::Remove,
            "change" => Self::Change,
            "move" => Self::Move,
            "online" => Self::Online,
            "offline" => Self::Offline,
            "bind" => Self::Bind,
            "unbind" => Self::Unbind,
            _ => return None,
        })
    }
}

/// Why a datagram is not a device event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than the kernel ever sends.
    #[error("device event is longer than {LARGEST} bytes")]
    TooLong,
    /// The last value is not terminated.
    #[error("device event is cut off")]
    CutOff,
    /// Not UTF-8.
    #[error("device event is not text")]
    NotText,
    /// No `ACTION@DEVPATH`.
    #[error("device event does not start with ACTION@DEVPATH")]
    NoHead,
    /// An action that no kernel sends.
    #[error("device event has an unknown action")]
    UnknownAction,
    /// A path that does not start with `/`.
    #[error("device event has no path")]
    NoPath,
    /// A variable without `=`.
    #[error("device event has a variable without a value")]
    NoValue,
    /// More variables than the kernel ever sends.
    #[error("device event has more than {MOST_VARIABLES} variables")]
    TooMany,
}

/// What the socket had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A device event.
    Event(Uevent),
    /// A message of the kernel that cannot be read; ignore it, but it deserves a line in the log.
    Malformed(Malformed),
    /// Events were lost (ENOBUFS): read the state anew.
    Overflow,
}

/// The device events could not be subscribed to, or the subscription broke.
#[derive(Debug, thiserror::Error)]
#[error("device events of the kernel: {0}")]
pub struct UeventError(#[from] io::Error);

/// A non-blocking subscription to the kernel's device events.
#[derive(Debug)]
pub struct Uevents {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Uevents {
    /// Subscribes; needs no privileges. Read the state *after* this, so that nothing is missed.
    ///
    /// # Errors
    /// [`UeventError`], for example when the kernel was built without it.
    pub fn open() -> Result<Self, UeventError> {
        let mut socket = Socket::new(NETLINK_KOBJECT_UEVENT)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, KERNEL_GROUP))?;
        Ok(Self { socket, buffer: Vec::with_capacity(LARGEST + 1) })
    }

    /// The next event, or `None` when there is nothing more for now (wait for the descriptor to be readable).
    ///
    /// # Errors
    /// [`UeventError`] when the socket is of no use any more.
    pub fn next_event(&mut self) -> Result<Option<Received>, UeventError> {
        loop {
            self.buffer.clear();
            match self.socket.recv_from(&mut self.buffer, 0) {
                // Anybody with CAP_NET_ADMIN can send to this group; the kernel's port is 0.
                Ok((_, sender)) if sender.port_number() != 0 => {}
                Ok(_) => {
                    let parsed = Uevent::parse(&self.buffer);
                    return Ok(Some(parsed.map_or_else(Received::Malformed, Received::Event)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                    return Ok(Some(Received::Overflow));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
