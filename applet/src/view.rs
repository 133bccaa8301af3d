//! What the tray and a notification show: the model in words, as plain values.

use usbnet::control::{Lease, Mode, Phase, Size, Status};

use crate::fold::fold;
use crate::icon::{Icon, Shape, State};
use crate::model::{Choice, Model, Seen};
use crate::note::{Note, Offer};
use crate::refused::Refused;
use crate::words::{Text, Words};

/// All that is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The picture.
    pub icon: Icon,
    /// The mode, as short as can be.
    pub mode: String,
    /// The mode and how that goes, in one line.
    pub title: String,
    /// What else is to be known, a fact each.
    pub facts: Vec<String>,
    /// From top to bottom.
    pub menu: Vec<Entry>,
    /// The user has a question to answer.
    pub asks: bool,
}

/// An entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Only to be read.
    Fact(String),
    /// A line between others.
    Separator,
    /// A mode.
    Mode {
        /// Its name, and why it cannot be chosen.
        label: String,
        /// It is the current one.
        current: bool,
        /// What choosing it does; nothing if it cannot be chosen.
        choice: Option<Choice>,
    },
    /// Something to do.
    Action(String, Choice),
}

impl View {
    /// What is to be seen of a model.
    #[must_use]
    pub fn of(model: &Model, words: &Words) -> Self {
        let mut view = match &model.seen {
            Some(seen) => Self::running(seen, words),
            None => Self::not_running(model, words),
        };
        if let Some(refused) = &model.refused {
            view.asks = !refused.answers().is_empty();
            view.begin_with(refused_entries(refused, words));
        }
        view.menu.extend([Entry::Separator, Entry::Action(words.say(Text::Quit), Choice::Quit)]);
        view
    }

    fn not_running(model: &Model, words: &Words) -> Self {
        let title = words.say(Text::NotRunning);
        let facts: Vec<String> = model.gone.iter().cloned().collect();
        Self {
            icon: Icon { shape: Shape::Usb, state: State::NotRunning },
            mode: title.clone(),
            menu: std::iter::once(&title).chain(&facts).flat_map(|fact| fact_entries(fact)).collect(),
            title,
            facts,
            asks: false,
        }
    }

    /// A failure is both refused and in the status: it is said once.
    fn begin_with(&mut self, entries: Vec<Entry>) {
        self.menu.retain(|entry| !matches!(entry, Entry::Fact(_)) || !entries.contains(entry));
        self.menu.splice(0..0, entries);
    }

    fn running(seen: &Seen, words: &Words) -> Self {
        let Seen { status, modes } = seen;
        let (facts, title) = (facts(status, words), title(seen, words));
        let mut menu = vec![Entry::Fact(title.clone())];
        menu.extend(facts.iter().flat_map(|fact| fact_entries(fact)));
        if status.state == Phase::Switching {
            menu.push(Entry::Action(words.say(Text::CancelSwitch), Choice::CancelSwitch));
        }
        menu.push(Entry::Separator);
        menu.extend(modes.iter().map(|mode| mode_entry(mode, words)));
        let shape = shown(seen).map_or(Shape::Usb, Shape::of);
        let mode = status.mode.clone().unwrap_or_else(|| words.say(Text::NoMode));
        Self { icon: Icon { shape, state: state(seen) }, mode, title, facts, menu, asks: false }
    }
}

/// The mode that is set, or is being set where there is none.
fn shown(seen: &Seen) -> Option<&Mode> {
    let name = seen.status.mode.as_ref().or(seen.status.target.as_ref())?;
    seen.modes.iter().find(|mode| mode.name == *name)
}

fn state(seen: &Seen) -> State {
    let status = &seen.status;
    match (status.state, &status.error, &status.udc) {
        (Phase::Switching, ..) => State::Switching,
        (_, Some(_), _) => State::Failed,
        (Phase::Stopped | Phase::Lost, ..) => State::Unplugged,
        (Phase::Confirmed, None, None) => State::Unknown,
        (Phase::Confirmed, None, Some(_)) if shown(seen).is_some_and(|mode| mode.functions.is_empty()) => {
            State::Unknown
        }
        (Phase::Confirmed, None, Some(udc)) => match udc.state.as_str() {
            "configured" => State::Connected,
            "not attached" => State::Unplugged,
            _ => State::Waiting,
        },
    }
}

