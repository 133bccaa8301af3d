//! The mounts of other mount name spaces, as one process of each sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::processes::Processes;
use crate::gather::Gather;
use crate::sys::cards::blocks::Blocks;
use crate::sys::cards::table::Table;

/// Another mount name space.
#[derive(Debug)]
pub(super) struct Space {
    /// A process in it.
    pub pid: u32,
    /// Its mounts.
    pub table: Table,
}

/// Every mount name space but this process's own, and who is in them.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    /// Each seen through a process that is not confined to a part of it, if there is one.
    pub spaces: Vec<Space>,
    /// The processes in all of them.
    pub processes: BTreeSet<u32>,
}

/// The other mount name spaces that a process is in.
pub(super) fn others(proc: &Path, processes: &Processes, pids: &[u32], blocks: &Blocks) -> Spaces {
    let own = processes.namespace("self", "mnt");
    let mut spaces: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for &pid in pids {
        let space = processes.namespace(&pid.to_string(), "mnt");
        if let Some(space) = space.filter(|space| Some(*space) != own) {
            spaces.entry(space).or_default().push(pid);
        }
    }
    Spaces {
        processes: spaces.values().flatten().copied().gather(),
        spaces: spaces.into_values().filter_map(|pids| space(proc, processes, pids, blocks)).collect(),
    }
}

fn space(proc: &Path, processes: &Processes, mut pids: Vec<u32>, blocks: &Blocks) -> Option<Space> {
    if let Some(whole) = pids.iter().position(|pid| processes.sees_root(*pid)) {
        pids.swap(0, whole);
    }
    // One that has ended since shows nothing; the next one does.
    pids.into_iter().find_map(|pid| {
        let table = Table::of(&proc.join(pid.to_string()), blocks).ok()?;
        Some(Space { pid, table })
    })
}
