//! The part of a switch that has to do with cards: waits for whoever holds one, carries the steps out, keeps the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::SwitchError;
use super::journal::{Journal, UnderWay};
use super::kernel::Kernel;
use super::line::Line;
use crate::cards::checker::Verdict;
use crate::cards::{DeviceNumber, Holder, HolderKind, Medium};
use crate::config::{FsCheck, OnBusy};
use crate::control::{Held, Progress, Refusal};
use crate::gather::Gather;
use crate::plan::{self, Observed, Step};
use crate::sys::cards::{self, Hold};
use crate::sys::clock;
use crate::sys::configfs::Lun;

/// How long a wait looks away between two looks: nothing tells when a file is closed or a medium unlocked.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a locked medium is no reason to give up: a host locks it for as long as it looks what is on it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a switch that nobody asked for waits for holders, in seconds: udev, and whoever else looks at every new card.
const UNASKED_PATIENCE: u32 = 10;

/// What whoever asks for a switch allows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permission {
    /// Take a card from the host although it has it locked.
    pub force: bool,
    /// How long to wait for the host to eject.
    pub wait: Option<Duration>,
    /// What to do about holders on the device; none for what the configuration says.
    pub on_busy: Option<OnBusy>,
}

impl Permission {
    /// As the control protocol words it; `wait` is in seconds.
    #[must_use]
    pub fn of(force: bool, wait: Option<u32>, on_busy: Option<OnBusy>) -> Self {
        Self { force, wait: wait.map(|seconds| Duration::from_secs(seconds.into())), on_busy }
    }

    /// What one of two allows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            force: self.force || other.force,
            wait: self.wait.max(other.wait),
            on_busy: other.on_busy.or(self.on_busy),
        }
    }

    /// For a card that came while the mode lends: nobody is there to ask again once it is free.
    #[must_use]
    pub fn unasked(configured: OnBusy) -> Self {
        let waits = (configured == OnBusy::Refuse).then_some(OnBusy::Wait { seconds: UNASKED_PATIENCE });
        Self { on_busy: waits, ..Self::default() }
    }
}

/// The cards that are kept from everything else on the device.
#[derive(Debug, Default)]
pub struct Holds {
    by_card: BTreeMap<String, Hold>,
}

impl Holds {
    /// The media that are held.
    #[must_use]
    pub fn media(&self) -> Vec<PathBuf> {
        self.by_card.values().map(|hold| hold.medium().to_owned()).collect()
    }

    /// The cards that are held.
    #[must_use]
    pub fn cards(&self) -> BTreeSet<String> {
        self.by_card.keys().cloned().gather()
    }

    /// Lets go of what was pulled out: what comes to its place later is not held.
    pub fn forget_gone(&mut self) {
        self.by_card.retain(|_, hold| !hold.is_gone());
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_card.is_empty()
    }

    /// Takes a card.
    ///
    /// # Errors
    /// Something else has it.
    pub fn take(&mut self, card: &str, medium: &Medium) -> Result<(), SwitchError> {
        self.by_card.insert(card.to_owned(), Hold::take(medium)?);
        Ok(())
    }

    fn release(&mut self, card: &str) -> Result<(), SwitchError> {
        Ok(self.by_card.remove(card).map_or(Ok(()), Hold::release)?)
    }
}

/// What a switch needs to hand cards over.
#[derive(Debug)]
pub struct HandOver<'a> {
    kernel: &'a Kernel,
    permission: Permission,
    line: &'a Line,
    /// What is held.
    pub holds: Holds,
    /// The journal as it was before the switch wrote into it.
    before: Option<Journal>,
    /// What was taken out of units since the steps began, to be put in again if the host refuses another card.
    ejected: Vec<(Lun, PathBuf)>,
    /// What checking the cards that came back found, by card.
    pub verdicts: BTreeMap<String, Verdict>,
}

impl<'a> HandOver<'a> {
    /// For one switch that starts with these cards held.
    #[must_use]
    pub const fn new(kernel: &'a Kernel, permission: Permission, line: &'a Line, holds: Holds) -> Self {
        Self { kernel, permission, line, holds, before: None, ejected: Vec::new(), verdicts: BTreeMap::new() }
    }

    /// From here on nothing is forced, nothing waits, and nothing is cancelled: a switch is undone.
    pub fn undo(&mut self) {
        self.permission = Permission { on_busy: Some(OnBusy::Refuse), ..Permission::default() };
        self.line.ignore_cancel();
    }

