//! Cards cross the cable: lent whole, used for real by the host, given back as they were.

use std::{fs, path::Path, thread};

use usbnet_tests::{
    cable,
    cards::{Card, Kind, Sums, bytes, sum, with_cards},
    daemon::{configure, status, status_json, usbnet, usbnet_fails, usbnet_ok},
    disk::{HostMount, disk, disks, settled},
    host::Client,
    lab::Lab,
    run::sh,
    snapshot::Snapshot,
    wait::wait_until,
};

const HOST_BUSY: i32 = 5;
const BOTH: [&str; 2] = ["/media/mmc1", "/media/mmc2"];
/// A device that begins with no function, which is the quickest.
const QUIET: &str = "start_mode: \"charging\"";

/// What the status says of a card.
fn card_status(name: &str) -> serde_json::Value {
    let status = status_json();
    let all = status["cards"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|card| card["name"] == name).unwrap_or_else(|| panic!("no card {name} in {status}"))
}

fn place(name: &str) -> String {
    card_status(name)["place"].as_str().unwrap_or_default().to_owned()
}

/// Expects what the device sees now to be as before, but for what the host added.
#[track_caller]
fn back_as_before(card: &Card, mounts: &[String], mut sums: Sums, added: &[(&str, &[u8])]) {
    for (name, content) in added {
        sums.insert((*name).to_owned(), sum(content));
    }
    assert_eq!(card.mounts(), mounts, "{} is mounted otherwise", card.name());
    assert_eq!(card.sums(), sums, "the files of {}", card.name());
}

/// The main job, with both kinds of card and each end's files checked at the other.
#[test]
fn hand_over_both_ways() {
    let _lab = Lab::begin();
    let cards = Card::pair();
    sh("mount --make-shared /media/mmc2");
    configure(&with_cards(&BOTH, "start_mode: \"network\""));
    let before = cards.each_ref().map(|card| (card.mounts(), card.sums()));
    usbnet_ok(&["start"]);
    for (card, (mounts, _)) in cards.iter().zip(&before) {
        assert_eq!(&card.mounts(), mounts, "network mode leaves the cards alone");
        assert_eq!(place(card.name()), "device");
    }

    usbnet_ok(&["mode", "storage"]);
    let from_host = bytes(77, 300_000);
    for (lun, card) in cards.iter().enumerate() {
        assert_eq!(place(card.name()), "host");
        assert_eq!(card.mounts(), Vec::<String>::new());
        let mount = card.try_mount();
        assert_ne!(mount.code, 0, "the device could mount {} while it is lent", card.name());
        assert!(!card.is_free(), "{} is lent without a hold", card.name());

        let mounted = disk(lun).mount(card.kind);
        assert_eq!(mounted.sums(), before[lun].1, "the host's view of {}", card.name());
        mounted.write("host.bin", &from_host);
        let snapshot = Snapshot::take();
        usbnet_fails(&["mode", "network"], HOST_BUSY, &[card.name(), "eject"]);
        snapshot.assert_unchanged("exit 5 changes nothing");
        mounted.unmount();
    }

    usbnet_ok(&["mode", "network"]);
    for (card, (mounts, sums)) in cards.iter().zip(before) {
        assert_eq!(place(card.name()), "device");
        // The number of a peer group is the kernel's choice.
        let plain = |lines: Vec<String>| lines.join("\n").replace(|letter: char| letter.is_ascii_digit(), "");
        assert_eq!(plain(card.mounts()), plain(mounts), "{} is mounted otherwise", card.name());
        back_as_before(card, &card.mounts(), sums, &[("host.bin", &from_host)]);
        card.assert_clean_between_mounts();
    }
    let interface = cable::hand_to_host();
    drop(Client::Udhcpc.lease(&interface));
}

