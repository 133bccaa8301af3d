//! The mode engine: where the device is between modes, and what an event makes of that.
//!
//! Pure: it never touches the system and never reads a clock. The daemon carries out what it says.

/// Where the device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No mode is set and none is being set.
    Stopped,
    /// Between two modes.
    Switching {
        /// The mode to go back to if it fails.
        from: Option<String>,
        /// The mode to reach; none when everything is taken down.
        to: Option<String>,
    },
    /// A mode was read back from the kernel.
    Confirmed {
        /// Its name.
        mode: String,
    },
    /// The UDC went away under a mode, or was not there for the first one; it is set when one is there.
    Lost {
        /// The mode to set.
        mode: String,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody asks for a mode.
    Ask {
        /// Its name, known to be configured.
        mode: String,
    },
    /// Somebody asks to take everything down.
    Stop,
    /// The switch under way was read back.
    Reached,
    /// The switch under way failed.
    Failed {
        /// Undoing it was read back, so the mode before is set again.
        undone: bool,
    },
    /// The switch under way found no UDC and was undone; a first mode is to be tried again when there is one.
    NoUdc,
    /// The gadget lost its UDC.
    UdcGone,
    /// A UDC is there.
    UdcCame,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Nothing, and whoever asks is told which switch is in the way.
    Refuse {
        /// Where that switch goes; none when everything is taken down.
        target: Option<String>,
    },
    /// Begin a switch, and undo it to `from` if it fails.
    Switch {
        /// The mode that is left.
        from: Option<String>,
        /// The mode to reach; none to take everything down.
        to: Option<String>,
    },
}

impl Event {
    /// Whether it may set a mode: not while everything is about to be taken down.
    #[must_use]
    pub const fn begins(&self) -> bool {
        matches!(self, Self::Ask { .. } | Self::UdcCame)
    }
}

impl State {
    /// The confirmed mode.
    #[must_use]
    pub fn mode(&self) -> Option<&str> {
        match self {
            Self::Confirmed { mode } => Some(mode),
            Self::Stopped | Self::Switching { .. } | Self::Lost { .. } => None,
        }
    }

    /// The state after `event`, and what to do.
    ///
    /// Asking for the mode that is set switches too: the plan from reality to it is empty if nothing is amiss,
    /// and mends what is.
    #[must_use]
    pub fn next(self, event: Event) -> (Self, Action) {
        match (self, event) {
            (Self::Switching { from, to }, Event::Ask { .. } | Event::Stop) => {
                let target = to.clone();
                (Self::Switching { from, to }, Action::Refuse { target })
            }
            // What the mode before lacks may come again, also when the one that is asked for is not reached.
            (Self::Confirmed { mode: from } | Self::Lost { mode: from }, Event::Ask { mode }) => {
                begin(Some(from), Some(mode))
            }
            (Self::Stopped, Event::Ask { mode }) => begin(None, Some(mode)),
            (Self::Confirmed { mode }, Event::Stop) => begin(Some(mode), None),
            (Self::Stopped | Self::Lost { .. }, Event::Stop) => begin(None, None),
            (Self::Switching { to: Some(mode), .. }, Event::Reached) => {
                (Self::Confirmed { mode }, Action::Nothing)
            }
            (Self::Switching { to: None, .. }, Event::Reached) => (Self::Stopped, Action::Nothing),
            (Self::Switching { from: Some(mode), .. }, Event::Failed { undone: true } | Event::NoUdc) => {
                (Self::Confirmed { mode }, Action::Nothing)
            }
            // Nor did going back to the mode before succeed: what it lacks may come again.
            (Self::Switching { from: Some(mode), to: Some(_) }, Event::Failed { .. }) => {
                (Self::Lost { mode }, Action::Nothing)
            }
            (Self::Switching { from: None, to: Some(mode) }, Event::NoUdc) => {
                (Self::Lost { mode }, Action::Nothing)
            }
            (Self::Switching { .. }, Event::Failed { .. }) => (Self::Stopped, Action::Nothing),
            (Self::Confirmed { mode }, Event::UdcGone) => (Self::Lost { mode }, Action::Nothing),
            (Self::Lost { mode }, Event::UdcCame) => begin(Some(mode.clone()), Some(mode)),
            // A switch reads back what it did, so it sees for itself that the UDC went; late news changes nothing.
            (
                state,
                Event::Reached | Event::Failed { .. } | Event::NoUdc | Event::UdcGone | Event::UdcCame,
            ) => (state, Action::Nothing),
        }
    }
}

