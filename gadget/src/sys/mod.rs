//! Everything that touches the system; root paths are injected.

pub mod cards;
pub mod clock;
pub mod configfs;
pub mod discard;
pub mod holders;
pub mod memory;
pub mod modules;
pub mod netlink;
pub mod notify;
pub mod peer;
pub mod poll;
mod program;
pub mod sandbox;
pub mod serial;
pub mod stream;
pub mod udc;
pub mod uevent;
pub mod usb_role;
