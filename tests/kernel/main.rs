//! Scenarios with both ends of the cable in one kernel. They own the machine they run on, so they run one at a time
//! and only in the virtual machine: `scripts/kernel-tests [NAME]`.

mod bench;
mod cable;
mod card_faults;
mod carrier;
mod churn;
mod composite;
mod console;
mod control;
mod faults;
mod holders;
mod identity;
mod kill;
mod lease;
mod plan;
mod profiles;
mod recovery;
mod refusals;
mod role;
mod storage;
mod supervised;
mod windows;
mod without_udc;
