//! Cards in plans: whatever the switch and wherever it is cut off, no card is ever with both sides, and all come back.

use super::*;
use crate::cards::{Backing, DeviceNumber, Medium, Mount, MountRecord, ObservedCard, Propagation, Record};
use crate::config::{Card, CardPlace};
use crate::sys::configfs::Lun;

const MODES: [&[FunctionKind]; 4] = [&[], &[Ncm], &[MassStorage], &[Ncm, MassStorage]];

/// A device with two cards: a disk with two partitions, and one that is mounted inside of it.
struct World {
    fake: FakeConfigFs,
    cards: Vec<ObservedCard>,
    bound: bool,
}

fn mount(number: u32, point: &str) -> Mount {
    Mount {
        id: number + 10,
        parent: 1,
        device: DeviceNumber { major: 7, minor: number },
        root: "/".into(),
        point: point.into(),
        options: "rw,noatime".into(),
        propagation: Propagation::default(),
        kind: "vfat".into(),
        source: format!("/dev/loop{number}"),
        super_options: "rw,fmask=0022".into(),
    }
}

fn card(number: u32, mounts: Vec<Mount>) -> ObservedCard {
    ObservedCard {
        name: format!("/media/mmc{number}"),
        lun: Some(number as usize),
        medium: Some(Medium {
            // Such a file is there: the planner takes what is not for a card that was pulled out.
            path: "/dev/null".into(),
            backing: Backing::Block {
                number: DeviceNumber { major: 7, minor: number },
                partitions: Vec::new(),
            },
            size: 1 << 20,
            read_only: false,
            filesystem: None,
        }),
        mounts,
        swaps: Vec::new(),
        record: None,
        held: false,
    }
}

fn config() -> Config {
    let card = |number| Card::new(CardPlace::Path(format!("/media/mmc{number}").into()));
    Config { cards: vec![card(0), card(1)], ..Config::default() }
}

fn wanted(functions: &[FunctionKind]) -> Target {
    let gadget =
        describe(&config(), &mode(functions), &Realisation::Configfs, &identity()).expect("describable");
    let lending = match functions.contains(&MassStorage) {
        true => Lending::AllBut(Spared::default()),
        false => Lending::Nothing,
    };
    Target { gadget, udc: None, link: None, lending, profile_disk: None, port: PortRole::Own }
}

impl World {
    fn new() -> Self {
        let mut cards = vec![
            card(0, vec![mount(0, "/media/mmc0"), mount(2, "/media/second")]),
            card(1, vec![Mount { parent: 10, ..mount(1, "/media/mmc0/inside") }]),
        ];
        cards[1].medium.as_mut().expect("a medium").path = "/dev/zero".into();
        Self { fake: FakeConfigFs::new(), cards, bound: false }
    }

    fn observe(&self) -> Observed {
        let mut observed = observe(&self.fake);
        if self.bound {
            observed.udcs = vec![udc("dummy_udc.0", Some(GADGET))];
        }
        observed.luns = observed.gadget.as_ref().map(LiveGadget::luns).unwrap_or_default();
        observed.cards.clone_from(&self.cards);
        observed
    }

    /// What is in the unit of a card.
    fn file(&self, card: &ObservedCard) -> bool {
        let medium = &card.medium.as_ref().expect("a medium").path;
        self.observe().luns.iter().any(|live| Path::new(&live.file) == medium)
    }

    /// Carries out the first `count` steps as the daemon does: what is taken is noted first.
    fn run(&mut self, steps: &[Step], count: usize) {
        let records = records(&self.cards, steps);
        for card in &mut self.cards {
            card.record = records.iter().find(|record| record.card == card.name).cloned();
        }
        for step in &steps[..count] {
            self.step(step);
            self.nobody_shares(step);
        }
    }

