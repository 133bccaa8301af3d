//! When to put back what another manager took away: the address, or the interface's up state.
//!
//! The first time at once, because NetworkManager and networkd drop foreign addresses exactly once, when
//! they first see an interface. After that with growing pauses, so that two managers that both insist do
//! not burn the battery; and it starts afresh after a time of peace.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// After this long undisturbed, the next disturbance counts as the first.
const PEACE: Duration = Duration::from_secs(180);
/// From this many repairs in a row on, somebody insists.
const FIGHT: u32 = 3;

/// What is true of the interface now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// It is set up.
    pub up: bool,
    /// It has the address and prefix that it should have.
    pub addressed: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// All is well.
    Nothing,
    /// Set it up and add the address, now (both are harmless if only one was missing).
    Repair {
        /// How many repairs in a row this makes, from 1; goes to the log.
        attempt: u32,
        /// Somebody keeps undoing this: worth a warning that says how to make the other manager leave
        /// the interface alone.
        contested: bool,
    },
    /// Ask again with a new observation at this time, or at the next event if that is earlier.
    Wait {
        /// On the clock of `now`.
        until: Duration,
    },
}

/// Remembers the repairs of one interface. Make a new one with each new interface.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    /// Repairs in a row.
    attempts: u32,
    /// When the last one was.
    last: Duration,
}

impl Keeper {
    /// Call with what is true at `now`: after any event about the interface, after a `Resync`, and at the
    /// time a [`Action::Wait`] named. A returned [`Action::Repair`] counts as done.
    pub fn decide(&mut self, observed: Observed, now: Duration) -> Action {
        let since = now.saturating_sub(self.last);
        if observed.up && observed.addressed {
            return Action::Nothing;
        }
        if self.attempts > 0 && since >= PEACE {
            self.attempts = 0;
        }
        let pause = self.pause();
        if since < pause && self.attempts > 0 {
            return Action::Wait { until: self.last + pause };
        }
        self.attempts = self.attempts.saturating_add(1);
        self.last = now;
        Action::Repair { attempt: self.attempts, contested: self.attempts >= FIGHT }
    }

    fn pause(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(16);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Observed = Observed { up: true, addressed: true };
    const NO_ADDRESS: Observed = Observed { up: true, addressed: false };
    const DOWN: Observed = Observed { up: false, addressed: true };

    fn repair(attempt: u32, contested: bool) -> Action {
        Action::Repair { attempt, contested }
    }

    fn wait(milliseconds: u64) -> Action {
        Action::Wait { until: Duration::from_millis(milliseconds) }
    }

    #[test]
    fn repairs_at_once_then_with_pauses_then_afresh() {
        let mut keeper = Keeper::default();
        let rows = [
            ("all is well", 0, WELL, Action::Nothing),
            ("address gone, also at the clock's start", 0, NO_ADDRESS, repair(1, false)),
            ("our own address arrives", 1, WELL, Action::Nothing),
            ("gone again at once", 100, NO_ADDRESS, wait(500)),
            ("still gone, an event meanwhile", 300, NO_ADDRESS, wait(500)),
            ("the pause is over", 500, NO_ADDRESS, repair(2, false)),
            ("set down", 600, DOWN, wait(1500)),
            ("the pause is over again", 1500, DOWN, repair(3, true)),
            ("somebody else put it back", 2000, WELL, Action::Nothing),
            ("gone much later, but not after peace", 100_000, NO_ADDRESS, repair(4, true)),
            ("gone after peace", 280_000, NO_ADDRESS, repair(1, false)),
        ];
        for (name, now, observed, expected) in rows {
            assert_eq!(keeper.decide(observed, Duration::from_millis(now)), expected, "{name}");
        }
    }

    #[test]
    fn a_fight_of_a_day_costs_one_repair_a_minute() {
        let mut keeper = Keeper::default();
        let day = Duration::from_secs(24 * 60 * 60);
        let (mut now, mut repairs) = (Duration::ZERO, 0);
        while now < day {
            match keeper.decide(NO_ADDRESS, now) {
                Action::Repair { .. } => repairs += 1,
                Action::Wait { until } => {
                    assert!(until > now && until - now <= LONGEST_PAUSE);
                    now = until;
                }
                Action::Nothing => unreachable!("the address is missing"),
            }
        }
        assert!((1400..1460).contains(&repairs), "{repairs}");
    }

    #[test]
    fn a_clock_that_steps_back_does_no_harm() {
        let mut keeper = Keeper::default();
        assert_eq!(keeper.decide(NO_ADDRESS, Duration::from_secs(100)), repair(1, false));
        assert_eq!(keeper.decide(NO_ADDRESS, Duration::from_secs(1)), wait(100_500));
    }
}
