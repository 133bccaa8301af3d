//! The steps that hand cards over, around those of the gadget: out of the host's hands first, then out of the device's,
//! and back to the device when the host sees them no more.
//!
//! Never orders that a card is given to one side while the other has it (rule 1 of the design): a medium goes into a
//! unit only behind the step that keeps everything else on the device from mounting it, and a mount comes only behind
//! the step that lets go of it, which comes only behind the one that emptied the unit.

use std::collections::BTreeSet;
use std::path::Path;

use super::Step;
use super::profile_disk::is_profile_disk;
use super::target::{Lending, Observed};
use crate::cards::tree::unmount_order;
use crate::cards::{MountRecord, ObservedCard, Record};
use crate::gather::Gather;
use crate::sys::configfs::{LiveLun, Lun};

/// What a switch does about cards, in the three places where it does it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HandOver {
    /// Before the gadget changes: media out of units that are to change.
    pub eject: Vec<Step>,
    /// Then: cards taken from the device.
    pub take: Vec<Step>,
    /// As soon as the units are there: media into them.
    pub insert: Vec<Step>,
    /// When all else is done: cards given back to the device.
    pub give_back: Vec<Step>,
}

/// The hand-over that leads to `lending`. `rebuilt` says that the gadget is unbound and built anew on the way: whatever
/// is in a unit has to come out first. `unit` says where the unit of a number is, or will be.
pub(super) fn hand_over(
    observed: &Observed,
    lending: &Lending,
    rebuilt: bool,
    unit: impl Fn(usize) -> Lun,
) -> HandOver {
    let mut steps = HandOver::default();
    let (mut taken, mut given_back) = (Vec::new(), Vec::new());
    for live in observed.luns.iter().filter(|live| !is_profile_disk(observed, live)) {
        let card = lent_in(observed, lending, live.index);
        if let Some(force) = must_come_out(observed, live, card, rebuilt) {
            let name = name_of(observed, live);
            steps.eject.push(Step::Eject { card: name, lun: live.lun.clone(), force });
        }
    }
    for card in &observed.cards {
        match (&card.medium, lends(lending, card)) {
            (Some(medium), Some(index)) => {
                if !card.held {
                    taken.push(card);
                }
                let is_in = observed.luns.iter().find(|live| live.index == index && is(live, &medium.path));
                let stays =
                    is_in.is_some_and(|live| must_come_out(observed, live, Some(card), rebuilt).is_none());
                if !stays && !is_ejected(lending, card) {
                    let (card, medium) = (card.name.clone(), medium.path.clone());
                    steps.insert.push(Step::Insert { card, lun: unit(index), medium });
                }
            }
            _ => given_back.push(card),
        }
    }
    steps.take = take(&taken);
    steps.give_back = give_back(&given_back);
    steps
}

/// Whether a unit has to be emptied, and if so, whether by force.
fn must_come_out(
    observed: &Observed,
    live: &LiveLun,
    card: Option<&ObservedCard>,
    rebuilt: bool,
) -> Option<bool> {
    if live.file.is_empty() {
        return None;
    }
    let right = card.is_some_and(|card| {
        // One that is not held may have been mounted meanwhile: it is taken anew, and for that the host lets go first.
        card.medium.as_ref().is_some_and(|medium| is(live, &medium.path))
            && (card.held || card.mounts.is_empty())
    });
    // Of a card that was pulled out there is nothing left that the host could still write. A reader's slot stays there. An
    // image that was renamed or removed is none: the host can still write to it.
    let slot_is_empty =
        observed.cards.iter().any(|card| card.lun == Some(live.index) && card.medium.is_none());
    let gone =
        !observed.cards.iter().any(|card| card.medium.as_ref().is_some_and(|medium| is(live, &medium.path)))
            && live.file.starts_with("/dev/")
            && (slot_is_empty || !Path::new(&live.file).exists());
    (rebuilt || !right).then_some(gone)
}

/// The card that belongs into the unit of that number.
fn lent_in<'a>(observed: &'a Observed, lending: &Lending, index: usize) -> Option<&'a ObservedCard> {
    observed.cards.iter().find(|card| lends(lending, card) == Some(index))
}

/// The unit that a card is lent in.
fn lends(lending: &Lending, card: &ObservedCard) -> Option<usize> {
    match lending {
        Lending::Nothing => None,
        Lending::AllBut(spared) => card.lun.filter(|_| !spared.returned.contains(&card.name)),
    }
}

/// Whether a card stays out of its unit although it is kept for the host.
fn is_ejected(lending: &Lending, card: &ObservedCard) -> bool {
    matches!(lending, Lending::AllBut(spared) if spared.ejected.contains(&card.name))
}

