//! Scenarios with both ends of the cable in one kernel. They own the machine they run on, so they run one at a time
//! and only in the virtual machine: `scripts/kernel-tests [NAME]`.

mod bench;
mod cable;
mod carrier;
mod composite;
mod faults;
mod identity;
mod lease;
mod plan;
mod refusals;
mod windows;
mod without_udc;
