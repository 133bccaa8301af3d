//! What the applet knows and does: what happens goes in, what is to be done comes out. No I/O.

use usbnet::control::{Mode, Phase, Refusal, SetMode, Status};

use crate::refused::{Answer, Asked, Refused};

/// What the daemon said when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the device is.
    pub status: Status,
    /// What it can become.
    pub modes: Vec<Mode>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// The daemon told how things are.
    Seen(Box<Seen>),
    /// The daemon cannot be asked; why, unless it just is not running.
    Gone(Option<String>),
    /// What was asked for is done, or is not.
    Answered(Asked, Result<(), Refusal>),
    /// The user wants something.
    Chosen(Choice),
}

/// What the user can want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Another mode.
    Mode(String),
    /// An end to the switch under way.
    CancelSwitch,
    /// An answer to the question.
    Answer(Answer),
    /// Figures of now.
    Look,
    /// No applet.
    Quit,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the daemon for a change.
    Ask(Asked),
    /// Ask the daemon how things are.
    Look,
    /// Show the user what was refused, with the question if there is one.
    Notify,
    /// Take that away again.
    Withdraw,
    /// End.
    Quit,
}

/// All that the applet knows.
#[derive(Debug, Default)]
pub struct Model {
    /// How things are; nothing while the daemon cannot be asked.
    pub seen: Option<Seen>,
    /// Why it cannot.
    pub gone: Option<String>,
    /// What was refused last, until it is over or the user chooses something.
    pub refused: Option<Refused>,
    /// The mode that was confirmed last.
    pub confirmed: Option<String>,
}

