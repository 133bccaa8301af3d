//! Plans, from what is observed in a fake configfs to what is left there.

mod cards;
mod describe;
mod profile_disk;
mod role;
mod shell;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::config::{Backend, Config, FunctionKind, HostPreset, Mode};
use crate::identity::{Identity, IdentityError};
use crate::sys::configfs::fake::FakeConfigFs;
use crate::sys::configfs::{ClassTriple, FunctionSpec, GadgetSpec, LiveGadget, OtherGadget, Presence};
use crate::sys::modules::{Index, Modules, Source};
use crate::sys::udc::{Udc, UdcState};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);

fn udc(name: &str, driver: Option<&str>) -> Udc {
    Udc {
        name: name.to_owned(),
        state: UdcState::NotAttached,
        driver: driver.map(str::to_owned),
        current_speed: None,
        maximum_speed: None,
        is_otg: false,
        interfaces: Vec::new(),
    }
}

fn modules(loaded: &[&str], loadable: &[&str]) -> Modules {
    Modules {
        loaded: loaded.iter().map(|name| ((*name).to_owned(), BTreeSet::new())).collect(),
        index: Index {
            built_in: None,
            loadable: Some(loadable.iter().map(|name| (*name).to_owned()).collect()),
        },
    }
}

/// What there is on a device with one UDC and all that the kernel needs, loaded before usbnet came.
fn observe(fake: &FakeConfigFs) -> Observed {
    let modules = modules(&["libcomposite", "configfs"], &["g_ether"]);
    Observed {
        configfs: fake.configfs(),
        presence: fake.configfs().presence(),
        gadget: fake.observe(GADGET),
        others: Vec::new(),
        udcs: vec![udc("dummy_udc.0", None)],
        before: Before::from_now(Presence::Ready, &modules),
        modules,
        legacy: None,
        luns: Vec::new(),
        cards: Vec::new(),
        cards_refused: None,
        role_before: None,
        port_uses: Vec::new(),
        link: None,
        responder: None,
    }
}

fn identity() -> Result<Identity, IdentityError> {
    Ok(Identity::from_seed("seed"))
}

fn mode(functions: &[FunctionKind]) -> Mode {
    Mode { functions: functions.to_vec(), host_preset: HostPreset::Any, profile_disk: false }
}

fn target_with(functions: &[FunctionKind], with: &Realisation) -> Target {
    let gadget = describe(&Config::default(), &mode(functions), with, &identity()).expect("describable");
    let network = functions.iter().any(|kind| kind.is_network());
    let link = network.then(|| LinkTarget {
        address: ADDRESS,
        prefix: 27,
        mtu: Some(1400),
        responder: Some(vec!["--name".to_owned(), "it's".to_owned()]),
    });
    Target { gadget, udc: None, link, lending: Lending::Nothing, profile_disk: None, port: PortRole::Own }
}

fn target(functions: &[FunctionKind]) -> Target {
    target_with(functions, &Realisation::Configfs)
}

fn legacy(files: Option<Vec<PathBuf>>) -> Realisation {
    Realisation::Legacy { module: "g_ether".to_owned(), files }
}

/// Does what a step does to configfs, with a kernel that gives the interface the name `usb0`.
fn apply(fake: &FakeConfigFs, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Configfs(operation) => fake.apply(operation).expect("in the kernel's order"),
            Step::Bind { gadget, udc } => {
                fs::write(gadget.join("UDC"), format!("{}\n", udc.as_deref().expect("a UDC"))).expect("bind");
                for function in fs::read_dir(gadget.join("functions")).expect("functions").flatten() {
                    let name = function.path().join("ifname");
                    if name.exists() {
                        fs::write(name, "usb0\n").expect("ifname");
                    }
                }
            }
            Step::Unbind { gadget } => fs::write(gadget.join("UDC"), "\n").expect("unbind"),
            _ => {}
        }
    }
}

