//! When to tell the host again that the link is there.
//!
//! With `Ecm` and `Ncm` the host's end has carrier only once it got the function's NETWORK_CONNECTION
//! notification. The kernel's functions send it once each time the gadget's interface goes up, and keep
//! it until the host opens its end. Linux hosts can lose it there: since `usbnet` sets the carrier in
//! deferred work (commit 0d9cfc9b8cb1, also in the stable kernels 5.15, 6.1, 6.6, 6.12), closing the
//! host's end in the first milliseconds after it was opened cancels that work: moving it to another
//! network namespace does, or a manager that changes its hardware address. Opening it again does not
//! help, because the notification was delivered. Only a new one does, that is: gadget down and up.
//!
//! None of this can be seen from the device, but its result can: a host without carrier sends nothing,
//! while one with carrier speaks at once (neighbour discovery, DHCP). So silence is answered by toggling
//! the gadget's end, with growing pauses, a bounded number of times; the address stays, and the prefix
//! route comes back with it. Never toggles a link over which anything was received.
//!
//! A host whose first word crosses a toggle may lose its carrier by that (seen on 6.1; its deferred work
//! sees to the link's going while the word that it is back comes), and what it had sent until then arrives
//! a little later. So only what comes some time behind a toggle proves that it has carrier.

use std::time::Duration;

use crate::config::FunctionKind;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long after a toggle frames may come that were sent before it. Well below the first pause behind one.
const CROSSES: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// With the pauses above, the last one is after about five minutes: then the host is one that keeps its
/// end closed, and no device should stay awake for that.
const MOST_ATTEMPTS: u32 = 10;

/// Whether a host waits for this function's word before it has carrier.
#[must_use]
pub const fn announces_carrier(function: FunctionKind) -> bool {
    matches!(function, FunctionKind::Ecm | FunctionKind::Ncm)
}

/// What is true of the gadget's own interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// It is up and has carrier: the host's driver took the function (alternate setting 1).
    pub carrier: bool,
    /// Bytes received from the host so far.
    pub rx_bytes: u64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nudge {
    /// Nothing, until the next event about the interface.
    Nothing,
    /// Set the interface down and up, then ask again.
    Toggle {
        /// How many toggles in a row this makes, from 1; goes to the log.
        attempt: u32,
    },
    /// Ask again with what is true at this time, or at the next event if that is earlier.
    Wait {
        /// On the clock of `now`.
        until: Duration,
    },
}

/// Listens for the host on one gadget interface. Make a new one with each new interface.
#[derive(Debug, Clone, Default)]
pub struct CarrierWatch(Phase);

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    /// Not looked at yet: what was received may have come from a host that is still there, because the
    /// daemon was restarted, or slower than the host.
    #[default]
    Fresh,
    /// No host.
    Unplugged,
    /// The gadget's end was set down and up: what the host says until then proves nothing.
    Toggled { until: Duration, attempts: u32, next: Duration },
    /// A host, but not a word from it yet.
    Silent { rx_bytes: u64, attempts: u32, next: Duration },
    /// The host spoke (its carrier stays until the gadget goes down), or was given up.
    Settled,
}

impl CarrierWatch {
    /// Call with what is true at `now`: after any event about the interface, and at the time a
    /// [`Nudge::Wait`] named. A returned [`Nudge::Toggle`] has to be carried out before the next call. An
    /// interface without carrier, for whatever reason (no cable, set down by somebody else), starts
    /// everything afresh.
    pub fn decide(&mut self, heard: Heard, now: Duration) -> Nudge {
        if !heard.carrier {
            self.0 = Phase::Unplugged;
            return Nudge::Nothing;
        }
        match self.0 {
            Phase::Fresh if heard.rx_bytes > 0 => self.settle(),
            Phase::Fresh | Phase::Unplugged => {
                let next = now + FIRST_PAUSE;
                self.listen(heard, 0, next)
            }
            Phase::Toggled { until, .. } if now < until => Nudge::Wait { until },
            Phase::Toggled { attempts, next, .. } => self.listen(heard, attempts, next),
            Phase::Silent { rx_bytes, .. } if rx_bytes != heard.rx_bytes => self.settle(),
            Phase::Silent { next, .. } if now < next => Nudge::Wait { until: next },
            Phase::Silent { attempts: MOST_ATTEMPTS, .. } => self.settle(),
            Phase::Silent { attempts, .. } => {
                let attempt = attempts + 1;
                let pause = FIRST_PAUSE.saturating_mul(1 << attempt).min(LONGEST_PAUSE);
                self.0 = Phase::Toggled { until: now + CROSSES, attempts: attempt, next: now + pause };
                Nudge::Toggle { attempt }
            }
            Phase::Settled => Nudge::Nothing,
        }
    }