    fn step(&mut self, step: &Step) {
        if let Some(name) = step.card() {
            let card = self.cards.iter_mut().find(|card| card.name == name).expect("a card");
            match step {
                Step::Unmount { point, .. } => {
                    card.mounts.retain(|mount| mount.point != *point);
                    let inside = |mount: &Mount| mount.point.starts_with(point);
                    let left = self.cards.iter().flat_map(|card| &card.mounts).find(|mount| inside(mount));
                    assert_eq!(left, None, "the inner one first");
                }
                Step::Hold { .. } => card.held = true,
                Step::Release { .. } => card.held = false,
                Step::Mount { mount: record, .. } => {
                    let fresh = Self::new().cards.into_iter().flat_map(|card| card.mounts);
                    card.mounts.extend(fresh.filter(|mount| MountRecord::of(mount) == *record));
                    let inside = |mount: &&Mount| {
                        mount.point != record.point && mount.point.starts_with(&record.point)
                    };
                    let hidden = self.cards.iter().flat_map(|card| &card.mounts).find(inside);
                    assert_eq!(hidden, None, "the outer one first");
                }
                Step::Insert { lun: Lun::Configfs(unit), medium, .. } => {
                    assert!(card.held, "nothing may mount what the host has");
                    fs::write(unit.join("file"), format!("{}\n", medium.display())).expect("a unit");
                }
                Step::Eject { lun: Lun::Configfs(unit), .. } => {
                    fs::write(unit.join("file"), "\n").expect("a unit");
                }
                _ => {}
            }
        }
        match step {
            Step::Bind { .. } => self.bound = true,
            Step::Unbind { .. } => {
                self.bound = false;
                assert!(self.cards.iter().all(|card| !self.file(card)), "unbound with a medium in a unit");
            }
            _ => {}
        }
        apply(&self.fake, std::slice::from_ref(step));
    }

    fn nobody_shares(&self, step: &Step) {
        for card in &self.cards {
            assert!(card.mounts.is_empty() || !self.file(card), "{} is with both after {step:?}", card.name);
        }
    }

    /// The daemon dies: what it held is free, what the kernel has stays.
    fn crash(&mut self) {
        self.cards.iter_mut().for_each(|card| card.held = false);
    }

    fn reach(&mut self, functions: &[FunctionKind]) {
        let steps = switch(&self.observe(), &wanted(functions)).expect("a plan");
        self.run(&steps, steps.len());
        self.has_reached(functions);
        assert_eq!(switch(&self.observe(), &wanted(functions)), Ok(Vec::new()), "nothing is left to do");
    }

    fn has_reached(&mut self, functions: &[FunctionKind]) {
        let lends = functions.contains(&MassStorage);
        assert_eq!(self.bound, !functions.is_empty(), "{functions:?}");
        for card in &self.cards {
            assert_eq!((self.file(card), card.held), (lends, lends), "{functions:?}: {}", card.name);
        }
        if !lends {
            let fresh = Self::new().cards;
            for (card, fresh) in self.cards.iter_mut().zip(fresh) {
                assert_eq!(card.mounts, fresh.mounts, "{functions:?}: as before and in that order");
                card.record = None;
            }
        }
    }
}

/// A world where the switch from one mode to another ended behind that many steps; none if it has fewer.
fn cut_off(from: &[FunctionKind], to: &[FunctionKind], count: usize) -> Option<World> {
    let mut world = World::new();
    world.reach(from);
    let steps = switch(&world.observe(), &wanted(to)).expect("a plan");
    (count <= steps.len()).then(|| {
        world.run(&steps, count);
        world.crash();
        world
    })
}

#[test]
fn every_switch_can_be_cut_off_behind_every_step() {
    for (from, to) in MODES.iter().flat_map(|from| MODES.iter().map(move |to| (*from, *to))) {
        for count in 0.. {
            let Some(mut world) = cut_off(from, to, count) else { break };
            world.reach(to);
            cut_off(from, to, count).expect("as before").reach(from);
            let mut world = cut_off(from, to, count).expect("as before");
            let steps = stop(&world.observe());
            world.run(&steps, steps.len());
            world.has_reached(&[]);
        }
    }
}

#[test]
fn the_host_is_asked_before_anything_changes() {
    for (from, to) in [(MODES[2], MODES[1]), (MODES[3], MODES[2]), (MODES[2], MODES[0])] {
        let mut world = World::new();
        world.reach(from);
        let steps = switch(&world.observe(), &wanted(to)).expect("a plan");
        let asks = steps.iter().take_while(|step| matches!(step, Step::Eject { force: false, .. })).count();
        assert_eq!(asks, 2, "{from:?} → {to:?}");
    }
}

#[test]
fn cards_stay_mounted_in_every_mode_that_does_not_lend_them() {
    let mut world = World::new();
    for functions in [MODES[1], MODES[0], MODES[1]] {
        let steps = switch(&world.observe(), &wanted(functions)).expect("a plan");
        assert_eq!(steps.iter().find_map(Step::card), None, "{functions:?}");
        world.run(&steps, steps.len());
    }
}

