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
//! a little later. So only what comes some time behind a toggle proves that it has carrier. On a machine that
//! stalls a frame may take as long as the stall: that time is counted in looks, each of which shows that the
//! machine has gone on.

use std::time::Duration;

use crate::config::FunctionKind;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// So many looks behind a toggle, frames may come that were sent before it; one second in all.
const LOOKS: u8 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
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
    /// The gadget's end was set down and up: what the host says before the last of these looks proves nothing.
    Toggled { looks: u8, until: Duration, attempts: u32, pause: Duration },
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
            Phase::Toggled { looks: 0, attempts, pause, .. } => self.listen(heard, attempts, now + pause),
            Phase::Toggled { looks, attempts, pause, .. } => {
                let until = now + BETWEEN_LOOKS;
                self.0 = Phase::Toggled { looks: looks - 1, until, attempts, pause };
                Nudge::Wait { until }
            }
            Phase::Silent { rx_bytes, .. } if rx_bytes != heard.rx_bytes => self.settle(),
            Phase::Silent { next, .. } if now < next => Nudge::Wait { until: next },
            Phase::Silent { attempts: MOST_ATTEMPTS, .. } => self.settle(),
            Phase::Silent { attempts, .. } => {
                let attempt = attempts + 1;
                let pause = FIRST_PAUSE.saturating_mul((1 << attempt) - 1).min(LONGEST_PAUSE);
                self.0 = Phase::Toggled { looks: LOOKS, until: now, attempts: attempt, pause };
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
                (1010, SILENT, wait(1260)),
                (1260, SILENT, wait(1510)),
                (1510, SILENT, wait(1760)),
                (1760, SILENT, wait(2010)),
                (2010, SILENT, wait(3010)),
                (2900, SPOKE, Nudge::Nothing),
                (3010, SPOKE, Nudge::Nothing),
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
    fn what_crosses_a_toggle_proves_nothing() {
        run(
            "a word behind it, then silence",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (1000, SILENT, wait(1250)),
                (1010, SPOKE, wait(1250)),
                (1250, SPOKE, wait(1500)),
                (1500, SPOKE, wait(1750)),
                (1750, SPOKE, wait(2000)),
                (2000, SPOKE, wait(3000)),
                (3000, SPOKE, Nudge::Toggle { attempt: 2 }),
            ],
        );
        run(
            "a machine that stalls in the toggle and after the first look",
            &[
                (0, SILENT, wait(1000)),
                (1000, SILENT, Nudge::Toggle { attempt: 1 }),
                (4000, SILENT, wait(4250)),
                (8000, SILENT, wait(8250)),
                (8250, SPOKE, wait(8500)),
                (8500, SPOKE, wait(8750)),
                (8750, SPOKE, wait(9750)),
                (9750, SPOKE, Nudge::Toggle { attempt: 2 }),
                (9750, SPOKE, wait(10_000)),
                (10_000, SPOKE, wait(10_250)),
                (10_250, SPOKE, wait(10_500)),
                (10_500, SPOKE, wait(10_750)),
                (10_750, SPOKE, wait(13_750)),
                (11_000, SPOKE_AGAIN, Nudge::Nothing),
            ],
        );
    }

    #[test]
    fn pauses_grow_while_a_host_stays_silent() {
        let mut watch = CarrierWatch::default();
        let (mut now, mut toggles) = (Duration::ZERO, Vec::new());
        while toggles.len() < 4 {
            match watch.decide(SILENT, now) {
                Nudge::Wait { until } => now = until,
                Nudge::Toggle { .. } => toggles.push(now.as_secs()),
                Nudge::Nothing => panic!("given up after {now:?}"),
            }
        }
        assert_eq!(toggles, [1, 3, 7, 15]);
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
