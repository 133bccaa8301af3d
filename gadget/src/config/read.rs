//! From nodes to a [`Config`]: which fields there are, what each may hold, and the rules that one
//! value keeps alone. Explicit fields win over the preset, the preset over the defaults.
//!
//! Rules between values are [`super::check`]'s.

mod storage;

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf};

use super::{
    Backend, Card, CardPlace, Config, Console, Control, FunctionKind, Gadget, HostPreset, InterfaceAddress,
    Link, MacChoice, Mode, Pool, SerialChoice, Share, StartMode, Switch, UdcChoice, name,
    node::{Fields, Node},
    problem::{Fault, Problem},
};
use crate::identity::MacAddr;

/// What a USB string descriptor holds: 255 bytes, two of them its header (USB 2.0, section 9.6.7).
const USB_STRING_UNITS: usize = 126;
/// `USB_MAX_STRING_LEN` in the kernel's include/uapi/linux/usb/ch9.h, which configfs applies to the UTF-8 text.
const USB_STRING_BYTES: usize = 126;
/// RFC 2131's minimum for a DHCP client (576) to `GETHER_MAX_MTU_SIZE` in the kernel's u_ether.c.
const MTU: (i64, i64) = (576, 15_412);
/// A minute, below which a phone would be woken all the time, to a year.
const LEASE_SECONDS: (i64, i64) = (60, 31_536_000);

const SWITCHES: [(&str, Switch); 2] = [("On", Switch::On), ("Off", Switch::Off)];

/// The whole configuration.
pub(super) fn config(root: &Node) -> Result<Config, Fault> {
    let fields = root.fields(
        "Config",
        &["preset", "gadget", "backend", "udc", "link", "cards", "storage", "modes", "start_mode", "control"],
    )?;
    let mut config = Config::default();
    if let Some(node) = fields.get("preset") {
        preset(node, &mut config)?;
    }
    if let Some(node) = fields.get("gadget") {
        gadget(node, &mut config.gadget)?;
    }
    set(&fields, "backend", &mut config.backend, backend)?;
    set(&fields, "udc", &mut config.udc, udc)?;
    if let Some(node) = fields.get("link") {
        link(node, &mut config.link)?;
    }
    set(&fields, "cards", &mut config.cards, |node| node.items()?.iter().map(storage::card).collect())?;
    set(&fields, "storage", &mut config.storage, storage::storage)?;
    config.modes = match fields.get("modes") {
        Some(node) => modes(node, &config.backend)?,
        None => Mode::defaults(&config.backend),
    };
    set(&fields, "start_mode", &mut config.start_mode, start_mode)?;
    set(&fields, "control", &mut config.control, control)?;
    Ok(config)
}

/// Puts the field into its place if it is written.
fn set<T>(
    fields: &Fields,
    name: &str,
    place: &mut T,
    read: fn(&Node) -> Result<T, Fault>,
) -> Result<(), Fault> {
    if let Some(node) = fields.get(name) {
        *place = read(node)?;
    }
    Ok(())
}

/// The addresses and cards of a device family, as its wiki has them.
fn preset(node: &Node, config: &mut Config) -> Result<(), Fault> {
    const MAEMO: (u8, u8, u8, &[&str]) = (2, 15, 14, &["/media/mmc1", "/media/mmc2"]);
    const OPENMOKO: (u8, u8, u8, &[&str]) = (0, 202, 200, &[]);
    let families = [("Maemo", MAEMO), ("Openmoko", OPENMOKO)];
    let (third, device, host, cards) = node.choice(&families, "Maemo or Openmoko")?;
    let address = |last| Ipv4Addr::new(192, 168, third, last);
    config.link.address = InterfaceAddress { address: address(device), prefix: 27 };
    config.link.host = address(host);
    config.cards = cards.iter().map(|path| Card::new(CardPlace::Path(path.into()))).collect();
    Ok(())
}

