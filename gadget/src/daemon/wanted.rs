//! A mode of the configuration, decided in every detail for the system as it is observed.
//!
//! Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use usbnet_host_profiles::LinkFacts;

use super::error::SwitchError;
use super::kernel::Kernel;
use crate::config::{HOST, Mode, Switch, UdcChoice};
use crate::link::{self, Addresses, Choice, Policy};
use crate::plan::{
    self, BackendChoice, GadgetTarget, Lending, LinkTarget, Observed, Obstacle, PortRole, PortUse,
    ProfileDisk, Realisation, Spared, Target,
};
use crate::profile::{self, ProfileError};
use crate::responder::{self, Settings};
use crate::sys::cards::CardError;
use crate::sys::modules;
use crate::sys::netlink::Netlink;
use crate::sys::usb_role::{self, Role, RoleSwitch};

/// A mode, decided in every detail.
#[derive(Debug)]
pub struct Wanted {
    /// What the planner needs of it.
    pub target: Target,
    /// The addresses, in a mode with a link.
    pub link: Option<Choice>,
    /// The responder, but for the interface's name, in a mode with a link.
    pub responder: Option<Settings>,
}

impl Wanted {
    /// Whether there is a card to lend, in a mode that lends cards.
    ///
    /// # Errors
    /// Every slot is empty.
    pub fn has_a_card(&self, observed: &Observed) -> Result<(), SwitchError> {
        let slots = observed.cards.iter().filter(|card| card.lun.is_some());
        if self.target.lending == Lending::Nothing || slots.clone().any(|card| card.medium.is_some()) {
            return Ok(());
        }
        Err(SwitchError::NoCard(slots.map(|card| card.name.clone()).collect()))
    }
}

impl Kernel {
    /// The backend, with the module's files found.
    fn realisation(&self, observed: &Observed, mode: &Mode) -> Result<Realisation, SwitchError> {
        let choice = plan::choose_backend(&self.config.backend, observed.presence, &observed.modules)?;
        if let Some(obstacle) = plan::obstacle(&choice, mode, self.config.cards.len(), &observed.modules) {
            return Err(obstacle.into());
        }
        Ok(match choice {
            BackendChoice::Configfs => Realisation::Configfs,
            BackendChoice::Legacy { ether, storage, insmod_from, .. } => {
                let module = if mode.has_storage() { storage } else { ether };
                let resolve = |dir: PathBuf| modules::resolve(&dir, &modules::release(), &module);
                Realisation::Legacy { files: insmod_from.map(resolve).transpose()?, module }
            }
        })
    }

    /// Decides a mode in every detail, given what is observed. `spared` are the cards that are not lent although the mode
    /// lends cards; `asked`: somebody asks for the mode by name.
    ///
    /// # Errors
    /// What the kernel lacks, that no subnet is free, or that there is nothing to lend.
    pub fn wanted(
        &self,
        name: &str,
        observed: &Observed,
        spared: &Spared,
        asked: bool,
    ) -> Result<Wanted, SwitchError> {
        let mode = self.config.mode(name).ok_or_else(|| self.unknown_mode(name))?;
        let realisation = self.realisation(observed, mode)?;
        let gadget = plan::describe(&self.config, mode, &realisation, &self.identity)?;
        let link = if mode.network().is_some() {
            Some(self.choose_subnet(&observed.all_interfaces())?)
        } else {
            None
        };
        let responder = link.as_ref().and_then(|choice| self.responder(choice));
        let link_target = link.as_ref().map(|choice| LinkTarget {
            address: choice.addresses.address,
            prefix: choice.addresses.prefix,
            mtu: self.config.link.mtu,
            responder: responder.as_ref().map(arguments),
        });
        let udc = match &self.config.udc {
            UdcChoice::Auto => None,
            UdcChoice::Named(name) => Some(name.clone()),
        };
        let lending = if mode.has_storage() { lending(observed, spared)? } else { Lending::Nothing };
        let profile_disk = self.profile_disk(name, link.as_ref())?;
        let port = match &gadget {
            _ if name == HOST => PortRole::Host(self.role_switch(observed)?),
            GadgetTarget::Nothing => PortRole::Own,
            _ => self.device_port(observed, asked),
        };
        Ok(Wanted {
            target: Target { gadget, udc, link: link_target, lending, profile_disk, port },
            link,
            responder,
        })
    }

