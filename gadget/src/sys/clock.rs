//! The one clock: since boot, suspend included, never set back.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time on `CLOCK_BOOTTIME`. A kernel without that clock gives zero for ever, so nothing expires.
#[must_use]
pub fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from)
}
