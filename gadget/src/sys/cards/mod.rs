//! Cards on this system: where they are, what holds them, and the system calls that take them and give them back.
//!
//! Decides nothing about what is done with them ([`crate::cards`] and [`crate::plan`] do), and never unmounts lazily.

mod below;
mod blocks;
mod check;
mod error;
#[cfg(test)]
mod fake;
mod find;
mod hold;
mod holders;
mod mounts;
mod table;
#[cfg(test)]
mod tests;
mod write_back;

use std::path::{Path, PathBuf};

pub use blocks::Blocks;
pub use error::{CardError, MountFailure};
pub use hold::Hold;
pub use holders::terminate;
pub use mounts::{mount, swap_off, swap_on, sync, unmount};

use crate::cards::rules::{self, SystemDisks, SystemUse};
use crate::cards::{Backing, DeviceNumber, Medium, Mount, ObservedCard, Record, SwapRecord, swaps, tree};
use crate::config::Card;
use find::Finder;
use table::Table;

/// The cards of a system.
#[derive(Debug, Clone)]
pub struct CardSystem {
    proc: PathBuf,
    sys: PathBuf,
    etc: PathBuf,
    blocks: Blocks,
}

impl CardSystem {
    /// The directories are normally `/proc`, `/sys`, `/dev` and `/etc`.
    #[must_use]
    pub fn at(proc: &Path, sys: &Path, dev: &Path, etc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            sys: sys.to_owned(),
            etc: etc.to_owned(),
            blocks: Blocks::at(sys.to_owned(), dev.to_owned()),
        }
    }

    /// Every configured card as it is now, in the order of the configuration, then those that only have a record: what
    /// usbnet took before the configuration changed. `held` are the paths of the media that this process holds.
    ///
    /// # Errors
    /// A card can never be lent (see [`CardError`]), or the system cannot be read.
    pub fn observe(
        &self,
        cards: &[Card],
        records: &[Record],
        held: &[PathBuf],
    ) -> Result<Vec<ObservedCard>, CardError> {
        let observed = self.look(cards, records, held)?;
        self.validate(cards, &observed)?;
        Ok(observed)
    }

    /// As [`Self::observe`], without judging whether the cards may be lent: for showing them.
    ///
    /// # Errors
    /// The system cannot be read, or a configured path can be no card.
    pub fn look(
        &self,
        cards: &[Card],
        records: &[Record],
        held: &[PathBuf],
    ) -> Result<Vec<ObservedCard>, CardError> {
        let table = Table::of(&self.proc.join("self"), &self.blocks)?;
        let swaps = self.swaps(&table);
        let names: Vec<String> = cards.iter().map(|card| card.at.to_string()).collect();
        let finder = Finder { blocks: &self.blocks, table: &table, etc: &self.etc };
        let mut observed = Vec::with_capacity(cards.len());
        for (lun, (card, name)) in cards.iter().zip(&names).enumerate() {
            let record = records.iter().find(|record| record.card == *name);
            let is_held = record.is_some_and(|record| held.contains(&record.medium));
            let found = finder.find(&card.at, record, is_held);
            let card = Named { name, lun: Some(lun), record, point: found.point.as_deref() };
            observed.push(self.card(&card, found.medium.as_deref(), &table, &swaps, held)?);
        }
        for record in records.iter().filter(|record| !names.contains(&record.card)) {
            let point = record.mounts.first().map(|mount| mount.point.as_path());
            let card = Named { name: &record.card, lun: None, record: Some(record), point };
            observed.push(self.card(&card, Some(&record.medium), &table, &swaps, held)?);
        }
        Ok(observed)
    }

    fn card(
        &self,
        card: &Named<'_>,
        path: Option<&Path>,
        table: &Table,
        swaps: &[SwapArea],
        held: &[PathBuf],
    ) -> Result<ObservedCard, CardError> {
        let medium = path.map(|path| find::medium(card.name, path, &self.blocks)).transpose()?.flatten();
        let mounts = medium.as_ref().map_or_else(Vec::new, |medium| {
            tree::split(&table.mounts, |mount| table.is_of(mount, medium), card.point).own
        });
        let areas = medium.as_ref().map_or_else(Vec::new, |medium| {
            let on = swaps.iter().filter(|area| area.is_on(medium));
            on.map(|area| area.record.clone()).collect()
        });
        Ok(ObservedCard {
            name: card.name.to_owned(),
            lun: card.lun,
            // Also of a card that was pulled out: its hold is to be let go of.
            held: medium
                .as_ref()
                .map(|medium| &medium.path)
                .or(card.record.map(|record| &record.medium))
                .is_some_and(|path| held.contains(path)),
            mounts: mounts.into_iter().cloned().collect(),
            swaps: areas,
            record: card.record.cloned(),
            medium,
        })
    }

    /// Whether these cards may be lent at all; `observed` is what [`Self::look`] made of `cards`.
    ///
    /// # Errors
    /// The first one that may not.
    pub fn validate(&self, cards: &[Card], observed: &[ObservedCard]) -> Result<(), CardError> {
        let table = Table::of(&self.proc.join("self"), &self.blocks)?;
        let system = self.system_disks(&table);
        let present: Vec<_> =
            observed.iter().filter_map(|card| Some((card, card.medium.as_ref()?))).collect();
        for (index, (card, medium)) in present.iter().enumerate() {
            let allowed = card.lun.and_then(|lun| cards.get(lun)).is_some_and(|card| card.allow_system);
            let disk = match medium.backing {
                Backing::Block { number, .. } => Some(self.blocks.disk(number)),
                Backing::Image { .. } => None,
            };
            let (name, path) = (card.name.clone(), medium.path.clone());
            match rules::system_use(medium, disk, &system, allowed) {
                Some(SystemUse::Root) => return Err(CardError::RootDisk { card: name, medium: path }),
                Some(SystemUse::SameDisk) => return Err(CardError::SystemDisk { card: name, medium: path }),
                Some(SystemUse::Place(point)) => {
                    return Err(CardError::SystemPlace { card: name, medium: path, point });
                }
                None => {}
            }
            let before = &present[..index];
            if let Some((other, _)) = before.iter().find(|(_, other)| rules::is_same_medium(medium, other)) {
                return Err(CardError::SameMedium { one: other.name.clone(), other: name, medium: path });
            }
            let mut others = present.iter();
            if let Some((other, _)) =
                others.find(|(_, other)| rules::is_image_on(medium, other, &table.mounts))
            {
                return Err(CardError::ImageOnLentCard {
                    card: name,
                    image: path,
                    other: other.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn system_disks(&self, table: &Table) -> SystemDisks {
        let under = |mount| {
            let direct = table.under(mount).into_iter();
            direct.flat_map(|number| self.blocks.under(number)).collect::<Vec<_>>()
        };
        let is_system = |mount: &&Mount| rules::is_system_place(&mount.point);
        let mut system = SystemDisks::default();
        for mount in table.mounts.iter().filter(is_system) {
            let numbers = under(mount);
            if mount.point == Path::new("/") {
                system.root.extend(&numbers);
            }
            system.places.extend(numbers.into_iter().map(|number| (number, mount.point.clone())));
        }
        system.disks = system.root.iter().map(|number| self.blocks.disk(*number)).collect();
        system
    }

    /// The swap areas in use, each with what it is on.
    fn swaps(&self, table: &Table) -> Vec<SwapArea> {
        let text = std::fs::read(self.proc.join("swaps")).unwrap_or_default();
        let device = |path: &Path| {
            let around = || table.around(path).map(|mount| table.block_of(mount));
            self.blocks.number_of(path).or_else(around)
        };
        let areas = swaps::parse(&text).into_iter();
        areas.map(|record| SwapArea { device: device(&record.path), record }).collect()
    }
}

/// A swap area, and the block device that it is or is on.
struct SwapArea {
    record: SwapRecord,
    device: Option<DeviceNumber>,
}

impl SwapArea {
    fn is_on(&self, medium: &Medium) -> bool {
        self.device.is_some_and(|device| medium.has(device)) || self.record.path == medium.path
    }
}

/// A card by its name.
struct Named<'a> {
    name: &'a str,
    lun: Option<usize>,
    record: Option<&'a Record>,
    point: Option<&'a Path>,
}
