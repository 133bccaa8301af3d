//! SIGKILL after every step of every switch: the next start ends in one of the two modes, and nothing is lost.
//!
//! The program is `usbnet-faults`, the same source with the feature `fault-points`: it kills itself after the step
//! whose number is in `/run/usbnet/fault`. Releases have no such thing.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use usbnet_tests::{
    cards::{Card, Sums, bytes, sum, with_cards},
    daemon::{configure, processes, status, usbnet, usbnet_ok},
    disk::settled,
    lab::Lab,
    role::RoleSwitch,
    run::{run, sh},
    wait::wait_until,
};

const FAULT: &str = "/run/usbnet/fault";
const JOURNAL: &str = "/run/usbnet/journal.json";

/// What both modes of a pair share.
struct Device {
    cards: [Card; 2],
    mounts: [Vec<String>; 2],
    sums: [Sums; 2],
    written: u64,
    switch: RoleSwitch,
}

impl Device {
    fn start(mode: &str) -> Self {
        let cards = Card::pair();
        configure(&with_cards(&["/media/mmc1", "/media/mmc2"], &format!("start_mode: Last(or: {mode:?})")));
        let (mounts, sums) = (cards.each_ref().map(Card::mounts), cards.each_ref().map(Card::sums));
        let switch = RoleSwitch::fake();
        start();
        Self { cards, mounts, sums, written: 0, switch }
    }

    /// While the device has its cards: writes to each what a switch must bring to safety.
    fn write(&mut self) {
        self.written += 1;
        for (card, sums) in self.cards.iter().zip(&mut self.sums) {
            let content = bytes(self.written, 20_000);
            let name = format!("round{}", self.written % 4);
            fs::write(card.point.join(&name), &content).expect("a file on the card");
            sums.insert(name, sum(&content));
        }
    }

    /// Expects all to be as it must be in `mode`.
    fn check(&self, mode: &str, when: &str) {
        let gadgets = fs::read_dir("/sys/kernel/config/usb_gadget").into_iter().flatten().count();
        assert!(gadgets <= usize::from(!mode.is_empty()), "{when}: {gadgets} gadgets");
        for (card, (mounts, sums)) in self.cards.iter().zip(self.mounts.iter().zip(&self.sums)) {
            let name = card.name();
            if lends(mode) {
                assert_eq!(card.mounts(), Vec::<String>::new(), "{when}: {name} is mounted while it is lent");
                assert!(!card.is_free(), "{when}: {name} is lent without a hold");
                card.assert_clean();
            } else {
                assert_eq!(&card.mounts(), mounts, "{when}: {name} is mounted otherwise");
                assert_eq!(&card.sums(), sums, "{when}: the files of {name}");
                card.assert_clean_between_mounts();
            }
        }
        assert_eq!(self.switch.role() == "host", mode == "host", "{when}: the port's role");
        assert!(lends(mode) || !Path::new(JOURNAL).exists(), "{when}: the journal stays");
    }

    fn stop(self) {
        usbnet_ok(&["stop"]);
        self.check("", "after stop");
        for card in &self.cards {
            sh(&format!("umount {}", card.name()));
            assert!(card.is_free(), "somebody still holds {}", card.name());
        }
    }
}

fn lends(mode: &str) -> bool {
    mode.contains("storage")
}

fn start() {
    let outcome = run(&["usbnet-faults", "start"]);
    assert_eq!(outcome.code, 0, "start: {}{}", outcome.out, outcome.err);
}

/// Kills the daemon in switches between two modes, after step `first` and every `stride`th that follows.
fn kill_between(modes: [&str; 2], first: usize, stride: usize) {
    let _lab = Lab::begin();
    let mut device = Device::start(modes[0]);
    let (mut next, mut through, mut here) = ([first; 2], [false; 2], 0);
    while through != [true; 2] {
        let (from, to) = (modes[here], modes[1 - here]);
        if lends(from) {
            settled(2);
        } else {
            device.write();
        }
        if through[here] {
            usbnet_ok(&["mode", to]);
            here = 1 - here;
            continue;
        }
        let when = format!("{from} to {to}, killed after step {}", next[here]);
        arm(next[here]);
        let outcome = usbnet(&["mode", to]);
        if Path::new(FAULT).exists() {
            assert_eq!(outcome.code, 0, "{when}: {}{}", outcome.out, outcome.err);
            fs::remove_file(FAULT).expect(FAULT);
            println!("{from} to {to}: killed after {} of its steps", (next[here] - first).div_ceil(stride));
            assert!(next[here] > first, "{when}: the switch has no such step");
            through[here] = true;
            here = 1 - here;
            continue;
        }
        wait_until("all to end", || processes().is_empty());
        // Every third time the one that finishes or undoes it is killed as well.
        if (next[here] / stride).is_multiple_of(3) {
            arm(2);
            run(&["usbnet-faults", "start"]);
            if Path::new(FAULT).exists() {
                fs::remove_file(FAULT).expect(FAULT);
                usbnet_ok(&["status"]); // it had not so much to do
            } else {
                wait_until("all to end", || processes().is_empty());
            }
        }
        next[here] += stride;
        start();
        let mode = status().mode.unwrap_or_default();
        here =
            modes.iter().position(|known| *known == mode).unwrap_or_else(|| panic!("{when}: mode {mode:?}"));
        device.check(&mode, &when);
    }
    device.stop();
}

fn arm(step: usize) {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(FAULT).expect(FAULT);
    write!(file, "{step}").expect(FAULT);
}

/// All steps only where asked for: each costs seconds.
fn sometimes(modes: [&str; 2], first: usize, stride: usize) {
    let all = env::var("USBNET_FAULTS").is_ok_and(|value| value == "all");
    let (first, stride) = if all { (1, 1) } else { (first, stride) };
    kill_between(modes, first, stride);
}

#[test]
fn network_and_storage() {
    sometimes(["network", "storage"], 1, 9);
}

#[test]
fn network_and_both() {
    sometimes(["network", "network+storage"], 2, 17);
}

#[test]
fn network_and_charging() {
    sometimes(["network", "charging"], 3, 17);
}

#[test]
fn storage_and_both() {
    sometimes(["storage", "network+storage"], 4, 17);
}

#[test]
fn storage_and_charging() {
    sometimes(["storage", "charging"], 5, 17);
}

#[test]
fn both_and_charging() {
    sometimes(["network+storage", "charging"], 6, 17);
}

/// Nothing but the role changes.
#[test]
fn charging_and_host() {
    kill_between(["charging", "host"], 1, 1);
}

#[test]
fn network_and_host() {
    sometimes(["network", "host"], 4, 17);
}

#[test]
fn storage_and_host() {
    sometimes(["storage", "host"], 5, 17);
}
