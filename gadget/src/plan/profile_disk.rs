//! The disk with the host's profiles: when it is made, shown and taken away.
//!
//! It is no card: nobody holds it, nothing mounts it here, and what the host does with it loses nothing, so it never
//! keeps a switch waiting. Its image has the facts in its name: other facts are another image, and an exchange.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use usbnet_host_profiles::LinkFacts;

use super::Step;
use super::target::Observed;
use crate::sys::configfs::{LiveLun, Lun};

const PREFIX: &str = "usbnet-profiles-";
const SUFFIX: &str = ".img";
/// In hexadecimal digits.
const HASH_LENGTH: usize = 16;

/// What is on the disk, and where the disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileDisk {
    /// The image.
    pub image: PathBuf,
    /// The unit that it is in.
    pub unit: usize,
    /// What the profiles are made from.
    pub facts: LinkFacts,
    /// The mode that they are for.
    pub mode: String,
}

impl ProfileDisk {
    /// The disk of these facts, with its image in that directory.
    #[must_use]
    pub fn new(directory: &Path, unit: usize, facts: LinkFacts, mode: &str) -> Self {
        // The same templates make the same disk of the same facts.
        let hash = Sha256::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(format!("{facts:?}"));
        let hash: String =
            hash.finalize().iter().take(HASH_LENGTH / 2).map(|byte| format!("{byte:02x}")).collect();
        let image = directory.join(format!("{PREFIX}{hash}{SUFFIX}"));
        Self { image, unit, facts, mode: mode.to_owned() }
    }
}

/// Whether a profile disk is in the unit: by the image's name, unless a card is called so.
#[must_use]
pub(super) fn is_profile_disk(observed: &Observed, live: &LiveLun) -> bool {
    let is_card = |medium: &Path| medium == Path::new(&live.file);
    is_image(Path::new(&live.file))
        && !observed.cards.iter().any(|card| card.medium.as_ref().is_some_and(|medium| is_card(&medium.path)))
}

/// Whether a file has the name of an image.
#[must_use]
pub fn is_image(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let hash = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX)).unwrap_or_default();
    hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The steps that take away what is wrong, and the one that shows what is right. `rebuilt` says that the gadget is built
/// anew on the way, `unit` where the unit of a number is, or will be.
pub(super) fn exchange(
    observed: &Observed,
    wanted: Option<&ProfileDisk>,
    rebuilt: bool,
    unit: impl Fn(usize) -> Lun,
) -> (Vec<Step>, Option<Step>) {
    // The kernel tells the path without the symbolic links that lead there.
    let is_right = |live: &&LiveLun| {
        !rebuilt
            && wanted.is_some_and(|disk| {
                live.index == disk.unit && Path::new(&live.file).file_name() == disk.image.file_name()
            })
    };
    let shown = || observed.luns.iter().filter(|live| is_profile_disk(observed, live));
    let withdraw = shown()
        .filter(|live| !is_right(live))
        .map(|live| Step::WithdrawProfiles { lun: live.lun.clone(), image: PathBuf::from(&live.file) });
    let offer = wanted
        .filter(|_| !shown().any(|live| is_right(&live)))
        .map(|disk| Step::OfferProfiles { lun: unit(disk.unit), disk: Box::new(disk.clone()) });
    (withdraw.collect(), offer)
}
