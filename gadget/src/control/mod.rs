//! The control protocol: what clients may ask, what they are answered, and who may do what.
//!
//! Varlink (NUL-ended JSON, <https://varlink.org/Wire-Protocol>) over any byte stream; nothing here
//! opens a socket or decides how a mode is reached.

mod access;
mod api;
mod card;
#[cfg(test)]
mod description_tests;
mod framing;
mod message;
mod parameters;
mod profile;
mod refusal;
mod service;
mod size;

pub use access::{Caller, Peer, Role};
pub use api::{
    Call, Counters, Event, EventKind, FAILED, Lease, Link, Mode, ModeReply, Phase, Responder, SetMode,
    Status, Stop, Stopped, System, Udc, WAIT_SECONDS,
};
pub use card::{Card, Held, Place, Progress};
pub use framing::{FrameError, Inbox, MAX_MESSAGE, MAX_PENDING, Outbox};
pub use message::{Reply, Request};
pub use parameters::Invalid;
pub use profile::{HostFile, HostProfile};
pub use refusal::Refusal;
pub use service::{Incoming, receive};
pub use size::Size;

/// The interface's name, as Varlink writes it.
pub const INTERFACE: &str = "org.usbnet.Control";

/// The interface's description, as introspection answers it.
pub const DESCRIPTION: &str = include_str!("org.usbnet.Control.varlink");
