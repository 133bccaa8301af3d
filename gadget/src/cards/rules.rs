//! What may be lent at all: never the system's own disk, never one medium twice, never an image on a lent card; and what
//! is worth a warning.
//!
//! Source: design.md §3. `O_EXCL` is the last line of defence behind these rules, not in their place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Backing, DeviceNumber, FileSystem, Medium, Mount};

/// What the running system itself is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemDisks {
    /// Every block device that the root file system is on, through device-mapper, RAID and loop devices down to
    /// partitions and disks without a table.
    pub root: BTreeSet<DeviceNumber>,
    /// The whole disks of these.
    pub disks: BTreeSet<DeviceNumber>,
    /// Every block device that a file system at a place of the system ([`is_system_place`]) is on, with that place.
    pub places: Vec<(DeviceNumber, PathBuf)>,
}

/// Why a medium is the system's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemUse {
    /// The root file system is on it: it can never be lent.
    Root,
    /// It is on the same disk as the root file system.
    SameDisk,
    /// It is mounted at a place of the system.
    Place(PathBuf),
}

/// Whether the system itself is mounted there (Filesystem Hierarchy Standard 3.0). Not what is below: phones keep what
/// they lend in `/home/user/MyDocs`.
#[must_use]
pub fn is_system_place(point: &Path) -> bool {
    const PLACES: [&str; 18] = [
        "/",
        "/bin",
        "/boot",
        "/boot/efi",
        "/boot/firmware",
        "/efi",
        "/etc",
        "/home",
        "/lib",
        "/lib64",
        "/nix",
        "/opt",
        "/overlay",
        "/root",
        "/sbin",
        "/srv",
        "/tmp",
        "/var",
    ];
    PLACES.iter().any(|place| point == Path::new(place))
        || point.starts_with("/usr")
        || point == Path::new("/rom")
}

/// Why a medium may not be lent, if so. `disk` is the whole disk that it is or is on; `allowed` is the configuration's
/// `allow_system`, which never covers the root file system.
#[must_use]
pub fn system_use(
    medium: &Medium,
    disk: Option<DeviceNumber>,
    system: &SystemDisks,
    allowed: bool,
) -> Option<SystemUse> {
    if medium.numbers().any(|number| system.root.contains(&number)) {
        return Some(SystemUse::Root);
    }
    if allowed {
        return None;
    }
    let place = system.places.iter().find(|(number, _)| medium.has(*number));
    if let Some((_, place)) = place {
        return Some(SystemUse::Place(place.clone()));
    }
    disk.is_some_and(|disk| system.disks.contains(&disk)).then_some(SystemUse::SameDisk)
}

/// Whether two media are one, or one is a part of the other.
#[must_use]
pub fn is_same_medium(one: &Medium, other: &Medium) -> bool {
    match (&one.backing, &other.backing) {
        (Backing::Image { on: a, inode: x }, Backing::Image { on: b, inode: y }) => (a, x) == (b, y),
        _ => one.numbers().any(|number| other.has(number)),
    }
}

/// Whether `image` is a file on the file system of `card`: lending both would write one from two sides.
#[must_use]
pub fn is_image_on(image: &Medium, card: &Medium, mounts: &[Mount]) -> bool {
    let Backing::Image { on, .. } = image.backing else { return false };
    // The file system's number is the device's own, but for those that have a number of their own (btrfs).
    let is_its = |mount: &&Mount| mount.device == on && Path::new(&mount.source) == card.path;
    card.has(on) || (on.major == 0 && mounts.iter().any(|mount| is_its(&mount)))
}

