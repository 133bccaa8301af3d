//! What this kernel can do: which backend, which functions, and why not the others.

use std::path::PathBuf;

use super::legacy::serves;
use super::target::Observed;
use crate::config::{Backend, FunctionKind, HostPreset, Mode};
use crate::sys::configfs::Presence;
use crate::sys::modules::{Availability, Modules};

/// The backend that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendChoice {
    /// configfs.
    Configfs,
    /// A legacy module.
    Legacy {
        /// The network module.
        ether: String,
        /// The card reader's module.
        storage: String,
        /// The directory above `RELEASE/`, see [`crate::sys::modules::resolve`]; `None` for `modprobe`.
        insmod_from: Option<PathBuf>,
        /// Whether the configuration asks for it, or it is what remains.
        fallback: bool,
    },
}

/// A backend with everything found out that describing a gadget for it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Realisation {
    /// configfs.
    Configfs,
    /// A legacy module.
    Legacy {
        /// The module.
        module: String,
        /// Its file, after those that it depends on; `None` for `modprobe`.
        files: Option<Vec<PathBuf>>,
    },
}

/// Why a backend or a mode cannot be used here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The kernel has no configfs gadgets.
    #[error(
        "the kernel has no USB gadgets in configfs (libcomposite is neither built in nor a module of it); install the \
         kernel's modules, or use backend: Legacy(…)"
    )]
    NoConfigfs,
    /// The kernel has no gadgets at all.
    #[error(
        "the kernel has neither libcomposite nor {ether}: it needs CONFIG_USB_CONFIGFS or CONFIG_USB_ETH, and its \
         modules installed"
    )]
    NoBackend {
        /// The legacy module.
        ether: String,
    },
    /// The legacy module is missing.
    #[error("the kernel has no module {ether}; it needs CONFIG_USB_ETH, or insmod_from")]
    NoLegacy {
        /// The module.
        ether: String,
    },
    /// There is nothing to lend.
    #[error("no cards are configured; name them in the configuration, cards: [\"/media/mmc1\"]")]
    NoCards,
    /// The legacy module for cards is missing.
    #[error("the kernel has no module {storage}; it needs CONFIG_USB_MASS_STORAGE, or insmod_from")]
    NoLegacyStorage {
        /// The module.
        storage: String,
    },
    /// The kernel lacks a function.
    #[error("the kernel has no {module} for {}; it needs {option}", function.word())]
    NoFunction {
        /// The function.
        function: FunctionKind,
        /// Its module.
        module: &'static str,
        /// The kernel's configuration option.
        option: &'static str,
    },
    /// Nothing decides a port's role.
    #[error(
        "the role of the USB port cannot be chosen: there is neither /sys/class/usb_role/*/role nor \
         /sys/bus/platform/devices/musb*/mode; the port has one role only, or its connector alone decides"
    )]
    NoRoleSwitch,
    /// Several things decide roles, and the UDC tells them not apart.
    #[error(
        "none of the role switches in /sys/class/usb_role belongs to the UDC; name the UDC of the port with udc: \"…\""
    )]
    OtherRoleSwitches,
    /// The legacy module does not have the function.
    #[error("{} is not available with the legacy backend: {ether} offers Rndis with Ecm, or Eem, and \
         the card reader's module cards alone", function.word())]
    NotLegacy {
        /// The function.
        function: FunctionKind,
        /// The module.
        ether: String,
    },
}

/// The backend to use: `Auto` takes configfs where the kernel has it.
///
/// # Errors
/// The kernel has nothing that fits.
pub fn choose_backend(
    backend: &Backend,
    presence: Presence,
    modules: &Modules,
) -> Result<BackendChoice, Obstacle> {
    let configfs = has_configfs(presence, modules);
    match backend {
        Backend::Configfs if configfs => Ok(BackendChoice::Configfs),
        Backend::Configfs => Err(Obstacle::NoConfigfs),
        Backend::Auto if configfs => Ok(BackendChoice::Configfs),
        Backend::Auto => {
            let ether = Backend::ETHER.to_owned();
            match modules.availability(&ether) {
                Availability::Missing => Err(Obstacle::NoBackend { ether }),
                _ => {
                    let storage = Backend::STORAGE.to_owned();
                    Ok(BackendChoice::Legacy { ether, storage, insmod_from: None, fallback: true })
                }
            }
        }
        Backend::Legacy { ether, storage, insmod_from } => match modules.availability(ether) {
            // The index is that of /lib/modules, not of another directory.
            Availability::Missing if insmod_from.is_none() => {
                Err(Obstacle::NoLegacy { ether: ether.clone() })
            }
            _ => Ok(BackendChoice::Legacy {
                ether: ether.clone(),
                storage: storage.clone(),
                insmod_from: insmod_from.clone(),
                fallback: false,
            }),
        },
    }
}

