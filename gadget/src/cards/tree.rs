//! Whose mount is whose: a card's own, other mounts of it, what is mounted inside of it, and which mounts in other mount
//! name spaces go and come with its own.
//!
//! Source: `Documentation/filesystems/sharedsubtree.rst` and `fs/pnode.c` (`propagate_umount`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{DeviceNumber, Mount};
use crate::gather::Gather;

/// The mounts of one card in this mount name space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split<'a> {
    /// Those that usbnet takes away and gives back, in the order in which they were made.
    pub own: Vec<&'a Mount>,
    /// Any other mount of the same file system.
    pub others: Vec<&'a Mount>,
}

/// Which of a card's mounts are its own: the uppermost on the `named` place if it is named by one; of every other file
/// system of it the first whole one.
#[must_use]
pub fn split<'a>(mounts: &'a [Mount], is_card: impl Fn(&Mount) -> bool, named: Option<&Path>) -> Split<'a> {
    let of_card: Vec<&Mount> = mounts.iter().filter(|mount| is_card(mount)).collect();
    let named = named.and_then(|point| of_card.iter().rev().find(|mount| mount.point == point).copied());
    let mut taken: BTreeSet<DeviceNumber> = named.iter().map(|mount| mount.device).gather();
    let is_own = |mount: &Mount, taken: &mut BTreeSet<DeviceNumber>| {
        named.is_some_and(|named| named.id == mount.id)
            || (mount.root == Path::new("/") && taken.insert(mount.device))
    };
    let (own, others) = of_card.into_iter().partition(|mount| is_own(mount, &mut taken));
    Split { own, others }
}

/// Everything mounted inside of one of these mounts, at any depth, without them.
#[must_use]
pub fn nested<'a>(mounts: &'a [Mount], inside: &[&Mount]) -> Vec<&'a Mount> {
    let own: BTreeSet<u32> = inside.iter().map(|mount| mount.id).gather();
    let mut above = own.clone();
    let mut found: BTreeSet<u32> = BTreeSet::new();
    // A mount can be moved below one that was made later, so one pass is not always enough.
    loop {
        let before = found.len();
        for mount in mounts.iter().filter(|mount| above.contains(&mount.parent) && mount.id != mount.parent) {
            if !own.contains(&mount.id) {
                found.insert(mount.id);
            }
        }
        above.extend(&found);
        if found.len() == before {
            break;
        }
    }
    mounts.iter().filter(|mount| found.contains(&mount.id)).collect()
}

/// In which order to unmount: what is inside of another before it, and what was mounted later before what was
/// mounted earlier.
#[must_use]
pub fn unmount_order<'a>(mounts: &[&'a Mount]) -> Vec<&'a Mount> {
    let mut left: Vec<&Mount> = mounts.to_vec();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = left.iter().rposition(|mount| !left.iter().any(|other| other.parent == mount.id));
        // There is always one: a tree has leaves. A list that is no tree is unmounted from its end.
        order.push(left.remove(free.unwrap_or(left.len() - 1)));
    }
    order
}

/// Which mounts go by themselves when `mount` is unmounted, and come back when it is mounted again: those at the same
/// place of the mounts that its parent propagates to. `everywhere` has the mounts of all mount name spaces.
///
/// One with something mounted inside stays, and is not listed.
#[must_use]
pub fn propagated<'a>(everywhere: &[&'a Mount], mount: &Mount) -> Vec<&'a Mount> {
    let Some(parent) = everywhere.iter().find(|other| other.id == mount.parent) else { return Vec::new() };
    let Some(group) = parent.propagation.shared else { return Vec::new() };
    let Some(place) = place(parent, mount) else { return Vec::new() };
    let groups = downstream(everywhere, group);
    let receives = |other: &Mount| {
        [other.propagation.shared, other.propagation.master]
            .into_iter()
            .flatten()
            .any(|id| groups.contains(&id))
    };
    let parents: Vec<&Mount> = everywhere
        .iter()
        .copied()
        .filter(|other| other.id != parent.id && other.device == parent.device && receives(other))
        .collect();
    let goes = |other: &Mount| {
        other.id != mount.id
            && other.device == mount.device
            && other.root == mount.root
            && !everywhere.iter().any(|inside| inside.parent == other.id)
            && parents.iter().any(|parent| {
                other.parent == parent.id && self::place(parent, other).as_ref() == Some(&place)
            })
    };
    everywhere.iter().copied().filter(|other| goes(other)).collect()
}

/// A peer group and all that receive from it, directly or through others.
fn downstream(everywhere: &[&Mount], group: u32) -> BTreeSet<u32> {
    let mut groups: BTreeSet<u32> = [group].into_iter().gather();
    loop {
        let before = groups.len();
        let slaves = everywhere.iter().filter_map(|mount| {
            let from = mount.propagation.master?;
            mount.propagation.shared.filter(|_| groups.contains(&from))
        });
        let slaves: Vec<u32> = slaves.collect();
        groups.extend(slaves);
        if groups.len() == before {
            return groups;
        }
    }
}

/// Where a mount is in the file system of the mount that it is in: the same for every bind mount of that file system.
fn place(parent: &Mount, mount: &Mount) -> Option<PathBuf> {
    Some(parent.root.join(mount.point.strip_prefix(&parent.point).ok()?))
}

#[cfg(test)]
mod tests;
