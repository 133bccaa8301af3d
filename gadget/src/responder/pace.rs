//! How often something is done that a hostile client could otherwise cause without end: the first
//! time at once, then never more often than the gap allows, and never forgotten.

use std::time::Duration;

/// One such thing. All times are on one monotonic clock of the caller's.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    gap: Duration,
    last: Option<Duration>,
    wanted: bool,
}

impl Pace {
    pub(super) const fn new(gap: Duration) -> Self {
        Self { gap, last: None, wanted: false }
    }

    /// It is to be done, now or when the gap is over.
    pub(super) const fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether to do it now; counts it as done if so.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            (self.last, self.wanted) = (Some(now), false);
        }
        due
    }

    /// Whether something is still to be done, whatever the gap says; counts it as done.
    pub(super) const fn take_last(&mut self) -> bool {
        std::mem::replace(&mut self.wanted, false)
    }

    /// When it is to be done, if it is.
    pub(super) fn due(&self) -> Option<Duration> {
        self.wanted.then(|| self.last.map_or(Duration::ZERO, |last| last + self.gap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_at_once_the_others_with_a_gap_none_forgotten() {
        let at = Duration::from_millis;
        let mut pace = Pace::new(at(1000));
        // (what happens, now, wanted now, done now, due afterwards)
        let rows = [
            ("nothing wanted", 500, false, false, None),
            ("the first", 5000, true, true, None),
            ("a second too early", 5100, true, false, Some(6000)),
            ("a third with it", 5900, true, false, Some(6000)),
            ("both at once", 6000, false, true, None),
            ("nothing left", 9000, false, false, None),
            ("after a rest", 9000, true, true, None),
        ];
        for (name, now, wanted, done, due) in rows {
            if wanted {
                pace.want();
            }
            assert_eq!((pace.take(at(now)), pace.due()), (done, due.map(at)), "{name}");
        }
    }

    #[test]
    fn what_is_left_at_the_end_is_done_without_waiting() {
        let mut pace = Pace::new(Duration::from_secs(1));
        assert!(!pace.take_last(), "nothing wanted");
        pace.want();
        assert!(pace.take(Duration::ZERO));
        pace.want();
        assert!(pace.take_last());
        assert!(!pace.take_last());
    }
}
