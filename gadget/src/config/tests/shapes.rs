//! Every way in which a value may be written.

use super::*;

#[test]
fn the_shapes_that_a_value_may_have() {
    let base = Config::default;
    let gadget = |serial, mac| Config { gadget: Gadget { serial, mac, ..base().gadget }, ..base() };
    let mac = MacChoice::Fixed {
        device: "02:00:00:00:00:01".parse().unwrap(),
        host: "02:00:00:00:00:02".parse().unwrap(),
    };
    let with_modules = |ether: &str, storage: &str, from: Option<&str>| Config {
        backend: Backend::Legacy {
            ether: ether.into(),
            storage: storage.into(),
            insmod_from: from.map(Into::into),
        },
        // NCM is no part of it, and no module is two functions.
        modes: [("network", vec![Ecm]), ("storage", vec![MassStorage]), ("charging", vec![])]
            .map(|(name, functions)| {
                (name.into(), Mode { functions, host_preset: HostPreset::Any, profile_disk: false })
            })
            .into(),
        ..base()
    };
    let legacy = |ether: &str, from: Option<&str>| with_modules(ether, "g_mass_storage", from);
    let linked = |link| Config { link, ..base() };
    let mode = |functions: &[FunctionKind], host_preset| Config {
        modes: [("network".into(), Mode { functions: functions.into(), host_preset, profile_disk: false })]
            .into(),
        ..base()
    };
    let stored = |storage| Config { storage, ..base() };
    let lent = |cards: &[(&str, fn(&mut Card))]| {
        let card = |(at, change): &(&str, fn(&mut Card))| {
            let mut card = Card::new(at.parse().unwrap());
            change(&mut card);
            card
        };
        Config { cards: cards.iter().map(card).collect(), ..base() }
    };
    use FunctionKind::{Acm, Ecm, MassStorage, Ncm, Rndis};
    let table = [
        ("bare group", "(udc: Auto)", base()),
        (
            "serial number",
            r#"Config(gadget: (serial: "A1"))"#,
            gadget(SerialChoice::Fixed("A1".into()), MacChoice::Auto),
        ),
        (
            "hardware addresses",
            r#"Config(gadget: Gadget(mac: (device: "02:00:00:00:00:01", host: "02:00:00:00:00:02")))"#,
            gadget(SerialChoice::Auto, mac),
        ),
        (
            "udc by name",
            r#"Config(udc: "dummy_udc.0")"#,
            Config { udc: UdcChoice::Named("dummy_udc.0".into()), ..base() },
        ),
        ("configfs", "Config(backend: Configfs)", Config { backend: Backend::Configfs, ..base() }),
        ("legacy alone", "Config(backend: Legacy)", legacy("g_ether", None)),
        (
            "legacy of the tablets",
            r#"Config(backend: Legacy /* 2.6 */ (ether: "g_ether", insmod_from: Some("/mnt/initfs/lib/modules")))"#,
            legacy("g_ether", Some("/mnt/initfs/lib/modules")),
        ),
        (
            "legacy of another name",
            r#"Config(backend: Legacy(ether: "g_ether_n8x0"))"#,
            legacy("g_ether_n8x0", None),
        ),
        (
            "legacy with a mode left empty",
            r#"Config(modes: {"network": (), "storage": (functions: [MassStorage]), "charging": (functions: [])}, backend: Legacy)"#,
            legacy("g_ether", None),
        ),
        (
            "legacy storage of another name",
            r#"Config(backend: Legacy(storage: "g_file_storage"))"#,
            with_modules("g_ether", "g_file_storage", None),
        ),
        (
            "cards in each form",
            r#"Config(cards: ["/media/mmc1", (at: "LABEL=My Music"), Card(at: "UUID=1234-ABCD"), r"/srv/card.img"])"#,
            lent(&[
                ("/media/mmc1", |_| {}),
                ("LABEL=My Music", |_| {}),
                ("UUID=1234-ABCD", |_| {}),
                ("/srv/card.img", |_| {}),
            ]),
        ),
        (
            "a card with all its options",
            r#"Config(cards: [Card(at: "/home", read_only: true, no_fua: true, inquiry: "Nokia   N800", allow_system: true)])"#,
            lent(&[("/home", |card| {
                (card.read_only, card.no_fua, card.allow_system) = (true, true, true);
                card.inquiry = Some("Nokia   N800".into());
            })]),
        ),
        (
            "a cd-rom is read-only",
            r#"Config(cards: [Card(at: "/srv/install.iso", cdrom: true, inquiry: None)])"#,
            lent(&[("/srv/install.iso", |card| (card.cdrom, card.read_only) = (true, true))]),
        ),
        (
            "a label with a slash and an equals sign",
            r#"Config(cards: ["LABEL=/a=b"])"#,
            lent(&[("LABEL=/a=b", |_| {})]),
        ),
        (
            "storage as it is",
            "Config(storage: Storage(on_busy: Refuse, on_eject: Keep, check: Report))",
            base(),
        ),
        (
            "storage that waits and mends",
            "Config(storage: (on_busy: Wait(30), on_eject: GiveBack, check: Repair))",
            stored(Storage {
                on_busy: OnBusy::Wait { seconds: 30 },
                on_eject: OnEject::GiveBack,
                check: FsCheck::Repair,
            }),
        ),
        (
            "storage that ends programs",
            "Config(storage: (on_busy: Terminate( /* soon */ 5 ), check: Off))",
            stored(Storage {
                on_busy: OnBusy::Terminate { grace: 5 },
                check: FsCheck::Off,
                ..Storage::DEFAULT
            }),
        ),
        (
            "three functions",
            r#"Config(modes: {"network": (functions: [MassStorage, Acm, Ncm])})"#,
            mode(&[MassStorage, Acm, Ncm], HostPreset::Any),
        ),
        (
            "option without Some",
            "Config(link: (mtu: 1400))",
            linked(Link { mtu: Some(1400), ..Link::default() }),
        ),
        (
            "option with Some",
            "Config(link: (mtu: Some(/* less */ 1_400)))",
            linked(Link { mtu: Some(1400), ..Link::default() }),
        ),
        ("option with None", "Config(link: (mtu: None, share: None))", base()),
        (
            "pool with the host in it",
            r#"Config(link: (pool: "192.168.2.1-192.168.2.14"))"#,
            linked(Link { pool: Some("192.168.2.1-192.168.2.14".parse().unwrap()), ..Link::default() }),
        ),
        (
            "pinned",
            "Config(link: (avoid_overlap: false))",
            linked(Link { avoid_overlap: false, ..Link::default() }),
        ),
        (
            "home domain",
            r#"Config(link: (domain: "home.arpa"))"#,
            linked(Link { domain: "home.arpa".into(), ..Link::default() }),
        ),
        ("mode left empty", r#"Config(modes: {"network": ()})"#, mode(&[Ncm], HostPreset::Any)),
        (
            "preset for windows 7",
            r#"Config(modes: {"network": (host_preset: Windows7)})"#,
            mode(&[Rndis], HostPreset::Windows7),
        ),
        (
            "preset for old linux",
            r#"Config(modes: {"network": (host_preset: OldLinux)})"#,
            mode(&[Ecm], HostPreset::OldLinux),
        ),
        (
            "preset for macos",
            r#"Config(modes: {"network": (host_preset: MacOs)})"#,
            mode(&[Ncm], HostPreset::MacOs),
        ),
        (
            "composite",
            r#"Config(modes: {"network": (functions: [Rndis, Acm], host_preset: Windows7)})"#,
            mode(&[Rndis, Acm], HostPreset::Windows7),
        ),
        (
            "start in one mode",
            r#"Config(start_mode: "charging")"#,
            Config { start_mode: StartMode::Named("charging".into()), ..base() },
        ),
        (
            "start as a host",
            r#"Config(start_mode: "host")"#,
            Config { start_mode: StartMode::Named("host".into()), ..base() },
        ),
        (
            "start where it was",
            r#"Config(start_mode: Last(or: "charging"))"#,
            Config { start_mode: StartMode::Last { or: "charging".into() }, ..base() },
        ),
        (
            "group",
            r#"Config(control: (group: Some("netdev")))"#,
            Config { control: Control { group: Some("netdev".into()), console: Console::Off }, ..base() },
        ),
        (
            "console",
            r#"Config(control: (console: ReadOnly), modes: {"network": (functions: [Acm])})"#,
            Config {
                control: Control { group: None, console: Console::ReadOnly },
                ..mode(&[Acm], HostPreset::Any)
            },
        ),
        (
            "old identity",
            "Config(gadget: (vendor_id: 0x0525, product_id: 42146))",
            Config { gadget: Gadget { vendor_id: 0x0525, product_id: 0xa4a2, ..base().gadget }, ..base() },
        ),
    ];
    for (name, text, config) in table {
        assert_eq!(parsed(text), Ok(config), "{name}");
    }
}
