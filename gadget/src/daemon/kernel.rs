//! The configuration and the running system side by side: observes, describes targets, says what can be chosen.
//!
//! Changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::Group;

use super::error::SwitchError;
use super::established::{Established, bound_udc};
use super::journal::JournalFile;
use super::notes::Notes;
use super::state_file;
use crate::cards::ObservedCard;
use crate::config::{Backend, Config, Console, FunctionKind, HOST, Mode, OnBusy, StartMode, UdcChoice};
use crate::control::{self, Refusal};
use crate::identity::{Identity, IdentityError};
use crate::plan::{self, Before, GADGET, GadgetTarget, LiveLegacy, LiveLink, Observed, Spared};
use crate::sys::cards::{CardError, CardSystem};
use crate::sys::configfs::{ConfigFs, LiveGadget, Presence, legacy_luns};
use crate::sys::modules::{self, Index, Modules};
use crate::sys::netlink::{Netlink, NetlinkError};
use crate::sys::usb_role::Role;
use crate::sys::{udc, usb_role};

/// Where the parts of the system are; tests put a directory of their own in front.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/sys`.
    pub sys: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/lib/modules`.
    pub modules: PathBuf,
    /// `/`, for what identifies the machine.
    pub identity: PathBuf,
    /// `/dev`.
    pub dev: PathBuf,
    /// `/etc`, for the table of mounts.
    pub etc: PathBuf,
    /// `/run/usbnet`.
    pub run: PathBuf,
    /// `/var/lib/usbnet`.
    pub state: PathBuf,
}

impl Roots {
    /// Those of the running system.
    #[must_use]
    pub fn system(run: &Path) -> Self {
        Self {
            sys: "/sys".into(),
            proc: "/proc".into(),
            modules: "/lib/modules".into(),
            identity: "/".into(),
            dev: "/dev".into(),
            etc: "/etc".into(),
            run: run.to_owned(),
            state: "/var/lib/usbnet".into(),
        }
    }
}

/// The configuration and the system it is for.
#[derive(Debug)]
pub struct Kernel {
    /// What the user wants.
    pub config: Config,
    /// Where the system is.
    pub roots: Roots,
    pub(super) identity: Result<Identity, IdentityError>,
    group: Option<u32>,
    index: Index,
}

impl Kernel {
    /// Reads what does not change while the daemon runs: identity, the group's number, which modules
    /// there are.
    #[must_use]
    pub fn new(config: Config, roots: Roots) -> Self {
        let identity = Identity::read(&roots.identity);
        let group = config.control.group.as_deref().and_then(|name| Group::from_name(name).ok().flatten());
        if let (Some(name), None) = (&config.control.group, &group) {
            log::warn!("group {name} does not exist; only root may switch");
        }
        let index = Index::read(&roots.modules.join(modules::release())).unwrap_or_else(|error| {
            log::warn!("{error}; what the kernel has shows when it is tried");
            Index::default()
        });
        Self { config, roots, identity, group: group.map(|group| group.gid.as_raw()), index }
    }

    /// The number of the group that may switch.
    #[must_use]
    pub const fn group(&self) -> Option<u32> {
        self.group
    }

    /// The mode to begin with.
    #[must_use]
    pub fn start_mode(&self) -> String {
        match &self.config.start_mode {
            StartMode::Named(name) => name.clone(),
            StartMode::Last { or } => {
                let known = |mode: &String| {
                    let is_there = *mode != HOST || !usb_role::list(&self.roots.sys).is_empty();
                    is_there && self.config.mode(mode).is_some()
                };
                state_file::last_mode(&self.last_mode_file()).filter(known).unwrap_or_else(|| or.clone())
            }
        }
    }

    /// The device node of the gadget's serial port, if it has one and the configuration gives it to the console.
    #[must_use]
    pub fn console_port(&self) -> Option<PathBuf> {
        if self.config.control.console == Console::Off {
            return None;
        }
        let gadget = self.roots.sys.join("kernel/config/usb_gadget").join(GADGET);
        let function = gadget.join("functions").join(format!("{}.{}", FunctionKind::Acm, plan::SERIAL));
        Some(self.roots.dev.join(super::console::device(&function)?))
    }

    /// Where the last mode is kept.
    #[must_use]
    pub fn last_mode_file(&self) -> PathBuf {
        self.roots.state.join("mode")
    }

    /// The system as it is now, as far as a plan needs it. `responder` is the one that runs, `held` are the media that
    /// this process keeps from everything else.
    ///
    /// # Errors
    /// Something is there and cannot be read.
    pub fn observe(
        &self,
        responder: Option<(u32, Vec<String>)>,
        held: &[PathBuf],
    ) -> Result<Observed, SwitchError> {
        let configfs = ConfigFs::at(self.roots.sys.join("kernel/config"));
        let presence = configfs.presence();
        let modules = Modules::observe(&self.roots.proc, self.index.clone())?;
        let gadget = configfs.observe(GADGET)?;
        let legacy = self.legacy(&modules);
        let (cards, cards_refused) = self.observe_cards(held)?;
        let luns = gadget.as_ref().map(LiveGadget::luns).unwrap_or_default();
        let mut observed = Observed {
            presence,
            gadget,
            luns,
            cards,
            cards_refused,
            others: configfs.others(GADGET)?,
            udcs: udc::list(&self.roots.sys)?,
            role_before: self.notes().role(),
            port_uses: self.port_uses()?,
            legacy,
            link: None,
            responder,
            before: self.before(presence, &modules),
            modules,
            configfs,
        };
        // Those of somebody else's module are none of our business.
        if observed.our_legacy().is_some() {
            observed.luns.extend(legacy_luns(&self.roots.sys));
        }
        observed.link = live_link(&observed.interfaces(), self.config.link.address.address)?;
        Ok(observed)
    }

    /// The cards, and why none of them may be lent. Those that were taken come back whatever the configuration says.
    ///
    /// # Errors
    /// The journal or the system cannot be read.
    pub fn observe_cards(
        &self,
        held: &[PathBuf],
    ) -> Result<(Vec<ObservedCard>, Option<Arc<CardError>>), SwitchError> {
        let records = self.journal().read()?.records;
        let cards = self.cards();
        match cards.observe(&self.config.cards, &records, held) {
            Ok(found) => Ok((found, None)),
            Err(refused) => Ok((cards.observe(&[], &records, held)?, Some(Arc::new(refused)))),
        }
    }

    /// The system's block devices and mounts.
    #[must_use]
    pub fn cards(&self) -> CardSystem {
        let Roots { proc, sys, dev, etc, .. } = &self.roots;
        CardSystem::at(proc, sys, dev, etc)
    }

    /// The journal in the run directory.
    #[must_use]
    pub fn journal(&self) -> JournalFile {
        JournalFile::at(&self.roots.run)
    }

    /// The legacy modules that are used, or would be.
    fn legacy_modules(&self) -> [&str; 2] {
        match &self.config.backend {
            Backend::Legacy { ether, storage, .. } => [ether, storage],
            Backend::Auto | Backend::Configfs => [Backend::ETHER, Backend::STORAGE],
        }
    }

    fn legacy(&self, modules: &Modules) -> Option<LiveLegacy> {
        let module = self.legacy_modules().into_iter().find(|module| modules.loaded.contains_key(*module))?;
        let parameters = modules::parameters(&self.roots.sys, module);
        Some(LiveLegacy { module: module.to_owned(), parameters })
    }

    /// Every mode, and why it cannot be chosen here and now.
    #[must_use]
    pub fn modes(&self, current: Option<&str>, held: &[PathBuf]) -> Vec<control::Mode> {
        let observed = self.observe(None, held);
        let why = |name: &str| match &observed {
            Ok(observed) => self.why_not(name, observed),
            Err(error) => Some(error.to_string()),
        };
        let functions = |name: &str| self.config.mode(name).map(Mode::all_functions).unwrap_or_default();
        let entry = |name: String| control::Mode {
            functions: functions(&name).iter().map(FunctionKind::to_string).collect(),
            current: current == Some(&name),
            why: why(&name),
            name,
        };
        self.config.mode_names().into_iter().map(entry).collect()
    }

    /// The answer for who asks for a mode that is not there.
    #[must_use]
    pub fn unknown_mode(&self, name: &str) -> Refusal {
        Refusal::UnknownMode { name: name.to_owned(), modes: self.config.mode_names() }
    }

    fn why_not(&self, name: &str, observed: &Observed) -> Option<String> {
        let wanted = match self.wanted(name, observed, &Spared::default(), true) {
            Ok(wanted) => wanted,
            Err(error) => return Some(error.to_string()),
        };
        if wanted.target.gadget != GadgetTarget::Nothing
            && !plan::brings_udc(&wanted.target.port, observed.role_before.as_ref())
            && let Err(error) = self.udc_to_come(observed)
        {
            return Some(error.to_string());
        }
        let steps = match plan::switch(observed, &wanted.target) {
            Ok(steps) => steps,
            Err(error) => return Some(error.to_string()),
        };
        let busy = self.holders(observed, &plan::taken(&steps), OnBusy::Refuse);
        let free = busy.and_then(|holders| match holders.is_empty() {
            true => wanted.has_a_card(observed),
            false => Err(Refusal::CardBusy { holders }.into()),
        });
        free.err().map(|error| error.to_string())
    }

    /// The UDC that would be taken.
    ///
    /// # Errors
    /// There is none.
    pub fn udc(&self, observed: &Observed) -> Result<udc::Choice, udc::UdcError> {
        let named = match &self.config.udc {
            UdcChoice::Auto => None,
            UdcChoice::Named(name) => Some(name.as_str()),
        };
        let bound = observed.gadget.as_ref().and_then(|live| live.udc.as_deref());
        udc::choose(&observed.udcs, named, bound)
    }

    /// Whether there is a UDC to take, or one may come when the port leaves the host's role.
    ///
    /// # Errors
    /// There is none.
    pub fn udc_to_come(&self, observed: &Observed) -> Result<(), udc::UdcError> {
        if observed.role_before.as_ref().is_some_and(|before| before.taken == Role::Host) {
            return Ok(());
        }
        self.udc(observed).map(drop).map_err(|none| self.without_udc(none))
    }

    /// Why there is no UDC, with the port that has the host's role instead.
    pub(super) fn without_udc(&self, none: udc::UdcError) -> udc::UdcError {
        let switches = usb_role::list(&self.roots.sys);
        match plan::device_switch(switches, self.notes().role().as_ref(), None) {
            Some(switch) if switch.is(Role::Host) => {
                udc::UdcError::HostsPort { none: Box::new(none), port: switch.next_step() }
            }
            _ => none,
        }
    }

    /// Whether there is a UDC to take.
    #[must_use]
    pub fn has_udc(&self) -> bool {
        self.observe(None, &[]).is_ok_and(|observed| self.udc(&observed).is_ok())
    }

    /// The UDC of what is established, as it is now.
    #[must_use]
    pub fn udc_status(&self, established: &Established) -> Option<control::Udc> {
        let name = established.udc.as_ref()?;
        let udc = udc::list(&self.roots.sys).ok()?.into_iter().find(|udc| udc.name == *name)?;
        Some(control::Udc { name: udc.name, state: udc.state.as_str().to_owned(), speed: udc.current_speed })
    }

    /// Whether what is established is still on its UDC.
    #[must_use]
    pub fn is_bound(&self, established: Option<&Established>) -> bool {
        let Some(udc) = established.and_then(|established| established.udc.as_ref()) else { return true };
        self.observe(None, &[]).is_ok_and(|observed| bound_udc(&observed).as_ref() == Some(udc))
    }

    /// The notes in the run directory.
    pub(super) fn notes(&self) -> Notes {
        Notes::at(&self.roots.run)
    }

    /// What there was before usbnet, as noted or else as it is now. A legacy module that came since, and that
    /// usbnet did not load, is somebody else's as well.
    fn before(&self, presence: Presence, modules: &Modules) -> Before {
        let mut before = self.notes().before().unwrap_or_else(|| Before::from_now(presence, modules));
        let loaded = self.notes().loaded();
        let foreign = |module: &&str| modules.loaded.contains_key(*module) && !loaded.contains(*module);
        before.modules.extend(self.legacy_modules().into_iter().filter(foreign).map(str::to_owned));
        before
    }
}

/// Our address on one of these interfaces: the configured one if it is there, else the first.
fn live_link(own: &[String], configured: std::net::Ipv4Addr) -> Result<Option<LiveLink>, SwitchError> {
    let Some(name) = own.first() else { return Ok(None) };
    let mut netlink = Netlink::open()?;
    let interface = match netlink.interface(name) {
        Ok(interface) => interface,
        Err(NetlinkError::NoInterface { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let addresses = netlink.addresses(interface.index)?;
    let found = addresses.iter().find(|found| found.address == configured).or(addresses.first());
    Ok(found.map(|found| LiveLink {
        interface: interface.name,
        address: found.address,
        prefix: found.prefix,
        mtu: interface.mtu,
        up: interface.up,
    }))
}
