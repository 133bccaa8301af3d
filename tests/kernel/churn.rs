//! Many switches in a row, by chance, with a host that uses each mode: nothing wears out. `scripts/soak` makes it 200.

use std::{env, fs, path::Path, thread, time::Duration};

use usbnet_tests::{
    cable,
    cards::{Card, Random, Sums, bytes, sum, with_cards},
    daemon::{configure, descriptors, private_kb, status, sum_of, usbnet, usbnet_ok},
    disk::disk,
    host::Client,
    lab::Lab,
    run::sh,
    wait::wait_until,
};

const MODES: [&str; 4] = ["network", "storage", "network+storage", "charging"];

/// How many switches: as many as `scripts/soak` says, or a few.
fn count(few: usize, share: usize) -> usize {
    env::var("USBNET_SOAK").ok().map_or(few, |number| number.parse::<usize>().expect("USBNET_SOAK") / share)
}

/// What must not grow.
#[derive(Debug)]
struct Size {
    /// The daemon's own memory, in kB.
    private: usize,
    descriptors: usize,
    /// The kernel's memory that it cannot take back, in kB.
    slab: usize,
}

impl Size {
    fn now() -> Self {
        sh("sync; echo 3 > /proc/sys/vm/drop_caches");
        Self {
            private: private_kb(),
            descriptors: descriptors(),
            slab: sum_of("/proc/meminfo", "SUnreclaim"),
        }
    }
}

struct Device {
    cards: [Card; 2],
    mounts: [Vec<String>; 2],
    sums: [Sums; 2],
}

impl Device {
    fn start() -> Self {
        let cards = Card::pair();
        let (mounts, sums) = (cards.each_ref().map(Card::mounts), cards.each_ref().map(Card::sums));
        configure(&with_cards(&["/media/mmc1", "/media/mmc2"], "start_mode: \"charging\""));
        usbnet_ok(&["start"]);
        Self { cards, mounts, sums }
    }

    /// The host uses whatever the device is now; the device uses its cards when it has them.
    fn use_it(&mut self, mode: &str, turn: usize) {
        let content = bytes(turn as u64, 30_000);
        let name = format!("turn{}", turn % 5);
        for lun in 0..2 {
            if mode.contains("storage") {
                let mounted = disk(lun).mount(self.cards[lun].kind);
                assert_eq!(mounted.sums(), self.sums[lun], "turn {turn}: the host's view of card {lun}");
                mounted.write(&name, &content);
                mounted.unmount();
            } else {
                assert_eq!(self.cards[lun].mounts(), self.mounts[lun], "turn {turn}");
                assert_eq!(
                    self.cards[lun].sums(),
                    self.sums[lun],
                    "turn {turn}: the device's view of card {lun}"
                );
                fs::write(self.cards[lun].point.join(&name), &content).expect("a file on the card");
            }
            self.sums[lun].insert(name.clone(), sum(&content));
        }
        if mode.contains("network") {
            let interface = cable::hand_to_host();
            drop(Client::Udhcpc.lease(&interface));
        }
    }
}

fn protocol_errors() -> usize {
    sh("dmesg | grep -c 'error -71' || true").parse().expect("a number")
}

/// Another mode than this one.
fn another(random: &mut Random, mode: &str) -> &'static str {
    let others: Vec<_> = MODES.into_iter().filter(|other| *other != mode).collect();
    others[random.below(others.len())]
}

#[test]
fn switches_in_a_row() {
    let _lab = Lab::begin();
    let errors = protocol_errors();
    let mut device = Device::start();
    let mut mode = "charging";
    let mut random = Random::new(3);
    // Each mode once, so that all is loaded that ever will be.
    for (turn, warm) in MODES.into_iter().enumerate() {
        usbnet_ok(&["mode", warm]);
        device.use_it(warm, turn);
        mode = warm;
    }
    let before = Size::now();
    let turns = count(8, 1);
    for turn in 0..turns {
        mode = another(&mut random, mode);
        usbnet_ok(&["mode", mode]);
        assert_eq!(status().mode.as_deref(), Some(mode));
        device.use_it(mode, turn);
    }
    // In the mode in which it was measured before.
    if mode != "charging" {
        usbnet_ok(&["mode", "charging"]);
    }
    let after = Size::now();
    println!("{turns} switches: {before:?} before, {after:?} after");
    assert_eq!(protocol_errors(), errors, "the host has seen protocol errors");
    assert_eq!(after.descriptors, before.descriptors);
    assert!(after.private <= before.private + 300, "the daemon grows");
    assert!(after.slab <= before.slab + 4096 + 5 * turns, "the kernel's memory grows");
}

#[test]
fn cable_pulled_in_switches() {
    let _lab = Lab::begin();
    let mut device = Device::start();
    let mut mode = "charging".to_owned();
    let mut random = Random::new(6);
    for turn in 0..count(3, 4) {
        let to = another(&mut random, &mode);
        let after = Duration::from_millis(random.below(900) as u64);
        // Not a wait for something: this is when chance pulls the cable.
        let hand = thread::spawn(move || {
            thread::sleep(after);
            cable::set(false);
        });
        let outcome = usbnet(&["mode", to]);
        hand.join().expect("the cable is out");
        let now = status().mode.unwrap_or_default();
        assert!(
            now == to || (now == mode && outcome.code != 0),
            "{mode} to {to} without a cable after {after:?}: {now:?}, {}{}",
            outcome.out,
            outcome.err
        );
        cable::set(true);
        if now != "charging" {
            wait_until("the host to enumerate the device", || cable::usb_device().is_some());
        }
        if now != to {
            usbnet_ok(&["mode", to]);
        }
        device.use_it(to, turn);
        mode = to.to_owned();
    }
    usbnet_ok(&["stop"]);
    assert!(!Path::new("/run/usbnet/journal.json").exists(), "the journal stays");
    for (card, mounts) in device.cards.iter().zip(&device.mounts) {
        assert_eq!(&card.mounts(), mounts);
        card.assert_clean_between_mounts();
    }
}
