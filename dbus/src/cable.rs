//! Whether a host is at the cable, and whether that is certain enough to say that a cable came. Values in, values out.

use std::time::Duration;

/// What is known of the cable. Nothing is, at first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cable {
    /// In, out, or unknown.
    known: Option<bool>,
    doubt: Doubt,
}

/// What a host that is not there may mean beside a cable that is out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Doubt {
    /// A mode is being set, or just was: the host has not found the new gadget yet.
    Switch,
    /// It is late. So it may be with a daemon that was just found: it has set its mode a moment ago.
    #[default]
    Late,
    /// Nothing else.
    Nothing,
}

impl Cable {
    /// A host is there, as far as that is known.
    #[must_use]
    pub fn is_in(self) -> bool {
        self.known == Some(true)
    }

    /// A cable came. It must have been seen to be out: a host that comes out of the unknown, or back after a switch, is
    /// no news, and the mode it finds was just chosen.
    #[must_use]
    pub fn came_since(self, before: Self) -> bool {
        self.is_in() && before.known == Some(false) && self.doubt != Doubt::Switch
    }

    /// A switch began.
    #[must_use]
    pub const fn switching(self) -> Self {
        Self { doubt: Doubt::Switch, ..self }
    }

    /// For how long the doubt lasts, from the end of a switch or from its last change.
    #[must_use]
    pub const fn doubtful_for(self) -> Option<Duration> {
        match self.doubt {
            Doubt::Switch => Some(Duration::from_secs(10)),
            Doubt::Late => Some(Duration::from_secs(20)),
            Doubt::Nothing => None,
        }
    }

    /// That time has passed.
    #[must_use]
    pub const fn waited(self) -> Self {
        let doubt = match self.doubt {
            Doubt::Switch => Doubt::Late,
            Doubt::Late | Doubt::Nothing => Doubt::Nothing,
        };
        Self { doubt, ..self }
    }

    /// What is known once it is seen whether a host is there; without a bound gadget, none can tell.
    #[must_use]
    pub fn seen(self, host: Option<bool>) -> Self {
        let known = match (host, self.doubt) {
            (Some(true), _) => Some(true),
            (_, Doubt::Switch) => self.known,
            (Some(false), Doubt::Late) => self.known.filter(|there| !there),
            (Some(false), Doubt::Nothing) => Some(false),
            // It may come while nothing can see it; that it went is told once something can.
            (None, _) => self.known.filter(|there| *there),
        };
        let doubt = match (host, self.doubt) {
            (Some(true), Doubt::Late) => Doubt::Nothing,
            (_, doubt) => doubt,
        };
        Self { known, doubt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Step {
        Switch,
        Wait,
        /// The UDC's host, and what is known then.
        See(Option<bool>, Option<bool>),
        /// A host is seen; whether its cable came.
        Host(bool),
    }
    use Step::{Host, See, Switch, Wait};

    const NONE: Option<bool> = None;
    const IN: Option<bool> = Some(true);
    const OUT: Option<bool> = Some(false);

    #[test]
    fn only_a_cable_that_was_out_comes() {
        let table: [(&str, &[Step]); 15] = [
            ("pulled and plugged", &[Host(false), See(OUT, OUT), Host(true)]),
            ("the first host", &[Host(false)]),
            ("right after the daemon was found", &[See(OUT, NONE), Host(false)]),
            ("long after that", &[See(OUT, NONE), Wait, See(OUT, OUT), Host(true)]),
            ("from charging", &[See(NONE, NONE), Wait, Switch, Host(false)]),
            ("from charging, and the host is slow", &[Wait, Switch, See(OUT, NONE), Host(false)]),
            (
                "from charging, and the host is late",
                &[Wait, See(NONE, NONE), Switch, See(OUT, NONE), Wait, See(OUT, NONE), Host(false)],
            ),
            (
                "from charging, without a cable for long",
                &[Wait, Switch, See(OUT, NONE), Wait, See(OUT, NONE), Wait, See(OUT, OUT), Host(true)],
            ),
            (
                "back at once after a switch",
                &[Host(false), Switch, See(NONE, IN), See(OUT, IN), Host(false), See(OUT, IN), Host(false)],
            ),
            (
                "late after a switch, then pulled and plugged",
                &[
                    Host(false),
                    Switch,
                    See(OUT, IN),
                    Wait,
                    See(OUT, NONE),
                    Host(false),
                    See(OUT, OUT),
                    Host(true),
                ],
            ),
            (
                "pulled in a switch, and plugged long after it",
                &[Host(false), Switch, Wait, See(OUT, NONE), Wait, See(OUT, OUT), Host(true)],
            ),
            (
                "out before a switch, and plugged soon after it",
                &[Wait, See(OUT, OUT), Switch, See(NONE, OUT), Wait, See(OUT, OUT), Host(true)],
            ),
            ("out before a switch, and plugged in it", &[Wait, See(OUT, OUT), Switch, Host(false)]),
            (
                "out before charging, where it may come unseen",
                &[
                    Wait,
                    See(OUT, OUT),
                    Switch,
                    Wait,
                    See(NONE, NONE),
                    Switch,
                    Wait,
                    See(OUT, NONE),
                    Host(false),
                ],
            ),
            (
                "in before charging, until it is seen to be gone",
                &[Host(false), Switch, Wait, See(NONE, IN), Switch, See(OUT, IN), Wait, See(OUT, NONE)],
            ),
        ];
        for (name, steps) in table {
            let mut cable = Cable::default();
            for (number, step) in steps.iter().enumerate() {
                let before = cable;
                match *step {
                    Switch => cable = cable.switching(),
                    Wait => cable = cable.waited(),
                    See(host, known) => {
                        cable = cable.seen(host);
                        assert_eq!(cable.known, known, "{name}, step {number}");
                    }
                    Host(came) => {
                        cable = cable.seen(IN);
                        assert!(cable.is_in(), "{name}, step {number}");
                        assert_eq!(cable.came_since(before), came, "{name}, step {number}");
                        assert!(!cable.came_since(cable), "{name}, step {number}: only once");
                    }
                }
            }
        }
    }

    #[test]
    fn doubt_ends() {
        let mut cable = Cable::default().switching();
        let mut waited = Duration::ZERO;
        while let Some(time) = cable.doubtful_for() {
            waited += time;
            cable = cable.waited();
        }
        assert_eq!((waited, cable.waited()), (Duration::from_secs(30), cable));
    }
}