fn gadget(node: &Node, gadget: &mut Gadget) -> Result<(), Fault> {
    let fields =
        node.fields("Gadget", &["vendor_id", "product_id", "manufacturer", "product", "serial", "mac"])?;
    set(&fields, "vendor_id", &mut gadget.vendor_id, |node| usb_id(node, 1))?;
    set(&fields, "product_id", &mut gadget.product_id, |node| usb_id(node, 0))?;
    set(&fields, "manufacturer", &mut gadget.manufacturer, |node| usb_string(node, "a string"))?;
    set(&fields, "product", &mut gadget.product, |node| usb_string(node, "a string"))?;
    set(&fields, "serial", &mut gadget.serial, serial)?;
    set(&fields, "mac", &mut gadget.mac, mac)
}

fn usb_id(node: &Node, low: u16) -> Result<u16, Fault> {
    let found = node.integer("a USB id, such as 0x1d6b")?;
    match u16::try_from(found) {
        Ok(id) if id >= low => Ok(id),
        _ => Err(node.fault(Problem::UsbId { found, low: low.into() })),
    }
}

fn usb_string(node: &Node, wanted: &'static str) -> Result<String, Fault> {
    let text = node.string(wanted)?;
    let units = text.encode_utf16().count();
    if !(1..=USB_STRING_UNITS).contains(&units) {
        return Err(node.fault(Problem::StringLength(units)));
    }
    if text.len() > USB_STRING_BYTES {
        return Err(node.fault(Problem::StringBytes(text.len())));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(control) => Err(node.fault(Problem::ControlCharacter(control))),
        None => Ok(text),
    }
}

/// Whether the value is the bare word `Auto`.
fn is_auto(node: &Node) -> bool {
    matches!(node.word(), ("Auto", rest) if rest.is_empty())
}

fn serial(node: &Node) -> Result<SerialChoice, Fault> {
    if is_auto(node) {
        return Ok(SerialChoice::Auto);
    }
    let text = usb_string(node, "Auto or a string")?;
    // Windows ignores a serial number with other characters and gives the device a new identity at
    // every port ("USB device descriptors" in Microsoft's driver documentation).
    match text.chars().find(|c| !matches!(c, ' '..='~') || *c == ',') {
        Some(bad) => Err(node.fault(Problem::SerialCharacter(bad))),
        None => Ok(SerialChoice::Fixed(text)),
    }
}

fn mac(node: &Node) -> Result<MacChoice, Fault> {
    if is_auto(node) {
        return Ok(MacChoice::Auto);
    }
    const WANTED: &str = "Auto or (device: \"02:…\", host: \"02:…\")";
    if !matches!(node.word().0, "" | "Fixed") {
        return Err(node.unexpected(WANTED));
    }
    let fields = node.fields("Fixed", &["device", "host"])?;
    let end = |field, example| {
        let node = fields.get(field).ok_or_else(|| node.fault(Problem::Missing { field, example }))?;
        station(&node.string("a hardware address in quotes")?).map_err(|problem| node.fault(problem))
    };
    Ok(MacChoice::Fixed {
        device: end("device", "device: \"02:1a:2b:3c:4d:5e\"")?,
        host: end("host", "host: \"02:1a:2b:3c:4d:5f\"")?,
    })
}

/// A hardware address that one station can have.
///
/// # Errors
/// It is none, or that of a group, or of nobody.
pub fn station(text: &str) -> Result<MacAddr, Problem> {
    let mac = text.parse::<MacAddr>()?;
    if mac.is_unicast() { Ok(mac) } else { Err(Problem::NotUnicast(mac)) }
}

/// A string that is parsed further.
fn parsed<T: std::str::FromStr<Err: Into<Problem>>>(node: &Node, wanted: &'static str) -> Result<T, Fault> {
    node.string(wanted)?.parse().map_err(|error: T::Err| node.fault(error.into()))
}