fn begin(from: Option<String>, to: Option<String>) -> (State, Action) {
    (State::Switching { from: from.clone(), to: to.clone() }, Action::Switch { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(mode: &str) -> Option<String> {
        (!mode.is_empty()).then(|| mode.to_owned())
    }
    fn confirmed(mode: &str) -> State {
        State::Confirmed { mode: mode.to_owned() }
    }
    fn lost(mode: &str) -> State {
        State::Lost { mode: mode.to_owned() }
    }
    fn switching(from: &str, to: &str) -> State {
        State::Switching { from: some(from), to: some(to) }
    }
    fn ask(mode: &str) -> Event {
        Event::Ask { mode: mode.to_owned() }
    }
    fn switch(from: &str, to: &str) -> Action {
        Action::Switch { from: some(from), to: some(to) }
    }

    #[test]
    fn every_event_in_every_state() {
        use Event::{Failed, NoUdc, Reached, Stop, UdcCame, UdcGone};
        let refuse = |target: &str| Action::Refuse { target: some(target) };
        let nothing = Action::Nothing;
        let table = [
            ("first mode", State::Stopped, ask("a"), switching("", "a"), switch("", "a")),
            ("another mode", confirmed("a"), ask("b"), switching("a", "b"), switch("a", "b")),
            ("the same mode mends it", confirmed("a"), ask("a"), switching("a", "a"), switch("a", "a")),
            ("a mode after the UDC went", lost("a"), ask("b"), switching("a", "b"), switch("a", "b")),
            ("a second request", switching("a", "b"), ask("c"), switching("a", "b"), refuse("b")),
            ("a request while stopping", switching("a", ""), ask("c"), switching("a", ""), refuse("")),
            ("stop while switching", switching("", "b"), Stop, switching("", "b"), refuse("b")),
            ("stop", confirmed("a"), Stop, switching("a", ""), switch("a", "")),
            ("stop when stopped tidies up", State::Stopped, Stop, switching("", ""), switch("", "")),
            ("stop without UDC", lost("a"), Stop, switching("", ""), switch("", "")),
            ("reached", switching("a", "b"), Reached, confirmed("b"), nothing.clone()),
            ("stopped", switching("a", ""), Reached, State::Stopped, nothing.clone()),
            ("failed, undone", switching("a", "b"), Failed { undone: true }, confirmed("a"), nothing.clone()),
            ("failed, not undone", switching("a", "b"), Failed { undone: false }, lost("a"), nothing.clone()),
            ("stop failed", switching("a", ""), Failed { undone: false }, State::Stopped, nothing.clone()),
            (
                "first mode failed",
                switching("", "b"),
                Failed { undone: true },
                State::Stopped,
                nothing.clone(),
            ),
            ("no UDC for the first mode", switching("", "b"), NoUdc, lost("b"), nothing.clone()),
            ("no UDC, but the mode before", switching("a", "b"), NoUdc, confirmed("a"), nothing.clone()),
            ("UDC gone", confirmed("a"), UdcGone, lost("a"), nothing.clone()),
            ("UDC gone while switching", switching("a", "b"), UdcGone, switching("a", "b"), nothing.clone()),
            ("UDC gone, nothing set", State::Stopped, UdcGone, State::Stopped, nothing.clone()),
            ("UDC back", lost("a"), UdcCame, switching("a", "a"), switch("a", "a")),
            ("UDC back, and gone", switching("a", "a"), Failed { undone: false }, lost("a"), nothing.clone()),
            (
                "UDC back at second try",
                switching("a", "a"),
                Failed { undone: true },
                confirmed("a"),
                nothing.clone(),
            ),
            ("another UDC", confirmed("a"), UdcCame, confirmed("a"), nothing.clone()),
            ("UDC, nothing set", State::Stopped, UdcCame, State::Stopped, nothing),
        ];
        for (name, state, event, expected, action) in table {
            assert_eq!(state.next(event), (expected, action), "{name}");
        }
    }

    #[test]
    fn only_a_confirmed_mode_is_the_mode() {
        let table = [
            (State::Stopped, None),
            (confirmed("a"), Some("a")),
            (switching("a", "b"), None),
            (lost("a"), None),
        ];
        for (state, mode) in table {
            assert_eq!(state.mode(), mode, "{state:?}");
        }
    }
}
