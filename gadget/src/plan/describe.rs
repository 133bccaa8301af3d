//! A mode of the configuration as a gadget in full: descriptors, addresses, order of functions.
//!
//! Never looks at the system: what the kernel lacks is found when planning.

use super::legacy;
use super::target::GadgetTarget;
use crate::config::{Card, Config, FunctionKind, Gadget, HostPreset, MacChoice, Mode, SerialChoice};
use crate::identity::{Identity, IdentityError, MacAddr, Side};
use crate::plan::{GADGET, Realisation};
use crate::sys::configfs::{
    ClassTriple, CompatibleId, ConfigurationSpec, EthernetDriver, EthernetSpec, FunctionSpec, GadgetSpec,
    LunSpec, MassStorageSpec, OsDescriptors, Strings,
};

/// Why a mode cannot be described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribeError {
    /// A serial number or address is to be derived from an identity, and there is none.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The kernel reads a module's parameters up to the next double quote.
    #[error(
        "gadget.{field} {value:?} has a double quote, which no module parameter can hold; leave it out, or use configfs"
    )]
    Quote {
        /// The field of the configuration.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// The part of the directory name after `mass_storage.`.
pub(super) const STORAGE_INSTANCE: &str = "cards";

/// The vendor and product id by which hosts know the CDC subset: Linux' `cdc_subset` has no other means to tell.
const SUBSET_ID: (u16, u16) = (0x0525, 0xa4a2);

/// What `mode` asks for with that backend; [`GadgetTarget::Nothing`] if the mode has no functions.
///
/// `identity` is only needed, and its error only returned, for what the configuration leaves `Auto`.
///
/// # Errors
/// See [`DescribeError`].
pub fn describe(
    config: &Config,
    mode: &Mode,
    with: &Realisation,
    identity: &Result<Identity, IdentityError>,
) -> Result<GadgetTarget, DescribeError> {
    if mode.functions.is_empty() {
        return Ok(GadgetTarget::Nothing);
    }
    Ok(match with {
        Realisation::Configfs => GadgetTarget::Configfs(gadget(config, mode, identity)?),
        Realisation::Legacy { module, files } => {
            let kind = mode.functions[0];
            GadgetTarget::Legacy(legacy::target(config, kind, module, files.as_deref(), identity)?)
        }
    })
}

fn gadget(
    whole: &Config,
    mode: &Mode,
    identity: &Result<Identity, IdentityError>,
) -> Result<GadgetSpec, DescribeError> {
    let config = &whole.gadget;
    // Windows binds its RNDIS driver to the first interfaces only.
    let (mut kinds, others): (Vec<_>, Vec<_>) =
        mode.all_functions().into_iter().partition(|kind| kind.is_network());
    kinds.extend(others);
    let functions =
        kinds.iter().map(|kind| function(whole, *kind, mode, identity)).collect::<Result<_, _>>()?;
    let (vendor_id, product_id) = usb_id(config, &kinds);
    let answers_windows = kinds.iter().any(|kind| matches!(kind, FunctionKind::Rndis | FunctionKind::Ncm));
    Ok(GadgetSpec {
        name: GADGET.to_owned(),
        vendor_id,
        product_id,
        bcd_device: bcd_device(&kinds),
        class: device_class(&kinds),
        strings: Strings {
            manufacturer: config.manufacturer.clone(),
            product: config.product.clone(),
            serial: serial(config, identity)?,
        },
        configuration: ConfigurationSpec {
            description: kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" + "),
            // What a port gives before it is asked for more, and enough to charge slowly.
            max_power: 500,
            self_powered: true,
        },
        functions,
        os_descriptors: answers_windows.then(OsDescriptors::default),
    })
}

/// The instance of the serial function: `acm.gs0`.
pub const SERIAL: &str = "gs0";

