//! What the link's addresses should be, and what to do when something disturbs it.
//!
//! Decides: which subnet the cable gets when the configured one is already in use on this device
//! ([`choose`]), when a removed address is put back ([`Keeper`]), when the host is told again that the
//! link is there ([`CarrierWatch`]), when frames that the gadget's end keeps are pushed out
//! ([`KeptFrames`]). Pure: observations come in as values from [`crate::sys::netlink`], decisions go out
//! as values. Never touches the system, and never moves a subnet that the user pinned.

mod candidates;
mod carrier;
mod keeper;
mod kept;
mod network;
mod subnet;

pub use carrier::{CarrierWatch, Heard, Nudge, announces_carrier};
pub use keeper::{Action, Keeper, Observed};
pub use kept::{KeptFrames, NTB_DATAGRAMS, Push, Traffic, keeps_frames};
pub use network::{Network, Occupied, occupied};
pub use subnet::{Addresses, Choice, LinkError, Notice, Policy, choose};