    fn listen(&mut self, heard: Heard, attempts: u32, next: Duration) -> Nudge {
        self.0 = Phase::Silent { rx_bytes: heard.rx_bytes, attempts, next };
        Nudge::Wait { until: next }
    }

    fn settle(&mut self) -> Nudge {
        self.0 = Phase::Settled;
        Nudge::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_HOST: Heard = Heard { carrier: false, rx_bytes: 0 };
    const SILENT: Heard = Heard { carrier: true, rx_bytes: 0 };
    const SPOKE: Heard = Heard { carrier: true, rx_bytes: 90 };
    const SPOKE_AGAIN: Heard = Heard { carrier: true, rx_bytes: 432 };

    fn wait(milliseconds: u64) -> Nudge {
        Nudge::Wait { until: Duration::from_millis(milliseconds) }
    }

    fn run(name: &str, rows: &[(u64, Heard, Nudge)]) {
        let mut watch = CarrierWatch::default();
        for &(now, heard, expected) in rows {
            let decided = watch.decide(heard, Duration::from_millis(now));
            assert_eq!(decided, expected, "{name}, at {now} ms");
        }
    }

    #[test]
    fn only_silence_is_answered() {
        run(
            "a host that speaks at once is left alone",
            &[
                (0, NO_HOST, Nudge::Nothing),
                (300, SILENT, wait(1300)),
                (310, SILENT, wait(1300)),
                (1300, SPOKE, Nudge::Nothing),
                (9000, SPOKE, Nudge::Nothing),
            ],
        );
        run(
            "a host that lost the notification is told again",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (1010, SILENT, wait(1250)),
                (1250, SILENT, wait(3000)),
                (1900, SPOKE, Nudge::Nothing),
                (3000, SPOKE, Nudge::Nothing),
            ],
        );
        run(
            "what crosses a toggle proves nothing",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (1010, SPOKE, wait(1250)),
                (1250, SPOKE, wait(3000)),
                (3000, SPOKE, Nudge::Toggle { attempt: 2 }),
                (3300, SPOKE, wait(7000)),
                (3900, SPOKE_AGAIN, Nudge::Nothing),
            ],
        );
        run(
            "pauses grow while it stays silent",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (2000, SILENT, wait(3000)),
                (3000, SILENT, Nudge::Toggle { attempt: 2 }),
                (3300, SILENT, wait(7000)),
                (7000, SILENT, Nudge::Toggle { attempt: 3 }),
                (7300, SILENT, wait(15_000)),
            ],
        );
        run(
            "another host on the cable starts afresh",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (1500, NO_HOST, Nudge::Nothing),
                (2000, SPOKE, wait(3000)),
                (3000, SPOKE, Nudge::Toggle { attempt: 1 }),
            ],
        );
    }

    #[test]
    fn a_closed_end_is_given_up_after_some_minutes() {
        let mut watch = CarrierWatch::default();
        let (mut now, mut toggles) = (Duration::ZERO, 0);
        let given_up = loop {
            match watch.decide(SILENT, now) {
                Nudge::Wait { until } => now = until,
                Nudge::Toggle { attempt } => {
                    toggles += 1;
                    assert_eq!(attempt, toggles);
                }
                Nudge::Nothing => break now,
            }
            assert!(toggles <= MOST_ATTEMPTS);
        };
        assert_eq!(toggles, MOST_ATTEMPTS);
        assert!((240..420).contains(&given_up.as_secs()), "{given_up:?}");
        assert_eq!(watch.decide(SILENT, now + LONGEST_PAUSE), Nudge::Nothing);
    }
}
