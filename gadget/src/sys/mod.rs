//! Everything that touches the system; root paths are injected.

pub mod configfs;
pub mod modules;
pub mod netlink;
pub mod sandbox;
pub mod udc;
pub mod uevent;
