//! What the daemon was asked for and did not do, and how that can be answered.

use usbnet::cards::HolderKind;
use usbnet::config::OnBusy;
use usbnet::control::{Held, Phase, Refusal, SetMode, Status};

/// How long *Wait* waits, in seconds.
pub const WAIT: u32 = 600;

/// How long programs get to end after *Force*, in seconds.
pub const GRACE: u32 = 10;

/// How the question about a card in use is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Until it is free.
    Wait,
    /// Not at all then.
    Cancel,
    /// Take it.
    Force,
}

/// What only some may ask the daemon for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// To switch.
    Mode(SetMode),
    /// To give up the switch under way.
    Cancel,
}

/// What was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What that is.
    pub asked: Asked,
    /// Why it is not done.
    pub refusal: Refusal,
    /// The mode that was confirmed last when that was said.
    pub confirmed: Option<String>,
}

impl Asked {
    /// The mode to switch to.
    #[must_use]
    pub fn mode(&self) -> Option<&str> {
        match self {
            Self::Mode(set) => Some(&set.name),
            Self::Cancel => None,
        }
    }
}

impl Refused {
    /// How this can be answered; empty if it is only to be known.
    #[must_use]
    pub fn answers(&self) -> &'static [Answer] {
        match &self.refusal {
            Refusal::CardBusy { holders } if holders.iter().all(can_be_ended) => {
                &[Answer::Wait, Answer::Cancel, Answer::Force]
            }
            Refusal::CardBusy { .. } => &[Answer::Wait, Answer::Cancel],
            Refusal::HostBusy { .. } => &[Answer::Wait, Answer::Cancel, Answer::Force],
            _ => &[],
        }
    }

    /// Whether there is nothing left to know or to answer: the mode is set, or another one came by other means.
    #[must_use]
    pub fn is_over(&self, status: &Status) -> bool {
        match self.asked.mode() {
            Some(mode) if status.state == Phase::Confirmed => {
                status.mode.as_deref() == Some(mode) || status.mode != self.confirmed
            }
            Some(_) => false,
            None => status.state != Phase::Switching,
        }
    }

    /// What to ask for now. What was allowed before still is: a card can be in use on both sides.
    #[must_use]
    pub fn again(&self, answer: Answer) -> Option<SetMode> {
        if !self.answers().contains(&answer) {
            return None;
        }
        let Asked::Mode(mut set) = self.asked.clone() else { return None };
        let on_device = matches!(self.refusal, Refusal::CardBusy { .. });
        match (answer, on_device) {
            (Answer::Wait, true) => set.on_busy = Some(OnBusy::Wait { seconds: WAIT }),
            (Answer::Force, true) => set.on_busy = Some(OnBusy::Terminate { grace: GRACE }),
            (Answer::Wait, false) => set.wait = Some(WAIT),
            (Answer::Force, false) => (set.force, set.wait) = (true, None),
            (Answer::Cancel, _) => return None,
        }
        Some(set)
    }
}

/// Whether [`OnBusy::Terminate`] can end it: it signals processes, and turns swap off. Of a mount name space, the process
/// is only an example.
fn can_be_ended(Held { holder, .. }: &Held) -> bool {
    match holder.kind {
        HolderKind::Swap => true,
        HolderKind::MountNamespace => false,
        _ => holder.pid.is_some(),
    }
}

#[cfg(test)]
pub mod tests {
    use usbnet::cards::Holder;

    use super::*;
    use crate::model::tests::seen;

    /// A holder, as the daemon names it.
    pub fn held(kind: HolderKind, pid: Option<u32>) -> Held {
        let (program, user) = (pid.map(|_| "vi".into()), pid.map(|_| "user".into()));
        let holder = Holder { kind, pid, program, user, path: "/media/mmc1/notes.txt".into() };
        Held { card: "/media/mmc1".into(), holder }
    }

    fn refused(mode: &str, refusal: Refusal) -> Refused {
        let asked = Asked::Mode(SetMode { name: mode.into(), ..SetMode::default() });
        Refused { asked, refusal, confirmed: Some("network".into()) }
    }

    #[test]
    fn only_what_can_be_ended_is_offered_to_be() {
        let table = [
            (HolderKind::OpenFile, Some(812), true),
            (HolderKind::Executable, Some(812), true),
            (HolderKind::Swap, None, true),
            (HolderKind::Loop, None, false),
            (HolderKind::BindMount, None, false),
            (HolderKind::MountNamespace, Some(812), false),
        ];
        for (kind, pid, expected) in table {
            let refused = refused("storage", Refusal::CardBusy { holders: vec![held(kind, pid)] });
            assert_eq!(refused.answers().contains(&Answer::Force), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_refusal_is_over_with_its_reason() {
        let busy = || refused("storage", Refusal::HostBusy { cards: vec!["/media/mmc1".into()] });
        let same = || refused("network", Refusal::NotPermitted { group: None });
        let cancel = || Refused { asked: Asked::Cancel, ..same() };
        let table = [
            ("nothing has happened", busy(), "network", Phase::Confirmed, false),
            ("its mode is set", busy(), "storage", Phase::Confirmed, true),
            ("another one is set", busy(), "charging", Phase::Confirmed, true),
            ("the mode that was set before", same(), "network", Phase::Confirmed, true),
            ("a switch that may fail", busy(), "charging", Phase::Switching, false),
            ("no controller", busy(), "charging", Phase::Lost, false),
            ("a switch that goes on", cancel(), "network", Phase::Switching, false),
            ("it is done", cancel(), "storage", Phase::Confirmed, true),
            ("it has failed", cancel(), "network", Phase::Confirmed, true),
            ("it has stopped all", cancel(), "network", Phase::Stopped, true),
        ];
        for (name, refused, mode, state, expected) in table {
            let status = seen(|status| (status.mode, status.state) = (Some(mode.into()), state)).status;
            assert_eq!(refused.is_over(&status), expected, "{name}");
        }
    }
}
