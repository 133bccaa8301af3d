use std::fs;
use std::path::PathBuf;

use super::fake::Fake;
use super::*;
use crate::cards::checker::Verdict;
use crate::cards::{MountRecord, Used};
use crate::config::FsCheck;
use crate::exit::Exit;

const ROOT: &str = "1 0 179:2 / / rw shared:1 - ext4 /dev/root rw";

/// A second disk with two partitions, the first mounted on @/media/mmc1.
fn with_card() -> Fake {
    let fake = Fake::new();
    fake.disk("mmcblk1", "179:8", &[("mmcblk1p1", "179:9"), ("mmcblk1p2", "179:10")]);
    fake.format("mmcblk1p1", "MUSIC");
    fs::create_dir(fake.at("media/mmc1")).expect("a mount point");
    fs::create_dir(fake.at("media/mmc2")).expect("a mount point");
    fake.mounts(&[ROOT, "2 1 179:9 / @/media/mmc1 rw,noatime - ext4 /dev/mmcblk1p1 rw"]);
    fake
}

fn card(fake: &Fake, text: &str) -> Card {
    Card::new(fake.lines(&[text]).trim().parse().expect("a card's place"))
}

fn observe(fake: &Fake, names: &[&str]) -> Result<Vec<ObservedCard>, CardError> {
    let cards: Vec<Card> = names.iter().map(|name| card(fake, name)).collect();
    fake.system().observe(&cards, &[], &[])
}

/// The node of the medium of the only card, and where it is mounted.
fn found(fake: &Fake, name: &str) -> (Option<String>, usize) {
    let [card] = &observe(fake, &[name]).expect("a card")[..] else { panic!("one card") };
    let name = |path: PathBuf| path.strip_prefix(fake.at("")).expect("in there").display().to_string();
    (card.medium.clone().map(|medium| name(medium.path)), card.mounts.len())
}

#[test]
fn a_card_is_found_by_each_of_its_names() {
    const UUID: &str = "UUID=01010101-0101-0101-0101-010101010101";
    let fake = with_card();
    fake.link("dev/card", "mmcblk1p1");
    fake.link("media/link", "mmc1");
    fake.write("card.img", [0; 0x2000]);
    fake.write("etc/fstab", fake.lines(&["/dev/nothing @/media/gone vfat", "LABEL=MUSIC @/media/mmc2 ext4"]));
    let first = || Some("dev/mmcblk1p1".to_owned());
    let rows = [
        ("@/media/mmc1", first(), 1),
        ("@/media/link", first(), 1),
        ("@/dev/mmcblk1p1", first(), 1),
        ("@/dev/card", first(), 1),
        ("LABEL=MUSIC", first(), 1),
        (UUID, first(), 1),
        // Not mounted, but fstab says what should be.
        ("@/media/mmc2", first(), 1),
        ("@/dev/mmcblk1", Some("dev/mmcblk1".to_owned()), 1),
        ("@/dev/mmcblk1p2", Some("dev/mmcblk1p2".to_owned()), 0),
        ("@/card.img", Some("card.img".to_owned()), 0),
        // Nothing is there, which is no error.
        ("@/dev/mmcblk7", None, 0),
        ("@/media", None, 0),
        ("@/media/gone", None, 0),
        ("LABEL=OTHER", None, 0),
    ];
    for (name, medium, mounts) in rows {
        assert_eq!(found(&fake, name), (medium, mounts), "{name}");
    }
    // Where udev keeps links, they are what counts.
    fake.link("dev/disk/by-label/MY\\x20MUSIC", "../../mmcblk1p2");
    assert_eq!(found(&fake, "LABEL=MY MUSIC"), (Some("dev/mmcblk1p2".to_owned()), 0));
    assert_eq!(found(&fake, "LABEL=MUSIC"), (None, 0));
}