/// What a host may make of a medium, when that is not what its user would expect.
#[must_use]
pub fn host_warning(filesystem: Option<&FileSystem>) -> Option<String> {
    let Some(filesystem) = filesystem else {
        return Some("no file system is on it that usbnet knows; the host may want to format it".to_owned());
    };
    let kind = filesystem.kind.as_str();
    match kind {
        "vfat" | "exfat" | "iso9660" | "udf" => None,
        "ntfs" => Some("ntfs: a host with macOS may only read it".to_owned()),
        "hfsplus" | "apfs" => Some(format!("{kind}: a host without macOS may not read it")),
        "swap" => Some("it is a swap area, nothing that a host reads".to_owned()),
        "crypto_LUKS" | "LVM2_member" | "linux_raid_member" => {
            Some(format!("{kind}: the host needs Linux (and the key, if it is encrypted)"))
        }
        _ => Some(format!("{kind}: a host without Linux may not read it, and may want to format it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn number(major: u32, minor: u32) -> DeviceNumber {
        DeviceNumber { major, minor }
    }

    fn block(own: DeviceNumber, partitions: &[DeviceNumber]) -> Medium {
        medium(Backing::Block { number: own, partitions: partitions.to_vec() })
    }

    fn image(on: DeviceNumber, inode: u64) -> Medium {
        medium(Backing::Image { on, inode })
    }

    fn medium(backing: Backing) -> Medium {
        Medium { path: "/dev/x".into(), backing, size: 1, read_only: false, filesystem: None }
    }

    #[test]
    fn the_systems_own_disk_is_not_lent() {
        const ROOT: DeviceNumber = number(179, 2);
        const DISK: DeviceNumber = number(179, 0);
        const OTHER: DeviceNumber = number(179, 3);
        const CARD: DeviceNumber = number(179, 9);
        let system = SystemDisks {
            root: BTreeSet::from([ROOT]),
            disks: BTreeSet::from([DISK]),
            places: vec![(ROOT, "/".into()), (CARD, "/home".into())],
        };
        let home = Some(SystemUse::Place("/home".into()));
        let rows = [
            ("root's partition", block(ROOT, &[]), DISK, Some(SystemUse::Root), Some(SystemUse::Root)),
            ("root's disk", block(DISK, &[ROOT, OTHER]), DISK, Some(SystemUse::Root), Some(SystemUse::Root)),
            ("its neighbour", block(OTHER, &[]), DISK, Some(SystemUse::SameDisk), None),
            ("a disk with /home", block(number(179, 8), &[CARD]), number(179, 8), home, None),
            ("another disk", block(number(8, 1), &[]), number(8, 0), None, None),
            ("an image on root", image(ROOT, 7), number(0, 0), None, None),
        ];
        for (what, medium, disk, refused, allowed) in rows {
            assert_eq!(system_use(&medium, Some(disk), &system, false), refused, "{what}");
            assert_eq!(system_use(&medium, Some(disk), &system, true), allowed, "{what}, allowed");
        }
    }

    #[test]
    fn places_of_the_system() {
        for (place, is) in [
            ("/", true),
            ("/usr", true),
            ("/usr/local", true),
            ("/home", true),
            ("/home/user/MyDocs", false),
            ("/media/mmc1", false),
            ("/usrlocal", false),
        ] {
            assert_eq!(is_system_place(Path::new(place)), is, "{place}");
        }
    }

    #[test]
    fn one_medium_under_two_names_is_found() {
        let disk = block(number(8, 0), &[number(8, 1)]);
        let rows = [
            ("itself", block(number(8, 1), &[]), block(number(8, 1), &[]), true),
            ("disk and partition", disk.clone(), block(number(8, 1), &[]), true),
            ("partition and disk", block(number(8, 1), &[]), disk, true),
            ("two partitions", block(number(8, 1), &[]), block(number(8, 2), &[]), false),
            ("one image", image(number(8, 1), 5), image(number(8, 1), 5), true),
            ("two images", image(number(8, 1), 5), image(number(8, 1), 6), false),
            ("image and its disk", image(number(8, 1), 5), block(number(8, 1), &[]), false),
        ];
        for (what, one, other, same) in rows {
            assert_eq!(is_same_medium(&one, &other), same, "{what}");
        }
    }

    #[test]
    fn an_image_on_a_card_is_found() {
        let card = block(number(8, 0), &[number(8, 1)]);
        let btrfs =
            crate::cards::mountinfo::parse(b"1 0 0:40 / /media/c rw - btrfs /dev/x rw\n").expect("a line");
        for (what, on, found) in [
            ("on its partition", number(8, 1), true),
            ("on another disk", number(8, 16), false),
            ("on a file system with its own number", number(0, 40), true),
            ("on another of that kind", number(0, 41), false),
        ] {
            assert_eq!(is_image_on(&image(on, 1), &card, &btrfs), found, "{what}");
        }
        assert!(!is_image_on(&card, &card, &btrfs));
    }

    #[test]
    fn hosts_are_warned_of_what_they_may_not_read() {
        let warning =
            |kind: &str| host_warning(Some(&FileSystem { kind: kind.to_owned(), label: None, uuid: None }));
        for kind in ["vfat", "exfat", "iso9660", "udf"] {
            assert_eq!(warning(kind), None, "{kind}");
        }
        for kind in ["ext4", "f2fs", "btrfs", "swap", "ntfs", "crypto_LUKS", "hfsplus"] {
            assert!(warning(kind).is_some_and(|text| text.contains(kind)), "{kind}");
        }
        assert!(host_warning(None).is_some());
    }
}