fn function(
    config: &Config,
    kind: FunctionKind,
    mode: &Mode,
    identity: &Result<Identity, IdentityError>,
) -> Result<FunctionSpec, DescribeError> {
    let id = |compatible: &str, sub_compatible: &str| {
        Some(CompatibleId { compatible: compatible.to_owned(), sub_compatible: sub_compatible.to_owned() })
    };
    let (driver, class, compatible_id) = match kind {
        FunctionKind::Acm => return Ok(FunctionSpec::Acm { instance: SERIAL.to_owned() }),
        FunctionKind::MassStorage => return Ok(storage(&config.cards, mode)),
        FunctionKind::Ecm => (EthernetDriver::Ecm, None, None),
        FunctionKind::Ncm => (EthernetDriver::Ncm, None, id("WINNCM", "")),
        FunctionKind::Rndis => {
            // Up to Windows 8 only the older triple is known in-box.
            let class = match mode.host_preset {
                HostPreset::Windows7 => ClassTriple::WIRELESS_RNDIS,
                _ => ClassTriple::MISCELLANEOUS_RNDIS,
            };
            (EthernetDriver::Rndis, Some(class), id("RNDIS", "5162001"))
        }
        FunctionKind::Eem => (EthernetDriver::Eem, None, None),
        FunctionKind::EcmSubset => (EthernetDriver::Subset, None, None),
    };
    let (device, host) = macs(&config.gadget, kind, identity)?;
    Ok(FunctionSpec::Ethernet(EthernetSpec {
        driver,
        instance: "usb0".to_owned(),
        device_mac: device.bytes(),
        host_mac: host.bytes(),
        queue_multiplier: None,
        class,
        compatible_id,
    }))
}

/// Interface associations need the miscellaneous class; a card reader alone has none, and hosts take it as a composite
/// device with it.
fn device_class(kinds: &[FunctionKind]) -> ClassTriple {
    if kinds == [FunctionKind::MassStorage] { ClassTriple::PER_INTERFACE } else { ClassTriple::MISCELLANEOUS }
}

/// One unit a card, in the order of the configuration; a card whose slot is empty has an empty unit. The profile disk is
/// in the last one.
fn storage(cards: &[Card], mode: &Mode) -> FunctionSpec {
    let unit = |card: &Card| LunSpec {
        read_only: card.read_only,
        cdrom: card.cdrom,
        no_fua: card.no_fua,
        inquiry: card.inquiry.clone(),
    };
    FunctionSpec::MassStorage(MassStorageSpec {
        instance: STORAGE_INSTANCE.to_owned(),
        luns: lent(cards, mode).iter().map(unit).chain(mode.profile_disk.then(profile_disk)).collect(),
    })
}

/// The number of the unit that the profile disk is in, in a mode that has one.
#[must_use]
pub fn profile_unit(config: &Config, mode: &Mode) -> Option<usize> {
    mode.profile_disk.then(|| lent(&config.cards, mode).len())
}

fn lent<'a>(cards: &'a [Card], mode: &Mode) -> &'a [Card] {
    if mode.has_storage() { cards } else { &[] }
}

/// A disk, not a CD-ROM: hosts know FAT only on the former.
fn profile_disk() -> LunSpec {
    let inquiry = Some("usbnet  host profiles   0001".to_owned());
    LunSpec { read_only: true, cdrom: false, no_fua: false, inquiry }
}

/// Vendor and product id: the configured ones, but where only others work and the configuration has not chosen.
#[must_use]
pub fn usb_id(config: &Gadget, kinds: &[FunctionKind]) -> (u16, u16) {
    let configured = (config.vendor_id, config.product_id);
    let default = Gadget::default();
    if kinds.contains(&FunctionKind::EcmSubset) && configured == (default.vendor_id, default.product_id) {
        SUBSET_ID
    } else {
        configured
    }
}

pub(super) fn serial(
    config: &Gadget,
    identity: &Result<Identity, IdentityError>,
) -> Result<String, IdentityError> {
    match &config.serial {
        SerialChoice::Auto => identity.as_ref().map(Identity::serial).map_err(Clone::clone),
        SerialChoice::Fixed(serial) => Ok(serial.clone()),
    }
}

/// The device's address and the host's.
///
/// # Errors
/// They are to be derived from an identity, and there is none.
pub fn macs(
    config: &Gadget,
    kind: FunctionKind,
    identity: &Result<Identity, IdentityError>,
) -> Result<(MacAddr, MacAddr), IdentityError> {
    match config.mac {
        MacChoice::Auto => identity
            .as_ref()
            .map(|identity| (identity.mac(kind, Side::Device), identity.mac(kind, Side::Host)))
            .map_err(Clone::clone),
        MacChoice::Fixed { device, host } => Ok((device, host)),
    }
}

/// `bcdDevice` of a composition: Windows caches drivers by vendor, product and this number, so every
/// set of functions has its own. The kernel takes decimal digits only; the first is the numbering's version.
#[must_use]
pub fn bcd_device(kinds: &[FunctionKind]) -> u16 {
    let set = kinds.iter().fold(0_u16, |set, kind| set | 1 << (*kind as u16));
    [1000, 100, 10, 1].iter().fold(0, |bcd, place| (bcd << 4) | (((1000 + set) / place) % 10))
}
