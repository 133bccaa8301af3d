//! The cards as the daemon tells of them, and what it does when one changes while nothing is switched.

use std::path::PathBuf;

use super::Daemon;
use super::card_watch::place;
use super::hand_over::Permission;
use crate::cards::ObservedCard;
use crate::cards::rules::host_warning;
use crate::control::{Card, EventKind, Place};
use crate::mode::Event;
use crate::sys::clock;

impl Daemon {
    /// The media that are held, during a switch those that were.
    pub(super) fn held_media(&self) -> Vec<PathBuf> {
        if self.worker.is_some() { self.held.clone() } else { self.holds.media() }
    }

    /// Every configured card as it is now.
    pub(super) fn card_status(&self) -> Vec<Card> {
        let observed = match self.kernel.observe_cards(&self.held_media()) {
            Ok((cards, _)) => cards,
            Err(error) => {
                log::warn!("{error}");
                return Vec::new();
            }
        };
        observed.iter().map(|card| self.describe_card(card, place(card, &self.in_unit(&card.name)))).collect()
    }

    /// Those that a mode can lend; what is only still to be given back is none of its business.
    fn configured_cards(&self) -> Vec<Card> {
        let mut cards = self.card_status();
        cards.retain(|card| self.kernel.config.cards.iter().any(|known| known.at.to_string() == card.name));
        cards
    }

    /// What is in the unit of a card; empty without one.
    fn in_unit(&self, card: &str) -> String {
        let units = self.established.as_ref().map_or(&self.units, |established| &established.units);
        units.get(card).map(|unit| unit.medium(&self.kernel.roots.sys)).unwrap_or_default()
    }

    fn describe_card(&self, card: &ObservedCard, place: Place) -> Card {
        let medium = card.medium.as_ref();
        let filesystem = medium.and_then(|medium| medium.filesystem.as_ref());
        let verdict = self.verdicts.get(&card.name).filter(|verdict| verdict.is_worth_a_word());
        let configured = card.lun.and_then(|index| self.kernel.config.cards.get(index));
        Card {
            name: card.name.clone(),
            place,
            device: medium.map(|medium| medium.path.display().to_string()),
            size_bytes: medium.map(|medium| medium.size),
            filesystem: filesystem.map(|filesystem| filesystem.kind.clone()),
            label: filesystem.and_then(|filesystem| filesystem.label.clone()),
            read_only: configured.is_some_and(|card| card.read_only)
                || medium.is_some_and(|medium| medium.read_only),
            mounted_on: card.mounts.iter().map(|mount| mount.point.display().to_string()).collect(),
            note: verdict.map(ToString::to_string).or_else(|| medium.and_then(|_| host_warning(filesystem))),
        }
    }

    /// Tells which cards a switch moved; what comes after it is followed.
    pub(super) fn know_cards(&mut self) {
        if self.kernel.config.cards.is_empty() {
            return;
        }
        let cards = self.configured_cards();
        let moved = self.card_watch.know(&cards, self.lends(), clock::now());
        self.tell_of_cards(&cards, &moved);
    }

    fn tell_of_cards(&mut self, cards: &[Card], moved: &[String]) {
        for card in cards.iter().filter(|card| moved.contains(&card.name)) {
            let text = format!("card {card}");
            log::info!("{text}");
            self.publish(EventKind::Card, text, Some(card.name.clone()));
        }
    }

    fn lends(&self) -> bool {
        self.established.as_ref().is_some_and(|established| established.lends)
    }

    /// A block device came, went or changed.
    pub(super) fn block_event(&mut self) {
        if !self.kernel.config.cards.is_empty() {
            self.card_watch.stirred(clock::now());
        }
    }

    pub(super) fn look_at_cards(&mut self) {
        if !self.card_watch.is_suspicious(|card| self.in_unit(card)) {
            return self.card_watch.rest(clock::now());
        }
        self.holds.forget_gone();
        let cards = self.configured_cards();
        let mode = self.state.mode().map(str::to_owned);
        let storage = self.kernel.config.storage;
        let changes =
            self.card_watch.look(&cards, self.lends(), &self.returned, storage.on_eject, clock::now());
        self.tell_of_cards(&cards, &changes.news);
        self.returned.extend(changes.returned);
        if let (true, Some(mode)) = (changes.mend, mode) {
            self.happen_for(Event::Ask { mode }, None, Permission::unasked(storage.on_busy));
        }
    }

    /// What the switch under way waits for.
    pub(super) fn progress(&mut self) {
        if self.line.as_ref().is_some_and(|line| line.wants_port()) {
            self.clients.close_port();
        }
        let heard = self.line.as_ref().map(|line| line.heard());
        for progress in heard.unwrap_or_default() {
            self.publish(EventKind::Progress, progress.to_string(), progress.card);
        }
    }
}
