//! What a daemon that was killed left behind with cards: they are kept from the device again before anything else, and
//! the mode that lends them is where the first switch goes back to if the host keeps one.

use std::path::Path;

use super::Daemon;
use super::hand_over::Holds;
use super::journal::Journal;
use super::state_file::last_mode;
use crate::mode::State;
use crate::plan::Observed;

impl Daemon {
    pub(super) fn recover(&mut self) {
        match self.kernel.observe(None, &[]) {
            Ok(observed) => self.holds = hold_again(&observed),
            // The first switch meets the same error, and reports it.
            Err(error) => log::warn!("{error}"),
        }
        let journal = self.kernel.journal().read().unwrap_or_default();
        if let Some(switch) = &journal.switch {
            let name = |mode: &Option<String>| mode.clone().unwrap_or_else(|| "none".to_owned());
            log::warn!(
                "the switch from {} to {} was interrupted; its cards are safe and are taken care of now",
                name(&switch.from),
                name(&switch.to)
            );
        }
        if let (false, Some(mode)) = (self.holds.is_empty(), self.lending_mode(&journal)) {
            self.state = State::Confirmed { mode };
        }
    }

    /// The mode that it was in, or was leaving or reaching.
    fn lending_mode(&self, journal: &Journal) -> Option<String> {
        let ends =
            journal.switch.iter().flat_map(|switch| [switch.from.clone(), switch.to.clone()]).flatten();
        let lends = |mode: &String| self.kernel.config.modes.get(mode).is_some_and(|mode| mode.has_storage());
        ends.chain(last_mode(&self.kernel.last_mode_file())).find(lends)
    }
}

/// Holds the cards that the host has: since the daemon was killed nothing has kept the device from mounting them.
pub fn hold_again(observed: &Observed) -> Holds {
    let mut holds = Holds::default();
    for card in &observed.cards {
        let is_in = |medium: &Path| observed.luns.iter().any(|live| Path::new(&live.file) == medium);
        let Some(medium) = card.medium.as_ref().filter(|medium| is_in(&medium.path)) else { continue };
        if let Err(error) = holds.take(&card.name, medium) {
            log::error!(
                "card {}: the host has it, and it cannot be kept from the device: {error}",
                card.name
            );
        }
    }
    holds
}
