//! What can be wrong with cards, and around them: one line each, the right exit code, nothing lost.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
};

use usbnet_tests::{
    cards::{Card, Kind, with_cards},
    daemon::{configure, status_json, usbnet, usbnet_fails, usbnet_ok},
    disk::{disk, settled},
    lab::Lab,
    run::{sh, sh_quietly},
    snapshot::Snapshot,
    wait::wait_until,
};

const FAILED: i32 = 1;
const CONFIG_INVALID: i32 = 3;

/// Undoes a fault when the scenario ends, however it ends.
struct Undo(String);

impl Drop for Undo {
    fn drop(&mut self) {
        sh_quietly(&self.0);
    }
}

/// Starts with these cards and expects `mode storage` to refuse them without changing anything.
fn refused(cards: &[&str], words: &[&str]) {
    configure(&with_cards(cards, "start_mode: \"charging\""));
    usbnet_ok(&["start"]);
    let before = Snapshot::take();
    usbnet_fails(&["mode", "storage"], CONFIG_INVALID, words);
    before.assert_unchanged("refused");
    usbnet_ok(&["stop"]);
}

#[test]
fn cards_that_are_none() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Ext4, 2);
    let device = card.device.to_str().expect("a plain path");
    let _undo = Undo(format!("umount {device}"));

    refused(&["/media/mmc2", device], &["/media/mmc2", device]);
    fs::write("/media/mmc2/disk.img", vec![0; 1 << 20]).expect("an image");
    refused(&["/media/mmc2", "/media/mmc2/disk.img"], &["/media/mmc2/disk.img"]);
    sh("rm /media/mmc2/disk.img; umount /media/mmc2");

    // Where the system lives: by its own name, through a link, and never by the way it is named.
    sh(&format!("mount {device} /home; ln -sfn {device} /run/cards/link"));
    refused(&[device], &[device, "/home"]);
    refused(&["/run/cards/link"], &["/home"]);
    refused(&["LABEL=photos"], &["LABEL=photos", "/home"]);
    configure(&with_cards(
        &[&format!("Card(at: {device:?}, allow_system: true)")],
        "start_mode: \"charging\"",
    ));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "storage"]);
    settled(1);
    usbnet_ok(&["mode", "charging"]);
    sh("mountpoint /home");
}

#[test]
fn no_space_in_run() {
    let _lab = Lab::begin();
    let cards = Card::pair();
    // Lazily: the daemon, which ends later, has its socket there.
    let _undo = Undo("umount -l /run/usbnet".into());
    sh("mkdir -p /run/usbnet; mount -t tmpfs -o size=256k none /run/usbnet");
    configure(&with_cards(&["/media/mmc1", "/media/mmc2"], "start_mode: \"network\""));
    usbnet_ok(&["start"]);
    sh_quietly("dd if=/dev/zero of=/run/usbnet/full bs=1k");
    let before = Snapshot::take();
    usbnet_fails(&["mode", "storage"], FAILED, &["/run/usbnet"]);
    before.assert_unchanged("refused");
    sh("rm /run/usbnet/full");
    usbnet_ok(&["mode", "storage"]);
    settled(2);
    sh_quietly("dd if=/dev/zero of=/run/usbnet/full bs=1k");
    // The way back must not depend on a free byte: the device would never get its cards.
    usbnet_ok(&["mode", "charging"]);
    assert!(cards.iter().all(|card| card.mounts().len() == 1));
}

/// The report of a checker is news and no obstacle, whether it is right or broken itself.
#[test]
fn checkers_that_find_something_or_fail() {
    let _lab = Lab::begin();
    let card = Card::insert(Kind::Vfat, 1);
    let note = || status_json()["cards"][0]["note"].as_str().unwrap_or_default().to_owned();
    for (how, real) in [("Report", true), ("Repair", true), ("Report", false)] {
        configure(&with_cards(
            &["/media/mmc1"],
            &format!("storage: (check: {how}), start_mode: \"charging\""),
        ));
        usbnet_ok(&["start"]);
        usbnet_ok(&["mode", "storage"]);
        settled(1);
        let _undo = if real {
            // The host damages the second copy of the FAT (the first begins after the reserved sectors).
            let found = disk(0);
            let node = OpenOptions::new().read(true).write(true).open(&found.node).expect("the host's disk");
            let mut boot = [0; 512];
            node.read_exact_at(&mut boot, 0).expect("the boot sector");
            let word = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
            node.write_all_at(&[0x55; 64], (word(14) + word(22)) * 512 + 128).expect("a bad FAT");
            node.sync_all().expect("on the card");
            Undo(String::new())
        } else {
            sh(
                "printf '#!/bin/sh\\necho it is broken itself >&2\\nexit 8\\n' > /run/bin/fsck.vfat; chmod +x /run/bin/fsck.vfat",
            );
            Undo("rm /run/bin/fsck.vfat".into())
        };
        usbnet_ok(&["mode", "charging"]);
        assert_eq!(card.mounts().len(), 1, "{how}: the card is back");
        assert!(note().contains("fsck"), "{how}: the status says {:?}", note());
        usbnet_ok(&["stop"]);
        if real {
            sh("umount /media/mmc1");
            let clean = sh_quietly(&format!("fsck.vfat -n {}", card.image.display())).code == 0;
            assert_eq!(clean, how == "Repair", "{how}");
            card.mount();
        }
    }
}

/// Two who want different things: the second hears who is switching.
#[test]
fn second_request_while_the_first_waits() {
    let _lab = Lab::begin();
    let _card = Card::insert(Kind::Vfat, 1);
    configure(&with_cards(&["/media/mmc1"], "start_mode: \"charging\""));
    usbnet_ok(&["start"]);
    let held = fs::File::open("/media/mmc1/file1").expect("a file");
    let first = std::thread::spawn(|| usbnet(&["mode", "storage", "--on-busy", "wait=110"]));
    wait_until("the first to wait", || !status_json()["progress"].is_null());
    let second = usbnet(&["mode", "network"]);
    assert_eq!(second.code, FAILED, "{}{}", second.out, second.err);
    assert!(second.err.contains("storage"), "{}", second.err);
    drop(held);
    assert_eq!(first.join().expect("a thread").code, 0);
}
