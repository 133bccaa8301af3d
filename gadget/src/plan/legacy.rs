//! The legacy backend: `g_ether` and `g_mass_storage`, modules that are whole gadgets and take their identity as
//! parameters.
//!
//! It binds by itself to the first free UDC when it is loaded, so there is nothing to bind or unbind here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::describe::{self, DescribeError};
use super::target::LegacyTarget;
use crate::config::{Card, Config, FunctionKind};
use crate::identity::{Identity, IdentityError};
use crate::sys::modules::{Load, Source, module_name};

/// What `g_ether` shows the host: one configuration for each, and the host chooses.
pub(super) const fn serves(kind: FunctionKind) -> &'static [FunctionKind] {
    match kind {
        FunctionKind::Eem => &[FunctionKind::Rndis, FunctionKind::Eem],
        FunctionKind::MassStorage => &[FunctionKind::MassStorage],
        _ => &[FunctionKind::Rndis, FunctionKind::Ecm],
    }
}

/// The modules to load for `kind`. `files` are the module's file and before it those that it depends on;
/// without them `modprobe` finds it.
pub(super) fn target(
    config: &Config,
    kind: FunctionKind,
    module: &str,
    files: Option<&[PathBuf]>,
    identity: &Result<Identity, IdentityError>,
) -> Result<LegacyTarget, DescribeError> {
    let parameters = legacy_parameters(config, kind, identity)?;
    let loads = match files {
        None => vec![Load { module: module.to_owned(), parameters, source: Source::Modprobe }],
        Some(files) => {
            let mut loads: Vec<_> = files
                .iter()
                .map(|file| Load {
                    module: module_name(file).unwrap_or_default(),
                    parameters: Vec::new(),
                    source: Source::File(file.clone()),
                })
                .collect();
            if let Some(last) = loads.last_mut() {
                last.parameters = parameters;
            }
            loads
        }
    };
    Ok(LegacyTarget { module: module.to_owned(), kind, loads })
}

/// The parameters of `g_ether` or `g_mass_storage` as `modinfo` lists them.
///
/// # Errors
/// A text that no parameter can hold, or no identity where one is needed.
pub fn legacy_parameters(
    config: &Config,
    kind: FunctionKind,
    identity: &Result<Identity, IdentityError>,
) -> Result<Vec<(String, String)>, DescribeError> {
    let Config { gadget: config, cards, .. } = config;
    let serial = describe::serial(config, identity)?;
    let texts = [("manufacturer", &config.manufacturer), ("product", &config.product), ("serial", &serial)];
    for (field, value) in texts {
        if value.contains('"') {
            return Err(DescribeError::Quote { field, value: value.clone() });
        }
    }
    let hex = |value: u16| format!("{value:#06x}");
    let mut parameters = vec![
        ("idVendor", hex(config.vendor_id)),
        ("idProduct", hex(config.product_id)),
        ("bcdDevice", hex(describe::bcd_device(serves(kind)))),
        ("iManufacturer", config.manufacturer.clone()),
        ("iProduct", config.product.clone()),
        ("iSerialNumber", serial),
    ];
    if kind == FunctionKind::MassStorage {
        parameters.extend(units(cards));
    } else {
        let (device, host) = describe::macs(config, kind, identity)?;
        parameters.extend([("dev_addr", device.to_string()), ("host_addr", host.to_string())]);
    }
    if kind == FunctionKind::Eem {
        parameters.push(("use_eem", "1".to_owned()));
    }
    Ok(parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// One unit a card, empty at first (`Documentation/usb/mass-storage.rst`). Always `removable`: only then does the kernel
/// ask the host before it takes a medium away.
fn units(cards: &[Card]) -> [(&'static str, String); 5] {
    let flags = |is: fn(&Card) -> bool| {
        let flag = |card| if is(card) { "Y" } else { "N" };
        cards.iter().map(flag).collect::<Vec<_>>().join(",")
    };
    [
        ("luns", cards.len().to_string()),
        ("removable", flags(|_| true)),
        ("ro", flags(|card| card.read_only)),
        ("cdrom", flags(|card| card.cdrom)),
        ("nofua", flags(|card| card.no_fua)),
    ]
}

/// Whether a loaded module has these parameters, as `/sys/module/NAME/parameters` shows them.
///
/// `use_eem` is not shown there; `bcdDevice` follows from it.
pub(super) fn has_parameters(live: &BTreeMap<String, String>, wanted: &[(String, String)]) -> bool {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    wanted.iter().filter(|(name, _)| name != "use_eem").all(|(name, value)| {
        live.get(name).is_some_and(|shown| {
            shown == value || number(shown).is_some_and(|shown| Some(shown) == number(value))
        })
    })
}
