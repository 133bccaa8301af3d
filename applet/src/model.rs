//! What the applet knows and does: what happens goes in, what is to be done comes out. No I/O.

use usbnet::control::{Link, Mode, Phase, Refusal, SetMode, Status};

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
    /// There is a tray, or none any more.
    Shown(bool),
    /// Nothing has happened for a while.
    Idle,
    /// The link now, as [`Effect::Count`] asked; nothing if that is not known.
    Counted(Option<Box<Link>>),
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
    /// Ask the daemon for the figures that no event tells.
    Count,
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
    /// There is a tray to be seen in.
    pub shown: bool,
    /// The daemon was asked for figures, and has not answered.
    pub counting: bool,
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
            Input::Shown(shown) => {
                self.shown = shown;
                Vec::new()
            }
            Input::Idle if self.has_traffic() => {
                self.counting = true;
                vec![Effect::Count]
            }
            Input::Idle => Vec::new(),
            Input::Counted(link) => {
                self.counting = false;
                self.count(link);
                Vec::new()
            }
        }
    }

    /// Whether figures change that somebody sees: it is worth a look every now and then. They cannot without a host.
    #[must_use]
    pub fn has_traffic(&self) -> bool {
        let status = self.seen.as_ref().map(|seen| &seen.status).filter(|_| self.shown && !self.counting);
        status.is_some_and(|status| {
            let host = status.udc.as_ref().is_none_or(|udc| udc.state == "configured");
            host && status.link.as_ref().is_some_and(|link| link.up)
        })
    }

    /// Takes the figures and nothing else: what events tell may be newer.
    fn count(&mut self, link: Option<Box<Link>>) {
        let known = self.seen.as_mut().and_then(|seen| seen.status.link.as_mut());
        if let (Some(known), Some(link)) = (known, link)
            && known.interface == link.interface
        {
            (known.received_bytes, known.sent_bytes) = (link.received_bytes, link.sent_bytes);
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

    fn link(received: u64) -> Link {
        serde_json::from_value(json!({
            "interface": "usb0", "mac": "02:00:00:00:00:01", "host_mac": null, "address": "192.168.2.15/28",
            "host": "192.168.2.14", "mtu": 1500, "up": true, "carrier": true, "received_bytes": received,
            "sent_bytes": 0, "moved": null,
        }))
        .expect("a link")
    }

    #[test]
    fn traffic_is_looked_at_while_somebody_sees_it_change() {
        type Change = fn(&mut Status);
        let table: [(&str, bool, Change, bool); 6] = [
            ("a host", true, |_| (), true),
            ("a kernel that does not tell", true, |status| status.udc = None, true),
            ("no tray", false, |_| (), false),
            ("no network", true, |status| status.link = None, false),
            ("a link that is down", true, |status| status.link.as_mut().expect("a link").up = false, false),
            (
                "no cable",
                true,
                |status| status.udc.as_mut().expect("a UDC").state = "not attached".into(),
                false,
            ),
        ];
        for (name, shown, change, expected) in table {
            let seen = seen(|status| {
                status.link = Some(link(0));
                change(status);
            });
            let mut model = Model { seen: Some(seen), ..Model::default() };
            assert_eq!(model.take(Input::Shown(shown)), [], "{name}");
            assert_eq!(model.has_traffic(), expected, "{name}");
            let effects = model.take(Input::Idle);
            assert_eq!(effects, Vec::from_iter(expected.then_some(Effect::Count)), "{name}");
            assert_eq!(model.take(Input::Idle), [], "{name}: one at a time");
            model.take(Input::Counted(None));
            assert_eq!(model.has_traffic(), expected, "{name}: after an answer");
        }
    }

    #[test]
    fn only_figures_are_taken_from_such_a_look() {
        let other = |change: fn(&mut Link)| {
            let mut link = link(5_000_000);
            change(&mut link);
            link
        };
        let table = [
            ("figures", other(|_| ()), 5_000_000),
            ("an older state", other(|link| link.carrier = false), 5_000_000),
            ("another interface", other(|link| link.interface = "usb1".into()), 0),
        ];
        for (name, counted, expected) in table {
            let mut model =
                Model { seen: Some(seen(|status| status.link = Some(link(0)))), ..Model::default() };
            model.take(Input::Counted(Some(Box::new(counted))));
            let status = model.seen.expect("a status").status;
            assert_eq!(status.link, Some(link(expected)), "{name}");
        }
        let mut model = Model::default();
        model.take(Input::Counted(Some(Box::new(link(0)))));
        assert_eq!(model.seen, None, "without a daemon");
    }
}
