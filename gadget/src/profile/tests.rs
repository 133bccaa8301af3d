use std::net::Ipv4Addr;

use super::*;
use crate::config;
use crate::identity::Side;

fn parsed(text: &str) -> Config {
    config::parse(text, "test").expect("a configuration")
}

const MODES: &str = r#"modes: {
    "a-debug": (functions: [Acm]),
    "b-network": (functions: [Ecm]),
    "c-composite": (functions: [MassStorage, Rndis]),
    "d-subset": (functions: [EcmSubset]),
}"#;

#[test]
fn the_mode_that_a_profile_is_for() {
    // (start_mode, asked for, set, outcome)
    let table = [
        ("\"c-composite\"", None, None, "c-composite"),
        ("Last(or: \"c-composite\")", None, Some("b-network"), "b-network"),
        ("\"c-composite\"", None, Some("a-debug"), "c-composite"),
        ("\"a-debug\"", None, None, "b-network"),
        ("\"a-debug\"", Some("d-subset"), Some("b-network"), "d-subset"),
        ("\"a-debug\"", Some("a-debug"), None, "mode a-debug has no network function"),
        ("\"a-debug\"", Some("none"), None, "no mode \"none\"; the configuration has a-debug, b-network, "),
    ];
    for (start, asked, live, expected) in table {
        let config = parsed(&format!("Config({MODES}, start_mode: {start})"));
        let found = choose_mode(&config, asked, live).map_or_else(|error| error.to_string(), str::to_owned);
        assert!(found.starts_with(expected), "{start}, {asked:?}, {live:?}: {found}");
    }
    let silent = parsed("Config(modes: {\"a\": (functions: [])}, start_mode: \"a\")");
    assert_eq!(choose_mode(&silent, None, None), Err(ProfileError::NoNetworkMode));
}

/// What a profile says of the device is what the planner makes of the same mode.
#[test]
fn facts_are_the_gadgets() {
    use crate::plan::{GadgetTarget, Realisation, describe};
    use crate::sys::configfs::FunctionSpec;

    let identity = Ok(Identity::from_seed("a device"));
    let config = parsed(&format!("Config({MODES}, start_mode: \"a-debug\")"));
    for (name, interface) in [("b-network", None), ("c-composite", Some(0)), ("d-subset", None)] {
        let facts = link_facts(&config, name, &identity, &configured(&config), "n800").expect(name);
        let Ok(GadgetTarget::Configfs(gadget)) =
            describe(&config, &config.modes[name], &Realisation::Configfs, &identity)
        else {
            panic!("{name}: no gadget");
        };
        assert_eq!((facts.vendor_id, facts.product_id), (gadget.vendor_id, gadget.product_id), "{name}");
        let FunctionSpec::Ethernet(card) = &gadget.functions[0] else { panic!("{name}: no network card") };
        assert_eq!((facts.host_mac, facts.interface), (card.host_mac, interface), "{name}");
    }
}

#[test]
fn facts_follow_the_configuration() {
    let text = r#"Config(
        gadget: (product: "N800", manufacturer: "Nokia", mac: (device: "02:00:00:00:00:01", host: "02:00:00:00:00:02")),
        link: (address: "10.66.0.1/29", host: "10.66.0.2", domain: "lan.test", dhcp: Off, mtu: Some(1400)),
    )"#;
    let config = parsed(text);
    let facts =
        link_facts(&config, "network", &no_identity(), &configured(&config), "tablet").expect("facts");
    assert_eq!(facts.device.to_string(), "10.66.0.1");
    assert_eq!((facts.host.to_string().as_str(), facts.prefix), ("10.66.0.2", 29));
    assert_eq!(facts.host_mac, [2, 0, 0, 0, 0, 2]);
    assert_eq!((facts.dhcp, facts.dns, facts.mtu), (false, true, Some(1400)));
    assert_eq!((facts.product.as_str(), facts.manufacturer.as_str()), ("N800", "Nokia"));
    assert_eq!((facts.name.to_string().as_str(), facts.domain.to_string().as_str()), ("tablet", "lan.test"));
}

#[test]
fn what_is_not_known_is_named() {
    let config = Config::default();
    let facts = |name: &str, identity| link_facts(&config, "network", &identity, &configured(&config), name);
    let error = facts("n800", no_identity()).expect_err("no identity").to_string();
    assert!(
        error.ends_with("give the device's with --machine-id, or the host's address with --mac"),
        "{error}"
    );
    let error = facts("n 800", Ok(Identity::from_seed("a"))).expect_err("no name").to_string();
    assert!(error.starts_with("\"n 800\" is not a host name"), "{error}");
    let identity = Identity::from_seed("a");
    let mac = facts("n800", Ok(identity.clone())).expect("facts").host_mac;
    assert_eq!(mac, identity.mac(FunctionKind::Ncm, Side::Host).bytes());
}

fn no_identity() -> Result<Identity, IdentityError> {
    Err(IdentityError::NoSeed(Vec::new()))
}

mod generated {
    use proptest::prelude::*;

    use super::*;

    /// What a USB string may hold, and what is syntax somewhere.
    fn string() -> impl Strategy<Value = String> {
        let syntax = proptest::sample::select(
            [
                "'",
                "\"",
                "`",
                "$(reboot)",
                "%",
                "\\",
                "#",
                ";",
                "&",
                "<",
                "[x]",
                "{",
                "}",
                "=",
                "\u{2028}",
                "*/",
                "//",
            ]
            .to_vec(),
        );
        let plain = any::<char>().prop_filter("control", |c| !c.is_control()).prop_map(String::from);
        let piece = prop_oneof![syntax.prop_map(String::from), plain];
        proptest::collection::vec(piece, 1..=12)
            .prop_map(|pieces| pieces.concat())
            .prop_filter("a USB string", |text| text.len() <= 126)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// From the text of a configuration to the facts, and by way of the effective configuration to the same ones.
        #[test]
        fn facts_outlive_the_configurations_text(
            (product, manufacturer) in (string(), string()),
            (base, prefix) in (10_u32 << 24..100 << 24, 8_u8..=29),
            name in "[a-z][a-z0-9-]{0,10}[a-z]",
        ) {
            let network = base & (u32::MAX << (32 - prefix));
            let [device, host] = [1, 2].map(|last| Ipv4Addr::from(network + last));
            let text = format!(
                "Config(gadget: (product: {product:?}, manufacturer: {manufacturer:?}), \
                 link: (address: \"{device}/{prefix}\", host: \"{host}\", name: Some({name:?})))"
            );
            let facts = |text: &str| {
                let config = parsed(text);
                let identity = Ok(Identity::from_seed("a device"));
                let name = config.link.name.clone().expect("a name");
                (link_facts(&config, "network", &identity, &configured(&config), &name).expect("facts"), config)
            };
            let (found, config) = facts(&text);
            prop_assert_eq!((&found.product, &found.manufacturer), (&product, &manufacturer));
            prop_assert_eq!((found.device, found.host, found.prefix), (device, host, prefix));
            prop_assert_eq!(found.name.to_string(), name);
            prop_assert_eq!(found, facts(&config::render(&config)).0);
        }
    }
}
