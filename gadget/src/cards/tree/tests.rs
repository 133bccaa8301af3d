use proptest::prelude::*;

use super::*;
use crate::cards::mountinfo::parse;

const CARD: DeviceNumber = DeviceNumber { major: 179, minor: 1 };

/// A line of mountinfo from its few fields that matter here.
fn table(rows: &[(u32, u32, &str, &str, &str, &str)]) -> Vec<Mount> {
    let line = |(id, parent, device, root, point, tags): &(u32, u32, &str, &str, &str, &str)| {
        format!("{id} {parent} {device} {root} {point} rw {tags} - vfat /dev/x rw\n").replace("  ", " ")
    };
    parse(rows.iter().map(line).collect::<String>().as_bytes()).expect("mountinfo")
}

fn ids(mounts: &[&Mount]) -> Vec<u32> {
    mounts.iter().map(|mount| mount.id).collect()
}

#[test]
fn a_cards_own_mounts_are_told_from_others() {
    let mounts = table(&[
        (1, 0, "8:1", "/", "/", ""),
        (2, 1, "179:1", "/sub", "/srv/sub", ""),
        (3, 1, "179:1", "/", "/media/one", ""),
        (4, 1, "179:1", "/", "/media/two", ""),
        (5, 1, "179:2", "/", "/media/second", ""),
        (6, 3, "8:5", "/", "/media/one/inside", ""),
    ]);
    let partition = |mount: &Mount| mount.device == CARD;
    let disk = |mount: &Mount| mount.device.major == CARD.major;
    // (what, whose, named by, own, others)
    let rows: [(&str, &dyn Fn(&Mount) -> bool, Option<&str>, &[u32], &[u32]); 5] = [
        ("by a device", &partition, None, &[3], &[2, 4]),
        ("by a mount point", &partition, Some("/media/two"), &[4], &[2, 3]),
        ("by a part", &partition, Some("/srv/sub"), &[2], &[3, 4]),
        ("by a place that is none of its", &partition, Some("/media/none"), &[3], &[2, 4]),
        ("a whole disk", &disk, None, &[3, 5], &[2, 4]),
    ];
    for (what, is_card, named, own, others) in rows {
        let split = split(&mounts, is_card, named.map(Path::new));
        assert_eq!((ids(&split.own).as_slice(), ids(&split.others).as_slice()), (own, others), "{what}");
    }
}

#[test]
fn the_uppermost_on_a_place_is_the_card() {
    let mounts =
        table(&[(1, 0, "8:1", "/", "/", ""), (2, 1, "179:1", "/", "/m", ""), (3, 2, "179:1", "/", "/m", "")]);
    let split = split(&mounts, |mount| mount.device == CARD, Some(Path::new("/m")));
    assert_eq!((ids(&split.own), ids(&split.others)), (vec![3], vec![2]));
}

#[test]
fn what_is_inside_is_found_at_any_depth_and_unmounted_first() {
    let mounts = table(&[
        (1, 0, "8:1", "/", "/", ""),
        (2, 1, "179:1", "/", "/m", ""),
        (5, 4, "0:6", "/", "/m/a/b", ""),
        (4, 2, "0:5", "/", "/m/a", ""),
        (6, 1, "0:7", "/", "/n", ""),
    ]);
    assert_eq!(ids(&nested(&mounts, &[&mounts[1]])), [5, 4]);
    assert_eq!(ids(&nested(&mounts, &[&mounts[4]])), [0; 0]);
    let all: Vec<&Mount> = mounts[1..].iter().collect();
    assert_eq!(ids(&unmount_order(&all)), [6, 5, 4, 2]);
}

#[test]
fn what_comes_and_goes_with_a_mount_is_known() {
    // The card is mount 10 in mount 1; what is compared is mount 20 in mount 2 of another name space.
    let rows: [(&str, &str, &str, [(&str, &str, &str); 2], bool); 9] = [
        ("a private parent", "", "/m", [("8:1", "/", ""), ("179:1", "/m", "")], false),
        ("a peer", "shared:1", "/m", [("8:1", "/", "shared:1"), ("179:1", "/m", "")], true),
        ("a slave", "shared:1", "/m", [("8:1", "/", "master:1"), ("179:1", "/m", "")], true),
        ("its master", "shared:1 master:9", "/m", [("8:1", "/", "shared:9"), ("179:1", "/m", "")], false),
        ("made private", "shared:1", "/m", [("8:1", "/", ""), ("179:1", "/m", "")], false),
        ("at another place", "shared:1", "/m", [("8:1", "/", "shared:1"), ("179:1", "/other", "")], false),
        ("another device there", "shared:1", "/m", [("8:1", "/", "shared:1"), ("179:9", "/m", "")], false),
        ("another parent", "shared:1", "/m", [("8:2", "/", "shared:1"), ("179:1", "/m", "")], false),
        ("seen elsewhere", "shared:1", "/m", [("8:1", "/host", "master:1"), ("179:1", "/host/m", "")], true),
    ];
    for (what, parent, point, [other, copy], goes) in rows {
        let mounts = table(&[
            (1, 0, "8:1", "/", "/", parent),
            (10, 1, "179:1", "/", point, ""),
            (2, 0, other.0, "/", other.1, other.2),
            (20, 2, copy.0, "/", copy.1, copy.2),
        ]);
        let everywhere: Vec<&Mount> = mounts.iter().collect();
        let expected: &[u32] = if goes { &[20] } else { &[] };
        assert_eq!(ids(&propagated(&everywhere, &mounts[1])), expected, "{what}");
    }
}

#[test]
fn slaves_of_slaves_follow_and_what_has_something_inside_stays() {
    let mounts = table(&[
        (1, 0, "8:1", "/", "/", "shared:1"),
        (10, 1, "179:1", "/", "/m", ""),
        (2, 0, "8:1", "/", "/", "shared:2 master:1"),
        (20, 2, "179:1", "/", "/m", ""),
        (3, 0, "8:1", "/", "/", "master:2"),
        (30, 3, "179:1", "/", "/m", ""),
        (4, 0, "8:1", "/", "/", "shared:1"),
        (40, 4, "179:1", "/", "/m", ""),
        (41, 40, "0:5", "/", "/m/inside", ""),
    ]);
    let everywhere: Vec<&Mount> = mounts.iter().collect();
    assert_eq!(ids(&propagated(&everywhere, &mounts[1])), [20, 30]);
}

proptest! {
    #[test]
    fn every_mount_is_unmounted_once_and_after_what_is_inside(parents in proptest::collection::vec(0_u32..20, 1..20)) {
        let rows: Vec<_> = (1..).zip(&parents).map(|(id, parent)| (id, parent % id, "8:1", "/", "/x", "")).collect();
        let mounts = table(&rows);
        let all: Vec<&Mount> = mounts.iter().collect();
        let order = ids(&unmount_order(&all));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(&sorted, &ids(&all));
        let at = |id| order.iter().position(|other| *other == id);
        for mount in all.iter().filter(|mount| mount.parent != 0) {
            prop_assert!(at(mount.id) < at(mount.parent), "{order:?}");
        }
    }
}