#[test]
fn slots_and_cards_that_the_host_gave_back() {
    let mut world = World::new();
    world.reach(MODES[2]);
    // The host ejects a card: asking for the mode again lends it again.
    let eject = Step::Eject {
        card: "/media/mmc1".to_owned(),
        lun: world.observe().luns[1].lun.clone(),
        force: false,
    };
    world.step(&eject);
    let outline_of =
        |world: &World, target: &Target| outline(&switch(&world.observe(), target).expect("a plan"));
    assert_eq!(outline_of(&world, &wanted(MODES[2])), "insert:/media/mmc1");
    // Or it goes back to the device while the other stays with the host.
    let it = || ["/media/mmc1".to_owned()].into();
    let spared = Spared { returned: it(), ..Spared::default() };
    let target = Target { lending: Lending::AllBut(spared), ..wanted(MODES[2]) };
    assert_eq!(outline_of(&world, &target), "release:/media/mmc1 check:/media/mmc1 mount:/media/mmc1");
    // Or it is kept, and stays out of its unit whatever is mended.
    let spared = Spared { ejected: it(), ..Spared::default() };
    let target = Target { lending: Lending::AllBut(spared), ..wanted(MODES[2]) };
    assert_eq!(outline_of(&world, &target), "");
    // It is pulled out.
    world.cards[1].medium = None;
    assert_eq!(outline_of(&world, &wanted(MODES[2])), "release:/media/mmc1");
    // An empty slot is an empty unit, not an obstacle.
    let mut world = World::new();
    world.cards[0].medium = None;
    world.cards[0].mounts.clear();
    let steps = switch(&world.observe(), &wanted(MODES[2])).expect("a plan");
    world.run(&steps, steps.len());
    assert_eq!(
        world.observe().luns.iter().map(|live| live.file.as_str()).collect::<Vec<_>>(),
        ["", "/dev/zero"]
    );
}

#[test]
fn a_card_that_was_pulled_out_leaves_its_unit_by_force() {
    let mut world = World::new();
    world.reach(MODES[2]);
    let unit = world.observe().luns[1].lun.clone();
    unit.insert(world.fake.path(), Path::new("/dev/no-such-card")).expect("writable");
    world.cards[1].medium = None;
    let steps = switch(&world.observe(), &wanted(MODES[2])).expect("a plan");
    assert!(matches!(&steps[0], Step::Eject { force: true, lun, .. } if *lun == unit), "{steps:?}");
}

#[test]
fn an_empty_slot_of_a_reader_is_no_reason_to_ask_the_host() {
    let mut world = World::new();
    world.reach(MODES[2]);
    // The reader's node stays; the observer finds no medium in it and nothing that is held.
    world.cards[1].medium = None;
    world.cards[1].held = false;
    let steps = switch(&world.observe(), &wanted(MODES[2])).expect("a plan");
    assert_eq!(outline(&steps), "eject:/dev/zero");
    assert!(matches!(&steps[0], Step::Eject { force: true, .. }), "{steps:?}");
}

/// An image that was renamed on the device while the host has it: the kernel follows it, its name does not.
#[test]
fn an_image_is_never_taken_by_force_unasked() {
    let mut world = World::new();
    world.reach(MODES[2]);
    let unit = world.observe().luns[1].lun.clone();
    unit.insert(world.fake.path(), Path::new("/home/user/card.img (deleted)")).expect("writable");
    world.cards[1].medium = None;
    let steps = switch(&world.observe(), &wanted(MODES[1])).expect("a plan");
    let forced = |step: &Step| matches!(step, Step::Eject { force: true, .. });
    assert!(!steps.iter().any(forced), "{steps:?}");
}

#[test]
fn nothing_is_checked_while_a_part_of_it_is_mounted() {
    let mut world = World::new();
    world.reach(MODES[1]);
    let steps = switch(&world.observe(), &wanted(MODES[2])).expect("a plan");
    let first = steps.iter().position(|step| matches!(step, Step::Unmount { .. })).expect("an unmount");
    world.run(&steps, first + 1);
    let back = switch(&world.observe(), &wanted(MODES[1])).expect("a plan");
    assert_eq!(outline(&back), "check:/media/mmc1 mount:/media/mmc1", "the inner one alone");
    world.run(&steps, first + 3);
    let back = switch(&world.observe(), &wanted(MODES[1])).expect("a plan");
    assert_eq!(outline(&back), "check:/media/mmc1 mount:/media/mmc0 mount:/media/mmc1", "and the second one");
}