/// The state after a mode was reached: bound, addressed, with its responder.
fn reached(functions: &[FunctionKind]) -> (FakeConfigFs, Observed) {
    let fake = FakeConfigFs::new();
    let wanted = target(functions);
    apply(&fake, &switch(&observe(&fake), &wanted).expect("a plan"));
    let mut observed = observe(&fake);
    if observed.gadget.as_ref().is_some_and(|live| live.udc.is_some()) {
        observed.udcs = vec![udc("dummy_udc.0", Some(GADGET))];
    }
    if let Some(link) = wanted.link {
        observed.link = Some(LiveLink {
            interface: "usb0".to_owned(),
            address: ADDRESS,
            prefix: 27,
            mtu: 1400,
            up: true,
        });
        observed.responder = link.responder.map(|arguments| (99, arguments));
    }
    (fake, observed)
}

/// The steps without the details of configfs.
fn outline(steps: &[Step]) -> String {
    let mut words: Vec<String> = steps
        .iter()
        .map(|step| match step {
            Step::StopResponder { .. } => "stop-responder".to_owned(),
            Step::LinkDown { .. } => "link-down".to_owned(),
            Step::Unbind { .. } => "unbind".to_owned(),
            Step::UnloadModule { module } => format!("unload:{module}"),
            Step::LoadModule(load) => format!("load:{}", load.module),
            Step::MountConfigfs { .. } => "mount".to_owned(),
            Step::UnmountConfigfs { .. } => "unmount".to_owned(),
            Step::Configfs(_) => "configfs".to_owned(),
            Step::AwaitUdc { named, .. } => format!("await:{}", named.as_deref().unwrap_or("any")),
            Step::Bind { udc, .. } => format!("bind:{}", udc.as_deref().unwrap_or("found")),
            Step::LinkUp { .. } => "link-up".to_owned(),
            Step::StartResponder { .. } => "start-responder".to_owned(),
            Step::TakeRole(before) => format!("take-{}:{}", before.taken.word(), before.word),
            Step::LeaveRole(before) => format!("leave-{}:{}", before.taken.word(), before.word),
            Step::Eject { card, .. } => format!("eject:{card}"),
            Step::WithdrawProfiles { .. } => "withdraw-profiles".to_owned(),
            Step::OfferProfiles { .. } => "offer-profiles".to_owned(),
            Step::Sync { card, .. } => format!("sync:{card}"),
            Step::Unmount { card, .. } => format!("unmount:{card}"),
            Step::SwapOff { card, .. } => format!("swapoff:{card}"),
            Step::Hold { card, .. } => format!("hold:{card}"),
            Step::Insert { card, .. } => format!("insert:{card}"),
            Step::Release { card } => format!("release:{card}"),
            Step::Check { card, .. } => format!("check:{card}"),
            Step::Mount { card, .. } => format!("mount:{card}"),
            Step::SwapOn { card, .. } => format!("swapon:{card}"),
        })
        .collect();
    words.dedup();
    words.join(" ")
}

use FunctionKind::{Acm, Ecm, EcmSubset, Eem, MassStorage, Ncm, Rndis};

#[test]
fn switches_do_what_differs_and_no_more() {
    const WHOLE: &str = "stop-responder unbind configfs bind:dummy_udc.0 link-up start-responder";
    let rows: [(&str, &[FunctionKind], &[FunctionKind], &str); 7] = [
        ("nothing to do", &[Ncm], &[Ncm], ""),
        ("another function", &[Ncm], &[Rndis], WHOLE),
        ("one more function", &[Ncm], &[Ncm, Acm], WHOLE),
        ("the link goes", &[Ncm], &[Acm], "stop-responder unbind configfs bind:dummy_udc.0"),
        ("everything goes", &[Ncm], &[], "stop-responder unbind configfs"),
        ("nothing stays nothing", &[], &[], ""),
        ("from nothing", &[], &[Ecm], "configfs bind:dummy_udc.0 link-up start-responder"),
    ];
    for (name, from, to, expected) in rows {
        let (_, observed) = reached(from);
        let steps = switch(&observed, &target(to)).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
    }
}