fn has_configfs(presence: Presence, modules: &Modules) -> bool {
    match (presence, modules.availability("libcomposite")) {
        (Presence::Ready, _) => true,
        (_, Availability::Loaded | Availability::BuiltIn | Availability::Loadable) => true,
        (_, Availability::Missing) => false,
        // Without an index, a kernel that has configfs most likely has it for gadgets.
        (presence, Availability::Unknown) => presence != Presence::Missing,
    }
}

/// What keeps a mode from being used with that backend, if anything does.
#[must_use]
pub fn obstacle(choice: &BackendChoice, mode: &Mode, cards: usize, modules: &Modules) -> Option<Obstacle> {
    if cards == 0 && mode.functions.contains(&FunctionKind::MassStorage) {
        return Some(Obstacle::NoCards);
    }
    match choice {
        BackendChoice::Configfs => mode.all_functions().into_iter().find_map(|function| {
            let (module, option) = kernel_module(function);
            let missing = modules.availability(module) == Availability::Missing;
            missing.then_some(Obstacle::NoFunction { function, module, option })
        }),
        BackendChoice::Legacy { ether, .. } if mode.profile_disk => {
            Some(Obstacle::NotLegacy { function: FunctionKind::MassStorage, ether: ether.clone() })
        }
        BackendChoice::Legacy { storage, .. } if mode.functions == [FunctionKind::MassStorage] => {
            let missing = modules.availability(storage) == Availability::Missing;
            missing.then(|| Obstacle::NoLegacyStorage { storage: storage.clone() })
        }
        BackendChoice::Legacy { ether, fallback, .. } => mode
            .functions
            .iter()
            .find(|function| {
                // Where nobody asked for the legacy backend nor for a kind of host, what any host can use will do.
                let replaced =
                    *fallback && mode.host_preset == HostPreset::Any && **function == FunctionKind::Ncm;
                !replaced && (!function.is_network() || !serves(**function).contains(function))
            })
            .map(|function| Obstacle::NotLegacy { function: *function, ether: ether.clone() }),
    }
}

/// The module of a function, and the option of the kernel's configuration that brings it to configfs.
const fn kernel_module(function: FunctionKind) -> (&'static str, &'static str) {
    match function {
        FunctionKind::Ecm => ("usb_f_ecm", "CONFIG_USB_CONFIGFS_ECM"),
        FunctionKind::Ncm => ("usb_f_ncm", "CONFIG_USB_CONFIGFS_NCM"),
        FunctionKind::Rndis => ("usb_f_rndis", "CONFIG_USB_CONFIGFS_RNDIS"),
        FunctionKind::Eem => ("usb_f_eem", "CONFIG_USB_CONFIGFS_EEM"),
        FunctionKind::EcmSubset => ("usb_f_ecm_subset", "CONFIG_USB_CONFIGFS_ECM_SUBSET"),
        FunctionKind::Acm => ("usb_f_acm", "CONFIG_USB_CONFIGFS_ACM"),
        FunctionKind::MassStorage => ("usb_f_mass_storage", "CONFIG_USB_CONFIGFS_MASS_STORAGE"),
    }
}

/// The modules that using gadgets may have brought in, each before those that it uses.
const GADGET_MODULES: [&str; 11] = [
    "usb_f_mass_storage",
    "usb_f_ecm",
    "usb_f_ncm",
    "usb_f_rndis",
    "usb_f_eem",
    "usb_f_ecm_subset",
    "usb_f_acm",
    "u_ether",
    "u_serial",
    "libcomposite",
    "configfs",
];

/// The modules that are loaded, were not before usbnet came, and nothing else uses; in the order of unloading.
pub(super) fn leftover_modules(observed: &Observed) -> Vec<String> {
    let mut gone: Vec<String> = Vec::new();
    let legacy = observed.legacy.iter().map(|legacy| legacy.module.as_str());
    let shared = GADGET_MODULES.into_iter().filter(|_| observed.others.is_empty());
    for module in legacy.chain(shared) {
        let Some(users) = observed.modules.loaded.get(module) else { continue };
        let ours = !observed.before.modules.contains(module);
        if ours && users.iter().all(|user| gone.contains(user)) {
            gone.push(module.to_owned());
        }
    }
    gone
}
