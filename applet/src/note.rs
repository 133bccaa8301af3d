//! What the user is told of what was refused, and what can be answered.

use usbnet::control::{Held, Refusal};
use usbnet::printable::printable;

use crate::refused::{Answer, Refused, WAIT};
use crate::words::{Text, Words};

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One line.
    pub title: String,
    /// The rest, a line each.
    pub lines: Vec<String>,
    /// What can be done about it.
    pub answers: Vec<Offer>,
}

/// An answer that the user can give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is meant.
    pub answer: Answer,
    /// A word for it.
    pub label: String,
    /// A line for it; nothing if the word says all.
    pub meaning: Option<String>,
}

impl Note {
    /// Why it is not done, and what can be done about it.
    #[must_use]
    pub fn of(refused: &Refused, words: &Words) -> Self {
        let failed = match refused.asked.mode() {
            Some(mode) => words.fill(Text::FailedTo, &[("mode", mode)]),
            None => words.say(Text::NotCancelled),
        };
        let (title, lines) = match &refused.refusal {
            Refusal::CardBusy { holders } => {
                (words.say(Text::CardBusy), holders.iter().map(holder).collect())
            }
            Refusal::HostBusy { cards } => (words.say(Text::HostBusy), cards.clone()),
            Refusal::NotPermitted { group: None } => (failed, vec![words.say(Text::OnlyRoot)]),
            Refusal::NotPermitted { group: Some(group) } => {
                (failed, vec![words.fill(Text::OnlyGroup, &[("group", group)])])
            }
            Refusal::Switching { target, .. } => {
                (failed, vec![words.fill(Text::OtherSwitch, &[("mode", target)])])
            }
            other => (failed, vec![other.to_string()]),
        };
        let answers = refused.answers().iter().map(|answer| Offer::of(*answer, refused, words)).collect();
        Self { title, lines, answers }
    }

    /// All but the title, a line each.
    #[must_use]
    pub fn body(&self) -> String {
        let meanings = self.answers.iter().filter_map(|offer| offer.meaning.as_ref());
        self.lines.iter().chain(meanings).map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

impl Offer {
    fn of(answer: Answer, refused: &Refused, words: &Words) -> Self {
        let on_host = matches!(refused.refusal, Refusal::HostBusy { .. });
        let (label, meaning) = match answer {
            Answer::Wait => {
                let mode = refused.asked.mode().unwrap_or_default();
                let values = [("mode", mode), ("minutes", &(WAIT / 60).to_string())];
                (Text::Wait, Some(words.fill(Text::Waits, &values)))
            }
            Answer::Cancel => (Text::Cancel, None),
            Answer::Force if on_host => (Text::Force, Some(words.say(Text::ForceTakes))),
            Answer::Force => (Text::Force, Some(words.say(Text::ForceEnds))),
        };
        Self { answer, label: words.say(label), meaning }
    }
}

/// `/media/mmc1: vi (pid 812, user): /media/mmc1/notes.txt`; in the daemon's words what is not a process.
fn holder(Held { card, holder }: &Held) -> String {
    let Some(pid) = holder.pid else { return format!("{card}: {holder}") };
    let program = holder.program.as_deref().unwrap_or("?");
    let user = holder.user.as_deref().unwrap_or("?");
    printable(&format!("{card}: {program} (pid {pid}, {user}): {}", holder.path.display()))
}

#[cfg(test)]
mod tests {
    use usbnet::cards::HolderKind;
    use usbnet::control::SetMode;
    use usbnet::exit::Exit;

    use super::*;
    use crate::refused::Asked;
    use crate::refused::tests::held;

    #[test]
    fn a_files_name_forges_no_line() {
        let mut editor = held(HolderKind::OpenFile, Some(812));
        editor.holder.path = "/media/mmc1/a\nForce: nothing is lost".into();
        assert_eq!(holder(&editor), "/media/mmc1: vi (pid 812, user): /media/mmc1/a?Force: nothing is lost");
    }

    #[test]
    fn a_refusal_says_why_and_what_can_be_done() {
        use Answer::{Cancel, Force, Wait};
        const WAITS: &str = "Wait: storage when the card is free (at most 10 minutes)";
        let editor = held(HolderKind::OpenFile, Some(812));
        let swap = held(HolderKind::Swap, None);
        let bind = held(HolderKind::BindMount, None);
        let vi = "/media/mmc1: vi (pid 812, user): /media/mmc1/notes.txt";
        let failed = "Not switched to storage";
        let table: [(Refusal, &str, Vec<&str>, &[Answer]); 7] = [
            (
                Refusal::CardBusy { holders: vec![editor.clone(), swap] },
                "A card is in use",
                vec![
                    vi,
                    "/media/mmc1: /media/mmc1/notes.txt is used as swap",
                    WAITS,
                    "Force: ask these programs to end",
                ],
                &[Wait, Cancel, Force],
            ),
            (
                Refusal::CardBusy { holders: vec![editor, bind] },
                "A card is in use",
                vec![vi, "/media/mmc1: it is mounted on /media/mmc1/notes.txt too", WAITS],
                &[Wait, Cancel],
            ),
            (
                Refusal::HostBusy { cards: vec!["/media/mmc1".into()] },
                "The computer uses a card",
                vec!["/media/mmc1", WAITS, "Force: what the computer has not written yet is lost"],
                &[Wait, Cancel, Force],
            ),
            (Refusal::NotPermitted { group: None }, failed, vec!["Only root may switch."], &[]),
            (
                Refusal::NotPermitted { group: Some("plugdev".into()) },
                failed,
                vec!["Only root and members of the group plugdev may switch."],
                &[],
            ),
            (
                Refusal::Switching { target: "network".into(), who: None },
                failed,
                vec!["A switch to network is under way already."],
                &[],
            ),
            (Refusal::Failed { exit: Exit::Failed, message: "no UDC".into() }, failed, vec!["no UDC"], &[]),
        ];
        for (refusal, title, lines, answers) in table {
            let set = SetMode { name: "storage".into(), ..SetMode::default() };
            let refused = Refused { asked: Asked::Mode(set), refusal, confirmed: None };
            let note = Note::of(&refused, &Words::of("en"));
            assert_eq!((note.title.as_str(), note.body()), (title, lines.join("\n")));
            assert_eq!(note.answers.iter().map(|offer| offer.answer).collect::<Vec<_>>(), answers);
        }
    }

    #[test]
    fn a_switch_that_goes_on_is_told_as_that() {
        let refusal = Refusal::NotPermitted { group: Some("usbnet".into()) };
        let note = Note::of(&Refused { asked: Asked::Cancel, refusal, confirmed: None }, &Words::of("en"));
        let body = "Only root and members of the group usbnet may switch.";
        assert_eq!((note.title.as_str(), note.body().as_str()), ("The switch is not cancelled", body));
        assert_eq!(note.answers, []);
    }
}
