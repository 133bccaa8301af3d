//! Cards and what happens around lending them.

use super::{flag, optional, parsed, ranged, set};
use crate::config::{
    Card, FsCheck, OnBusy, OnEject, Storage,
    node::Node,
    problem::{Fault, Problem},
};

/// `"/media/mmc1"`, or `Card(at: "/media/mmc1", …)`.
pub(super) fn card(node: &Node) -> Result<Card, Fault> {
    const WANTED: &str = "a card in quotes, or Card(at: \"/media/mmc1\")";
    let (word, group) = node.word();
    if !group.is_group() || !matches!(word, "" | "Card") {
        return parsed(node, WANTED).map(Card::new);
    }
    let fields = node.fields("Card", &["at", "read_only", "cdrom", "no_fua", "inquiry", "allow_system"])?;
    const MISSING: Problem = Problem::Missing { field: "at", example: "at: \"/media/mmc1\"" };
    let at = fields.get("at").ok_or_else(|| node.fault(MISSING))?;
    let mut card = Card::new(parsed(at, "a card in quotes")?);
    set(&fields, "cdrom", &mut card.cdrom, flag)?;
    card.read_only = card.cdrom;
    set(&fields, "read_only", &mut card.read_only, flag)?;
    if card.cdrom && !card.read_only {
        return Err(fields.get("read_only").unwrap_or(node).fault(Problem::WritableCdrom));
    }
    set(&fields, "no_fua", &mut card.no_fua, flag)?;
    set(&fields, "inquiry", &mut card.inquiry, |node| optional(node, inquiry))?;
    set(&fields, "allow_system", &mut card.allow_system, flag)?;
    Ok(card)
}

/// Vendor (8), product (16) and release (4) of SCSI's INQUIRY data: `INQUIRY_STRING_LEN` in the kernel's
/// storage_common.h.
fn inquiry(node: &Node) -> Result<String, Fault> {
    let text = node.string("None or a string")?;
    if (1..=28).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(text);
    }
    Err(node.fault(Problem::Inquiry(text)))
}

pub(super) fn storage(node: &Node) -> Result<Storage, Fault> {
    let fields = node.fields("Storage", &["on_busy", "on_eject", "check"])?;
    let mut storage = Storage::DEFAULT;
    set(&fields, "on_busy", &mut storage.on_busy, on_busy)?;
    set(&fields, "on_eject", &mut storage.on_eject, |node| {
        node.choice(&OnEject::ALL.map(|what| (what.word(), what)), "Keep or GiveBack")
    })?;
    set(&fields, "check", &mut storage.check, |node| {
        node.choice(&FsCheck::ALL.map(|how| (how.word(), how)), "Off, Report or Repair")
    })?;
    Ok(storage)
}

fn on_busy(node: &Node) -> Result<OnBusy, Fault> {
    const WANTED: &str = "Refuse, Wait(30) or Terminate(5)";
    let seconds = |group: &Node| {
        let (low, high) = (OnBusy::SECONDS.start(), OnBusy::SECONDS.end());
        let range = (i64::from(*low), i64::from(*high));
        let time = group.argument(WANTED).map_err(|_| node.unexpected(WANTED))?;
        ranged(&time, "a whole number of seconds", range, " seconds")
    };
    match node.word() {
        ("Refuse", rest) if rest.is_empty() => Ok(OnBusy::Refuse),
        ("Wait", group) if !group.is_empty() => Ok(OnBusy::Wait { seconds: seconds(&group)? }),
        ("Terminate", group) if !group.is_empty() => Ok(OnBusy::Terminate { grace: seconds(&group)? }),
        _ => Err(node.unexpected(WANTED)),
    }
}
