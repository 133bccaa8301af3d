//! One switch: observe, plan, apply step by step, read back; and back to the mode before if any of it fails.
//!
//! Runs in the worker. An undo is another switch, from whatever is there then.

mod carry_out;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::SwitchError;
use super::established::{self, Established};
use super::hand_over::{HandOver, Holds, Permission};
use super::journal::UnderWay;
use super::kernel::Kernel;
use super::line::Line;
use super::profile_disk;
use super::supervisor::Supervisor;
use super::wanted::{Wanted, arguments};
use crate::cards::checker::Verdict;
use crate::control::Refusal;
use crate::gather::Gather;
use crate::plan::{self, Observed, PortRole, Spared, Step};
use crate::sys::usb_role::Role;

/// What a switch starts from.
#[derive(Debug)]
pub struct Job {
    /// The mode to go back to.
    pub from: Option<String>,
    /// The mode to reach; none to take everything down.
    pub to: Option<String>,
    /// What is set now; it stays if the switch is refused before anything is changed.
    pub established: Option<Established>,
    /// The responder that runs.
    pub supervisor: Option<Supervisor>,
    /// The cards that are held.
    pub holds: Holds,
    /// The cards that the host gave back by itself.
    pub returned: BTreeSet<String>,
    /// Nobody asked for the mode: the cards that the host gave back or ejected stay where they are.
    pub mends: bool,
    /// Somebody asked for the mode by name.
    pub by_name: bool,
    /// What whoever asked allows.
    pub permission: Permission,
    /// How the loop is told how far it is, and tells that it is cancelled.
    pub line: Arc<Line>,
}

/// What it came to.
#[derive(Debug)]
pub struct Switched {
    /// Whether the mode was reached.
    pub result: Result<(), SwitchError>,
    /// What could not be given back to the device although the mode was reached.
    pub complaints: Vec<SwitchError>,
    /// The cards that are held now.
    pub holds: Holds,
    /// The cards that are not lent although the mode lends cards.
    pub returned: BTreeSet<String>,
    /// What checking the cards that came back found, by card.
    pub verdicts: BTreeMap<String, Verdict>,
    /// If not: whether the mode before is set again.
    pub undone: bool,
    /// What is set now.
    pub established: Option<Established>,
    /// The responder that runs now.
    pub supervisor: Option<Supervisor>,
}

/// Switches, and undoes it if it fails.
pub fn perform(kernel: &Kernel, job: Job) -> Switched {
    #[cfg(feature = "fault-points")]
    super::fault::begin();
    let Job { from, to, established, supervisor, holds, returned, mends, by_name, permission, line } = job;
    let hand_over = HandOver::new(kernel, permission, &line, holds);
    let mut switch = Switch::new(kernel, supervisor, hand_over);
    switch.by_name = by_name;
    let mut before = Spared { returned, ejected: switch.ejected() };
    if mends {
        switch.spared = before.clone();
    }
    let under_way = UnderWay { from: from.clone(), to: to.clone() };
    let (result, undone, established) = match switch.reach(to.as_deref(), &under_way) {
        Ok(established) => (Ok(()), false, established),
        // What could not be taken down is reported; putting the rest back would be the opposite of what was asked.
        Err(error) if to.is_none() && !error.is_refusal() => (Err(error), false, None),
        Err(error) => {
            if from == to {
                before.returned.extend(switch.cannot_be_had());
            }
            switch.spared = before;
            if !switch.changed && established.is_some() {
                switch.hand_over.withdraw();
                (Err(error), true, established)
            } else {
                switch.hand_over.undo();
                switch.undo(from.as_deref(), to.as_deref(), &under_way, error)
            }
        }
    };
    let Switch { supervisor, hand_over, complaints, spared, .. } = switch;
    let HandOver { holds, verdicts, .. } = hand_over;
    Switched {
        result,
        complaints,
        holds,
        returned: spared.returned,
        verdicts,
        undone,
        established,
        supervisor,
    }
}

/// Takes down what is ours; returns whether there was anything.
///
/// # Errors
/// Everything that could not be taken down.
pub fn take_down(
    kernel: &Kernel,
    supervisor: Option<Supervisor>,
    holds: Holds,
    permission: Permission,
) -> Result<bool, SwitchError> {
    let line = Line::new().map_err(io::Error::from)?;
    let hand_over = HandOver::new(kernel, permission, &line, holds);
    Switch::new(kernel, supervisor, hand_over).take_down(&UnderWay { from: None, to: None })
}

/// What others may have come to use since usbnet brought it; the gadget itself is ours alone.
const fn is_shared(step: &Step) -> bool {
    matches!(step, Step::UnmountConfigfs { .. } | Step::UnloadModule { .. })
}

