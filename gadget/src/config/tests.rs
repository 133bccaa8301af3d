use std::{fs, path::Path};

use super::*;
use crate::exit::Exit;

mod generated;
mod shapes;

fn parsed(text: &str) -> Result<Config, String> {
    parse(text, "usbnet.ron").map_err(|error| error.to_string())
}

/// Rows of `invalid.txt`: `=== name`, the configuration, `--- line:column: message`.
fn invalid_rows() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = include_str!("tests/invalid.txt").split("=== ").skip(1);
    rows.map(|row| {
        let (name, row) = row.split_once('\n').expect("a row has a name");
        let (text, message) = row.rsplit_once("--- ").expect(name);
        (name, text, message.trim_end())
    })
    .collect()
}

#[test]
fn every_invalid_configuration_has_its_message_and_place() {
    let rows = invalid_rows();
    assert!(rows.len() >= 100, "only {} rows", rows.len());
    let mut wrong = String::new();
    for (name, text, message) in rows {
        let error = parse(text, "usbnet.ron").expect_err(name);
        assert_eq!(error.exit(), Exit::ConfigInvalid, "{name}");
        let (line, column) = error.position().expect(name);
        if error.to_string() != format!("usbnet.ron:{message}")
            || !message.starts_with(&format!("{line}:{column}: "))
        {
            wrong += &format!("{name}\n  expected usbnet.ron:{message}\n  found    {error}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn windows_line_ends_do_not_move_the_place() {
    let error = parsed("Config(\r\n    udc: auto,\r\n)\r\n");
    assert_eq!(error, Err("usbnet.ron:2:10: udc: expected Auto or a name in quotes, found `auto`".into()));
}

#[test]
fn default_text_is_the_default() {
    assert_eq!(parsed(default_text()), Ok(Config::default()));
    assert_eq!(parsed("Config()"), Ok(Config::default()));
}

/// The comments name every field, so a field that is missing there is one nobody finds.
#[test]
fn default_text_has_every_field() {
    let card = Card::new("/media/mmc1".parse().unwrap());
    for line in render(&Config { cards: vec![card], ..Config::default() }).lines() {
        let line = line.trim().trim_start_matches("Card(");
        for field in line.split(", ").filter_map(|part| part.split_once(": ")).map(|(field, _)| field) {
            assert!(default_text().contains(&format!("{field}:")), "{field}");
        }
    }
}

#[test]
fn presets_keep_the_addresses_and_cards_of_the_wikis() {
    for (preset, device, host, cards) in [
        ("Maemo", "192.168.2.15/27", "192.168.2.14", &["/media/mmc1", "/media/mmc2"][..]),
        ("Openmoko", "192.168.0.202/27", "192.168.0.200", &[]),
    ] {
        let mut config = parsed(&format!("Config(preset: {preset})")).unwrap();
        let found: Vec<String> = config.cards.drain(..).map(|card| card.at.to_string()).collect();
        assert_eq!(found, cards, "{preset}");
        assert_eq!(
            (config.link.address.to_string(), config.link.host.to_string()),
            (device.into(), host.into())
        );
        assert_eq!(Config { link: Link::default(), ..config }, Config::default(), "{preset}");
    }
}

#[test]
fn what_is_written_wins_over_the_preset() {
    let config = parsed(r#"Config(link: (host: "192.168.0.201", dns: Off), preset: Openmoko)"#).unwrap();
    let host = config.link.host.to_string();
    assert_eq!((config.link.address.to_string(), host), ("192.168.0.202/27".into(), "192.168.0.201".into()));
    assert_eq!((config.link.dhcp, config.link.dns), (Switch::On, Switch::Off));
}

#[test]
fn a_whole_file() {
    let text = r#"
        Config(
            gadget: (vendor_id: 0x1d6b, product_id: 0x0104, manufacturer: "Nokia", product: "N800", serial: Auto, mac: Auto),
            backend: Auto,              // Configfs | Legacy(ether: "g_ether")
            udc: Auto,                  // or "dummy_udc.0"
            link: (address: "192.168.2.15/27", host: "192.168.2.14", avoid_overlap: true, dhcp: On, dns: On, share: None),
            cards: ["/media/mmc1", "/media/mmc2"],
            modes: {
                "network":  (functions: [Ncm], host_preset: Any),
                "storage":  (functions: [MassStorage]),
                "network+storage": (functions: [Ncm, MassStorage]),
                "charging": (functions: []),
            },
            start_mode: Last(or: "network"),
        )
    "#;
    let strings = Gadget { manufacturer: "Nokia".into(), product: "N800".into(), ..Gadget::default() };
    let cards = ["/media/mmc1", "/media/mmc2"].map(|path| Card::new(path.parse().unwrap())).into();
    assert_eq!(parsed(text), Ok(Config { gadget: strings, cards, ..Config::default() }));
}

#[test]
fn files_that_hold_no_configuration() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = root.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let directory = root.path().to_owned();
    let padded = format!("Config(){}", " ".repeat(64 * 1024));
    let table = [
        (
            root.path().join("none.ron"),
            ": cannot be read: No such file or directory (os error 2); `usbnet config --default` prints one to start from",
        ),
        (
            directory,
            ": cannot be read: Is a directory (os error 21); `usbnet config --default` prints one to start from",
        ),
        (
            write("long.ron", padded.as_bytes()),
            ": is longer than 65536 bytes; this is no configuration of usbnet",
        ),
        (Path::new("/dev/zero").into(), ": is longer than 65536 bytes; this is no configuration of usbnet"),
        (
            write("latin1.ron", b"Config(\n  // N\xf6kia\n)"),
            ":2:7: the file is not valid UTF-8 from here on; save it as UTF-8",
        ),
        (
            write("bad.ron", b"Config(\n  usb: Auto\n)"),
            ":2:3: usb: unknown field `usb`; allowed: preset, gadget, backend, udc, link, cards, storage, modes, start_mode, control",
        ),
    ];
    for (path, message) in table {
        let error = load(&path).expect_err(message);
        assert_eq!(error.to_string(), format!("{}{message}", path.display()));
        assert_eq!((error.file(), error.exit()), (path.to_str().unwrap(), Exit::ConfigInvalid));
    }
    assert_eq!(load(&write("good.ron", default_text().as_bytes())).unwrap(), Config::default());
    assert!(parse(&padded, "usbnet.ron").unwrap_err().position().is_none());
}

/// The fuzz target starts from these, so they have to be what they are meant to be.
#[test]
fn seeds_of_the_fuzz_target() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/config");
    let seed = |name: &str| fs::read_to_string(seeds.join(name)).expect(name);
    assert_eq!(seed("default.ron"), default_text());
    let everything = parsed(&seed("everything.ron")).unwrap();
    assert_eq!(everything.gadget.manufacturer, "Nokia \u{2665}");
    assert_eq!(everything.gadget.product, "N\"800\"");
    assert_eq!((everything.link.lease_seconds, everything.modes.len()), (3600, 4));
    assert_eq!(parsed(&seed("composites.ron")).unwrap().modes.len(), 5);
    let cards = parsed(&seed("cards.ron")).unwrap();
    assert_eq!((cards.cards.len(), cards.storage.on_busy), (5, OnBusy::Wait { seconds: 30 }));
    assert!(parsed(&seed("broken.ron")).is_err());
}