impl Model {
    /// Takes in what happened, and says what to do about it.
    pub fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Seen(seen) => self.see(*seen),
            Input::Gone(why) => {
                (self.seen, self.gone) = (None, why);
                self.forget()
            }
            Input::Answered(Asked::Mode(_), Ok(())) => self.forget(),
            Input::Answered(_, Ok(()) | Err(Refusal::Cancelled {})) => Vec::new(),
            Input::Answered(asked, Err(refusal)) => {
                self.refused = Some(Refused { asked, refusal, confirmed: self.confirmed.clone() });
                vec![Effect::Notify]
            }
            Input::Chosen(choice) => self.chosen(choice),
        }
    }

    fn see(&mut self, seen: Seen) -> Vec<Effect> {
        let over = self.refused.as_ref().is_some_and(|refused| refused.is_over(&seen.status));
        if seen.status.state == Phase::Confirmed {
            self.confirmed.clone_from(&seen.status.mode);
        }
        self.seen = Some(seen);
        if over { self.forget() } else { Vec::new() }
    }

    fn chosen(&mut self, choice: Choice) -> Vec<Effect> {
        match choice {
            Choice::Mode(name) => self.ask(Some(Asked::Mode(SetMode { name, ..SetMode::default() }))),
            Choice::CancelSwitch => self.ask(Some(Asked::Cancel)),
            Choice::Look => vec![Effect::Look],
            Choice::Quit => vec![Effect::Withdraw, Effect::Quit],
            Choice::Answer(answer) => {
                let again = self.refused.as_ref().and_then(|refused| refused.again(answer));
                self.ask(again.map(Asked::Mode))
            }
        }
    }

    fn ask(&mut self, asked: Option<Asked>) -> Vec<Effect> {
        let mut effects = self.forget();
        effects.extend(asked.map(Effect::Ask));
        effects
    }

    /// What was refused is of no interest any more.
    fn forget(&mut self) -> Vec<Effect> {
        self.refused.take().map(|_| Effect::Withdraw).into_iter().collect()
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;
    use usbnet::cards::HolderKind;
    use usbnet::config::OnBusy;
    use usbnet::control::Held;
    use usbnet::exit::Exit;

    use super::*;
    use crate::refused::tests::held;
    use crate::refused::{GRACE, WAIT};

    /// Confirmed in mode `network`, but for a change.
    pub fn seen(change: impl FnOnce(&mut Status)) -> Seen {
        let mut status = serde_json::from_value(json!({
            "mode": "network", "target": null, "state": "confirmed", "error": null, "backend": "configfs",
            "udc": {"name": "dummy_udc.0", "state": "configured", "speed": null}, "link": null, "responder": null,
            "leases": [], "cards": [], "progress": null,
            "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 5},
        }))
        .expect("a status");
        change(&mut status);
        let mode = |name: &str, functions: &[&str], why: Option<&str>| Mode {
            name: name.into(),
            functions: functions.iter().map(ToString::to_string).collect(),
            current: status.mode.as_deref() == Some(name),
            why: why.map(Into::into),
        };
        let modes = vec![
            mode("network", &["ncm"], None),
            mode("storage", &["mass_storage"], Some("no card")),
            mode("charging", &[], None),
        ];
        Seen { status, modes }
    }

    fn ask(name: &str) -> SetMode {
        SetMode { name: name.into(), ..SetMode::default() }
    }

    fn choose(answer: Answer) -> Input {
        Input::Chosen(Choice::Answer(answer))
    }

    fn busy(held: Held) -> Refusal {
        Refusal::CardBusy { holders: vec![held] }
    }

    #[test]
    fn a_choice_becomes_a_call() {
        use Effect::{Look, Notify, Quit, Withdraw};
        let set = |set| Effect::Ask(Asked::Mode(set));
        let refuse = |refusal: Refusal| Input::Answered(Asked::Mode(ask("storage")), Err(refusal));
        let mode = |name: &str| Input::Chosen(Choice::Mode(name.into()));
        let cancel = || Input::Chosen(Choice::CancelSwitch);
        let ask_cancel = || Effect::Ask(Asked::Cancel);
        let is = |name: &str| Input::Seen(Box::new(seen(|status| status.mode = Some(name.into()))));
        let between = |status: &mut Status| (status.state, status.mode) = (Phase::Switching, None);
        let switching = || Input::Seen(Box::new(seen(between)));
        let editor = || busy(held(HolderKind::OpenFile, Some(812)));
        let bind = || busy(held(HolderKind::BindMount, None));
        let host = || Refusal::HostBusy { cards: vec!["/media/mmc1".into()] };
        let failed = || Refusal::Failed { exit: Exit::Failed, message: "no UDC".into() };
        let on_busy = |on_busy| SetMode { on_busy: Some(on_busy), ..ask("storage") };
        let waiting = on_busy(OnBusy::Wait { seconds: WAIT });
        let terminate = on_busy(OnBusy::Terminate { grace: GRACE });
        let table: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
            ("a mode", vec![mode("storage")], vec![set(ask("storage"))]),
            ("it is set", vec![Input::Answered(Asked::Mode(ask("storage")), Ok(()))], vec![]),
            ("it was cancelled", vec![refuse(Refusal::Cancelled {})], vec![]),
            ("it failed", vec![refuse(failed())], vec![Notify]),
            (
                "wait for a program",
                vec![refuse(editor()), choose(Answer::Wait)],
                vec![Notify, Withdraw, set(waiting.clone())],
            ),
            (
                "end it",
                vec![refuse(editor()), choose(Answer::Force)],
                vec![Notify, Withdraw, set(terminate.clone())],
            ),
            ("leave it", vec![refuse(editor()), choose(Answer::Cancel)], vec![Notify, Withdraw]),
            ("nothing to end", vec![refuse(bind()), choose(Answer::Force)], vec![Notify, Withdraw]),
            ("wait for it", vec![refuse(bind()), choose(Answer::Wait)], vec![Notify, Withdraw, set(waiting)]),
            (
                "wait for the host",
                vec![refuse(host()), choose(Answer::Wait)],
                vec![Notify, Withdraw, set(SetMode { wait: Some(WAIT), ..ask("storage") })],
            ),
            (
                "take it from the host",
                vec![refuse(host()), choose(Answer::Force)],
                vec![Notify, Withdraw, set(SetMode { force: true, ..ask("storage") })],
            ),
            (
                "take it from both",
                vec![Input::Answered(Asked::Mode(terminate.clone()), Err(host())), choose(Answer::Force)],
                vec![Notify, Withdraw, set(SetMode { force: true, ..terminate })],
            ),
            (
                "answered twice",
                vec![refuse(editor()), choose(Answer::Cancel), choose(Answer::Force)],
                vec![Notify, Withdraw],
            ),
            ("answered to nothing", vec![choose(Answer::Force)], vec![]),
            (
                "another mode instead",
                vec![refuse(editor()), mode("network")],
                vec![Notify, Withdraw, set(ask("network"))],
            ),
            ("the daemon ends meanwhile", vec![refuse(editor()), Input::Gone(None)], vec![Notify, Withdraw]),
            (
                "the mode is set by other means",
                vec![is("network"), refuse(editor()), is("network"), is("storage"), choose(Answer::Force)],
                vec![Notify, Withdraw],
            ),
            (
                "its switch is undone",
                vec![is("network"), switching(), refuse(failed()), is("network"), mode("charging")],
                vec![Notify, Withdraw, set(ask("charging"))],
            ),
            (
                "a mode is set after all",
                vec![refuse(failed()), Input::Answered(Asked::Mode(ask("storage")), Ok(()))],
                vec![Notify, Withdraw],
            ),
            ("cancel the switch", vec![cancel(), Input::Answered(Asked::Cancel, Ok(()))], vec![ask_cancel()]),
            (
                "cancel it in vain",
                vec![cancel(), Input::Answered(Asked::Cancel, Err(failed())), cancel()],
                vec![ask_cancel(), Notify, Withdraw, ask_cancel()],
            ),
            ("the menu opens", vec![Input::Chosen(Choice::Look)], vec![Look]),
            ("no more", vec![Input::Chosen(Choice::Quit)], vec![Withdraw, Quit]),
        ];
        for (name, inputs, expected) in table {
            let mut model = Model::default();
            let effects: Vec<Effect> = inputs.into_iter().flat_map(|input| model.take(input)).collect();
            assert_eq!(effects, expected, "{name}");
        }
    }
}
