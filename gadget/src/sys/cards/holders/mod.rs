//! Everything that keeps cards from being taken, named.
//!
//! Only looks. That nothing is found is no promise: what is missed here is found by umount(2) and `O_EXCL`, which refuse.

mod processes;
mod sockets;
mod spaces;
mod stat;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::error::CardError;
use super::table::Table;
use super::{CardSystem, blocks};
use crate::cards::{Holder, HolderKind, Mount, ObservedCard, tree};
use crate::gather::Gather;
use processes::{Hit, Processes};
use spaces::{Space, Spaces};
use targets::Targets;

impl CardSystem {
    /// Everything that keeps these cards from being taken, each with its card's name. Empty: all of them can be unmounted.
    ///
    /// Other mounts that go and come with a card's own are no holders, nor is a card's mount inside of another card of these.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn holders(&self, cards: &[ObservedCard]) -> Result<Vec<(String, Holder)>, CardError> {
        let table = Table::of(&self.proc.join("self"), &self.blocks)?;
        let read = |cause| CardError::Read { path: self.proc.clone(), cause };
        let processes = Processes::at(&self.proc).map_err(read)?;
        let pids = processes.pids().map_err(read)?;
        let Spaces { spaces, processes: foreign } =
            spaces::others(&self.proc, &processes, &pids, &self.blocks);

        let mut targets = Targets::of(cards);
        for table in std::iter::once(&table).chain(spaces.iter().map(|space| &space.table)) {
            for (card, mount) in mounts_of(cards, table) {
                targets.add_mount(card, mount.id, mount.device);
            }
        }
        sockets::add(&mut targets, cards, (&self.proc, &processes), &table, &spaces);

        let mut found = mounted_elsewhere(cards, &table, &spaces);
        found.extend(swapped(cards));
        found.extend(self.over(cards, &targets));
        let hits = processes.scan(&pids, &foreign, &targets, std::process::id());
        found.extend(hits.into_iter().map(|hit| {
            let Hit { card, pid, kind, path } = hit;
            (card, Holder { pid: Some(pid), ..plain(kind, path) })
        }));
        name_processes(&mut found);
        let found: BTreeSet<_> = found.into_iter().gather();
        Ok(found.into_iter().map(|(card, holder)| (cards[card].name.clone(), holder)).collect())
    }

    /// Loop devices over files of the cards, and devices made of the cards.
    fn over(&self, cards: &[ObservedCard], targets: &Targets) -> Vec<(usize, Holder)> {
        let mut found = Vec::new();
        for (name, number) in self.blocks.all() {
            if !name.starts_with("loop") || self.blocks.disk(number) != number {
                continue;
            }
            let Some(file) = self.blocks.loop_backing(number) else { continue };
            let by_path = || {
                let path = CString::new(file.as_os_str().as_bytes()).ok()?;
                let stat = stat::stat(File::open("/").ok()?.as_fd(), &path).ok()?;
                targets.open(&stat)
            };
            let by_kernel = || {
                let node = File::open(self.blocks.node(number)?).ok()?;
                targets.open(&loop_file(&node)?)
            };
            if let Some((card, _)) = by_kernel().or_else(by_path) {
                found.push((card, plain(HolderKind::Loop, file)));
            }
        }
        for (card, observed) in cards.iter().enumerate() {
            let numbers = observed.medium.iter().flat_map(|medium| medium.numbers());
            for path in numbers.flat_map(|number| self.blocks.over(number)) {
                found.push((card, plain(HolderKind::Mapper, path)));
            }
        }
        found
    }
}

const fn plain(kind: HolderKind, path: PathBuf) -> Holder {
    Holder { kind, pid: None, program: None, user: None, path }
}

/// Whose mount it is.
fn card_of(cards: &[ObservedCard], table: &Table, mount: &Mount) -> Option<usize> {
    cards.iter().position(|card| card.medium.as_ref().is_some_and(|medium| table.is_of(mount, medium)))
}

/// Every mount of a card, with the card.
fn mounts_of<'a>(cards: &'a [ObservedCard], table: &'a Table) -> impl Iterator<Item = (usize, &'a Mount)> {
    table.mounts.iter().filter_map(|mount| Some((card_of(cards, table, mount)?, mount)))
}