fn title(seen: &Seen, words: &Words) -> String {
    let status = &seen.status;
    let mode = status.mode.clone().unwrap_or_else(|| words.say(Text::NoMode));
    let state = match (status.state, &status.target, state(seen)) {
        (Phase::Switching, Some(target), _) => words.fill(Text::Switching, &[("mode", target)]),
        (Phase::Switching, None, _) => words.say(Text::Stopping),
        (Phase::Lost, ..) => words.say(Text::Lost),
        (_, _, State::Connected) => words.say(Text::Connected),
        (_, _, State::Waiting) => words.say(Text::Waiting),
        (Phase::Confirmed, _, State::Unplugged) => words.say(Text::Unplugged),
        _ => return mode,
    };
    words.fill(Text::Now, &[("mode", &mode), ("state", &state)])
}

fn facts(status: &Status, words: &Words) -> Vec<String> {
    let progress = status.progress.iter().map(ToString::to_string);
    let link = status.link.iter().flat_map(|link| {
        let size = |bytes| Size(bytes).to_string();
        let (received, sent) = (size(link.received_bytes), size(link.sent_bytes));
        [
            words.fill(Text::Link, &[("address", &link.address), ("interface", &link.interface)]),
            words.fill(Text::Traffic, &[("received", &received), ("sent", &sent)]),
        ]
    });
    let leases = status.leases.iter().map(|lease| lease_fact(lease, words));
    progress.chain(status.error.clone()).chain(link).chain(leases).collect()
}

fn lease_fact(lease: &Lease, words: &Words) -> String {
    let name = lease.hostname.clone().unwrap_or_else(|| words.say(Text::Somebody));
    words.fill(Text::Lease, &[("name", &name), ("address", &lease.address)])
}

fn fact_entries(fact: &str) -> impl Iterator<Item = Entry> + use<> {
    fold(fact).into_iter().map(Entry::Fact)
}

fn mode_entry(mode: &Mode, words: &Words) -> Entry {
    let unavailable = |why: &String| words.fill(Text::Unavailable, &[("mode", &mode.name), ("why", why)]);
    Entry::Mode {
        label: mode.why.as_ref().map_or_else(|| mode.name.clone(), unavailable),
        current: mode.current,
        choice: mode.why.is_none().then(|| Choice::Mode(mode.name.clone())),
    }
}

/// The notification again, for desktops that have none, or none with buttons.
fn refused_entries(refused: &Refused, words: &Words) -> Vec<Entry> {
    let Note { title, lines, answers } = Note::of(refused, words);
    let facts = std::iter::once(&title).chain(&lines).flat_map(|fact| fact_entries(fact));
    let action =
        |offer: Offer| Entry::Action(offer.meaning.unwrap_or(offer.label), Choice::Answer(offer.answer));
    facts.chain(answers.into_iter().map(action)).chain([Entry::Separator]).collect()
}

#[cfg(test)]
mod tests {
    use usbnet::control::{Progress, Refusal, SetMode};
    use usbnet::exit::Exit;

    use super::*;
    use crate::model::tests::seen;
    use crate::refused::{Answer, Asked};

    fn picture(icon: Icon) -> String {
        format!("{:?} {:?}", icon.shape, icon.state)
    }

    fn view(change: impl FnOnce(&mut Status)) -> View {
        View::of(&Model { seen: Some(seen(change)), ..Model::default() }, &Words::of("en"))
    }

