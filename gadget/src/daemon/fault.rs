//! A point where a test ends the daemon as a crash would: only with the feature `fault-points`, never in a release.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, raise};

/// The steps of this switch that were carried out since the file was there.
static STEPS: AtomicU32 = AtomicU32::new(0);

/// A switch begins.
pub fn begin() {
    STEPS.store(0, Ordering::Relaxed);
}

/// Counts a step; behind the one whose number is in `RUN/fault`, the daemon is killed.
pub fn after_step(run: &Path) {
    let file = run.join("fault");
    let wanted = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let Some(wanted) = wanted else { return STEPS.store(0, Ordering::Relaxed) };
    if STEPS.fetch_add(1, Ordering::Relaxed) + 1 == wanted && fs::remove_file(&file).is_ok() {
        let _ = raise(Signal::SIGKILL);
    }
}
