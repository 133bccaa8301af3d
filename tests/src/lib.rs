//! Helpers shared by the kernel scenarios: bounded waits, the two ends of the cable, real clients.
//!
//! Everything here panics with what it saw when the machine does not do what the scenario needs: a helper that
//! returned an error would only make every scenario repeat the same `unwrap`.

pub mod cable;
pub mod cards;
pub mod daemon;
pub mod disk;
pub mod host;
pub mod lab;
pub mod osdesc;
pub mod role;
pub mod run;
pub mod snapshot;
pub mod supervised;
pub mod wait;