    fn udc(state: &str) -> impl FnOnce(&mut Status) + use<'_> {
        move |status| status.udc.as_mut().expect("a UDC").state = state.into()
    }

    #[test]
    fn each_state_has_its_icon_and_title() {
        let switching = |to: Option<&'static str>| {
            view(move |status| {
                (status.state, status.target) = (Phase::Switching, to.map(Into::into));
            })
        };
        let table: [(&str, View, &str, &str); 12] = [
            ("in use", view(udc("configured")), "Network Connected", "network: connected"),
            ("asleep", view(udc("suspended")), "Network Waiting", "network: the computer is not using it"),
            ("no cable", view(udc("not attached")), "Network Unplugged", "network: no cable"),
            (
                "charging",
                view(|status| {
                    status.mode = Some("charging".into());
                    udc("not attached")(status);
                }),
                "Charging Unknown",
                "charging",
            ),
            ("no gadget", view(|status| status.udc = None), "Network Unknown", "network"),
            (
                "a mode that is gone",
                view(|status| status.mode = Some("old".into())),
                "Usb Connected",
                "old: connected",
            ),
            ("switching", switching(Some("storage")), "Network Switching", "network: switching to storage"),
            ("stopping", switching(None), "Network Switching", "network: stopping"),
            (
                "first switch",
                view(|status| {
                    (status.mode, status.udc) = (None, None);
                    (status.state, status.target) = (Phase::Switching, Some("storage".into()));
                }),
                "Storage Switching",
                "no mode: switching to storage",
            ),
            (
                "no controller",
                view(|status| {
                    (status.state, status.target, status.udc) = (Phase::Lost, Some("network".into()), None);
                }),
                "Network Unplugged",
                "network: there is no USB controller",
            ),
            ("failed", view(|status| status.error = Some("no answer".into())), "Network Failed", "network"),
            (
                "stopped",
                view(|status| (status.mode, status.state) = (None, Phase::Stopped)),
                "Usb Unplugged",
                "no mode",
            ),
        ];
        for (name, view, icon, title) in table {
            assert_eq!((picture(view.icon).as_str(), view.title.as_str()), (icon, title), "{name}");
        }
    }

    #[test]
    fn the_menu_has_facts_modes_and_the_end() {
        let menu = view(|status| {
            (status.state, status.target) = (Phase::Switching, Some("charging".into()));
            let what = "writing back".into();
            status.progress = Some(Progress { card: None, what, bytes_left: Some(2_000), seconds: 3 });
            status.leases = vec![Lease {
                address: "192.168.2.14".into(),
                mac: "02:00:00:00:00:02".into(),
                hostname: None,
                seconds_left: 9,
            }];
        })
        .menu;
        let mode = |label: &str, current, name: Option<&str>| Entry::Mode {
            label: label.into(),
            current,
            choice: name.map(|name| Choice::Mode(name.into())),
        };
        let expected = [
            Entry::Fact("network: switching to charging".into()),
            Entry::Fact("writing back, 2.0 kB left, 3 s".into()),
            Entry::Fact("a computer has 192.168.2.14".into()),
            Entry::Action("Cancel the switch".into(), Choice::CancelSwitch),
            Entry::Separator,
            mode("network", true, Some("network")),
            mode("storage: no card", false, None),
            mode("charging", false, Some("charging")),
            Entry::Separator,
            Entry::Action("Quit".into(), Choice::Quit),
        ];
        assert_eq!(menu, expected);
    }

    #[test]
    fn without_a_daemon_there_is_only_the_end() {
        let model = Model { gone: Some("no permission".into()), ..Model::default() };
        let view = View::of(&model, &Words::of("de"));
        assert_eq!(picture(view.icon), "Usb NotRunning");
        let expected = [
            Entry::Fact("usbnet läuft nicht".into()),
            Entry::Fact("no permission".into()),
            Entry::Separator,
            Entry::Action("Beenden".into(), Choice::Quit),
        ];
        assert_eq!(view.menu, expected);
    }

    #[test]
    fn a_refusal_is_in_the_menu_too() {
        const WAITS: &str = "Wait: storage when the card is free (at most 10 minutes)";
        let fact = |text: &str| Entry::Fact(text.into());
        let answer = |label: &str, answer| Entry::Action(label.into(), Choice::Answer(answer));
        let table = [
            (
                Refusal::HostBusy { cards: vec!["/media/mmc1".into()] },
                vec![
                    fact("The computer uses a card"),
                    fact("/media/mmc1"),
                    answer(WAITS, Answer::Wait),
                    answer("Cancel", Answer::Cancel),
                    answer("Force: what the computer has not written yet is lost", Answer::Force),
                ],
            ),
            (
                Refusal::NotPermitted { group: None },
                vec![fact("Not switched to storage"), fact("Only root may switch.")],
            ),
            (
                Refusal::Failed { exit: Exit::Failed, message: "no UDC".into() },
                vec![fact("Not switched to storage"), fact("no UDC")],
            ),
            (
                Refusal::Failed { exit: Exit::Failed, message: "a sentence ".repeat(7).trim().into() },
                vec![
                    fact("Not switched to storage"),
                    fact("a sentence a sentence a sentence a sentence a sentence a sentence a"),
                    fact("sentence"),
                ],
            ),
        ];
        for (refusal, entries) in table {
            let seen = seen(|status| status.error = Some("no UDC".into()));
            let asked = Asked::Mode(SetMode { name: "storage".into(), ..SetMode::default() });
            let refused = Refused { asked, refusal, confirmed: None };
            let asks = !refused.answers().is_empty();
            let model = Model { seen: Some(seen), refused: Some(refused.clone()), ..Model::default() };
            let view = View::of(&model, &Words::of("en"));
            assert_eq!(view.asks, asks, "{refused:?}");
            let (first, rest) = view.menu.split_at(entries.len() + 1);
            assert_eq!(first, [entries.clone(), vec![Entry::Separator]].concat(), "{refused:?}");
            let again = rest.contains(&fact("no UDC"));
            assert_eq!(again, !entries.contains(&fact("no UDC")), "{refused:?}: said once");

            let gone = Model { refused: Some(refused), ..Model::default() };
            assert_eq!(View::of(&gone, &Words::of("en")).menu[0], entries[0], "without a daemon");
        }
    }
}
