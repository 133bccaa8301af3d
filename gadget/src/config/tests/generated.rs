//! Properties over generated configurations and over texts that are almost one.

use std::{collections::BTreeMap, net::Ipv4Addr};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::identity::MacAddr;

fn gadget() -> impl Strategy<Value = Gadget> {
    let text =
        || vec(any::<char>().prop_filter("control", |c| !c.is_control()), 1..=31).prop_map(String::from_iter);
    let serial =
        option::of("[ -+./-~]{1,126}").prop_map(|text| text.map_or(SerialChoice::Auto, SerialChoice::Fixed));
    let mac = option::of(any::<[u8; 5]>()).prop_map(|tail| {
        tail.map_or(MacChoice::Auto, |[a, b, c, d, e]| MacChoice::Fixed {
            device: MacAddr::new([a & 0xfe, b, c, d, e, 1]),
            host: MacAddr::new([a & 0xfe, b, c, d, e, 2]),
        })
    });
    (1u16.., any::<u16>(), text(), text(), serial, mac).prop_map(
        |(vendor_id, product_id, manufacturer, product, serial, mac)| Gadget {
            vendor_id,
            product_id,
            manufacturer,
            product,
            serial,
            mac,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    let addresses = (8u8..=30, any::<u32>(), any::<u32>(), option::of((any::<u32>(), any::<u32>())));
    let addresses = addresses.prop_map(|(prefix, at, other, pool)| {
        let base = InterfaceAddress { address: Ipv4Addr::from(at % (100 << 24) + (10 << 24)), prefix };
        let first = u32::from(base.network()) + 1;
        let room = u32::from(base.broadcast()) - first;
        let device = first + at % room;
        let host = first + (device - first + 1 + other % (room - 1)) % room;
        // From the host's address away from the device's.
        let pool = pool.map(|(from, length)| {
            let (low, high) =
                if host > device { (device + 1, first + room - 1) } else { (first, device - 1) };
            let start = low + from % (high - low + 1);
            Pool { first: start.into(), last: (start + length % 256).min(high).into() }
        });
        (InterfaceAddress { address: device.into(), prefix }, Ipv4Addr::from(host), pool)
    });
    let on = || select(vec![Switch::On, Switch::Off]);
    let label = "[a-z0-9]([a-zA-Z0-9-]{0,20}[a-z0-9])?";
    let names = (option::of(label), vec(label, 1..=3).prop_map(|labels| format!("{}.lan", labels.join("."))));
    (addresses, any::<bool>(), on(), on(), names, option::of(576u16..=15_412), 60u32..=31_536_000).prop_map(
        |((address, host, pool), avoid_overlap, dhcp, dns, (name, domain), mtu, lease_seconds)| Link {
            address,
            host,
            pool,
            avoid_overlap,
            dhcp,
            dns,
            name,
            domain,
            mtu,
            lease_seconds,
            share: Share::None,
        },
    )
}

fn mode(backend: Backend) -> impl Strategy<Value = Mode> {
    let legacy = matches!(backend, Backend::Legacy { .. });
    let network = select(HostPreset::ALL.to_vec()).prop_flat_map(move |host| {
        let known = host.network_functions().iter().copied();
        (
            Just(host),
            option::of(select(known.filter(|function| backend.carries(*function)).collect::<Vec<_>>())),
        )
    });
    (network, any::<[bool; 3]>()).prop_map(move |((host, network), [acm, storage, disk])| {
        // The two combinations that a preset refuses.
        let host_preset = if network.is_none() { HostPreset::Any } else { host };
        let alone = host_preset == HostPreset::MacOs && network == Some(FunctionKind::Ecm);
        let acm = (acm && !legacy && !alone).then_some(FunctionKind::Acm);
        let storage = storage && !alone && (!legacy || network.is_none());
        let storage = storage.then_some(FunctionKind::MassStorage);
        let functions = network.into_iter().chain(acm).chain(storage).collect();
        Mode {
            functions,
            host_preset,
            profile_disk: disk && storage.is_none() && network.is_some() && !legacy && !alone,
        }
    })
}

fn card() -> impl Strategy<Value = Card> {
    let place = prop_oneof![
        "/media/[ -~]{1,20}[a-z]".prop_filter("up", |path| !path.contains("..")),
        "LABEL=[ -~é♥]{0,20}[a-zA-Z]",
        "UUID=[0-9a-f]{1,4}[0-9A-F-]{2,20}[0-9A-F]",
    ];
    let options = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (place, options, option::of("[ -~]{1,28}")).prop_map(|(at, (read, cdrom, no_fua, allow), inquiry)| Card {
        at: at.parse().expect("one of the three forms"),
        read_only: read || cdrom,
        cdrom,
        no_fua,
        inquiry,
        allow_system: allow,
    })
}

fn storage() -> impl Strategy<Value = (Vec<Card>, Storage)> {
    let on_busy = prop_oneof![
        Just(OnBusy::Refuse),
        (OnBusy::SECONDS).prop_map(|seconds| OnBusy::Wait { seconds }),
        (OnBusy::SECONDS).prop_map(|grace| OnBusy::Terminate { grace }),
    ];
    let words = (select(OnEject::ALL.to_vec()), select(FsCheck::ALL.to_vec()));
    let storage =
        (on_busy, words).prop_map(|(on_busy, (on_eject, check))| Storage { on_busy, on_eject, check });
    let distinct = |cards: Vec<Card>| {
        cards.into_iter().fold(Vec::<Card>::new(), |mut kept, card| {
            if !kept.iter().any(|known| known.at.is_same(&card.at)) {
                kept.push(card);
            }
            kept
        })
    };
    (vec(card(), 0..=16).prop_map(distinct), storage)
}

fn valid() -> impl Strategy<Value = Config> {
    let backend = prop_oneof![
        Just(Backend::Auto),
        Just(Backend::Configfs),
        ("[a-z][a-z0-9_-]{0,54}", "[a-z][a-z0-9_-]{0,54}", option::of("/[ -~]{0,40}")).prop_map(
            |(ether, storage, from)| Backend::Legacy { ether, storage, insmod_from: from.map(Into::into) }
        ),
    ];
    let rest = backend.prop_flat_map(|backend| {
        // In front so that no name is one of the reserved ones.
        let modes = proptest::collection::btree_map("m[a-zA-Z0-9+_-]{0,31}", mode(backend.clone()), 1..5);
        (Just(backend), modes, any::<prop::sample::Index>(), any::<bool>())
    });
    let udc =
        option::of("[a-z][a-z0-9._:-]{0,20}").prop_map(|name| name.map_or(UdcChoice::Auto, UdcChoice::Named));
    let control = (option::of("[a-z_][a-z0-9_-]{0,31}"), select(Console::ALL.to_vec()));
    (gadget(), udc, (link(), storage()), rest, control).prop_map(
        |(gadget, udc, (link, (cards, storage)), (backend, modes, start, last), (group, console))| {
            let names: Vec<String> = BTreeMap::keys(&modes).cloned().collect();
            let or = start.get(&names).clone();
            let start_mode = if last { StartMode::Last { or } } else { StartMode::Named(or) };
            let has_port = modes.values().any(|mode| mode.functions.contains(&FunctionKind::Acm));
            let console = if has_port { console } else { Console::Off };
            let control = Control { group, console };
            Config { gadget, backend, udc, link, cards, storage, modes, start_mode, control }
        },
    )
}

/// No panic, a place that exists, and what is accepted can be printed and read again.
fn survives(text: &str) {
    match parse(text, "usbnet.ron") {
        Ok(config) => assert_eq!(parsed(&render(&config)), Ok(config)),
        Err(error) => {
            let (line, column) = error.position().expect("a text of this length has a place for its error");
            let at = text.split('\n').nth(line - 1).expect("the line exists");
            assert!(column <= at.chars().count() + 1, "{error} is behind the end of {at:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_valid_configuration_reads_back(config in valid()) {
        let text = render(&config);
        prop_assert_eq!(parsed(&text), Ok(config), "{}", text);
    }

    #[test]
    fn no_text_harms(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn no_damaged_configuration_harms(
        row in any::<prop::sample::Index>(),
        cuts in vec((any::<prop::sample::Index>(), 0usize..12, "[\"\\\\#!(){}\\[\\]:,/*. \nrb'a0-9A-Z_-]{0,4}"), 1..6),
    ) {
        let rows = invalid_rows();
        let text = row.get(&[default_text()].into_iter().chain(rows.iter().map(|row| row.1)).collect::<Vec<_>>()).to_string();
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, insert) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, insert.chars());
        }
        survives(&String::from_iter(text));
    }
}