#[test]
fn a_medium_is_described() {
    let fake = with_card();
    fake.write("sys/devices/mmcblk1/ro", "1\n");
    let cards = observe(&fake, &["@/dev/mmcblk1"]).expect("a card");
    let medium = cards[0].medium.as_ref().expect("a medium");
    let number = |minor| DeviceNumber { major: 179, minor };
    assert_eq!(medium.backing, Backing::Block { number: number(8), partitions: vec![number(9), number(10)] });
    assert_eq!((medium.size, medium.read_only), (1024 * 1024, true));
    let filesystem = medium.filesystem.as_ref().expect("that of the first partition with one");
    assert_eq!((filesystem.kind.as_str(), filesystem.label.as_deref()), ("ext4", Some("MUSIC")));
}

#[test]
fn a_slot_without_a_medium_is_empty() {
    let fake = with_card();
    fake.write("sys/devices/mmcblk1/mmcblk1p2/size", "0\n");
    assert_eq!(found(&fake, "@/dev/mmcblk1p2"), (None, 0));
}

#[test]
fn a_lent_card_is_found_by_its_record() {
    let fake = with_card();
    let cards = [card(&fake, "@/media/mmc1"), card(&fake, "LABEL=GONE")];
    let before = fake.system().observe(&cards[..1], &[], &[]).expect("a card");
    let mut record = Record::of(&before[0]).expect("a record");
    assert_eq!(record.mounts, [MountRecord::of(&before[0].mounts[0])]);
    fake.mounts(&[ROOT]);
    let medium = record.medium.clone();
    let records = [record.clone()];
    let lent = fake.system().observe(&cards, &records, std::slice::from_ref(&medium)).expect("cards");
    assert_eq!(lent[0].medium.as_ref().map(|medium| &medium.path), Some(&medium));
    assert!(lent[0].held && lent[0].mounts.is_empty() && lent[0].lun == Some(0));
    assert_eq!(lent[0].record.as_ref(), Some(&record));
    assert_eq!(lent[1].medium, None);

    // Something else is mounted there meanwhile.
    fake.mounts(&[ROOT, "9 1 179:10 / @/media/mmc1 rw - ext4 /dev/mmcblk1p2 rw"]);
    let hidden = fake.system().observe(&cards, &records, std::slice::from_ref(&medium)).expect("cards");
    assert_eq!(hidden[0].medium.as_ref().map(|medium| &medium.path), Some(&medium));
    assert!(hidden[0].held);
    fake.mounts(&[ROOT]);

    // Not configured any more, but still to be given back.
    record.card = "LABEL=BEFORE".to_owned();
    let left = fake.system().observe(&cards[1..], &[record], &[]).expect("cards");
    assert_eq!((left[1].name.as_str(), left[1].lun, left[1].held), ("LABEL=BEFORE", None, false));
    assert!(left[1].medium.is_some());
}

/// A daemon was killed, and the cards were put in again in another order.
#[test]
fn a_record_that_nobody_holds_gives_way_to_the_name() {
    let fake = with_card();
    let record = |name: &str| Record {
        card: name.to_owned(),
        medium: fake.at("dev/mmcblk1p2"),
        mounts: vec![],
        swaps: vec![],
    };
    // name, the record's medium is held, medium
    let rows = [
        ("LABEL=MUSIC", false, "dev/mmcblk1p1"),
        ("LABEL=MUSIC", true, "dev/mmcblk1p2"),
        ("LABEL=FORMATTED", false, "dev/mmcblk1p2"),
        ("UUID=1234-ABCD", false, "dev/mmcblk1p2"),
    ];
    for (name, is_held, medium) in rows {
        let record = record(name);
        let held: Vec<PathBuf> = is_held.then(|| record.medium.clone()).into_iter().collect();
        let found = fake.system().observe(&[card(&fake, name)], &[record], &held).expect("a card");
        let found = found[0].medium.as_ref().map(|found| found.path.clone());
        assert_eq!(found, Some(fake.at(medium)), "{name}");
    }
}