#[test]
fn a_link_that_differs_is_changed_without_touching_the_gadget() {
    let rows: [(&str, fn(&mut Observed), &str); 6] = [
        ("address lost", |seen| seen.link = None, "stop-responder link-up start-responder"),
        (
            "another address",
            |seen| seen.link.as_mut().expect("a link").address = Ipv4Addr::new(192, 168, 3, 15),
            "stop-responder link-down link-up start-responder",
        ),
        (
            "set down",
            |seen| seen.link.as_mut().expect("a link").up = false,
            "stop-responder link-up start-responder",
        ),
        (
            "mtu",
            |seen| seen.link.as_mut().expect("a link").mtu = 1500,
            "stop-responder link-up start-responder",
        ),
        ("responder died", |seen| seen.responder = None, "link-up start-responder"),
        (
            "responder started otherwise",
            |seen| seen.responder = Some((99, vec!["--no-dns".to_owned()])),
            "stop-responder link-up start-responder",
        ),
    ];
    for (name, change, expected) in rows {
        let (_, mut observed) = reached(&[Ncm]);
        change(&mut observed);
        let steps = switch(&observed, &target(&[Ncm])).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
    }
}

#[test]
fn what_the_kernel_lacks_at_first_is_brought_in_first() {
    const REST: &str = "configfs bind:dummy_udc.0 link-up start-responder";
    let rows: [(&str, Presence, &[&str], &str); 4] = [
        ("all there", Presence::Ready, &["libcomposite"], ""),
        ("not loaded", Presence::NoGadgets, &[], "load:libcomposite "),
        ("not mounted", Presence::NotMounted, &["libcomposite"], "mount "),
        ("neither", Presence::Missing, &[], "load:libcomposite mount "),
    ];
    for (name, presence, loaded, expected) in rows {
        let mut observed = observe(&FakeConfigFs::new());
        (observed.presence, observed.modules) = (presence, modules(loaded, &["libcomposite"]));
        let steps = switch(&observed, &target(&[Ncm])).expect(name);
        assert_eq!(outline(&steps), format!("{expected}{REST}"), "{name}");
    }
}

#[test]
fn a_udc_that_is_not_there_yet_is_waited_for() {
    let mut observed = observe(&FakeConfigFs::new());
    observed.udcs.clear();
    let mut wanted = target(&[Acm]);
    let plan = |wanted: &Target| outline(&switch(&observed, wanted).expect("a plan"));
    assert_eq!(plan(&wanted), "configfs await:any bind:found");
    wanted.udc = Some("late.0".to_owned());
    assert_eq!(plan(&wanted), "configfs await:late.0 bind:found");
}

