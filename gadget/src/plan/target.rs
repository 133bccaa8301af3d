//! What a plan starts from and what it leads to: values only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::legacy::serves;
use super::profile_disk::ProfileDisk;
use crate::cards::{ObservedCard, Used};
use crate::config::FunctionKind;
use crate::gather::Gather;
use crate::sys::cards::CardError;
use crate::sys::configfs::{ConfigFs, GadgetSpec, LiveGadget, LiveLun, OtherGadget, Presence};
use crate::sys::modules::{Load, Modules};
use crate::sys::udc::Udc;
use crate::sys::usb_role::{Role, RoleSwitch};

/// What a plan starts from.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Where configfs is or would be.
    pub configfs: ConfigFs,
    /// What there is of it.
    pub presence: Presence,
    /// Our gadget.
    pub gadget: Option<LiveGadget>,
    /// The gadgets of others.
    pub others: Vec<OtherGadget>,
    /// The UDCs.
    pub udcs: Vec<Udc>,
    /// The role that usbnet took a port from, and has not given back.
    pub role_before: Option<RoleBefore>,
    /// What is in use at ports that are a host's.
    pub port_uses: Vec<PortUse>,
    /// The kernel's modules.
    pub modules: Modules,
    /// The legacy module of the configuration that is loaded.
    pub legacy: Option<LiveLegacy>,
    /// The units of the card reader that there is.
    pub luns: Vec<LiveLun>,
    /// The cards.
    pub cards: Vec<ObservedCard>,
    /// Why none of the configured cards may be lent, if that is so.
    pub cards_refused: Option<Arc<CardError>>,
    /// The interface that carries our address.
    pub link: Option<LiveLink>,
    /// The responder that runs: its process and the arguments that it was started with.
    pub responder: Option<(u32, Vec<String>)>,
    /// What there was before usbnet did anything.
    pub before: Before,
}

impl Observed {
    /// The legacy module that usbnet loaded.
    #[must_use]
    pub fn our_legacy(&self) -> Option<&LiveLegacy> {
        self.legacy.as_ref().filter(|legacy| !self.before.modules.contains(&legacy.module))
    }

    /// The interfaces of our gadget while it is on the bus.
    #[must_use]
    pub fn interfaces(&self) -> Vec<String> {
        let bound = self.gadget.iter().filter(|live| live.udc.is_some());
        of_configfs(bound).chain(self.of_legacy()).collect()
    }

    /// The interfaces of our gadget, also while it is not: what is left on them of another time is ours too.
    #[must_use]
    pub fn all_interfaces(&self) -> Vec<String> {
        of_configfs(self.gadget.iter()).chain(self.of_legacy()).collect()
    }

    fn of_legacy(&self) -> impl Iterator<Item = String> {
        self.our_legacy().into_iter().flat_map(|_| self.udcs.iter().flat_map(|udc| udc.interfaces.clone()))
    }

    /// Whether a module drives a UDC.
    #[must_use]
    pub fn drives(&self, udc: &Udc, module: &str) -> bool {
        udc.driver.as_deref().and_then(|driver| self.module_of(driver)).as_deref() == Some(module)
    }

    /// The loaded module of a gadget driver: most carry its name, `zero` and some vendors' lack the `g_`.
    pub(super) fn module_of(&self, driver: &str) -> Option<String> {
        let name = driver.replace('-', "_");
        [format!("g_{name}"), name].into_iter().find(|name| self.modules.loaded.contains_key(name))
    }
}

fn of_configfs<'a>(gadgets: impl Iterator<Item = &'a LiveGadget>) -> impl Iterator<Item = String> {
    gadgets.flat_map(|live| live.interfaces().into_iter().map(|(_, name)| name.to_owned()))
}

/// What there was before usbnet did anything since boot, so that `stop` leaves it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The modules that were loaded.
    pub modules: BTreeSet<String>,
    /// Whether configfs was mounted.
    pub mounted: bool,
}

impl Before {
    /// What there is, taken as what there was.
    #[must_use]
    pub fn from_now(presence: Presence, modules: &Modules) -> Self {
        Self {
            modules: modules.loaded.keys().cloned().gather(),
            mounted: matches!(presence, Presence::Ready | Presence::NoGadgets),
        }
    }
}

/// What the device uses at a port that is a host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortUse {
    /// The attribute that decides the port's role.
    pub attribute: PathBuf,
    /// What it uses.
    pub used: Used,
}

/// What a port was before usbnet gave it another role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBefore {
    /// The attribute that decides.
    pub attribute: PathBuf,
    /// What is to be written there.
    pub word: String,
    /// The role that usbnet gives it.
    pub taken: Role,
}

/// A loaded legacy module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLegacy {
    /// Its name.
    pub module: String,
    /// As `/sys/module/NAME/parameters` shows them.
    pub parameters: BTreeMap<String, String>,
}

/// The link as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLink {
    /// The interface.
    pub interface: String,
    /// Our address on it.
    pub address: Ipv4Addr,
    /// Its prefix length in bits.
    pub prefix: u8,
    /// In bytes.
    pub mtu: u32,
    /// Whether it is set up.
    pub up: bool,
}

/// What a plan leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The gadget.
    pub gadget: GadgetTarget,
    /// The UDC's name; `None` takes the best.
    pub udc: Option<String>,
    /// The network link, for a mode that has one.
    pub link: Option<LinkTarget>,
    /// What happens to the cards.
    pub lending: Lending,
    /// The profile disk, for a mode that has one.
    pub profile_disk: Option<ProfileDisk>,
    /// The role of the port.
    pub port: PortRole,
}

/// The role that a port is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortRole {
    /// What it has without usbnet.
    Own,
    /// The host's.
    Host(RoleSwitch),
    /// The device's, unless something else decides.
    Device {
        /// The port.
        switch: RoleSwitch,
        /// Somebody asks for the mode by name, and means that port.
        asked: bool,
    },
}

/// Which cards the host gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lending {
    /// None: the device has all of them.
    Nothing,
    /// Every configured card that is there, but for these.
    AllBut(Spared),
}

/// The cards, by name, that the host does not get in a mode that lends the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spared {
    /// The device has them: the host gave them back, or they cannot be had.
    pub returned: BTreeSet<String>,
    /// Nobody has them: the host ejected them, and they are kept as they are until somebody asks for a mode.
    pub ejected: BTreeSet<String>,
}

/// The gadget that a plan leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GadgetTarget {
    /// The device stays silent: charging.
    Nothing,
    /// Through configfs.
    Configfs(GadgetSpec),
    /// Through a legacy module.
    Legacy(LegacyTarget),
}

/// A legacy module and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyTarget {
    /// The module.
    pub module: String,
    /// The function that it is loaded for.
    pub kind: FunctionKind,
    /// What to load, in order; the module itself is last and has the parameters.
    pub loads: Vec<Load>,
}

impl LegacyTarget {
    /// The functions that the host can choose from.
    #[must_use]
    pub fn serves(&self) -> &'static [FunctionKind] {
        serves(self.kind)
    }

    /// The parameters of the module itself.
    pub(super) fn parameters(&self) -> &[(String, String)] {
        self.loads.last().map_or(&[], |load| &load.parameters)
    }
}

/// The link that a plan leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTarget {
    /// The device's address.
    pub address: Ipv4Addr,
    /// Its prefix length in bits.
    pub prefix: u8,
    /// In bytes; `None` leaves the function's own.
    pub mtu: Option<u16>,
    /// The responder's arguments behind `--interface NAME`; `None` for none.
    pub responder: Option<Vec<String>>,
}
