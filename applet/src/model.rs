//! What the applet knows and does: what happens goes in, what is to be done comes out. No I/O.

use usbnet::control::{Mode, Refusal, SetMode, Status};

use crate::refused::{Answer, Refused};

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
    /// A switch that was asked for is over.
    Answered(SetMode, Result<(), Refusal>),
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
    /// Ask the daemon to switch.
    Set(SetMode),
    /// Ask the daemon to give up the switch.
    CancelSwitch,
    /// Ask the daemon how things are.
    Look,
    /// Show the user why there was no switch, with the question if there is one.
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
    /// What the user has not been told, or not answered.
    pub refused: Option<Refused>,
}

impl Model {
    /// Takes in what happened, and says what to do about it.
    pub fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Seen(seen) => {
                self.seen = Some(*seen);
                Vec::new()
            }
            Input::Gone(why) => {
                (self.seen, self.gone) = (None, why);
                self.forget()
            }
            Input::Answered(_, Ok(()) | Err(Refusal::Cancelled {})) => Vec::new(),
            Input::Answered(set, Err(refusal)) => {
                self.refused = Some(Refused { set, refusal });
                vec![Effect::Notify]
            }
            Input::Chosen(choice) => self.chosen(choice),
        }
    }

    fn chosen(&mut self, choice: Choice) -> Vec<Effect> {
        match choice {
            Choice::Mode(name) => {
                let mut effects = self.forget();
                effects.push(Effect::Set(SetMode { name, ..SetMode::default() }));
                effects
            }
            Choice::CancelSwitch => vec![Effect::CancelSwitch],
            Choice::Look => vec![Effect::Look],
            Choice::Quit => vec![Effect::Withdraw, Effect::Quit],
            Choice::Answer(answer) => {
                let again = self.refused.as_ref().and_then(|refused| refused.again(answer));
                let mut effects = self.forget();
                effects.extend(again.map(Effect::Set));
                effects
            }
        }
    }

    /// The question is no longer one.
    fn forget(&mut self) -> Vec<Effect> {
        self.refused.take().map(|_| Effect::Withdraw).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use usbnet::cards::HolderKind;
    use usbnet::config::OnBusy;
    use usbnet::control::Held;
    use usbnet::exit::Exit;

    use super::*;
    use crate::refused::tests::held;
    use crate::refused::{GRACE, WAIT};

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
        use Effect::{CancelSwitch, Look, Notify, Quit, Set, Withdraw};
        let refuse = |refusal: Refusal| Input::Answered(ask("storage"), Err(refusal));
        let mode = |name: &str| Input::Chosen(Choice::Mode(name.into()));
        let editor = || busy(held(HolderKind::OpenFile, Some(812)));
        let bind = || busy(held(HolderKind::BindMount, None));
        let host = || Refusal::HostBusy { cards: vec!["/media/mmc1".into()] };
        let failed = || Refusal::Failed { exit: Exit::Failed, message: "no UDC".into() };
        let on_busy = |on_busy| SetMode { on_busy: Some(on_busy), ..ask("storage") };
        let waiting = on_busy(OnBusy::Wait { seconds: WAIT });
        let terminate = on_busy(OnBusy::Terminate { grace: GRACE });
        let table: Vec<(&str, Vec<Input>, Vec<Effect>)> = vec![
            ("a mode", vec![mode("storage")], vec![Set(ask("storage"))]),
            ("it is set", vec![Input::Answered(ask("storage"), Ok(()))], vec![]),
            ("it was cancelled", vec![refuse(Refusal::Cancelled {})], vec![]),
            ("it failed", vec![refuse(failed())], vec![Notify]),
            (
                "wait for a program",
                vec![refuse(editor()), choose(Answer::Wait)],
                vec![Notify, Withdraw, Set(waiting.clone())],
            ),
            (
                "end it",
                vec![refuse(editor()), choose(Answer::Force)],
                vec![Notify, Withdraw, Set(terminate.clone())],
            ),
            ("leave it", vec![refuse(editor()), choose(Answer::Cancel)], vec![Notify, Withdraw]),
            ("nothing to end", vec![refuse(bind()), choose(Answer::Force)], vec![Notify, Withdraw]),
            ("wait for it", vec![refuse(bind()), choose(Answer::Wait)], vec![Notify, Withdraw, Set(waiting)]),
            (
                "wait for the host",
                vec![refuse(host()), choose(Answer::Wait)],
                vec![Notify, Withdraw, Set(SetMode { wait: Some(WAIT), ..ask("storage") })],
            ),
            (
                "take it from the host",
                vec![refuse(host()), choose(Answer::Force)],
                vec![Notify, Withdraw, Set(SetMode { force: true, ..ask("storage") })],
            ),
            (
                "take it from both",
                vec![Input::Answered(terminate.clone(), Err(host())), choose(Answer::Force)],
                vec![Notify, Withdraw, Set(SetMode { force: true, ..terminate })],
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
                vec![Notify, Withdraw, Set(ask("network"))],
            ),
            ("the daemon ends meanwhile", vec![refuse(editor()), Input::Gone(None)], vec![Notify, Withdraw]),
            ("cancel the switch", vec![Input::Chosen(Choice::CancelSwitch)], vec![CancelSwitch]),
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
