//! Follows the cards while nothing is switched: the host ejects one, one is pulled out or put in, one is mounted.
//!
//! Only says what to do about it; a switch does it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use crate::cards::ObservedCard;
use crate::config::OnEject;
use crate::control::{Card, Place};
use crate::gather::Gather;

/// How often a look is taken at what the host may eject: the kernel tells nobody.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a change of the block devices settles: udev makes its links, the kernel reads the partitions. Nothing tells
/// when they have done so, so an absent card is looked for more than once.
const SETTLES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// What was seen last, and when to look again.
#[derive(Debug, Default)]
pub struct CardWatch {
    places: BTreeMap<String, Place>,
    /// When to look at what the host has.
    host_due: Option<Duration>,
    /// When to look for what comes late, and how many of [`SETTLES`] were waited for since a block device changed; none if
    /// none did.
    settle: Option<(Duration, usize)>,
}

/// What a look came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The cards to tell of.
    pub news: Vec<String>,
    /// Cards that the host ejected and that the device gets back.
    pub returned: Vec<String>,
    /// The mode has to be set again, so that it fits the cards that there are now.
    pub mend: bool,
}

impl CardWatch {
    /// When to look; none while nothing can happen unseen.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.host_due.into_iter().chain(self.settle.map(|(at, _)| at)).min()
    }

    /// A block device came, went or changed.
    pub fn stirred(&mut self, now: Duration) {
        let first = now + SETTLES[0];
        self.settle = Some((self.settle.map_or(first, |(at, _)| at.min(first)), 0));
    }

    /// Whether to look at a card itself, not only at its unit: that may take long, and wake a disk. `file` is what is in
    /// the unit of a card.
    #[must_use]
    pub fn is_suspicious(&self, file: impl Fn(&str) -> String) -> bool {
        let mut lent = self.places.iter().filter(|(_, place)| **place == Place::Host);
        self.settle.is_some() || lent.any(|(card, _)| file(card).is_empty())
    }

    /// Takes what is there after a switch as known; returns the cards that it moved. What came while it was under way
    /// has to be looked at again in a mode that lends.
    pub fn know(&mut self, cards: &[Card], lends: bool, now: Duration) -> Vec<String> {
        let is_known = |card: &&Card| !(lends && card.place == Place::Device);
        let places = cards.iter().filter(is_known).map(|card| (card.name.clone(), card.place)).gather();
        let before = std::mem::replace(&mut self.places, places);
        self.look_at_host(now);
        self.settle = self.settle.map(|(_, waited)| (now + SETTLES[waited], waited));
        if self.places.len() < cards.len() {
            self.stirred(now);
        }
        let moved = |card: &&Card| before.get(&card.name).is_some_and(|place| *place != card.place);
        cards.iter().filter(moved).map(|card| card.name.clone()).collect()
    }

    /// Compares what is there with what was. `lends` says that the mode lends cards, all but those `returned`.
    pub fn look(
        &mut self,
        cards: &[Card],
        lends: bool,
        returned: &BTreeSet<String>,
        on_eject: OnEject,
        now: Duration,
    ) -> Changes {
        let mut changes = Changes::default();
        for card in cards {
            let before = self.places.insert(card.name.clone(), card.place);
            if before == Some(card.place) {
                continue;
            }
            changes.news.push(card.name.clone());
            match (lends, before, card.place) {
                (true, Some(Place::Host), Place::Nobody) if on_eject == OnEject::GiveBack => {
                    changes.returned.push(card.name.clone());
                    changes.mend = true;
                }
                (true, Some(Place::Host), Place::Absent) => changes.mend = true,
                // It came.
                (true, _, Place::Device) => changes.mend |= !returned.contains(&card.name),
                _ => {}
            }
        }
        self.rest(now);
        changes
    }

    /// A look was taken. Nothing is looked at again unasked, unless the host has a card or one may still come. One for the
    /// host's sake is none of those that wait for a change to settle.
    pub fn rest(&mut self, now: Duration) {
        self.look_at_host(now);
        let Some((at, waited)) = self.settle else { return };
        if at <= now {
            let next = SETTLES.get(waited + 1).filter(|_| self.has_one(Place::Absent));
            self.settle = next.map(|next| (now + *next, waited + 1));
        }
    }

    fn look_at_host(&mut self, now: Duration) {
        self.host_due = self.has_one(Place::Host).then(|| now + LOOK_EVERY);
    }

    fn has_one(&self, place: Place) -> bool {
        self.places.values().any(|has| *has == place)
    }
}

