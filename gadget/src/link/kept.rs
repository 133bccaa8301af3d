//! When to push out the frames that the gadget's end keeps for itself.
//!
//! With `Ncm`, frames travel in transfer blocks: `f_ncm` gathers them and sends a block when it is full (32 datagrams,
//! `TX_MAX_NUM_DPE`) or when its timer ends (`ncm_tx_timeout`). A timer that ends while all of the function's requests
//! are under way sends nothing, and is not set again before the block is full. A host that reads nothing for a while,
//! because its end is closed, is enough: once it opens it, what it sends arrives and is answered, and no answer leaves
//! the device any more (seen on 6.1). 32 datagrams that nobody needs make the block full, and the next has its timer.
//!
//! The sign is a host that goes on speaking while nothing is sent. It is looked for from when a link comes up until
//! the first answer has left, with growing pauses, a bounded number of times.

use std::time::Duration;

use crate::config::FunctionKind;

/// How many datagrams make a transfer block full, whatever is in it already.
pub const BLOCK: usize = 32;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// With the pauses above, the last look is after about five minutes.
const MOST_LOOKS: u32 = 10;

/// Whether this function's end can keep frames.
#[must_use]
pub const fn keeps_frames(function: FunctionKind) -> bool {
    matches!(function, FunctionKind::Ncm)
}

/// What is true of the gadget's own interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// It is up and has carrier: the host's driver took the function (alternate setting 1).
    pub carrier: bool,
    /// Bytes received from the host so far.
    pub rx_bytes: u64,
    /// Bytes that the host has taken so far.
    pub tx_bytes: u64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Nothing, until the next event about the interface.
    Nothing,
    /// Send [`BLOCK`] datagrams that nobody needs, then ask again.
    Now,
    /// Ask again with what is true at this time, or at the next event if that is earlier.
    Wait {
        /// On the clock of `now`.
        until: Duration,
    },
}

/// Looks for kept frames on one gadget interface. Make a new one with each new interface.
#[derive(Debug, Clone, Default)]
pub struct KeptFrames(Option<Look>);

/// The look before the next one.
#[derive(Debug, Clone, Copy)]
struct Look {
    traffic: Traffic,
    /// The host has spoken since the link came up: what it takes from then on is new.
    spoke: bool,
    looks: u32,
    next: Duration,
    /// There is nothing more to look for.
    done: bool,
}

impl KeptFrames {
    /// Call with what is true at `now`: after any event about the interface, and at the time a [`Push::Wait`] named. A
    /// returned [`Push::Now`] counts as done. An interface without carrier starts everything afresh.
    pub fn decide(&mut self, traffic: Traffic, now: Duration) -> Push {
        if !traffic.carrier {
            self.0 = None;
            return Push::Nothing;
        }
        let Some(look) = &mut self.0 else {
            let next = now + FIRST_PAUSE;
            self.0 = Some(Look { traffic, spoke: false, looks: 0, next, done: false });
            return Push::Wait { until: next };
        };
        if look.done {
            return Push::Nothing;
        }
        if now < look.next {
            return Push::Wait { until: look.next };
        }
        let before = std::mem::replace(&mut look.traffic, traffic);
        let (heard, sent) = (traffic.rx_bytes != before.rx_bytes, traffic.tx_bytes != before.tx_bytes);
        look.looks += 1;
        look.done = look.looks == MOST_LOOKS || (look.spoke && heard && sent);
        let kept = look.spoke && heard && !sent;
        if heard && !look.spoke {
            // What it took until now may be from before it opened its end.
            look.spoke = true;
            look.looks = 0;
        }
        look.next = now + FIRST_PAUSE.saturating_mul(1 << look.looks).min(LONGEST_PAUSE);
        match (kept, look.done) {
            (true, _) => Push::Now,
            (false, true) => Push::Nothing,
            (false, false) => Push::Wait { until: look.next },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a table of: seconds, received, sent, what is decided.
    fn run(name: &str, rows: &[(u64, u64, u64, Push)]) {
        let mut kept = KeptFrames::default();
        for &(now, rx_bytes, tx_bytes, expected) in rows {
            let traffic = Traffic { carrier: true, rx_bytes, tx_bytes };
            assert_eq!(kept.decide(traffic, Duration::from_secs(now)), expected, "{name}, at {now} s");
        }
    }

    const fn wait(seconds: u64) -> Push {
        Push::Wait { until: Duration::from_secs(seconds) }
    }

    #[test]
    fn only_a_host_that_gets_no_answer_is_helped() {
        run(
            "a host that is answered",
            &[
                (0, 0, 90, wait(1)),
                (1, 90, 500, wait(2)),
                (2, 400, 900, Push::Nothing),
                (9, 800, 900, Push::Nothing),
            ],
        );
        run(
            "a host that opens its end late, takes what waited for it, and gets no answer",
            &[
                (0, 0, 90, wait(1)),
                (1, 0, 90, wait(3)),
                (2, 0, 90, wait(3)),
                (3, 0, 90, wait(7)),
                (7, 300, 1500, wait(8)),
                (8, 600, 1500, Push::Now),
                (8, 600, 1500, wait(10)),
                (10, 900, 4000, Push::Nothing),
            ],
        );
        run(
            "a host that says no more",
            &[(0, 0, 0, wait(1)), (1, 90, 0, wait(2)), (2, 90, 0, wait(4)), (4, 90, 0, wait(8))],
        );
    }

    #[test]
    fn a_link_that_comes_up_again_is_looked_at_again() {
        let mut kept = KeptFrames::default();
        let heard = Traffic { carrier: true, rx_bytes: 90, tx_bytes: 0 };
        assert_eq!(kept.decide(heard, Duration::ZERO), wait(1));
        assert_eq!(kept.decide(Traffic { carrier: false, ..heard }, Duration::from_secs(1)), Push::Nothing);
        assert_eq!(kept.decide(heard, Duration::from_secs(5)), wait(6));
    }

    #[test]
    fn it_gives_up_after_some_minutes() {
        for (name, step) in [("a silent host", 0), ("a host that talks to itself", 60)] {
            let mut kept = KeptFrames::default();
            let (mut traffic, mut now) =
                (Traffic { carrier: true, rx_bytes: 0, tx_bytes: 0 }, Duration::ZERO);
            let mut pushes = 0;
            loop {
                match kept.decide(traffic, now) {
                    Push::Nothing => break,
                    Push::Now => pushes += 1,
                    Push::Wait { until } => now = until,
                }
                traffic.rx_bytes += step;
            }
            assert!((240..420).contains(&now.as_secs()), "{name}: {now:?}");
            assert_eq!(pushes, if step == 0 { 0 } else { MOST_LOOKS }, "{name}");
        }
    }
}
