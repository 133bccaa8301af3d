//! When to start a responder that died: pure, never gives up, never spins.

use std::time::Duration;

/// Spacing of restarts. All times are on one monotonic clock of the caller's.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    started: Option<Duration>,
    failures: u32,
}

impl Backoff {
    /// The wait after the first quick death; it doubles with each further one.
    pub const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait.
    pub const LONGEST: Duration = Duration::from_secs(30);
    /// A run of this length counts as healthy: the next death starts from the beginning.
    pub const HEALTHY: Duration = Duration::from_secs(60);

    /// A responder was started at `now`.
    pub const fn started(&mut self, now: Duration) {
        self.started = Some(now);
    }

    /// It died (or could not be started) at `now`: when to start the next one.
    ///
    /// After a healthy run that is at once, because one death an hour is no reason to leave the
    /// host without answers.
    pub fn died(&mut self, now: Duration) -> Duration {
        let ran = self.started.take().map_or(Duration::ZERO, |started| now.saturating_sub(started));
        if ran >= Self::HEALTHY {
            self.failures = 0;
            return now;
        }
        let wait = Self::FIRST.saturating_mul(1 << self.failures.min(16)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        now + wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_quick_deaths_and_end_with_a_healthy_run() {
        // (what happens, seconds it ran, milliseconds until the next start)
        let rows = [
            ("first quick death", 0, 100),
            ("second", 1, 200),
            ("third", 59, 400),
            ("a healthy run", 60, 0),
            ("quick again", 2, 100),
            ("and again", 2, 200),
            ("a long healthy run", 90_000, 0),
        ];
        let (mut backoff, mut now) = (Backoff::default(), Duration::from_secs(1000));
        for (name, ran, wait) in rows {
            backoff.started(now);
            now += Duration::from_secs(ran);
            let next = backoff.died(now);
            assert_eq!(next - now, Duration::from_millis(wait), "{name}");
            now = next;
        }
    }

    #[test]
    fn the_wait_is_bounded_however_often_it_dies() {
        let mut backoff = Backoff::default();
        let now = Duration::from_secs(5);
        let waits: Vec<_> = (0..100).map(|_| backoff.died(now) - now).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&Backoff::LONGEST));
    }

    #[test]
    fn a_start_that_failed_counts_as_a_quick_death() {
        let mut backoff = Backoff::default();
        backoff.started(Duration::ZERO);
        assert_eq!(backoff.died(Duration::from_secs(3600)), Duration::from_secs(3600));
        let next = backoff.died(Duration::from_secs(3600));
        assert_eq!(next, Duration::from_secs(3600) + Backoff::FIRST);
    }
}
