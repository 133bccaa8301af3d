//! The profile disk in plans: it comes and goes with its mode, is exchanged when it says something wrong, and never in
//! the cards' way.

use super::*;
use crate::profile::{configured, link_facts};
use crate::sys::configfs::Lun;

fn disk(product: &str) -> ProfileDisk {
    let mut config = Config::default();
    config.gadget.product = product.to_owned();
    let facts = link_facts(&config, "network", &identity(), &configured(&config), "n800").expect("facts");
    ProfileDisk::new(Path::new("/run/usbnet"), 0, facts, "network")
}

fn with_disk(functions: &[FunctionKind], product: &str) -> Target {
    let mode = Mode { profile_disk: true, ..mode(functions) };
    let gadget =
        describe(&Config::default(), &mode, &Realisation::Configfs, &identity()).expect("describable");
    Target { gadget, profile_disk: Some(disk(product)), ..target(functions) }
}

/// What is observed once `steps` are done.
fn after(fake: &FakeConfigFs, steps: &[Step]) -> Observed {
    apply(fake, steps);
    for step in steps {
        match step {
            Step::OfferProfiles { lun: Lun::Configfs(unit), disk } => {
                fs::write(unit.join("file"), format!("{}\n", disk.image.display())).expect("inserted");
            }
            Step::WithdrawProfiles { lun: Lun::Configfs(unit), .. } if unit.exists() => {
                fs::write(unit.join("file"), "\n").expect("ejected");
            }
            _ => {}
        }
    }
    let mut observed = observe(fake);
    observed.luns = observed.gadget.as_ref().map(LiveGadget::luns).unwrap_or_default();
    if observed.gadget.as_ref().is_some_and(|live| live.udc.is_some()) {
        observed.udcs = vec![udc("dummy_udc.0", Some(GADGET))];
    }
    observed
}

#[test]
fn it_comes_and_goes_with_its_mode() {
    const BUILD: &str = "configfs offer-profiles bind:dummy_udc.0 link-up start-responder";
    const SERVE: &str = "link-up start-responder";
    // (name, target, the plan), each from where the one before led; the fake kernel has no link.
    let rows = [
        ("from nothing", with_disk(&[Ncm], "N800"), BUILD.to_owned()),
        ("the same again", with_disk(&[Ncm], "N800"), SERVE.to_owned()),
        ("other facts", with_disk(&[Ncm], "N810"), format!("withdraw-profiles offer-profiles {SERVE}")),
        ("another function", with_disk(&[Rndis], "N810"), format!("withdraw-profiles unbind {BUILD}")),
        ("without", target(&[Rndis]), format!("withdraw-profiles unbind configfs bind:dummy_udc.0 {SERVE}")),
        ("with it again", with_disk(&[Rndis], "N800"), format!("unbind {BUILD}")),
        ("charging", target(&[]), "withdraw-profiles unbind configfs".to_owned()),
    ];
    let fake = FakeConfigFs::new();
    let mut observed = observe(&fake);
    for (name, wanted, expected) in rows {
        let steps = switch(&observed, &wanted).expect(name);
        assert_eq!(outline(&steps), expected, "{name}");
        observed = after(&fake, &steps);
    }
    let observed = after(&fake, &switch(&observed, &with_disk(&[Ncm], "N800")).expect("a plan"));
    assert_eq!(outline(&stop(&observed)), "withdraw-profiles unbind configfs");
}

#[test]
fn it_has_the_last_unit_and_the_composite_its_own_number() {
    let config = Config {
        cards: vec![crate::config::Card::new("/media/mmc1".parse().expect("a place"))],
        ..Config::default()
    };
    // (functions, the disk's unit, how many units)
    for (functions, unit, units) in [(&[Ncm][..], 0, 1), (&[Ncm, MassStorage], 1, 2)] {
        let mode = Mode { profile_disk: true, ..mode(functions) };
        assert_eq!(profile_unit(&config, &mode), Some(unit));
        let Ok(GadgetTarget::Configfs(gadget)) =
            describe(&config, &mode, &Realisation::Configfs, &identity())
        else {
            panic!("no gadget");
        };
        let Some(FunctionSpec::MassStorage(storage)) = gadget.functions.last() else { panic!("no disk") };
        assert_eq!(storage.luns.len(), units);
        assert!(storage.luns[unit].read_only && !storage.luns[unit].cdrom);
        assert_eq!(gadget.bcd_device, bcd_device(&[Ncm, MassStorage]), "Windows caches drivers by it");
    }
    assert_eq!(profile_unit(&config, &mode(&[Ncm, MassStorage])), None);
}

#[test]
fn only_its_own_images_are_taken_for_it() {
    // (file, whether)
    let table = [
        (disk("N800").image.display().to_string(), true),
        ("/srv/usbnet-profiles-0123456789abcdef.img".to_owned(), true),
        ("/srv/usbnet-profiles-0123456789abcdeg.img".to_owned(), false),
        ("/srv/usbnet-profiles-.img".to_owned(), false),
        ("/srv/card.img".to_owned(), false),
        (String::new(), false),
    ];
    for (file, expected) in table {
        assert_eq!(is_image(Path::new(&file)), expected, "{file}");
    }
}

#[test]
fn its_steps_are_shell_lines() {
    let disk = disk("N800");
    let lun = || Lun::Configfs("/sys/kernel/config/lun.0".into());
    let image = disk.image.clone();
    let steps = [
        Step::WithdrawProfiles { lun: lun(), image: image.clone() },
        Step::OfferProfiles { lun: lun(), disk: Box::new(disk) },
    ];
    let image = image.display();
    assert_eq!(
        script(&steps),
        [
            "set -e".to_owned(),
            "echo 1 > /sys/kernel/config/lun.0/forced_eject 2> /dev/null || echo > /sys/kernel/config/lun.0/file"
                .to_owned(),
            format!("rm -f {image}"),
            format!("usbnet profile all --mode network --image {image} --force"),
            format!(r"printf '%s\n' {image} > /sys/kernel/config/lun.0/file"),
        ]
    );
}
