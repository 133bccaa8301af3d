//! Modes as descriptors and addresses.

use proptest::prelude::*;

use super::*;
use crate::config::{Card, CardPlace};

fn spec(functions: &[FunctionKind], preset: HostPreset) -> GadgetSpec {
    let mode = Mode { functions: functions.to_vec(), host_preset: preset, profile_disk: false };
    match describe(&Config::default(), &mode, &Realisation::Configfs, &identity()) {
        Ok(GadgetTarget::Configfs(spec)) => spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn descriptors_are_what_hosts_bind_to() {
    let id = (0x1d6b, 0x0104);
    let rows: [(&[FunctionKind], u16, (u16, u16), &[&str], bool); 8] = [
        (&[Ecm], 0x1001, id, &["ecm.usb0"], false),
        (&[Ncm], 0x1002, id, &["ncm.usb0"], true),
        (&[Rndis], 0x1004, id, &["rndis.usb0"], true),
        (&[Eem], 0x1008, id, &["eem.usb0"], false),
        (&[EcmSubset], 0x1016, (0x0525, 0xa4a2), &["geth.usb0"], false),
        (&[Acm], 0x1032, id, &["acm.gs0"], false),
        (&[Acm, Rndis], 0x1036, id, &["rndis.usb0", "acm.gs0"], true),
        (&[Ncm, Acm], 0x1034, id, &["ncm.usb0", "acm.gs0"], true),
    ];
    for (functions, bcd, id, directories, os_descriptors) in rows {
        let spec = spec(functions, HostPreset::Any);
        let found: Vec<_> = spec.functions.iter().map(FunctionSpec::directory).collect();
        assert_eq!(found, directories, "{functions:?}");
        assert_eq!(spec.bcd_device, bcd, "{functions:?}");
        assert_eq!((spec.vendor_id, spec.product_id), id, "{functions:?}");
        assert_eq!(spec.os_descriptors.is_some(), os_descriptors, "{functions:?}");
    }
    for (preset, class) in [
        (HostPreset::Any, ClassTriple::MISCELLANEOUS_RNDIS),
        (HostPreset::Windows7, ClassTriple::WIRELESS_RNDIS),
    ] {
        let FunctionSpec::Ethernet(rndis) = &spec(&[Rndis], preset).functions[0] else {
            panic!("no network")
        };
        assert_eq!(rndis.class, Some(class), "{preset:?}");
    }
}

proptest! {
    #[test]
    fn compositions_have_decimal_numbers_of_their_own(a in 0_u8..128, b in 0_u8..128) {
        let set = |bits: u8| -> Vec<_> {
            FunctionKind::ALL.into_iter().filter(|kind| bits >> (*kind as u8) & 1 == 1).collect()
        };
        let (first, second) = (bcd_device(&set(a)), bcd_device(&set(b)));
        prop_assert_eq!(a == b, first == second);
        prop_assert!(format!("{first:x}").chars().all(|digit| digit.is_ascii_digit()), "{:x}", first);
    }
}

#[test]
fn every_card_is_a_unit_in_the_order_of_the_configuration() {
    let plain = Card::new(CardPlace::Path("/media/mmc1".into()));
    let disc =
        Card { cdrom: true, read_only: true, inquiry: Some("usbnet drivers".to_owned()), ..plain.clone() };
    let config = Config { cards: vec![plain, disc], ..Config::default() };
    let with = |functions: &[FunctionKind], realisation: &Realisation| {
        describe(&config, &mode(functions), realisation, &identity()).expect("describable")
    };
    let GadgetTarget::Configfs(spec) = with(&[MassStorage, Ncm], &Realisation::Configfs) else {
        panic!("no configfs")
    };
    assert_eq!(spec.class, ClassTriple::MISCELLANEOUS);
    let directories: Vec<_> = spec.functions.iter().map(FunctionSpec::directory).collect();
    assert_eq!(directories, ["ncm.usb0", "mass_storage.cards"]);
    let FunctionSpec::MassStorage(storage) = &spec.functions[1] else { panic!("no card reader") };
    let flags: Vec<_> =
        storage.luns.iter().map(|lun| (lun.read_only, lun.cdrom, lun.inquiry.is_some())).collect();
    assert_eq!(flags, [(false, false, false), (true, true, true)]);
    let GadgetTarget::Configfs(alone) = with(&[MassStorage], &Realisation::Configfs) else {
        panic!("no configfs")
    };
    assert_eq!(alone.class, ClassTriple::PER_INTERFACE);

    let module = Realisation::Legacy { module: "g_mass_storage".to_owned(), files: None };
    let GadgetTarget::Legacy(legacy) = with(&[MassStorage], &module) else { panic!("no module") };
    let parameters = legacy.parameters();
    for wanted in [("luns", "2"), ("removable", "Y,Y"), ("ro", "N,Y"), ("cdrom", "N,Y"), ("nofua", "N,N")] {
        assert!(
            parameters.iter().any(|(name, value)| (name.as_str(), value.as_str()) == wanted),
            "{wanted:?}"
        );
    }
    assert!(!parameters.iter().any(|(name, _)| name == "host_addr"), "{parameters:?}");
}

#[test]
fn identity_is_needed_only_for_what_is_left_to_it() {
    let nobody = || Err(IdentityError::NoSeed(Vec::new()));
    let mut config = Config::default();
    let described = |config: &Config| describe(config, &mode(&[Ncm]), &Realisation::Configfs, &nobody());
    assert_eq!(described(&config).err(), nobody().err().map(DescribeError::Identity));
    config.gadget.serial = crate::config::SerialChoice::Fixed("1".to_owned());
    let mac = |last| crate::identity::MacAddr::new([2, 0, 0, 0, 0, last]);
    config.gadget.mac = crate::config::MacChoice::Fixed { device: mac(1), host: mac(2) };
    assert!(described(&config).is_ok());
}

#[test]
fn a_double_quote_cannot_be_a_module_parameter() {
    let mut config = Config::default();
    config.gadget.product = "5\" tablet".to_owned();
    let described = |with| describe(&config, &mode(&[Ecm]), &with, &identity());
    assert!(described(Realisation::Configfs).is_ok());
    let message = described(legacy(None)).expect_err("no escape").to_string();
    assert!(message.starts_with("gadget.product \"5\\\" tablet\" has a double quote"), "{message}");
}