    fn role_switch(&self, observed: &Observed) -> Result<RoleSwitch, Obstacle> {
        let udc = self.udc_controller(observed);
        plan::role_switch(usb_role::list(&self.roots.sys), observed.role_before.as_ref(), udc.as_deref())
    }

    fn device_port(&self, observed: &Observed, asked: bool) -> PortRole {
        let (switches, udc) = (usb_role::list(&self.roots.sys), self.udc_controller(observed));
        match plan::device_switch(switches, observed.role_before.as_ref(), udc.as_deref()) {
            Some(switch) => PortRole::Device { switch, asked },
            None => PortRole::Own,
        }
    }

    /// What is in use at the ports that are a host's.
    ///
    /// # Errors
    /// The mounts cannot be read.
    pub(super) fn port_uses(&self) -> Result<Vec<PortUse>, CardError> {
        let mut uses = Vec::new();
        for switch in usb_role::list(&self.roots.sys).into_iter().filter(|switch| switch.is(Role::Host)) {
            let used = self.cards().used_below(&switch.controller)?.into_iter();
            uses.extend(used.map(|used| PortUse { attribute: switch.attribute.clone(), used }));
        }
        Ok(uses)
    }

    fn udc_controller(&self, observed: &Observed) -> Option<PathBuf> {
        self.udc(observed).ok().map(|udc| usb_role::controller(&self.roots.sys, &udc.name))
    }

    /// The profiles of this link, in a mode that offers them.
    fn profile_disk(&self, name: &str, choice: Option<&Choice>) -> Result<Option<ProfileDisk>, SwitchError> {
        let unit = self.config.mode(name).and_then(|mode| plan::profile_unit(&self.config, mode));
        let (Some(unit), Some(choice)) = (unit, choice) else { return Ok(None) };
        let facts = self.link_facts(name, &choice.addresses)?;
        Ok(Some(ProfileDisk::new(&self.roots.run, unit, facts, name)))
    }

    /// What profiles of that mode's link are made from.
    ///
    /// # Errors
    /// The mode has no link, or something about it is not known.
    pub fn link_facts(&self, mode: &str, addresses: &Addresses) -> Result<LinkFacts, ProfileError> {
        let device = responder::device_name(self.config.link.name.as_deref(), &self.config.link.domain);
        profile::link_facts(&self.config, mode, &self.identity, addresses, &device)
    }

    fn choose_subnet(&self, own: &[String]) -> Result<Choice, SwitchError> {
        let wanted = profile::configured(&self.config);
        let mut netlink = Netlink::open()?;
        let (interfaces, addresses) = (netlink.interfaces()?, netlink.all_addresses()?);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let occupied = link::occupied(&interfaces, &addresses, &netlink.routes()?, &own);
        let policy = if self.config.link.avoid_overlap { Policy::Avoid } else { Policy::Pinned };
        Ok(link::choose(&wanted, &occupied, policy)?)
    }

    /// The responder's settings but for the interface; none if neither DHCP nor DNS is wanted.
    fn responder(&self, choice: &Choice) -> Option<Settings> {
        let link = &self.config.link;
        let on = |switch| switch == Switch::On;
        let addresses = &choice.addresses;
        let mut settings = Settings::new("", addresses.address, addresses.prefix, addresses.host);
        settings.pool = addresses.pool;
        settings.name.clone_from(&link.name);
        settings.domain.clone_from(&link.domain);
        settings.mtu = link.mtu;
        settings.lease = std::time::Duration::from_secs(link.lease_seconds.into());
        settings.lease_file = Some(self.roots.run.join("leases"));
        (settings.dhcp, settings.dns) = (on(link.dhcp), on(link.dns));
        (settings.dhcp || settings.dns).then_some(settings)
    }
}

/// What a mode lends.
fn lending(observed: &Observed, spared: &Spared) -> Result<Lending, SwitchError> {
    if let Some(refused) = &observed.cards_refused {
        return Err(SwitchError::CardRefused(Arc::clone(refused)));
    }
    Ok(Lending::AllBut(spared.clone()))
}

/// The responder's arguments behind `--interface NAME`.
#[must_use]
pub fn arguments(settings: &Settings) -> Vec<String> {
    const COMMAND_AND_INTERFACE: usize = 3;
    let args = settings.args().into_iter().skip(COMMAND_AND_INTERFACE);
    args.map(|arg| arg.to_string_lossy().into_owned()).collect()
}