/// The shell lines that a switch equals; changes nothing.
///
/// # Errors
/// Why there would be no switch.
pub fn shell_lines(
    kernel: &Kernel,
    mode: &str,
    supervisor: Option<&Supervisor>,
    held: &[PathBuf],
) -> Result<Vec<String>, SwitchError> {
    let observed = kernel.observe(supervisor.and_then(running), held)?;
    let wanted = kernel.wanted(mode, &observed, &Spared::default(), true)?;
    Ok(plan::script(&plan::switch(&observed, &wanted.target)?))
}

/// The process and the arguments of a responder, as the planner compares them.
fn running(supervisor: &Supervisor) -> Option<(u32, Vec<String>)> {
    Some((supervisor.pid()?, arguments(supervisor.settings())))
}

struct Switch<'a> {
    kernel: &'a Kernel,
    hand_over: HandOver<'a>,
    /// The cards that are not lent although the mode lends cards.
    spared: Spared,
    /// Somebody asked for the mode by name.
    by_name: bool,
    /// Whether anything has been carried out.
    changed: bool,
    /// The card that could not be had.
    failed: Option<String>,
    /// What could not be given back.
    complaints: Vec<SwitchError>,
    supervisor: Option<Supervisor>,
    /// The UDC that [`Step::AwaitUdc`] found.
    found_udc: Option<String>,
    /// The interface that [`Step::LinkUp`] set up.
    interface: Option<String>,
}

impl<'a> Switch<'a> {
    fn new(kernel: &'a Kernel, supervisor: Option<Supervisor>, hand_over: HandOver<'a>) -> Self {
        Self {
            kernel,
            hand_over,
            spared: Spared::default(),
            by_name: false,
            changed: false,
            failed: None,
            complaints: Vec::new(),
            supervisor,
            found_udc: None,
            interface: None,
        }
    }

    /// The cards that are kept for the host, and that it has ejected.
    fn ejected(&mut self) -> BTreeSet<String> {
        if self.hand_over.holds.is_empty() {
            return BTreeSet::new();
        }
        let Ok(observed) = self.observe() else { return BTreeSet::new() };
        let is_empty = |lun| observed.luns.iter().any(|live| Some(live.index) == lun && live.file.is_empty());
        let ejected = observed.cards.iter().filter(|card| card.held && is_empty(card.lun));
        ejected.map(|card| card.name.clone()).gather()
    }

    /// The cards that came since the mode was set, and that it could not lend: they stay with the device, the others are
    /// lent all the same.
    fn cannot_be_had(&mut self) -> BTreeSet<String> {
        let Ok(observed) = self.observe() else { return BTreeSet::new() };
        let came = observed.cards.iter().filter(|card| card.lun.is_some() && !card.held);
        came.map(|card| card.name.clone()).chain(self.failed.take()).gather()
    }

    fn observe(&mut self) -> Result<Observed, SwitchError> {
        self.hand_over.holds.forget_gone();
        self.kernel.observe(self.supervisor.as_ref().and_then(running), &self.hand_over.holds.media())
    }

