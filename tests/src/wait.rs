//! Waiting for conditions: never for a time, and never for ever.

use std::{
    thread,
    time::{Duration, Instant},
};

/// An emulated machine on a busy computer is slow: nothing that happens at all takes this long.
const BOUND: Duration = Duration::from_secs(120);

/// How long one of the small waits between two looks lasts.
const LOOK_AGAIN: Duration = Duration::from_millis(40);

/// Looks until `condition` gives something, and returns it.
///
/// # Panics
///
/// After two minutes without, naming `what` was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < BOUND, "waited {BOUND:?} in vain for {what}");
        thread::sleep(LOOK_AGAIN);
    }
}

/// [`wait_for`] a condition that only holds or not.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