#[test]
fn swap_on_a_card_is_its_own() {
    let fake = with_card();
    let lines = [
        "Filename Type Size Used Priority",
        "@/dev/mmcblk1p2 partition 1 0 -2",
        "@/dev/mmcblk0p1 partition 1 0 -3",
    ];
    fake.write("proc/swaps", fake.lines(&lines));
    let cards = observe(&fake, &["@/dev/mmcblk1"]).expect("a card");
    let paths: Vec<_> = cards[0].swaps.iter().map(|area| (area.path.clone(), area.priority)).collect();
    assert_eq!(paths, [(fake.at("dev/mmcblk1p2"), -2)]);
}

#[test]
fn what_may_not_be_lent_is_refused_with_its_reason() {
    let fake = with_card();
    fake.link("dev/innocent", "mmcblk0p2");
    fake.disk("dm-0", "253:0", &[]);
    fake.disk("mmcblk2", "179:16", &[("mmcblk2p1", "179:17")]);
    fake.link("sys/devices/dm-0/slaves/mmcblk2p1", fake.at("sys/devices/mmcblk2/mmcblk2p1"));
    fake.disk("sda", "8:0", &[("sda1", "8:1")]);
    let encrypted_home = "3 1 253:0 / /home rw - ext4 /dev/mapper/home rw";
    fake.mounts(&[ROOT, encrypted_home, "4 1 8:0 / @/media/mmc1 rw - vfat /dev/sda rw"]);
    let number = fake.number();
    fake.link(&format!("sys/dev/block/{number}"), fake.at("sys/devices/sda/sda1"));
    fake.write("sys/devices/sda/sda1/dev", format!("{number}\n"));
    fake.write("card.img", [0; 0x2000]);

    // (cards, what the message says)
    let rows: [(&[&str], &str); 8] = [
        (&["@/dev/mmcblk0p2"], "the root file system"),
        (&["@/dev/innocent"], "the root file system"),
        (&["@/dev/mmcblk0"], "the root file system"),
        (&["@/dev/mmcblk0p1"], "the same disk as the root"),
        (&["@/dev/mmcblk2"], "mounted on /home"),
        (&["@/dev/sda", "@/media/mmc1"], "the same medium"),
        (&["@/dev/sda", "@/dev/sda1"], "the same medium"),
        (&["@/card.img", "@/dev/sda"], "is a file on card"),
    ];
    for (names, reason) in rows {
        let error = observe(&fake, names).expect_err(reason);
        assert!(error.to_string().contains(reason), "{names:?}: {error}");
        assert_eq!(error.exit(), Exit::ConfigInvalid, "{names:?}");
        let cards: Vec<Card> = names.iter().map(|name| card(&fake, name)).collect();
        fake.system().look(&cards, &[], &[]).expect("they can be shown all the same");
    }
    assert!(observe(&fake, &["/dev/null"]).is_err_and(|error| error.exit() == Exit::ConfigInvalid));

    // Allowed by name, but never the root file system.
    let allowed = |name| {
        let card = Card { allow_system: true, ..card(&fake, name) };
        fake.system().observe(&[card], &[], &[])
    };
    for name in ["@/dev/mmcblk0p1", "@/dev/mmcblk2"] {
        allowed(name).expect(name);
    }
    assert!(matches!(allowed("@/dev/mmcblk0"), Err(CardError::RootDisk { .. })));
}

#[test]
fn a_list_of_mounts_that_is_none_is_an_error() {
    let fake = with_card();
    fake.mounts(&["nonsense"]);
    let error = observe(&fake, &[]).expect_err("nonsense");
    assert!(matches!(error, CardError::Mountinfo { .. }), "{error}");
}

#[test]
fn an_image_is_held_by_a_lock() {
    let fake = Fake::new();
    fake.write("card.img", [0; 0x2000]);
    let cards = observe(&fake, &["@/card.img"]).expect("a card");
    let medium = cards[0].medium.as_ref().expect("a medium");
    let hold = Hold::take(medium).expect("the first");
    let second = Hold::take(medium).expect_err("held");
    assert!(matches!(second, CardError::Locked { .. }) && second.exit() == Exit::CardBusy, "{second}");
    hold.release().expect("released");
    Hold::take(medium).expect("free again");
}

