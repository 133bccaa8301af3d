//! Cards, what keeps them busy, and the progress of handing one over, as clients see them.
//!
//! Also the words for them, which events and reports share.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Size;
use crate::cards::Holder;
use crate::printable::printable;

/// Who has a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The device can use it, mounted or not.
    Device,
    /// It is lent.
    Host,
    /// Neither: the host ejected it, or it is on its way.
    Nobody,
    /// The slot is empty.
    Absent,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What the configuration calls it.
    pub name: String,
    /// Who has it.
    pub place: Place,
    /// The block device or image file, unless the slot is empty.
    pub device: Option<String>,
    /// Of the device or image.
    pub size_bytes: Option<u64>,
    /// The kernel's word: `vfat`, `ext4`…
    pub filesystem: Option<String>,
    /// The file system's label.
    pub label: Option<String>,
    /// The host cannot write it.
    pub read_only: bool,
    /// Where the device has it mounted.
    pub mounted_on: Vec<String>,
    /// A warning, such as what the checker said.
    pub note: Option<String>,
}

/// What a switch under way is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The card it is about.
    pub card: Option<String>,
    /// `writing back`, `waiting for the host to eject`, `waiting for vi (pid 812)`…
    pub what: String,
    /// What is still to be written, where that is known.
    pub bytes_left: Option<u64>,
    /// How long it has taken.
    pub seconds: u64,
}

/// Something that keeps a card busy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What the configuration calls the card.
    pub card: String,
    /// What keeps it.
    pub holder: Holder,
}

impl Place {
    /// The word for it in events and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Host => "host",
            Self::Nobody => "nobody",
            Self::Absent => "absent",
        }
    }
}

impl fmt::Display for Card {
    /// `/media/mmc1: host has it (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)`; the note is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        match self.place {
            Place::Device if self.mounted_on.is_empty() => f.write_str("device has it, not mounted")?,
            // Its name says where it is mounted, unless it is mounted elsewhere too.
            Place::Device if self.mounted_on == [self.name.as_str()] => f.write_str("device has it")?,
            Place::Device => write!(f, "device has it on {}", printable(&self.mounted_on.join(" and ")))?,
            Place::Host => f.write_str("host has it")?,
            Place::Nobody => f.write_str("nobody has it")?,
            Place::Absent => return f.write_str("absent, the slot is empty"),
        }
        let size = self.size_bytes.map(|bytes| Size(bytes).to_string());
        let what = [size.as_deref(), self.filesystem.as_deref(), self.label.as_deref()];
        let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let read_only = self.read_only.then_some("read-only");
        let facts = [self.device.as_deref(), Some(what.as_str()), read_only];
        let facts: Vec<&str> = facts.into_iter().flatten().filter(|fact| !fact.is_empty()).collect();
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

impl fmt::Display for Progress {
    /// `/media/mmc1: writing back, 12.3 MB left, 4 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(card) = &self.card {
            write!(f, "{card}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(bytes) = self.bytes_left {
            write!(f, ", {} left", Size(bytes))?;
        }
        write!(f, ", {} s", self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(place: Place) -> Card {
        Card {
            name: "/media/mmc1".into(),
            place,
            device: Some("/dev/mmcblk1p1".into()),
            size_bytes: Some(1_939_865_600),
            filesystem: Some("vfat".into()),
            label: Some("MUSIC".into()),
            read_only: false,
            mounted_on: Vec::new(),
            note: Some("not shown here".into()),
        }
    }

    #[test]
    fn a_card_says_who_has_it() {
        let mounted = |on: &[&str]| Card {
            mounted_on: on.iter().map(|at| (*at).into()).collect(),
            ..card(Place::Device)
        };
        let bare = |place| Card {
            device: Some("/srv/a.img".into()),
            size_bytes: None,
            filesystem: None,
            label: None,
            ..card(place)
        };
        let table = [
            (card(Place::Host), "/media/mmc1: host has it (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)"),
            (mounted(&["/media/mmc1"]), "/media/mmc1: device has it (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)"),
            (
                mounted(&["/a", "/b"]),
                "/media/mmc1: device has it on /a and /b (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)",
            ),
            (
                mounted(&["/media/A\nB"]),
                "/media/mmc1: device has it on /media/A?B (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)",
            ),
            (mounted(&[]), "/media/mmc1: device has it, not mounted (/dev/mmcblk1p1, 1.9 GB vfat MUSIC)"),
            (bare(Place::Nobody), "/media/mmc1: nobody has it (/srv/a.img)"),
            (
                Card { read_only: true, ..bare(Place::Host) },
                "/media/mmc1: host has it (/srv/a.img, read-only)",
            ),
            (Card { device: None, ..bare(Place::Nobody) }, "/media/mmc1: nobody has it"),
            (bare(Place::Absent), "/media/mmc1: absent, the slot is empty"),
        ];
        for (card, text) in table {
            assert_eq!(card.to_string(), text);
        }
    }

    #[test]
    fn progress_says_what_is_left() {
        let progress = |card: Option<&str>, what: &str, bytes_left| Progress {
            card: card.map(Into::into),
            what: what.into(),
            bytes_left,
            seconds: 4,
        };
        let table = [
            (
                progress(Some("/media/mmc1"), "writing back", Some(12_345_678)),
                "/media/mmc1: writing back, 12.3 MB left, 4 s",
            ),
            (
                progress(Some("LABEL=A"), "waiting for the host to eject", None),
                "LABEL=A: waiting for the host to eject, 4 s",
            ),
            (progress(None, "checking", None), "checking, 4 s"),
        ];
        for (progress, text) in table {
            assert_eq!(progress.to_string(), text);
        }
    }

    #[test]
    fn places_have_the_words_of_the_interface() {
        for place in [Place::Device, Place::Host, Place::Nobody, Place::Absent] {
            assert_eq!(serde_json::to_value(place).unwrap(), place.word());
        }
    }
}