#[test]
fn a_card_that_was_put_in_again_is_mounted_from_its_new_device() {
    let mut other = card(0, vec![]);
    let mounts =
        [mount(0, "/media/mmc0"), Mount { source: "/dev/loop0p1".into(), ..mount(2, "/media/second") }];
    other.record = Some(Record {
        card: other.name.clone(),
        medium: "/dev/loop0".into(),
        mounts: mounts.iter().map(MountRecord::of).collect(),
        swaps: vec![],
    });
    let world = World::new();
    let observed = Observed { cards: vec![other], ..world.observe() };
    let sources: Vec<_> = switch(&observed, &wanted(MODES[0]))
        .expect("a plan")
        .into_iter()
        .filter_map(|step| if let Step::Mount { mount, .. } = step { Some(mount.source) } else { None })
        .collect();
    assert_eq!(sources, [Path::new("/dev/null"), Path::new("/dev/nullp1")]);
}

/// Whatever could not be given back the last time is still to be given back the next time; what was mounted elsewhere
/// since then is not.
#[test]
fn a_record_is_renewed_when_a_card_is_taken_again() {
    let (first, second, moved) = (mount(0, "/media/mmc0"), mount(2, "/media/second"), mount(0, "/mnt"));
    let record = Record {
        card: "/media/mmc0".into(),
        medium: "/dev/null".into(),
        mounts: [&first, &second].map(MountRecord::of).into(),
        swaps: vec![],
    };
    let elsewhere = Record { medium: "/dev/zero".into(), ..record.clone() };
    let again = Record { medium: "/dev/loop0".into(), ..record.clone() };
    let renamed = Mount { source: "/dev/null".into(), ..first.clone() };
    let rows = [
        ("nothing is mounted", vec![], Some(&record), vec![&first, &second]),
        ("put in again under another name", vec![], Some(&again), vec![&renamed]),
        ("one is missing", vec![&first], Some(&record), vec![&first, &second]),
        ("mounted elsewhere", vec![&moved], Some(&record), vec![&moved, &second]),
        ("another card", vec![&moved], Some(&elsewhere), vec![&moved]),
        ("no record", vec![&first], None, vec![&first]),
    ];
    for (name, mounts, record, expected) in rows {
        let mut card = card(0, mounts.into_iter().cloned().collect());
        card.record = record.cloned();
        let renewed = Record::renewed(&card).expect("a card");
        assert_eq!(renewed.mounts, expected.into_iter().map(MountRecord::of).collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_cannot_be_given_back_is_kept_in_the_record() {
    let mount = MountRecord::of(&mount(0, "/media/mmc0"));
    let record =
        Record { card: "gone".into(), medium: "/dev/loop9".into(), mounts: vec![mount], swaps: vec![] };
    let orphan = ObservedCard {
        name: "gone".into(),
        lun: None,
        medium: None,
        mounts: Vec::new(),
        swaps: Vec::new(),
        record: Some(record.clone()),
        held: false,
    };
    assert_eq!(records(&[orphan], &[]), [record]);
}

#[test]
fn a_card_that_was_out_while_the_mode_was_mended_is_still_to_be_given_back() {
    let there = || card(0, vec![]);
    let held = || ObservedCard { held: true, ..there() };
    let out = || ObservedCard { medium: None, ..there() };
    let rows = [
        ("stays with the device", there(), there(), false),
        ("stays with the host", held(), held(), false),
        ("is taken", there(), held(), false),
        ("pulled out meanwhile", held(), out(), true),
        ("put in meanwhile", out(), there(), true),
        ("pulled out and put in meanwhile", held(), there(), true),
        ("stays out", out(), out(), true),
    ];
    for (name, before, after, expected) in rows {
        let pulled_out = |returned: &BTreeSet<String>| {
            !pulled_out(std::slice::from_ref(&before), std::slice::from_ref(&after), returned).is_empty()
        };
        assert_eq!(pulled_out(&BTreeSet::new()), expected, "{name}");
        let absent = before.medium.is_none() || after.medium.is_none();
        assert_eq!(pulled_out(&[there().name].into()), absent, "{name}, and is given back");
    }
}