fn backend(node: &Node) -> Result<Backend, Fault> {
    const WANTED: &str = "Auto, Configfs or Legacy(ether: \"g_ether\")";
    let (word, arguments) = node.word();
    let (ether, storage) = (Backend::ETHER.to_owned(), Backend::STORAGE.to_owned());
    match (word, arguments.is_empty()) {
        ("Auto", true) => Ok(Backend::Auto),
        ("Configfs", true) => Ok(Backend::Configfs),
        ("Legacy", true) => Ok(Backend::Legacy { ether, storage, insmod_from: None }),
        ("Legacy", false) => {
            let fields = node.fields("Legacy", &["ether", "storage", "insmod_from"])?;
            let (mut ether, mut storage, mut directory) = (ether, storage, None);
            let module = |node: &Node| named(node, "a module's name", &name::MODULE);
            set(&fields, "ether", &mut ether, module)?;
            set(&fields, "storage", &mut storage, module)?;
            set(&fields, "insmod_from", &mut directory, |node| {
                optional(node, |node| named(node, "a directory", &name::DIRECTORY).map(PathBuf::from))
            })?;
            Ok(Backend::Legacy { ether, storage, insmod_from: directory })
        }
        _ => Err(node.unexpected(WANTED)),
    }
}

fn udc(node: &Node) -> Result<UdcChoice, Fault> {
    if is_auto(node) {
        return Ok(UdcChoice::Auto);
    }
    named(node, "Auto or a name in quotes", &name::UDC).map(UdcChoice::Named)
}

/// A string that keeps the rule of a kind of name.
fn named(node: &Node, wanted: &'static str, rule: &name::Rule) -> Result<String, Fault> {
    let text = node.string(wanted)?;
    if (rule.holds)(&text) {
        return Ok(text);
    }
    Err(node.fault(Problem::Name { name: text, what: rule.what, allowed: rule.allowed }))
}

fn optional<T>(node: &Node, read: fn(&Node) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    node.option()?.as_ref().map(read).transpose()
}

fn link(node: &Node, link: &mut Link) -> Result<(), Fault> {
    let fields = node.fields(
        "Link",
        &[
            "address",
            "host",
            "pool",
            "avoid_overlap",
            "dhcp",
            "dns",
            "name",
            "domain",
            "mtu",
            "lease_seconds",
            "share",
        ],
    )?;
    set(&fields, "address", &mut link.address, |node| parsed(node, "an address in quotes"))?;
    set(&fields, "host", &mut link.host, host)?;
    set(&fields, "pool", &mut link.pool, |node| {
        optional(node, |node| parsed::<Pool>(node, "a range in quotes"))
    })?;
    set(&fields, "avoid_overlap", &mut link.avoid_overlap, flag)?;
    set(&fields, "dhcp", &mut link.dhcp, |node| node.choice(&SWITCHES, "On or Off"))?;
    set(&fields, "dns", &mut link.dns, |node| node.choice(&SWITCHES, "On or Off"))?;
    set(&fields, "name", &mut link.name, |node| {
        optional(node, |node| named(node, "None or a name in quotes", &name::LABEL))
    })?;
    set(&fields, "domain", &mut link.domain, domain)?;
    set(&fields, "mtu", &mut link.mtu, |node| {
        optional(node, |node| ranged(node, "None or a whole number of bytes", MTU, " bytes"))
    })?;
    set(&fields, "lease_seconds", &mut link.lease_seconds, |node| {
        ranged(node, "a whole number of seconds", LEASE_SECONDS, " seconds")
    })?;
    set(&fields, "share", &mut link.share, |node| {
        node.choice(&[("None", Share::None)], "None (sharing an uplink is not available in this version)")
    })
}

fn flag(node: &Node) -> Result<bool, Fault> {
    node.choice(&[("true", true), ("false", false)], "true or false")
}

fn host(node: &Node) -> Result<Ipv4Addr, Fault> {
    let text = node.string("an address in quotes")?;
    text.parse().map_err(|_| node.fault(Problem::HostAddress(text)))
}

