//! When to push out the frames that the gadget's end keeps for itself.
//!
//! With `Ncm`, frames travel in NCM transfer blocks (NTB): `f_ncm` gathers them and sends a block when one datagram more
//! comes than fits into it (`TX_MAX_NUM_DPE`, or its size), or when a timer ends that the first one started
//! (`ncm_tx_timeout`). A timer that ends while all of the function's requests are under way sends nothing, and nothing
//! starts it again before the block is full. A host that reads nothing for a while, because its end is closed, is enough:
//! once it opens it, what it sends arrives and is answered, and no answer leaves the device (seen on 6.1). Datagrams that
//! nobody needs, as many as a block can hold, send it.
//!
//! The sign is a host that goes on speaking while nothing is sent. It may have said only what nobody answers; then the
//! datagrams are for nothing, and do no harm. It is looked for when a link comes up and when a lease is given or
//! renewed, with growing pauses, until an answer has left or some minutes have passed.

use std::time::Duration;

use crate::config::FunctionKind;

/// How many datagrams send a transfer block, whatever is in it already.
pub const NTB_DATAGRAMS: usize = 32;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// With the pauses above, the last look is after about five minutes.
const MOST_LOOKS: u32 = 10;
/// How many looks find a host that speaks and gets nothing until it is helped.
const UNANSWERED: u32 = 2;

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
    /// Send [`NTB_DATAGRAMS`] datagrams that nobody needs, then ask again.
    Now,
    /// Ask again with what is true at this time, or at the next event if that is earlier.
    Wait {
        /// On the clock of `now`.
        until: Duration,
    },
}

/// Looks for kept frames on one gadget interface. Make a new one with each new interface.
#[derive(Debug, Clone, Default)]
pub struct KeptFrames(Phase);

#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    /// No host.
    #[default]
    Unplugged,
    /// A lease was given or renewed: look again.
    Leased,
    /// There is something to look for.
    Watching(Look),
    /// An answer has left, or the host was given up.
    Done,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    /// What was true at the last one.
    before: Traffic,
    /// The host has spoken since the link came up: what it takes from then on is new.
    spoke: bool,
    /// How many looks in a row found that it spoke and got nothing.
    unanswered: u32,
    looks: u32,
    next: Duration,
}

impl KeptFrames {
    /// A lease was given or renewed, so the host awaits an answer. Call [`KeptFrames::decide`] after it.
    pub const fn leased(&mut self) {
        if matches!(self.0, Phase::Done) {
            self.0 = Phase::Leased;
        }
    }

    /// Call with what is true at `now`: after any event about the interface, and at the time a [`Push::Wait`] named. A
    /// returned [`Push::Now`] counts as done. An interface without carrier starts everything afresh.
    pub fn decide(&mut self, traffic: Traffic, now: Duration) -> Push {
        if !traffic.carrier {
            self.0 = Phase::Unplugged;
            return Push::Nothing;
        }
        let spoke = match &mut self.0 {
            Phase::Unplugged => false,
            Phase::Leased => true,
            Phase::Watching(look) if now < look.next => return Push::Wait { until: look.next },
            Phase::Watching(look) => {
                let push = look.again(traffic, now);
                if push == Push::Nothing {
                    self.0 = Phase::Done;
                }
                return push;
            }
            Phase::Done => return Push::Nothing,
        };
        let next = now + FIRST_PAUSE;
        self.0 = Phase::Watching(Look { before: traffic, spoke, unanswered: 0, looks: 0, next });
        Push::Wait { until: next }
    }
}

impl Look {
    /// [`Push::Nothing`] when there is nothing more to look for.
    fn again(&mut self, traffic: Traffic, now: Duration) -> Push {
        let before = std::mem::replace(&mut self.before, traffic);
        let (heard, sent) = (traffic.rx_bytes != before.rx_bytes, traffic.tx_bytes != before.tx_bytes);
        self.looks += 1;
        if self.looks > MOST_LOOKS || (self.spoke && heard && sent) {
            return Push::Nothing;
        }
        if heard && !self.spoke {
            // What it took until now may be from before it opened its end.
            self.spoke = true;
            self.looks = 0;
        } else if heard {
            self.unanswered += 1;
        } else if sent {
            self.unanswered = 0;
        }
        self.next = now + FIRST_PAUSE.saturating_mul(1 << self.looks).min(LONGEST_PAUSE);
        if self.unanswered < UNANSWERED {
            return Push::Wait { until: self.next };
        }
        self.unanswered = 0;
        Push::Now
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
                (8, 600, 1500, wait(10)),
                (10, 900, 1500, Push::Now),
                (10, 900, 1500, wait(14)),
                (14, 1200, 4000, Push::Nothing),
            ],
        );
        run(
            "a host that was answered and then says once what nobody answers",
            &[(0, 0, 0, wait(1)), (1, 90, 90, wait(2)), (2, 180, 90, wait(4)), (4, 400, 200, Push::Nothing)],
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
    fn a_host_that_asks_later_is_looked_at_again() {
        let mut kept = KeptFrames::default();
        let mut at = |seconds, rx_bytes, tx_bytes, asked| {
            if asked {
                kept.leased();
            }
            kept.decide(Traffic { carrier: true, rx_bytes, tx_bytes }, Duration::from_secs(seconds))
        };
        let rows = [
            (0, 0, 0, false, wait(1)),
            (1, 90, 90, true, wait(2)), // it is being looked at
            (2, 180, 180, false, Push::Nothing),
            // Its end was closed meanwhile.
            (1000, 270, 1500, true, wait(1001)),
            (1001, 360, 1500, true, wait(1003)),
            (1003, 450, 1500, false, Push::Now),
        ];
        for (now, received, sent, asked, expected) in rows {
            assert_eq!(at(now, received, sent, asked), expected, "at {now} s");
        }
    }

    #[test]
    fn it_gives_up_after_some_minutes() {
        for (name, step, pushed) in [("a silent host", 0, false), ("a host that talks to itself", 60, true)] {
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
            assert_eq!(pushes > 0, pushed, "{name}");
        }
    }
}