#[test]
fn what_is_not_ours_and_in_the_way_is_named() {
    let configfs = target(&[Ncm]);
    let by_module = target_with(&[Ecm], &legacy(None));
    let rows: [(&str, fn(&mut Observed), &Target, &str); 7] = [
        (
            "another gadget",
            |seen| {
                seen.udcs[0].driver = Some("g1".to_owned());
                let udc = Some("dummy_udc.0".to_owned());
                seen.others = vec![OtherGadget { name: "g1".to_owned(), udc }];
            },
            &configfs,
            "UDC dummy_udc.0 is taken by the configfs gadget \"g1\"",
        ),
        (
            "a module",
            |seen| {
                seen.udcs[0].driver = Some("g_mass_storage".to_owned());
                seen.modules = modules(&["g_mass_storage"], &[]);
            },
            &configfs,
            "UDC dummy_udc.0 is taken by the module g_mass_storage, which usbnet did not load; unload it with `rmmod g_mass_storage`",
        ),
        (
            "a module with another name than its driver",
            |seen| {
                seen.udcs[0].driver = Some("zero".to_owned());
                seen.modules = modules(&["g_zero"], &[]);
            },
            &configfs,
            "taken by the module g_zero",
        ),
        (
            "built in",
            |seen| seen.udcs[0].driver = Some("g_ether".to_owned()),
            &configfs,
            "taken by the gadget driver \"g_ether\"",
        ),
        (
            "g_ether of somebody else",
            |seen| {
                seen.udcs[0].driver = Some("g_ether".to_owned());
                foreign_g_ether(seen);
            },
            &by_module,
            "UDC dummy_udc.0 is taken by the module g_ether",
        ),
        (
            "g_ether of somebody else, idle",
            foreign_g_ether,
            &by_module,
            "the module g_ether is loaded already",
        ),
        (
            "two free UDCs for a module",
            |seen| seen.udcs.push(udc("second.0", None)),
            &by_module,
            "g_ether takes the first free UDC",
        ),
    ];
    for (name, change, wanted, expected) in rows {
        let mut observed = observe(&FakeConfigFs::new());
        change(&mut observed);
        let message = switch(&observed, wanted).expect_err(name).to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

fn foreign_g_ether(seen: &mut Observed) {
    seen.modules = modules(&["g_ether"], &[]);
    seen.before = Before::from_now(Presence::Ready, &seen.modules);
    seen.legacy = Some(LiveLegacy { module: "g_ether".to_owned(), parameters: Default::default() });
}

/// What is observed while our `g_ether` runs as `wanted` says.
fn legacy_reached(fake: &FakeConfigFs, wanted: &Target) -> Observed {
    let GadgetTarget::Legacy(legacy) = &wanted.gadget else { panic!("not legacy") };
    let mut observed = observe(fake);
    observed.udcs = vec![udc("dummy_udc.0", Some("g_ether"))];
    observed.modules = modules(&["g_ether", "u_ether", "libcomposite", "configfs"], &[]);
    // The kernel shows numbers in decimal, and leaves out use_eem.
    let shown = |(name, value): &(String, String)| match value.strip_prefix("0x") {
        Some(hex) => (name.clone(), u32::from_str_radix(hex, 16).expect("a number").to_string()),
        None => (name.clone(), value.clone()),
    };
    let parameters = legacy.parameters().iter().filter(|(name, _)| name != "use_eem").map(shown).collect();
    observed.legacy = Some(LiveLegacy { module: "g_ether".to_owned(), parameters });
    observed
}

#[test]
fn a_legacy_module_is_loaded_once_and_again_when_its_parameters_differ() {
    let fake = FakeConfigFs::new();
    let ether = target_with(&[Ecm], &legacy(None));
    let eem = target_with(&[Eem], &legacy(None));
    let plan = |seen: &Observed, wanted: &Target| outline(&switch(seen, wanted).expect("a plan"));
    let running = legacy_reached(&fake, &ether);
    const UP: &str = "link-up start-responder";
    assert_eq!(plan(&observe(&fake), &ether), format!("load:g_ether {UP}"));
    assert_eq!(plan(&running, &ether), UP);
    assert_eq!(plan(&running, &eem), format!("unload:g_ether load:g_ether {UP}"));
    assert_eq!(plan(&legacy_reached(&fake, &eem), &eem), UP);
    assert_eq!(plan(&running, &target(&[])), "unload:g_ether");
    assert_eq!(plan(&running, &target(&[Ncm])), format!("unload:g_ether configfs bind:dummy_udc.0 {UP}"));
    let (_, configfs) = reached(&[Ncm]);
    assert_eq!(plan(&configfs, &ether), format!("stop-responder unbind configfs load:g_ether {UP}"));
}

#[test]
fn module_files_are_loaded_in_order_and_the_last_has_the_parameters() {
    let files = ["libcomposite.ko", "u_ether.ko", "g_ether.ko"].map(|file| Path::new("/m/2.6.21").join(file));
    let wanted = target_with(&[Eem], &legacy(Some(files.to_vec())));
    // libcomposite is loaded already.
    let steps = switch(&observe(&FakeConfigFs::new()), &wanted).expect("a plan");
    let loads: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Step::LoadModule(load) => Some((load.source.clone(), load.parameters.len())),
            _ => None,
        })
        .collect();
    let [_, ether, g_ether] = files;
    assert_eq!(loads, [(Source::File(ether), 0), (Source::File(g_ether), 9)]);
    let GadgetTarget::Legacy(legacy) = wanted.gadget else { panic!("not legacy") };
    assert_eq!(legacy.serves(), [Rndis, Eem]);
}