#[test]
fn waits_for_the_host_and_then_takes_the_card_back() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, sums) = (card.mounts(), card.sums());
    configure(&with_cards(&["/media/mmc1"], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(0).mount(card.kind);
    mounted.write("late.bin", b"written late");
    let switch = thread::spawn(|| usbnet(&["mode", "charging", "--wait=110"]));
    wait_until("the progress to tell of the host", || {
        status_json()["progress"]["what"].as_str().is_some_and(|what| what.contains("host"))
    });
    assert_eq!(place("/media/mmc1"), "host");
    mounted.unmount();
    let outcome = switch.join().expect("a thread");
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    back_as_before(&card, &mounts, sums, &[("late.bin", b"written late")]);
}

#[test]
fn force_takes_the_card_and_says_what_is_lost() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let sums = card.sums();
    configure(&with_cards(&["/media/mmc1"], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(0).mount(card.kind);
    mounted.write("synced.bin", b"synced");
    sh(&format!("sync -f {}", mounted.path().display()));
    let outcome = usbnet(&["mode", "charging", "--force"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(format!("{}{}", outcome.out, outcome.err).contains("lost"), "{}{}", outcome.out, outcome.err);
    let seen = card.sums();
    assert_eq!(seen.get("synced.bin"), Some(&sum(b"synced")));
    assert!(sums.iter().all(|(name, sum)| seen.get(name) == Some(sum)), "{seen:?}");
    drop(mounted);
}

#[test]
fn the_host_ejects() {
    for give_back in [false, true] {
        let _lab = Lab::begin();
        let cards = Card::pair();
        let before = cards.each_ref().map(|card| (card.mounts(), card.sums()));
        let on_eject = if give_back { "GiveBack" } else { "Keep" };
        configure(&with_cards(&BOTH, &format!("storage: (on_eject: {on_eject}), {QUIET}")));
        usbnet_ok(&["start"]);
        usbnet_ok(&["mode", "storage"]);
        let first = disk(0);
        let mounted = first.mount(Kind::Vfat);
        mounted.write("host.bin", b"from the host");
        mounted.unmount();
        first.eject();
        let wanted = if give_back { "device" } else { "nobody" };
        wait_until("the status to know of the eject", || place("/media/mmc1") == wanted);
        assert_eq!(place("/media/mmc2"), "host", "the other card stays where it is");
        assert_eq!(status().mode.as_deref(), Some("storage"));
        let added: &[(&str, &[u8])] = &[("host.bin", b"from the host")];
        if give_back {
            back_as_before(&cards[0], &before[0].0, before[0].1.clone(), added);
        } else {
            assert!(!cards[0].is_free(), "an empty slot keeps its hold: the host may want it again");
        }
        usbnet_ok(&["mode", "charging"]);
        back_as_before(&cards[0], &before[0].0, before[0].1.clone(), added);
        back_as_before(&cards[1], &before[1].0, before[1].1.clone(), &[]);
    }
}

#[test]
fn read_only_cdrom_and_inquiry() {
    let _lab = Lab::begin();
    let _card = Card::insert(Kind::Vfat, 1);
    let disc = Path::new("/run/cards/disc.iso");
    fs::write(disc, bytes(3, 2048 * 400)).expect("an image");
    configure(&with_cards(
        &[
            "Card(at: \"/media/mmc1\", read_only: true, inquiry: \"Nokia   Card one\")",
            "Card(at: \"/run/cards/disc.iso\", cdrom: true)",
        ],
        QUIET,
    ));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let first = disk(0);
    assert!(first.is_read_only());
    assert!(first.inquiry().contains("Nokia") && first.inquiry().contains("Card one"), "{}", first.inquiry());
    let (mounted, outcome) = first.try_mount("vfat", "ro");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert!(fs::write(mounted.path().join("no"), b"no").is_err());
    mounted.unmount();
    let second = disk(1);
    assert!(second.node.to_string_lossy().starts_with("/dev/sr"), "{second:?}");
    assert_eq!(sum(&fs::read(&second.node).expect("the disc")), sum(&fs::read(disc).expect("the image")));
    // udev locks a disc until somebody ejects it.
    usbnet_fails(&["mode", "charging"], HOST_BUSY, &["disc.iso"]);
    second.eject();
    usbnet_ok(&["mode", "charging"]);
}

#[test]
fn image_file() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let sums = card.sums();
    sh(&format!("umount /media/mmc1; losetup -d {}", card.device.display()));
    let image = card.image.to_str().expect("a plain path");
    configure(&with_cards(&[image], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(0).mount(card.kind);
    assert_eq!(mounted.sums(), sums);
    mounted.write("host.bin", b"from the host");
    usbnet_fails(&["mode", "charging"], HOST_BUSY, &[image]);
    mounted.unmount();
    usbnet_ok(&["mode", "charging"]);
    card.assert_clean();
    sh(&format!("losetup {} {image}", card.device.display()));
    card.mount();
    assert_eq!(card.sums().get("host.bin"), Some(&sum(b"from the host")));
}

/// One card is the partition, another the whole disk with a mounted partition on it.
#[test]
fn partition_and_whole_disk() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let sums = card.sums();
    sh(&format!("umount /media/mmc1; losetup -d {}", card.device.display()));
    // A partition table by hand: one of type 0c (FAT32) from sector 2048 to the end.
    let mut disk_image = vec![0; 2048 * 512];
    let content = fs::read(&card.image).expect("the image");
    let sectors = u32::try_from(content.len() / 512).expect("a small image");
    disk_image[450] = 0x0c;
    disk_image[454..458].copy_from_slice(&2048_u32.to_le_bytes());
    disk_image[458..462].copy_from_slice(&sectors.to_le_bytes());
    disk_image[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk_image.extend(content);
    fs::write("/run/cards/whole.img", disk_image).expect("an image");
    let whole = sh("losetup --find --show --partscan /run/cards/whole.img");
    let partition = Card { device: format!("{whole}p1").into(), ..card };
    wait_until("the partition", || partition.device.exists());
    sh("udevadm settle");

    for lent in [partition.device.to_str().expect("a plain path"), whole.as_str()] {
        partition.mount();
        let mounts = partition.mounts();
        configure(&with_cards(&[lent], QUIET));
        usbnet_ok(&["start"]);
        usbnet_ok(&["mode", "storage"]);
        assert_eq!(partition.mounts(), Vec::<String>::new());
        let found = disk(0);
        if lent == whole {
            let node = format!("{}1", found.node.display());
            wait_until("the host's partition", || fs::exists(&node).unwrap_or(false));
            sh(&format!("on-host mount -t vfat -o ro {node} /mnt && on-host umount /mnt"));
        } else {
            let mounted = found.mount(Kind::Vfat);
            assert_eq!(mounted.sums(), sums);
            mounted.unmount();
        }
        usbnet_ok(&["mode", "charging"]);
        back_as_before(&partition, &mounts, sums.clone(), &[]);
        usbnet_ok(&["stop"]);
        sh("umount /media/mmc1");
    }
}

/// By label and by UUID, and the device's stop gives the cards back too.
#[test]
fn by_label_and_uuid() {
    let _lab = Lab::begin();
    let cards = Card::pair();
    let before = cards.each_ref().map(|card| (card.mounts(), card.sums()));
    let uuid = sh(&format!("blkid -p -s UUID -o value {}", cards[1].device.display()));
    let uuid = format!("UUID={uuid}");
    configure(&with_cards(&["LABEL=MUSIC", &uuid], QUIET));
    usbnet_ok(&["start"]);
    for verb in [&["mode", "charging"][..], &["stop"]] {
        usbnet_ok(&["mode", "storage"]);
        assert_eq!([place("LABEL=MUSIC"), place(&uuid)], ["host", "host"]);
        settled(2);
        usbnet_ok(verb);
        // Until then, the label is still that of the disk that the host had.
        sh("udevadm settle");
    }
    for (card, (mounts, sums)) in cards.iter().zip(before) {
        back_as_before(card, &mounts, sums, &[]);
    }
}

#[test]
fn network_and_storage_at_once() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let (mounts, sums) = (card.mounts(), card.sums());
    configure(&with_cards(&["/media/mmc1"], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "network+storage"]);
    let interface = cable::hand_to_host();
    let lease = Client::Udhcpc.lease(&interface);
    let mounted = disk(0).mount(card.kind);
    assert_eq!(mounted.sums(), sums);
    mounted.write("host.bin", b"over a composite");
    mounted.unmount();
    drop(lease);
    usbnet_ok(&["mode", "network"]);
    back_as_before(&card, &mounts, sums, &[("host.bin", b"over a composite")]);
}

#[test]
fn legacy_g_mass_storage() {
    let _lab = Lab::begin();
    let cards = Card::pair();
    let before = cards.each_ref().map(|card| (card.mounts(), card.sums()));
    let backend = "backend: Legacy(ether: \"g_ether\", storage: \"g_mass_storage\")";
    configure(&with_cards(&BOTH, &format!("{backend}, {QUIET}")));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let mounted = disk(1).mount(Kind::Ext4);
    assert_eq!(mounted.sums(), before[1].1);
    mounted.write("host.bin", b"by the old module");
    usbnet_fails(&["mode", "charging"], HOST_BUSY, &["/media/mmc2"]);
    mounted.unmount();
    usbnet_ok(&["mode", "charging"]);
    assert!(sh("lsmod").lines().all(|line| !line.starts_with("g_mass_storage")));
    back_as_before(&cards[0], &before[0].0, before[0].1.clone(), &[]);
    back_as_before(&cards[1], &before[1].0, before[1].1.clone(), &[("host.bin", b"by the old module")]);
}

/// All cards that the host uses are named at once, and one that it does not use is not taken from it either.
#[test]
fn the_host_uses_two_of_three() {
    let _lab = Lab::begin();
    let _cards = [Card::pair(), [Card::insert(Kind::Vfat, 3), Card::insert(Kind::Vfat, 4)]];
    let names = ["/media/mmc3", "/media/mmc1", "/media/mmc4", "/media/mmc2"];
    configure(&with_cards(&names, QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    settled(4);
    let mounted = [disk(1).mount(Kind::Vfat), disk(3).mount(Kind::Ext4)];
    for verb in [&["mode", "network"][..], &["stop"]] {
        usbnet_fails(verb, HOST_BUSY, &["/media/mmc1", "/media/mmc2"]);
        assert_eq!(names.map(place), ["host"; 4], "{verb:?}");
        assert_eq!(status().mode.as_deref(), Some("storage"), "{verb:?}");
    }
    mounted.into_iter().for_each(HostMount::unmount);
    usbnet_ok(&["stop"]);
}

/// A whole disk comes back with other partitions than it had: the device knows the new ones at once.
#[test]
fn partitioned_by_the_host() {
    let _lab = Lab::begin();
    sh("modprobe loop; mkdir -p /run/cards; truncate -s 8M /run/cards/blank.img");
    let whole = sh("losetup --find --show --partscan /run/cards/blank.img");
    configure(&with_cards(&[&whole], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    let node = disk(0).node;
    let mut table = vec![0; 512];
    table[450] = 0x83;
    table[454..458].copy_from_slice(&2048_u32.to_le_bytes());
    table[458..462].copy_from_slice(&4096_u32.to_le_bytes());
    table[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(&node, table).expect("a table on the host's disk");
    sh(&format!("sync {}; udevadm settle", node.display()));
    usbnet_ok(&["mode", "charging"]);
    assert!(Path::new(&format!("{whole}p1")).exists(), "the device still has the old table");
}

/// An empty slot is a state; no card at all is a reason not to choose the mode.
#[test]
fn absent_cards() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    configure(&with_cards(&["/media/mmc1", "/media/mmc9", "LABEL=NOSUCH"], QUIET));
    usbnet_ok(&["start"]);
    assert_eq!(
        [place("/media/mmc1"), place("/media/mmc9"), place("LABEL=NOSUCH")],
        ["device", "absent", "absent"]
    );
    usbnet_ok(&["mode", "storage"]);
    assert_eq!([place("/media/mmc1"), place("/media/mmc9")], ["host", "absent"]);
    settled(1);
    assert!(disks().iter().skip(1).all(|disk| disk.size() == 0), "{:?}", disks());
    usbnet_ok(&["stop"]);
    assert_eq!(card.mounts().len(), 1);

    configure(&with_cards(&[], QUIET));
    usbnet_ok(&["start"]);
    let outcome = usbnet(&["mode", "storage"]);
    assert_ne!(outcome.code, 0);
    assert!(outcome.err.contains("card"), "{}", outcome.err);
    let modes = usbnet_ok(&["modes"]);
    assert!(modes.lines().any(|line| line.contains("storage") && line.contains("card")), "{modes}");
}

/// One card's place is on another card: the inner one goes first and comes last, whatever the configuration's order.
#[test]
fn one_inside_of_the_other() {
    const INNER: &str = "/media/mmc1/dir";
    let _lab = Lab::begin();
    let [outer, inner] = Card::pair();
    sh("umount /media/mmc2");
    let inner = Card { point: INNER.into(), ..inner };
    inner.mount();
    let before = [&outer, &inner].map(|card| (card.mounts(), card.sums()));
    for cards in [["/media/mmc1", INNER], [INNER, "/media/mmc1"]] {
        configure(&with_cards(&cards, QUIET));
        usbnet_ok(&["start"]);
        usbnet_ok(&["mode", "storage"]);
        assert_eq!(cards.map(place), ["host", "host"]);
        settled(2);
        usbnet_ok(&["stop"]);
        for (card, (mounts, sums)) in [&outer, &inner].into_iter().zip(&before) {
            back_as_before(card, mounts, sums.clone(), &[]);
        }
    }
}

/// A card in a reader: it goes while it is lent, and comes again. Named by a link of udev's, since the label would be
/// that of the host's disk too, which is in the same kernel here. Another card that the host has ejected meanwhile is
/// not pushed upon it again.
#[test]
fn card_pulled_and_inserted_while_lent() {
    const SLOT: &str = "/dev/slot";
    let _lab = Lab::begin();
    sh("mkdir -p /run/udev/rules.d
        echo 'SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", ATTRS{model}==\"scsi_debug*\", SYMLINK+=\"slot\"' \
            > /run/udev/rules.d/99-slot.rules
        udevadm control --reload
        modprobe scsi_debug dev_size_mb=16 delay=0");
    wait_until("the reader's card", || Path::new(SLOT).exists());
    sh(&format!(
        "udevadm settle; mkfs.vfat --mbr=no -n MUSIC {SLOT}; mkdir /media/mmc9; mount {SLOT} /media/mmc9"
    ));
    let other = Card::insert(Kind::Vfat, 1);
    configure(&with_cards(&[SLOT, "/media/mmc1"], QUIET));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    settled(2);
    disk(1).eject();
    wait_until("the status to know of the eject", || place("/media/mmc1") == "nobody");
    sh(&format!("echo 1 > /sys/block/$(basename $(readlink {SLOT}))/device/delete"));
    wait_until("the status to know that the card is out", || place(SLOT) == "absent");
    wait_until("the mode to stay as it is", || status().mode.as_deref() == Some("storage"));
    // A slow udev: the link comes two seconds after the card, and the disk is kept open for four more.
    sh(
        r#"echo 'ACTION=="add", ENV{DEVTYPE}=="disk", ATTRS{model}=="scsi_debug*", PROGRAM="/bin/sleep 2", RUN+="/bin/sleep 4"' \
            >> /run/udev/rules.d/99-slot.rules
        udevadm control --reload"#,
    );
    sh(
        "for scan in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/scsi_host/host*/scan; do echo '- - -' > $scan; done",
    );
    wait_until("the status to know that the card is in", || place(SLOT) == "host");
    let mounted = disk(0).mount(Kind::Vfat);
    mounted.write("host.bin", b"on the second one");
    mounted.unmount();
    assert_eq!(place("/media/mmc1"), "nobody", "the host had enough of it");
    assert!(!other.is_free());
    usbnet_ok(&["mode", "storage"]);
    assert_eq!(place("/media/mmc1"), "host", "who asks for the mode wants all cards in it");
    settled(2);
    usbnet_ok(&["mode", "charging"]);
    assert_eq!([place(SLOT), place("/media/mmc1")], ["device", "device"]);
    let mounted = fs::read_to_string("/media/mmc9/host.bin").expect("mounted as it was before all that");
    assert_eq!(mounted, "on the second one");
    usbnet_ok(&["stop"]);
    sh(&format!(
        "umount /media/mmc9; fsck.vfat -n {SLOT} && rm /run/udev/rules.d/99-slot.rules && udevadm control --reload
        udevadm settle"
    ));
}