fn is(live: &LiveLun, medium: &Path) -> bool {
    Path::new(&live.file) == medium
}

/// What a person calls the medium in a unit.
fn name_of(observed: &Observed, live: &LiveLun) -> String {
    let in_it = |card: &&ObservedCard| card.medium.as_ref().is_some_and(|medium| is(live, &medium.path));
    observed.cards.iter().find(in_it).map_or_else(|| live.file.clone(), |card| card.name.clone())
}

/// Swap first, which may be in a file on a card; then the mounts, of which one card's may be inside of another's.
fn take(cards: &[&ObservedCard]) -> Vec<Step> {
    let name = |card: &ObservedCard| card.name.clone();
    let mut steps = Vec::new();
    for card in cards {
        steps.extend(card.swaps.iter().map(|swap| Step::SwapOff { card: name(card), swap: swap.clone() }));
    }
    let mounts: Vec<_> = cards.iter().flat_map(|card| &card.mounts).collect();
    for mount in unmount_order(&mounts) {
        let Some(card) = cards.iter().find(|card| card.mounts.contains(mount)) else { continue };
        steps.push(Step::Sync { card: name(card), point: mount.point.clone(), device: mount.device });
        steps.push(Step::Unmount { card: name(card), point: mount.point.clone() });
    }
    for card in cards {
        steps.extend(card.medium.clone().map(|medium| Step::Hold { card: name(card), medium }));
    }
    steps
}

/// Whatever of their records is not there already. A mount inside of another comes behind it; those of one card come in
/// the order in which they were made.
fn give_back(cards: &[&ObservedCard]) -> Vec<Step> {
    let (mut steps, mut mounts, mut swaps) = (Vec::new(), Vec::new(), Vec::new());
    for card in cards {
        let name = || card.name.clone();
        if card.held {
            steps.push(Step::Release { card: name() });
        }
        let (Some(record), Some(medium)) = (&card.record, &card.medium) else { continue };
        let missing = |mount: &&MountRecord| !card.mounts.iter().any(|there| there.point == mount.point);
        let now = |mount: &MountRecord| mount.moved(&record.medium, &medium.path);
        let to_mount: Vec<_> = record.mounts.iter().filter(missing).map(now).collect();
        if !to_mount.is_empty() && card.mounts.is_empty() {
            steps.push(Step::Check { card: name(), medium: medium.clone() });
        }
        mounts.extend(to_mount.into_iter().map(|mount| (name(), mount)));
        let off = record.swaps.iter().filter(|swap| !card.swaps.contains(swap));
        swaps.extend(off.map(|swap| Step::SwapOn { card: name(), swap: swap.clone() }));
    }
    let depth = |mount: &MountRecord| mount.point.components().count();
    let mounts = mounts.into_iter().sorted_by(|(_, a), (_, b)| depth(a).cmp(&depth(b)));
    steps.extend(mounts.into_iter().map(|(card, mount)| Step::Mount { card, mount }));
    steps.extend(swaps);
    steps
}

/// The cards that a plan takes from the device: nothing may hold these.
#[must_use]
pub fn taken(steps: &[Step]) -> BTreeSet<&str> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Hold { card, .. } | Step::Unmount { card, .. } | Step::SwapOff { card, .. } => {
                Some(card.as_str())
            }
            _ => None,
        })
        .gather()
}

/// The records to keep while `steps` run, so that whatever they take can be given back: what is noted already, and how
/// each card is in use that they take.
#[must_use]
pub fn records(cards: &[ObservedCard], steps: &[Step]) -> Vec<Record> {
    let taken = taken(steps);
    cards
        .iter()
        .filter_map(|card| match taken.contains(card.name.as_str()) {
            true => Record::renewed(card),
            false => card.record.clone(),
        })
        .collect()
}

/// The cards that were pulled out before or during a switch, and may come again, or have already: they are still to be
/// given back as they were. `returned` are those that were given back on purpose.
#[must_use]
pub fn pulled_out(
    before: &[ObservedCard],
    after: &[ObservedCard],
    returned: &BTreeSet<String>,
) -> BTreeSet<String> {
    let was_held = |card: &ObservedCard| before.iter().any(|before| before.name == card.name && before.held);
    // Nobody lets go of a card in a mode that lends it: what was held is gone, and what is there came since.
    let replaced = |card: &&ObservedCard| was_held(card) && !card.held && !returned.contains(&card.name);
    let absent = before.iter().chain(after).filter(|card| card.medium.is_none());
    absent.chain(after.iter().filter(replaced)).map(|card| card.name.clone()).gather()
}