#[test]
fn stop_leaves_what_there_was() {
    let (fake, mut observed) = reached(&[Rndis, Acm]);
    let users = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    observed.modules.loaded = [
        ("usb_f_rndis", users(&[])),
        ("usb_f_acm", users(&[])),
        ("usb_f_fs", users(&[])),
        ("u_ether", users(&["usb_f_rndis"])),
        ("u_serial", users(&["usb_f_acm", "somebody"])),
        ("libcomposite", users(&["usb_f_rndis", "usb_f_acm"])),
        ("configfs", users(&["usb_f_rndis", "usb_f_acm", "libcomposite"])),
        ("dummy_hcd", users(&[])),
    ]
    .map(|(name, users)| (name.to_owned(), users))
    .into();
    let unload = "unload:usb_f_rndis unload:usb_f_acm unload:u_ether unload:libcomposite";
    let rows: [(&str, Before, String); 3] = [
        (
            "nothing was there",
            Before { modules: users(&["dummy_hcd"]), mounted: false },
            format!("{unload} unmount unload:configfs"),
        ),
        ("configfs was mounted", Before { modules: users(&["configfs"]), mounted: true }, unload.to_owned()),
        ("all was there", Before::from_now(Presence::Ready, &observed.modules), String::new()),
    ];
    for (name, before, expected) in rows {
        observed.before = before;
        let plan = outline(&stop(&observed));
        assert_eq!(plan, format!("stop-responder unbind configfs {expected}").trim_end(), "{name}");
    }
    observed.others = vec![OtherGadget { name: "g1".to_owned(), udc: None }];
    observed.before = Before::default();
    assert_eq!(outline(&stop(&observed)), "stop-responder unbind configfs");
    apply(&fake, &stop(&observed));
    assert_eq!(fake.observe(GADGET), None);
    assert_eq!(stop(&observe(&fake)), [], "nothing left to stop");
}

#[test]
fn every_mode_follows_from_every_other() {
    let modes: [&[FunctionKind]; 8] =
        [&[Ncm], &[Rndis], &[Ecm], &[Eem], &[EcmSubset], &[Ncm, Acm], &[Rndis, Acm], &[]];
    for from in modes {
        for to in modes {
            let (fake, observed) = reached(from);
            let steps = switch(&observed, &target(to)).expect("a plan");
            apply(&fake, &steps);
            let (_, fresh) = reached(to);
            let functions = |gadget: &Option<LiveGadget>| gadget.as_ref().map(|live| live.functions.clone());
            let now = fake.observe(GADGET);
            assert_eq!(
                functions(&now).unwrap_or_default(),
                functions(&fresh.gadget).unwrap_or_default(),
                "{from:?} → {to:?}"
            );
            assert_eq!(now.is_some_and(|live| live.udc.is_some()), !to.is_empty(), "{from:?} → {to:?}");
        }
    }
}

/// A daemon that is killed behind the unbinding leaves an address that must not look like another network's.
#[test]
fn an_interface_is_ours_also_while_the_gadget_is_not_bound() {
    let (fake, observed) = reached(&[Ncm]);
    assert_eq!(
        (observed.interfaces(), observed.all_interfaces()),
        (vec!["usb0".into()], vec!["usb0".into()])
    );
    apply(&fake, &[Step::Unbind { gadget: observed.gadget.expect("a gadget").path }]);
    let observed = observe(&fake);
    assert_eq!((observed.interfaces(), observed.all_interfaces()), (vec![], vec!["usb0".into()]));
}