/// Who has a card. `file` is what is in its unit; empty for nothing, or without one.
#[must_use]
pub fn place(card: &ObservedCard, file: &str) -> Place {
    match &card.medium {
        None => Place::Absent,
        Some(medium) if Path::new(file) == medium.path => Place::Host,
        Some(_) if card.held => Place::Nobody,
        Some(_) => Place::Device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(place: Place) -> Vec<Card> {
        let name = "a".to_owned();
        vec![Card {
            name,
            place,
            device: None,
            size_bytes: None,
            filesystem: None,
            label: None,
            read_only: false,
            mounted_on: Vec::new(),
            note: None,
        }]
    }

    #[test]
    fn what_changes_is_told_and_mended() {
        use Place::{Absent, Device, Host, Nobody};
        let keep = OnEject::Keep;
        let back = OnEject::GiveBack;
        // name, before, now, the mode lends, on_eject; told, returned, mended
        let rows = [
            ("nothing", Host, Host, true, back, false, false, false),
            ("ejected, kept", Host, Nobody, true, keep, true, false, false),
            ("ejected, given back", Host, Nobody, true, back, true, true, true),
            ("pulled out while lent", Host, Absent, true, keep, true, false, true),
            ("put in while lending", Absent, Device, true, keep, true, false, true),
            ("put in otherwise", Absent, Device, false, back, true, false, false),
            ("mounted on the device", Device, Device, false, back, false, false, false),
        ];
        for (name, before, now, lends, on_eject, told, returned, mended) in rows {
            let mut watch = CardWatch::default();
            watch.know(&cards(before), lends, Duration::ZERO);
            let mut look = || watch.look(&cards(now), lends, &BTreeSet::new(), on_eject, Duration::ZERO);
            let changes = look();
            let seen = (!changes.news.is_empty(), !changes.returned.is_empty(), changes.mend);
            assert_eq!(seen, (told, returned, mended), "{name}");
            assert_eq!(look(), Changes::default(), "{name}: once");
        }
    }

    #[test]
    fn a_card_that_came_during_a_switch_is_lent_after_it_unless_it_stays() {
        for (name, returned, mended) in [("came", "", true), ("stays", "a", false)] {
            let mut watch = CardWatch::default();
            watch.know(&cards(Place::Device), true, Duration::ZERO);
            assert_eq!(watch.due(), Some(SETTLES[0]), "{name}");
            let returned = [returned.to_owned()].into();
            let changes = watch.look(&cards(Place::Device), true, &returned, OnEject::Keep, SETTLES[0]);
            assert_eq!(changes.mend, mended, "{name}");
            assert_eq!(watch.due(), None, "{name}");
        }
    }

    #[test]
    fn a_switch_tells_which_cards_it_moved() {
        let mut watch = CardWatch::default();
        let none: [&str; 0] = [];
        assert_eq!(
            watch.know(&cards(Place::Device), false, Duration::ZERO),
            none,
            "at the start nothing moves"
        );
        assert_eq!(watch.know(&cards(Place::Host), true, Duration::ZERO), ["a"]);
        assert_eq!(watch.know(&cards(Place::Host), true, Duration::ZERO), none);
    }

    #[test]
    fn a_card_is_left_alone_while_it_is_in_its_unit() {
        let mut watch = CardWatch::default();
        watch.know(&cards(Place::Host), true, Duration::ZERO);
        assert!(!watch.is_suspicious(|_| "/dev/mmcblk1".to_owned()));
        assert!(watch.is_suspicious(|_| String::new()), "ejected");
        watch.stirred(Duration::ZERO);
        assert!(watch.is_suspicious(|_| "/dev/mmcblk1".to_owned()), "pulled out, perhaps");
        watch.rest(SETTLES[0]);
        assert!(!watch.is_suspicious(|_| "/dev/mmcblk1".to_owned()));
    }

    #[test]
    fn it_rests_unless_the_host_has_a_card() {
        let mut watch = CardWatch::default();
        watch.know(&cards(Place::Device), false, Duration::ZERO);
        assert_eq!(watch.due(), None);
        watch.stirred(Duration::from_secs(5));
        assert_eq!(watch.due(), Some(Duration::from_secs(6)));
        watch.rest(Duration::from_secs(6));
        assert_eq!(watch.due(), None);
        watch.know(&cards(Place::Host), true, Duration::from_secs(6));
        assert_eq!(watch.due(), Some(Duration::from_secs(8)));
        watch.stirred(Duration::from_secs(7));
        assert_eq!(watch.due(), Some(Duration::from_secs(8)), "the earlier one");
    }

    #[test]
    fn an_absent_card_is_looked_for_until_the_block_devices_have_settled() {
        let other = |place| Card { name: "b".to_owned(), ..cards(place).remove(0) };
        let table = [
            ("alone", vec![], vec![1, 3, 7, 15]),
            ("the device has another", vec![other(Place::Device)], vec![1, 3, 7, 15]),
            // Every 2 s for its sake, counted from the last look of any kind.
            ("the host has another", vec![other(Place::Host)], vec![1, 3, 5, 7, 9, 11, 13, 15]),
        ];
        for (name, others, expected) in table {
            let cards = [cards(Place::Absent), others].concat();
            let mut watch = CardWatch::default();
            watch.know(&cards, false, Duration::ZERO);
            watch.stirred(Duration::ZERO);
            let (mut looks, unit) = (Vec::new(), |_: &str| "/dev/mmcblk1".to_owned());
            while let (true, Some(due)) = (watch.is_suspicious(unit), watch.due()) {
                let look = watch.look(&cards, false, &BTreeSet::new(), OnEject::Keep, due);
                assert_eq!(look, Changes::default(), "{name}");
                looks.push(due.as_secs());
            }
            assert_eq!(looks, expected, "{name}");
        }
    }

    #[test]
    fn a_change_during_a_switch_is_looked_at_after_it() {
        let mut watch = CardWatch::default();
        watch.stirred(Duration::ZERO);
        watch.know(&cards(Place::Absent), true, Duration::from_secs(5));
        assert_eq!(watch.due(), Some(Duration::from_secs(6)));
        let came =
            watch.look(&cards(Place::Device), true, &BTreeSet::new(), OnEject::Keep, Duration::from_secs(6));
        assert!(came.mend);
        assert_eq!(watch.due(), None);
    }
}