/// Bind mounts, nested mounts and mounts in other name spaces that would stay.
fn mounted_elsewhere(cards: &[ObservedCard], table: &Table, spaces: &[Space]) -> Vec<(usize, Holder)> {
    let mut found = Vec::new();
    let own: BTreeSet<u32> = cards.iter().flat_map(|card| &card.mounts).map(|mount| mount.id).gather();
    let everywhere: Vec<&Mount> =
        table.mounts.iter().chain(spaces.iter().flat_map(|space| &space.table.mounts)).collect();
    let going: BTreeSet<u32> = cards
        .iter()
        .flat_map(|card| &card.mounts)
        .flat_map(|mount| tree::propagated(&everywhere, mount))
        .map(|mount| mount.id)
        .gather();
    let stays = |mount: &Mount| !own.contains(&mount.id) && !going.contains(&mount.id);

    for (card, mount) in mounts_of(cards, table).filter(|(_, mount)| stays(mount)) {
        found.push((card, plain(HolderKind::BindMount, mount.point.clone())));
    }
    for space in spaces {
        for (card, mount) in mounts_of(cards, &space.table).filter(|(_, mount)| stays(mount)) {
            let holder = plain(HolderKind::MountNamespace, mount.point.clone());
            found.push((card, Holder { pid: Some(space.pid), ..holder }));
        }
    }
    for (card, observed) in cards.iter().enumerate() {
        let mounts: Vec<&Mount> = observed.mounts.iter().collect();
        for mount in tree::nested(&table.mounts, &mounts).into_iter().filter(|mount| stays(mount)) {
            if card_of(cards, table, mount).is_none() {
                found.push((card, plain(HolderKind::NestedMount, mount.point.clone())));
            }
        }
    }
    found
}

fn swapped(cards: &[ObservedCard]) -> impl Iterator<Item = (usize, Holder)> + '_ {
    cards.iter().enumerate().flat_map(|(card, observed)| {
        observed.swaps.iter().map(move |area| (card, plain(HolderKind::Swap, area.path.clone())))
    })
}

/// Which file a loop device is over, as `include/uapi/linux/loop.h` has it: also when that file has lost its name, or is named
/// otherwise here.
fn loop_file(node: &File) -> Option<stat::Stat> {
    const LOOP_GET_STATUS64: libc::c_ulong = 0x4c05;
    /// `struct loop_info64` is shorter.
    const LENGTH: usize = 256 / 8;
    let mut info = [0_u64; LENGTH];
    // SAFETY: the kernel writes one `loop_info64` there.
    let result = unsafe { libc::ioctl(node.as_raw_fd(), LOOP_GET_STATUS64 as _, info.as_mut_ptr()) };
    let [device, inode, node_of, ..] = info;
    (result == 0).then(|| stat::Stat {
        kind: if node_of == 0 { libc::S_IFREG } else { libc::S_IFBLK },
        device: blocks::number(device),
        inode,
        node_of: blocks::number(node_of),
        mount: None,
    })
}

/// Gives every process its program's and user's name.
fn name_processes(found: &mut [(usize, Holder)]) {
    let pids: BTreeSet<u32> = found.iter().filter_map(|(_, holder)| holder.pid).gather();
    if pids.is_empty() {
        return;
    }
    let wanted: Vec<sysinfo::Pid> = pids.iter().map(|pid| sysinfo::Pid::from_u32(*pid)).collect();
    let Ok(mut system) = System::new() else { return };
    let kind = ProcessRefreshKind::nothing().without_tasks().with_user(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&wanted), false, kind);
    let mut names: BTreeMap<u32, (String, Option<String>)> = BTreeMap::new();
    for (pid, process) in system.processes() {
        let user = process.effective_user_id().or_else(|| process.user_id()).map(|id| user_name(**id));
        names.insert(pid.as_u32(), (process.name().to_string_lossy().into_owned(), user));
    }
    for (_, holder) in found {
        if let Some((program, user)) = holder.pid.and_then(|pid| names.get(&pid)) {
            holder.program = Some(program.clone());
            holder.user.clone_from(user);
        }
    }
}

/// A user's name, or number where there is no name.
fn user_name(id: u32) -> String {
    let user = User::from_uid(Uid::from_raw(id)).ok().flatten();
    user.map_or_else(|| id.to_string(), |user| user.name)
}

/// Asks processes to end (SIGTERM, nothing stronger). The first process of the system and this one are left out; one that has ended is
/// fine.
///
/// # Errors
/// The first one that may not be asked, after all others were.
pub fn terminate(pids: &[u32]) -> Result<(), CardError> {
    let mut result = Ok(());
    for &pid in pids.iter().filter(|pid| **pid > 1 && **pid != std::process::id()) {
        let Ok(raw) = i32::try_from(pid) else { continue };
        match kill(Pid::from_raw(raw), Signal::SIGTERM) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(cause) => result = result.and(Err(CardError::Terminate { pid, cause })),
        }
    }
    result
}
