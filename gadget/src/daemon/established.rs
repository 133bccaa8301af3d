//! A mode that was read back from the kernel: what it is, and the reading back itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::SwitchError;
use super::wanted::Wanted;
use crate::cards::Medium;
use crate::config::FunctionKind;
use crate::identity::MacAddr;
use crate::link::{Addresses, Notice, announces_carrier, keeps_frames};
use crate::plan::{GadgetTarget, Lending, Observed, PortRole};
use crate::sys::configfs::{EthernetDriver, FunctionSpec, Lun};
use crate::sys::netlink::Netlink;
use crate::sys::udc::{StateWatch, UdcState};

/// A mode that was read back.
#[derive(Debug)]
pub struct Established {
    /// The backend's name.
    pub backend: &'static str,
    /// The UDC, in a mode that is on the bus.
    pub udc: Option<String>,
    /// What decides the port's role, in the mode that makes it a host's.
    pub role: Option<PathBuf>,
    /// The network link, in a mode that has one.
    pub link: Option<Link>,
    /// Wakes the loop when the cable comes or goes.
    pub cable: Option<StateWatch>,
    /// Whether the mode lends cards.
    pub lends: bool,
    /// The units of the card reader, in a mode that has one, by card.
    pub units: BTreeMap<String, Lun>,
}

/// The network link of an established mode.
#[derive(Debug, Clone)]
pub struct Link {
    /// The interface's name when it was set up.
    pub interface: String,
    /// Its index, which stays when it is renamed.
    pub index: u32,
    /// The addresses in use.
    pub addresses: Addresses,
    /// Why they are not the configured ones.
    pub notice: Option<Notice>,
    /// The host end's hardware address.
    pub host_mac: Option<MacAddr>,
    /// Whether the host has carrier only once the gadget says so.
    pub announces_carrier: bool,
    /// Whether the gadget's end can keep frames for itself.
    pub keeps_frames: bool,
}

/// Reads everything back: UDC bound, address present, responder answering.
///
/// # Errors
/// What is not as it was wanted. `sys` is normally `/sys`.
pub fn confirm(sys: &Path, observed: &Observed, wanted: &Wanted) -> Result<Established, SwitchError> {
    let backend = match wanted.target.gadget {
        GadgetTarget::Nothing => {
            return Ok(Established {
                backend: "none",
                udc: None,
                role: match &wanted.target.port {
                    PortRole::Host(switch) => Some(switch.attribute.clone()),
                    _ => None,
                },
                link: None,
                cable: None,
                lends: false,
                units: BTreeMap::new(),
            });
        }
        GadgetTarget::Configfs(_) => "configfs",
        GadgetTarget::Legacy(_) => "legacy",
    };
    let udc = bound_udc(observed).ok_or(SwitchError::NotBound)?;
    let link = wanted.link.as_ref().map(|choice| {
        let interface = observed.interfaces().into_iter().next().ok_or(SwitchError::NotBound)?;
        let index = addressed(&interface, &choice.addresses)?;
        let host_mac = host_mac(&wanted.target.gadget);
        Ok::<_, SwitchError>(Link {
            interface,
            index,
            addresses: choice.addresses,
            notice: choice.notice.clone(),
            host_mac,
            announces_carrier: has_function(&wanted.target.gadget, announces_carrier),
            keeps_frames: has_function(&wanted.target.gadget, keeps_frames),
        })
    });
    if let Some(Link { notice: Some(notice), .. }) = link.as_ref().and_then(|link| link.as_ref().ok()) {
        log::warn!("{notice}");
    }
    let cable = StateWatch::open(sys, &udc)?;
    cable.read()?;
    let lends = wanted.target.lending != Lending::Nothing;
    let units = units(&wanted.target.lending, observed)?;
    Ok(Established {
        backend,
        udc: Some(udc),
        role: None,
        link: link.transpose()?,
        cable: Some(cable),
        lends,
        units,
    })
}

/// Reads back that every card that is held for the host is in its unit. One that came since is not held yet.
fn units(lending: &Lending, observed: &Observed) -> Result<BTreeMap<String, Lun>, SwitchError> {
    let Lending::AllBut(spared) = lending else { return Ok(BTreeMap::new()) };
    let mut units = BTreeMap::new();
    for card in observed.cards.iter().filter(|card| !spared.returned.contains(&card.name)) {
        let Some(unit) = observed.luns.iter().find(|live| Some(live.index) == card.lun) else { continue };
        let lent = |medium: &Medium| Path::new(&unit.file) == medium.path;
        let is_ejected = spared.ejected.contains(&card.name) && unit.file.is_empty();
        let is_lent = card.medium.as_ref().is_some_and(lent);
        if card.held && !is_ejected && !is_lent {
            return Err(SwitchError::NotLent { card: card.name.clone() });
        }
        if is_lent && !card.held {
            return Err(SwitchError::PulledOut { card: card.name.clone() });
        }
        units.insert(card.name.clone(), unit.lun.clone());
    }
    Ok(units)
}

impl Established {
    /// The cable's state now; also makes [`Established::cable`] wait for the next change.
    #[must_use]
    pub fn cable_state(&self) -> Option<UdcState> {
        self.cable.as_ref()?.read().ok()
    }
}

/// The UDC that our gadget is on.
#[must_use]
pub fn bound_udc(observed: &Observed) -> Option<String> {
    let configfs = observed.gadget.as_ref().and_then(|live| live.udc.clone());
    let legacy = || {
        let module = &observed.our_legacy()?.module;
        observed.udcs.iter().find(|udc| observed.drives(udc, module)).map(|udc| udc.name.clone())
    };
    configfs.or_else(legacy)
}

fn host_mac(target: &GadgetTarget) -> Option<MacAddr> {
    match target {
        GadgetTarget::Nothing => None,
        GadgetTarget::Configfs(spec) => spec.functions.iter().find_map(|function| match function {
            FunctionSpec::Ethernet(ethernet) => Some(MacAddr::new(ethernet.host_mac)),
            _ => None,
        }),
        GadgetTarget::Legacy(legacy) => {
            let parameters = legacy.loads.last()?.parameters.iter();
            parameters.into_iter().find(|(name, _)| name == "host_addr")?.1.parse().ok()
        }
    }
}

fn has_function(target: &GadgetTarget, is: fn(FunctionKind) -> bool) -> bool {
    match target {
        GadgetTarget::Nothing => false,
        GadgetTarget::Configfs(spec) => spec.functions.iter().any(|function| match function {
            FunctionSpec::Ethernet(ethernet) => is(kind(ethernet.driver)),
            _ => false,
        }),
        GadgetTarget::Legacy(legacy) => legacy.serves().iter().copied().any(is),
    }
}

const fn kind(driver: EthernetDriver) -> FunctionKind {
    match driver {
        EthernetDriver::Ecm => FunctionKind::Ecm,
        EthernetDriver::Ncm => FunctionKind::Ncm,
        EthernetDriver::Rndis => FunctionKind::Rndis,
        EthernetDriver::Eem => FunctionKind::Eem,
        EthernetDriver::Subset => FunctionKind::EcmSubset,
    }
}

/// The interface's index if it is up with its address.
fn addressed(interface: &str, addresses: &Addresses) -> Result<u32, SwitchError> {
    let mut netlink = Netlink::open()?;
    let live = netlink.interface(interface)?;
    let wanted = (addresses.address, addresses.prefix);
    let there = netlink.addresses(live.index)?.iter().any(|found| (found.address, found.prefix) == wanted);
    if there && live.up {
        return Ok(live.index);
    }
    Err(SwitchError::NotAddressed { interface: interface.to_owned(), address: addresses.address })
}
