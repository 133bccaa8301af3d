//! The configuration: what users may write, its defaults, and every rule it has to keep.
//!
//! This module decides whether a configuration is valid and where it is not; it must never act on
//! one, and it must never hand out a configuration of which only a part was checked.

mod address;
mod schema;

pub use address::{AddressError, InterfaceAddress, Pool, PoolError};
pub use schema::{
    Backend, Config, Control, FunctionKind, Gadget, HostPreset, Link, MacChoice, Mode, SerialChoice, Share,
    StartMode, Switch, UdcChoice,
};