    fn reach(
        &mut self,
        mode: Option<&str>,
        under_way: &UnderWay,
    ) -> Result<Option<Established>, SwitchError> {
        let Some(mode) = mode else {
            self.take_down(under_way)?;
            return Ok(None);
        };
        let (observed, wanted, steps) = self.plan(mode, under_way)?;
        if let (PortRole::Device { switch, .. }, None) = (&wanted.target.port, &observed.role_before)
            && switch.is(Role::Host)
            && !steps.iter().any(|step| matches!(step, Step::TakeRole(_)))
        {
            log::warn!("the port has the host's role: {}", switch.next_step());
        }
        self.note(&observed, under_way, &steps)?;
        let mut kept = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            match self.execute(step, wanted.responder.as_ref()) {
                Err(error) if step.gives_back() => {
                    kept.extend(step.card().filter(|_| step.restores()).map(str::to_owned));
                    self.complaints.push(error);
                }
                Err(error) => {
                    let is_the_hosts = matches!(step, Step::Eject { .. });
                    self.failed = step.card().filter(|_| !is_the_hosts).map(str::to_owned);
                    return Err(self.refused(error, &steps, index));
                }
                Ok(()) => {}
            }
        }
        let reached = self.observe()?;
        let established = established::confirm(&self.kernel.roots.sys, &reached, &wanted)?;
        if established.lends {
            kept.extend(plan::pulled_out(&observed.cards, &reached.cards, &self.spared.returned));
        }
        // The mode is reached; a record too many is put right by the next switch.
        if let Err(error) = self.hand_over.settle(&kept) {
            log::warn!("{error}");
        }
        Ok(Some(established))
    }

    /// Writes down what the steps need to be undone by, if they do anything. With a full run directory no card is taken;
    /// the way back stays open, since what it needs was written when the cards were taken.
    fn note(&mut self, observed: &Observed, under_way: &UnderWay, steps: &[Step]) -> Result<(), SwitchError> {
        if steps.is_empty() {
            return Ok(());
        }
        self.kernel.notes().keep_before(&observed.before)?;
        match self.hand_over.note(observed, under_way.clone(), steps) {
            Err(error) if plan::taken(steps).is_empty() => {
                log::warn!("{error}");
                Ok(())
            }
            other => other,
        }
    }

    /// The plan, once nothing is in its way. Whoever held a card may have mounted or unmounted it meanwhile: it is made
    /// anew after every wait.
    fn plan(
        &mut self,
        mode: &str,
        under_way: &UnderWay,
    ) -> Result<(Observed, Wanted, Vec<Step>), SwitchError> {
        loop {
            let observed = self.observe()?;
            let asked = self.by_name && under_way.to.as_deref() == Some(mode);
            let wanted = self.kernel.wanted(mode, &observed, &self.spared, asked)?;
            // At boot, and while it lends, a mode waits for a card with empty slots; whoever asks for it is told.
            let is_asked_for = under_way.from != under_way.to && under_way.to.as_deref() == Some(mode);
            if under_way.from.is_some() && is_asked_for {
                wanted.has_a_card(&observed)?;
            }
            let steps = plan::switch(&observed, &wanted.target)?;
            if let Some(held) = steps.iter().find_map(|step| self.held(step)) {
                return Err(held);
            }
            if !self.hand_over.until_free(&observed, &steps)? {
                return Ok((observed, wanted, steps));
            }
        }
    }

    /// Goes back to the mode before, or if that fails too, to nothing at all: then the device has its cards again.
    fn undo(
        &mut self,
        from: Option<&str>,
        to: Option<&str>,
        under_way: &UnderWay,
        error: SwitchError,
    ) -> (Result<(), SwitchError>, bool, Option<Established>) {
        if from == to && error.lacks_udc() {
            // The same would be met again.
            if let Err(second) = self.take_down(under_way) {
                log::error!("{second}");
            }
            return (Err(error), false, None);
        }
        match self.reach(from, under_way) {
            Ok(established) if from == to && !error.is_refusal() => {
                log::warn!("{error}; the second try succeeded");
                (Ok(()), false, established)
            }
            Ok(established) => (Err(error), true, established),
            Err(second) => {
                log::error!("undoing it failed too: {second}");
                if from.is_some()
                    && let Err(third) = self.take_down(under_way)
                {
                    log::error!("{third}");
                }
                (Err(error), false, None)
            }
        }
    }

    /// Takes everything down; returns whether there was anything.
    fn take_down(&mut self, under_way: &UnderWay) -> Result<bool, SwitchError> {
        let observed = self.observe()?;
        let mut steps = plan::stop(&observed);
        // Whoever wants an end is not kept from it, and at shutdown nobody would be there to be told.
        if let Err(error) = plan::cuts_nothing_off(&observed, &steps) {
            log::warn!("{error}; until the next start or stop it stays a host's");
            steps.retain(|step| !matches!(step, Step::LeaveRole(_)));
        }
        if let Err(error) = self.hand_over.note(&observed, under_way.clone(), &steps) {
            log::warn!("{error}");
        }
        // A teardown goes on past errors: what can be put back is put back. Not so a card that the host may still have.
        let (mut errors, mut kept, mut left) = (Vec::new(), BTreeSet::new(), false);
        let mut lent = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            if step.gives_back() && step.card().is_some_and(|card| lent.contains(card)) {
                kept.extend(step.card().map(str::to_owned));
                continue;
            }
            match self.execute(step, None) {
                Ok(()) => {}
                // The host's data come first: nothing has changed yet.
                Err(error) if error.is_refusal() => return Err(self.refused(error, &steps, index)),
                Err(error) if is_shared(step) => {
                    log::warn!("left as it is, because something else uses it by now: {error}");
                    left = true;
                }
                Err(error) => {
                    lent.extend(step.card().filter(|_| matches!(step, Step::Eject { .. })));
                    kept.extend(step.card().filter(|_| step.restores()).map(str::to_owned));
                    errors.push(error);
                }
            }
        }
        // With force, what cannot be given back is given up: there must be a way out.
        if self.hand_over.is_forced() {
            kept.clear();
        }
        self.hand_over.settle(&kept)?;
        if !errors.is_empty() {
            return Err(SwitchError::Teardown(errors));
        }
        profile_disk::forget(&self.kernel.roots.run, None);
        if !left {
            self.kernel.notes().forget();
        }
        Ok(!steps.is_empty())
    }

    /// The error of a step. When the host has refused a card, whatever it gave up before is put back first, and all that
    /// it refuses are named.
    fn refused(&mut self, error: SwitchError, steps: &[Step], index: usize) -> SwitchError {
        let SwitchError::Refused(Refusal::HostBusy { mut cards }) = error else { return error };
        let (others, whole) = self.hand_over.put_back(&steps[index + 1..]);
        cards.extend(others);
        let only_asked = steps[..index].iter().all(|step| matches!(step, Step::Eject { .. }));
        self.changed &= !(whole && only_asked);
        Refusal::HostBusy { cards }.into()
    }
}