fn check(system: &CardSystem, medium: &Medium, how: FsCheck) -> Result<Verdict, CardError> {
    system.check(medium, how, Hold::take(medium)?)
}

#[test]
fn what_has_no_checker_is_not_checked() {
    let fake = Fake::new();
    fake.write("card.img", [0; 0x2000]);
    let system = fake.system();
    let look = || observe(&fake, &["@/card.img"]).expect("a card")[0].medium.clone().expect("a medium");
    assert_eq!(check(&system, &look(), FsCheck::Report).expect("nothing to check"), Verdict::Clean);
    let mut swap = vec![0; 0x2000];
    swap[0xff6..0x1000].copy_from_slice(b"SWAPSPACE2");
    fake.write("card.img", swap);
    let none = Verdict::NoChecker { kind: "swap".to_owned(), program: None };
    assert_eq!(check(&system, &look(), FsCheck::Report).expect("no checker"), none);
    let mut open = vec![0; 0x2000];
    open[1024 + 0x38..1024 + 0x3a].copy_from_slice(&[0x53, 0xef]);
    open[1024 + 0x60] = 4;
    fake.write("card.img", open);
    assert_eq!(check(&system, &look(), FsCheck::Report).expect("no need"), Verdict::JournalOpen);
    assert_eq!(check(&system, &look(), FsCheck::Off).expect("not asked"), Verdict::Clean);
}

#[test]
fn what_is_in_use_below_a_controller_is_found() {
    const SWAPS: &str = "Filename\tType\tSize\tUsed\tPriority\n";
    let stick = |point: &'static str| Some(("sda1", Some(point)));
    let rows: [(&str, &[&str], &str, Option<(&str, Option<&str>)>); 8] = [
        ("nothing", &[], "", None),
        ("a partition", &["2 1 8:1 / @/media/stick rw - vfat /dev/sda1 rw"], "", stick("media/stick")),
        (
            "a whole disk",
            &["2 1 8:0 / @/media/stick rw - vfat /dev/sda rw"],
            "",
            Some(("sda", Some("media/stick"))),
        ),
        ("the root", &["1 0 8:1 / @/ rw - ext4 /dev/root rw"], "", stick("")),
        ("a disk elsewhere", &["2 1 8:17 / @/media/other rw - vfat /dev/sdb1 rw"], "", None),
        ("encrypted", &["2 1 254:0 / @/media/stick rw - ext4 /dev/dm-0 rw"], "", stick("media/stick")),
        ("swap", &[], "@/dev/sda1 partition 1024 0 -2", Some(("sda1", None))),
        ("swap elsewhere", &[], "@/dev/sdb1 partition 1024 0 -2", None),
    ];
    for (name, mounts, swap, expected) in rows {
        let fake = Fake::new();
        // (disk, its number, its partition, the number of that)
        for (disk, number, part, part_number) in
            [("ci/usb1/sda", "8:0", "sda1", "8:1"), ("ci2/usb2/sdb", "8:16", "sdb1", "8:17")]
        {
            fake.disk_at(disk, number, &[(part, part_number)]);
        }
        fake.disk("dm-0", "254:0", &[]);
        fake.link("sys/devices/dm-0/slaves/sda1", fake.at("sys/devices/ci/usb1/sda/sda1"));
        fake.mounts(&[&[ROOT], mounts].concat());
        fake.write("proc/swaps", SWAPS.to_owned() + &fake.lines(&[swap]));
        let controller = fs::canonicalize(fake.at("sys/devices/ci")).expect("a controller");
        let used = fake.system().used_below(&controller).expect(name);
        let expected = expected.map(|(device, point)| Used {
            device: fake.at("dev").join(device),
            point: point.map(|point| fake.at(point)),
        });
        assert_eq!(used, Vec::from_iter(expected), "{name}");
    }
}
