//! A configuration as the RON text that reads back as the same one.

use std::fmt::{self, Write};

use super::{Backend, Card, Config, Link, MacChoice, SerialChoice, Share, StartMode, Switch, UdcChoice};

/// The effective configuration, every field written out.
#[must_use]
pub fn render(config: &Config) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, config);
    text
}

fn write(out: &mut String, config: &Config) -> fmt::Result {
    let gadget = &config.gadget;
    writeln!(out, "Config(\n    gadget: (")?;
    writeln!(out, "        vendor_id: {:#06x},", gadget.vendor_id)?;
    writeln!(out, "        product_id: {:#06x},", gadget.product_id)?;
    // Rust's escapes are RON's.
    writeln!(out, "        manufacturer: {:?},", gadget.manufacturer)?;
    writeln!(out, "        product: {:?},", gadget.product)?;
    match &gadget.serial {
        SerialChoice::Auto => writeln!(out, "        serial: Auto,")?,
        SerialChoice::Fixed(serial) => writeln!(out, "        serial: {serial:?},")?,
    }
    match &gadget.mac {
        MacChoice::Auto => writeln!(out, "        mac: Auto,")?,
        MacChoice::Fixed { device, host } => {
            writeln!(out, "        mac: (device: \"{device}\", host: \"{host}\"),")?;
        }
    }
    writeln!(out, "    ),")?;
    match &config.backend {
        Backend::Auto => writeln!(out, "    backend: Auto,")?,
        Backend::Configfs => writeln!(out, "    backend: Configfs,")?,
        Backend::Legacy { ether, storage, insmod_from } => {
            let directory = option(insmod_from.as_ref().map(|path| format!("{path:?}")));
            writeln!(
                out,
                "    backend: Legacy(ether: {ether:?}, storage: {storage:?}, insmod_from: {directory}),"
            )?;
        }
    }
    match &config.udc {
        UdcChoice::Auto => writeln!(out, "    udc: Auto,")?,
        UdcChoice::Named(name) => writeln!(out, "    udc: {name:?},")?,
    }
    write_link(out, &config.link)?;
    write_cards(out, &config.cards)?;
    let storage = &config.storage;
    writeln!(out, "    storage: (")?;
    writeln!(out, "        on_busy: {},", storage.on_busy)?;
    writeln!(out, "        on_eject: {},", storage.on_eject.word())?;
    writeln!(out, "        check: {},\n    ),", storage.check.word())?;
    writeln!(out, "    modes: {{")?;
    for (name, mode) in &config.modes {
        let functions = mode.functions.iter().map(|function| function.word()).collect::<Vec<_>>().join(", ");
        writeln!(
            out,
            "        {name:?}: (functions: [{functions}], host_preset: {}, profile_disk: {}),",
            mode.host_preset, mode.profile_disk
        )?;
    }
    writeln!(out, "    }},")?;
    match &config.start_mode {
        StartMode::Last { or } => writeln!(out, "    start_mode: Last(or: {or:?}),")?,
        StartMode::Named(name) => writeln!(out, "    start_mode: {name:?},")?,
    }
    let group = option(config.control.group.as_ref().map(|group| format!("{group:?}")));
    writeln!(out, "    control: (group: {group}, console: {}),\n)", config.control.console.word())
}

fn write_link(out: &mut String, link: &Link) -> fmt::Result {
    writeln!(out, "    link: (")?;
    writeln!(out, "        address: \"{}\",", link.address)?;
    writeln!(out, "        host: \"{}\",", link.host)?;
    writeln!(out, "        pool: {},", option(link.pool.map(|pool| format!("\"{pool}\""))))?;
    writeln!(out, "        avoid_overlap: {},", link.avoid_overlap)?;
    writeln!(out, "        dhcp: {},", switch(link.dhcp))?;
    writeln!(out, "        dns: {},", switch(link.dns))?;
    writeln!(out, "        name: {},", option(link.name.as_ref().map(|name| format!("{name:?}"))))?;
    writeln!(out, "        domain: {:?},", link.domain)?;
    writeln!(out, "        mtu: {},", option(link.mtu.map(|mtu| mtu.to_string())))?;
    writeln!(out, "        lease_seconds: {},", link.lease_seconds)?;
    match link.share {
        Share::None => writeln!(out, "        share: None,")?,
    }
    writeln!(out, "    ),")
}

fn write_cards(out: &mut String, cards: &[Card]) -> fmt::Result {
    if cards.is_empty() {
        return writeln!(out, "    cards: [],");
    }
    writeln!(out, "    cards: [")?;
    for Card { at, read_only, cdrom, no_fua, inquiry, allow_system } in cards {
        let inquiry = option(inquiry.as_ref().map(|text| format!("{text:?}")));
        writeln!(
            out,
            "        Card(at: {:?}, read_only: {read_only}, cdrom: {cdrom}, no_fua: {no_fua}, inquiry: {inquiry}, \
             allow_system: {allow_system}),",
            at.to_string()
        )?;
    }
    writeln!(out, "    ],")
}

fn option(value: Option<String>) -> String {
    value.map_or_else(|| "None".into(), |value| format!("Some({value})"))
}

fn switch(switch: Switch) -> &'static str {
    match switch {
        Switch::On => "On",
        Switch::Off => "Off",
    }
}