fn domain(node: &Node) -> Result<String, Fault> {
    let text = named(node, "a domain in quotes", &name::DOMAIN)?;
    let dotted = format!(".{}", text.to_ascii_lowercase());
    if [".local", ".localhost", ".in-addr.arpa", ".ip6.arpa"].iter().any(|own| dotted.ends_with(own)) {
        return Err(node.fault(Problem::ReservedDomain(text)));
    }
    Ok(text)
}

fn ranged<T: TryFrom<i64>>(
    node: &Node,
    wanted: &'static str,
    (low, high): (i64, i64),
    unit: &'static str,
) -> Result<T, Fault> {
    let found = node.integer(wanted)?;
    let inside = (low..=high).contains(&found).then(|| T::try_from(found).ok()).flatten();
    inside.ok_or_else(|| node.fault(Problem::Range { found, low, high, unit }))
}

fn modes(node: &Node, backend: &Backend) -> Result<BTreeMap<String, Mode>, Fault> {
    let entries = node.entries("a map of modes, {\"network\": (functions: [Ncm])}")?;
    if entries.is_empty() {
        return Err(node.fault(Problem::NoModes));
    }
    let mut modes = BTreeMap::new();
    for (text, key, value) in entries {
        named(&key, "a name in quotes", &name::MODE)?;
        if name::RESERVED_MODES.contains(&text.as_str()) {
            return Err(key.fault(Problem::ReservedMode(text)));
        }
        modes.insert(text, mode(&value, backend)?);
    }
    Ok(modes)
}

fn mode(node: &Node, backend: &Backend) -> Result<Mode, Fault> {
    let fields = node.fields("Mode", &["functions", "host_preset", "profile_disk"])?;
    let mut host_preset = HostPreset::Any;
    set(&fields, "host_preset", &mut host_preset, |node| {
        node.choice(&HostPreset::ALL.map(|host| (host.word(), host)), "Any, Windows7, OldLinux or MacOs")
    })?;
    let mut functions = vec![host_preset.network_function(backend)];
    set(&fields, "functions", &mut functions, |node| node.items()?.iter().map(function).collect())?;
    let mut profile_disk = false;
    set(&fields, "profile_disk", &mut profile_disk, flag)?;
    Ok(Mode { functions, host_preset, profile_disk })
}

fn function(node: &Node) -> Result<FunctionKind, Fault> {
    let words = FunctionKind::ALL.map(|function| (function.word(), function));
    node.choice(&words, "Ecm, Ncm, Rndis, Eem, EcmSubset, Acm or MassStorage")
}

fn start_mode(node: &Node) -> Result<StartMode, Fault> {
    const WANTED: &str = "Last(or: \"network\") or a mode's name in quotes";
    match node.word() {
        ("Last", _) => {
            const MISSING: Problem = Problem::Missing { field: "or", example: "or: \"network\"" };
            let (_, arguments) = node.word();
            if arguments.is_empty() {
                return Err(node.fault(MISSING));
            }
            let fields = node.fields("Last", &["or"])?;
            let or = fields.get("or").ok_or_else(|| node.fault(MISSING))?;
            Ok(StartMode::Last { or: or.string("a mode's name in quotes")? })
        }
        _ => node.string(WANTED).map(StartMode::Named),
    }
}

fn control(node: &Node) -> Result<Control, Fault> {
    let fields = node.fields("Control", &["group", "console"])?;
    let mut control = Control { group: None, console: Console::Off };
    set(&fields, "group", &mut control.group, |node| {
        optional(node, |node| named(node, "None or a group's name in quotes", &name::GROUP))
    })?;
    set(&fields, "console", &mut control.console, |node| {
        node.choice(&Console::ALL.map(|what| (what.word(), what)), "Off, ReadOnly or Full")
    })?;
    Ok(control)
}
