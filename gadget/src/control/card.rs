//! Cards, what keeps them busy, and the progress of handing one over, as clients see them.

use serde::{Deserialize, Serialize};

use crate::cards::Holder;

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
