//! Host profiles: facts about the link in, files for the computer at the other end of the cable out.
//!
//! Values in, values out: nothing here reads a file, asks a daemon or knows where its files land. Each host is one
//! module under `hosts` and one folder under `templates/`, whose templates read as the files they become; they are
//! compiled in. What users wrote (product and manufacturer) passes a quoting rule of its format under `quote`;
//! everything else has a type that cannot hold anything dangerous.
//!
//! ```
//! # use usbnet_host_profiles::{LinkFacts, Shape, find};
//! # fn show(facts: &LinkFacts) -> Result<(), Box<dyn std::error::Error>> {
//! let profile = find("networkmanager")?.profile(facts, Shape::Link)?;
//! for file in &profile.files {
//!     println!("# {} ({:04o}, {})\n{}", file.path, file.mode, file.owner, file.text);
//! }
//! # Ok(())
//! # }
//! ```

mod facts;
mod file;
mod filters;
mod host;
mod hosts;
mod quote;
mod shape;
mod tree;
mod view;

pub use facts::{Domain, FactError, Function, InterfaceName, Label, LinkFacts};
pub use file::{Encoding, File};
pub use host::{Host, Profile, ProfileError, WithoutMac, find};
pub use hosts::ALL;
pub use quote::line::is_harmless;
pub use shape::{Shape, ShapeError};
pub use tree::{Entry, list, tree, tree_of};
