//! A switch that did not come about, and how that can be answered.

use usbnet::cards::HolderKind;
use usbnet::config::OnBusy;
use usbnet::control::{Held, Refusal, SetMode};

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

/// A switch that did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for.
    pub set: SetMode,
    /// Why it is not done.
    pub refusal: Refusal,
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

    /// What to ask for now. What was allowed before still is: a card can be in use on both sides.
    #[must_use]
    pub fn again(&self, answer: Answer) -> Option<SetMode> {
        if !self.answers().contains(&answer) {
            return None;
        }
        let mut set = self.set.clone();
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

    /// A holder, as the daemon names it.
    pub fn held(kind: HolderKind, pid: Option<u32>) -> Held {
        let (program, user) = (pid.map(|_| "vi".into()), pid.map(|_| "user".into()));
        let holder = Holder { kind, pid, program, user, path: "/media/mmc1/notes.txt".into() };
        Held { card: "/media/mmc1".into(), holder }
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
            let set = SetMode { name: "storage".into(), ..SetMode::default() };
            let refused = Refused { set, refusal: Refusal::CardBusy { holders: vec![held(kind, pid)] } };
            assert_eq!(refused.answers().contains(&Answer::Force), expected, "{kind:?}");
        }
    }
}