    /// Whether whoever asked wants it at any price.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        self.permission.force
    }

    /// Fails if the switch was cancelled.
    ///
    /// # Errors
    /// [`Refusal::Cancelled`].
    pub fn go_on(&self) -> Result<(), SwitchError> {
        if self.line.is_cancelled() { Err(Refusal::Cancelled {}.into()) } else { Ok(()) }
    }

    /// The line to the loop.
    #[must_use]
    pub const fn line(&self) -> &Line {
        self.line
    }

    /// Returns once nothing holds the cards that `steps` take, or it may be taken away; true if that took waiting.
    ///
    /// # Errors
    /// Everything that holds them.
    pub fn until_free(&self, observed: &Observed, steps: &[Step]) -> Result<bool, SwitchError> {
        let taken = plan::taken(steps);
        if taken.is_empty() {
            return Ok(false);
        }
        let policy = self.permission.on_busy.unwrap_or(self.kernel.config.storage.on_busy);
        let began = clock::now();
        let mut terminated = false;
        loop {
            let held = self.kernel.holders(observed, &taken, policy)?;
            let Some(first) = held.first() else {
                self.line.say(None);
                return Ok(terminated || clock::now().saturating_sub(began) >= LOOK_AGAIN);
            };
            let waited = clock::now().saturating_sub(began);
            let limit = match policy {
                OnBusy::Refuse => Duration::ZERO,
                OnBusy::Wait { seconds } => Duration::from_secs(seconds.into()),
                OnBusy::Terminate { grace } => Duration::from_secs(grace.into()),
            };
            if waited >= limit {
                return Err(Refusal::CardBusy { holders: held }.into());
            }
            if matches!(policy, OnBusy::Terminate { .. }) && !terminated {
                // Nothing is ended for a switch that fails all the same. Of a mount name space, the process is only an
                // example, and perhaps the first of a container.
                let pid =
                    |held: &Held| held.holder.pid.filter(|_| held.holder.kind != HolderKind::MountNamespace);
                let Some(pids) = held.iter().map(pid).collect::<Option<Vec<u32>>>() else {
                    return Err(Refusal::CardBusy { holders: held }.into());
                };
                log::warn!("ending {}", list(&held));
                cards::terminate(&pids)?;
                terminated = true;
            }
            self.line.say(Some(Progress {
                card: Some(first.card.clone()),
                what: format!("waiting for {}", first.holder),
                bytes_left: None,
                seconds: waited.as_secs(),
            }));
            self.go_on()?;
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Notes how the cards are in use that `steps` take, before any of them is carried out.
    ///
    /// # Errors
    /// It cannot be written; nothing was changed.
    pub fn note(&mut self, observed: &Observed, switch: UnderWay, steps: &[Step]) -> Result<(), SwitchError> {
        let records = plan::records(&observed.cards, steps);
        self.ejected.clear();
        let file = self.kernel.journal();
        let before = file.read()?;
        self.before.get_or_insert(before);
        file.write(&Journal { switch: Some(switch), records })
    }

    /// The switch was refused before it changed anything: what is noted of it goes.
    pub fn withdraw(&mut self) {
        if let Some(before) = self.before.take()
            && let Err(error) = self.kernel.journal().write(&before)
        {
            log::warn!("{error}");
        }
    }

    /// The switch is over: what was given back needs no record any more. `kept` are cards that could not be given back, or
    /// that may come again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn settle(&self, kept: &BTreeSet<String>) -> Result<(), SwitchError> {
        let file = self.kernel.journal();
        let mut journal = file.read()?;
        let held = self.holds.cards();
        journal.switch = None;
        journal.records.retain(|record| held.contains(&record.card) || kept.contains(&record.card));
        file.write(&journal)
    }

    /// Carries out a step that is about a card; any other is none of its business.
    ///
    /// # Errors
    /// What the kernel or the host refuses.
    pub fn execute(&mut self, step: &Step) -> Result<(), SwitchError> {
        match step {
            Step::Eject { card, lun, force } => self.eject(card, lun, *force)?,
            Step::Sync { card, point, device } => self.sync(card, point, *device)?,
            Step::Unmount { point, .. } => cards::unmount(point)?,
            Step::SwapOff { swap, .. } => cards::swap_off(swap)?,
            Step::Hold { card, medium } => self.holds.take(card, medium)?,
            Step::Insert { card, lun, medium } => self.insert(card, lun, medium)?,
            Step::Release { card } => self.holds.release(card)?,
            Step::Check { card, medium } => self.check(card, medium)?,
            Step::Mount { mount, .. } => cards::mount(mount)?,
            Step::SwapOn { swap, .. } => cards::swap_on(swap)?,
            _ => {}
        }
        Ok(())
    }

    /// The host has refused a card: puts back what it had given up before, so that nothing has changed. Returns the cards
    /// of the other steps that it refuses as well, and whether all is back.
    pub fn put_back(&mut self, rest: &[Step]) -> (Vec<String>, bool) {
        let sys = &self.kernel.roots.sys;
        let mut refused = Vec::new();
        for step in rest {
            let Step::Eject { card, lun, force: false } = step else { continue };
            let medium = PathBuf::from(lun.medium(sys));
            match lun.eject(sys, false) {
                Ok(true) => self.ejected.push((lun.clone(), medium)),
                Ok(false) => refused.push(card.clone()),
                Err(error) => log::warn!("{error}"),
            }
        }
        let mut whole = true;
        for (lun, medium) in self.ejected.drain(..) {
            if let Err(error) = lun.insert(sys, &medium) {
                log::warn!("{error}");
                whole = false;
            }
        }
        (refused, whole)
    }

    /// Since the card was taken, minutes may have passed: one that was put in meanwhile is another, and may be mounted.
    fn insert(&mut self, card: &str, lun: &Lun, medium: &Path) -> Result<(), SwitchError> {
        self.holds.forget_gone();
        if !self.holds.media().iter().any(|held| held == medium) {
            return Err(SwitchError::PulledOut { card: card.to_owned() });
        }
        Ok(lun.insert(&self.kernel.roots.sys, medium)?)
    }

    fn eject(&mut self, card: &str, lun: &Lun, force: bool) -> Result<(), SwitchError> {
        let sys = &self.kernel.roots.sys;
        let medium = PathBuf::from(lun.medium(sys));
        let began = clock::now();
        // Never by force first: only what is locked has something to lose.
        while !lun.eject(sys, false)? {
            let waited = clock::now().saturating_sub(began);
            let forced = (force || self.permission.force) && lun.eject(sys, true)?;
            let what = match forced {
                true => "taken from the host by force, what it had not written yet is lost",
                false => "waiting for the host to eject",
            };
            if !forced && waited >= self.permission.wait.unwrap_or(PATIENCE) {
                return Err(Refusal::HostBusy { cards: vec![card.to_owned()] }.into());
            }
            if forced || self.permission.wait.is_some() {
                self.line.say(Some(Progress {
                    card: Some(card.to_owned()),
                    what: what.to_owned(),
                    bytes_left: None,
                    seconds: waited.as_secs(),
                }));
            }
            if forced {
                log::warn!("card {card}: {what}");
                break;
            }
            self.go_on()?;
            thread::sleep(LOOK_AGAIN);
        }
        self.line.say(None);
        self.ejected.push((lun.clone(), medium));
        Ok(())
    }

    /// What waits in memory may take minutes on a slow card: a person sees how much is left.
    fn sync(&self, card: &str, point: &Path, device: DeviceNumber) -> Result<(), SwitchError> {
        let began = clock::now();
        thread::scope(|scope| {
            let Ok(syncing) = thread::Builder::new().spawn_scoped(scope, || cards::sync(point)) else {
                return cards::sync(point); // nothing is told of it, but it is done
            };
            while !syncing.is_finished() {
                let seconds = clock::now().saturating_sub(began).as_secs();
                if seconds > 0 {
                    let bytes_left = self.kernel.cards().bytes_to_write(Some(device));
                    let what = "writing back".to_owned();
                    self.line.say(Some(Progress { card: Some(card.to_owned()), what, bytes_left, seconds }));
                }
                thread::park_timeout(if seconds > 0 { LOOK_AGAIN } else { Duration::from_millis(5) });
            }
            syncing.join().unwrap_or(Ok(()))
        })?;
        self.line.say(None);
        Ok(())
    }

    fn check(&mut self, card: &str, medium: &Medium) -> Result<(), SwitchError> {
        let how = self.kernel.config.storage.check;
        if how == FsCheck::Off || medium.read_only {
            return Ok(());
        }
        // Some checkers do not mind that a file system is mounted, and destroy it: nothing may mount it until they end.
        let hold = match Hold::take(medium) {
            Ok(hold) => hold,
            Err(error) => {
                log::warn!("card {card} is not checked: {error}");
                return Ok(());
            }
        };
        self.line.say(Some(Progress {
            card: Some(card.to_owned()),
            what: "checking".to_owned(),
            bytes_left: None,
            seconds: 0,
        }));
        let verdict = self.kernel.cards().check(medium, how, hold);
        self.line.say(None);
        let verdict = verdict?;
        if verdict.is_worth_a_word() {
            log::warn!("card {card}: {verdict}");
        }
        self.verdicts.insert(card.to_owned(), verdict);
        Ok(())
    }
}

impl Kernel {
    /// Swap areas are no holders where they may be switched off.
    pub(super) fn holders(
        &self,
        observed: &Observed,
        taken: &BTreeSet<&str>,
        policy: OnBusy,
    ) -> Result<Vec<Held>, SwitchError> {
        let cards: Vec<_> =
            observed.cards.iter().filter(|card| taken.contains(card.name.as_str())).cloned().collect();
        let may_stay =
            |holder: &Holder| holder.kind == HolderKind::Swap && matches!(policy, OnBusy::Terminate { .. });
        let found = self.cards().holders(&cards)?;
        let held = found.into_iter().filter(|(_, holder)| !may_stay(holder));
        Ok(held.map(|(card, holder)| Held { card, holder }).collect())
    }
}

/// Everything that holds cards, in one line.
#[must_use]
pub fn list(held: &[Held]) -> String {
    held.iter().map(|held| format!("{}: {}", held.card, held.holder)).collect::<Vec<_>>().join("; ")
}
