//! The configuration and the running system side by side: observes, describes targets, says what can be chosen.
//!
//! Changes nothing.

use std::path::{Path, PathBuf};

use nix::unistd::Group;

use super::error::SwitchError;
use super::notes::Notes;
use super::state_file;
use super::switch::{Established, bound_udc};
use crate::config::{Backend, Config, FunctionKind, Mode, StartMode, Switch, UdcChoice};
use crate::control;
use crate::identity::{Identity, IdentityError};
use crate::link::{self, Addresses, Choice, Policy};
use crate::plan::{
    self, BackendChoice, Before, GADGET, GadgetTarget, LinkTarget, LiveLegacy, LiveLink, Observed,
    Realisation, Target,
};
use crate::responder::Settings;
use crate::sys::configfs::{ConfigFs, Presence};
use crate::sys::modules::{self, Index, Modules};
use crate::sys::netlink::{Netlink, NetlinkError};
use crate::sys::udc;

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
    identity: Result<Identity, IdentityError>,
    group: Option<u32>,
    index: Index,
}

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
                let known = |mode: &String| self.config.modes.contains_key(mode);
                state_file::last_mode(&self.last_mode_file()).filter(known).unwrap_or_else(|| or.clone())
            }
        }
    }

    /// Where the last mode is kept.
    #[must_use]
    pub fn last_mode_file(&self) -> PathBuf {
        self.roots.state.join("mode")
    }

    /// The system as it is now, as far as a plan needs it. `responder` is the one that runs.
    ///
    /// # Errors
    /// Something is there and cannot be read.
    pub fn observe(&self, responder: Option<(u32, Vec<String>)>) -> Result<Observed, SwitchError> {
        let configfs = ConfigFs::at(self.roots.sys.join("kernel/config"));
        let presence = configfs.presence();
        let modules = Modules::observe(&self.roots.proc, self.index.clone())?;
        let mut observed = Observed {
            presence,
            gadget: configfs.observe(GADGET)?,
            others: configfs.others(GADGET)?,
            udcs: udc::list(&self.roots.sys)?,
            legacy: self.legacy(&modules),
            link: None,
            responder,
            before: self.before(presence, &modules),
            modules,
            configfs,
        };
        observed.link = live_link(&own_interfaces(&observed), self.config.link.address.address)?;
        Ok(observed)
    }

    /// The legacy module that is used, or would be.
    fn legacy_module(&self) -> &str {
        match &self.config.backend {
            Backend::Legacy { ether, .. } => ether,
            Backend::Auto | Backend::Configfs => Backend::ETHER,
        }
    }

    fn legacy(&self, modules: &Modules) -> Option<LiveLegacy> {
        let module = self.legacy_module();
        modules.loaded.contains_key(module).then(|| LiveLegacy {
            module: module.to_owned(),
            parameters: modules::parameters(&self.roots.sys, module),
        })
    }

    /// The backend, with the module's files found.
    fn realisation(&self, observed: &Observed, mode: &Mode) -> Result<Realisation, SwitchError> {
        let choice = plan::choose_backend(&self.config.backend, observed.presence, &observed.modules)?;
        if let Some(obstacle) = plan::obstacle(&choice, mode, &observed.modules) {
            return Err(obstacle.into());
        }
        Ok(match choice {
            BackendChoice::Configfs => Realisation::Configfs,
            BackendChoice::Legacy { ether, insmod_from, .. } => {
                let resolve = |dir: PathBuf| modules::resolve(&dir, &modules::release(), &ether);
                Realisation::Legacy { files: insmod_from.map(resolve).transpose()?, module: ether }
            }
        })
    }

    /// Decides a mode in every detail, given what is observed.
    ///
    /// # Errors
    /// What the kernel lacks, or that no subnet is free.
    pub fn wanted(&self, name: &str, observed: &Observed) -> Result<Wanted, SwitchError> {
        let mode = &self.config.modes[name];
        let realisation = self.realisation(observed, mode)?;
        let gadget = plan::describe(&self.config, mode, &realisation, &self.identity)?;
        let link = if mode.network().is_some() {
            Some(self.choose_subnet(&own_interfaces(observed))?)
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
        Ok(Wanted { target: Target { gadget, udc, link: link_target }, link, responder })
    }

    fn choose_subnet(&self, own: &[String]) -> Result<Choice, SwitchError> {
        let link = &self.config.link;
        let wanted = Addresses {
            address: link.address.address,
            prefix: link.address.prefix,
            host: link.host,
            pool: link.pool.map(|pool| (pool.first, pool.last)),
        };
        let mut netlink = Netlink::open()?;
        let (interfaces, addresses) = (netlink.interfaces()?, netlink.all_addresses()?);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let occupied = link::occupied(&interfaces, &addresses, &netlink.routes()?, &own);
        let policy = if link.avoid_overlap { Policy::Avoid } else { Policy::Pinned };
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

    /// Every mode, and why it cannot be chosen here and now.
    #[must_use]
    pub fn modes(&self, current: Option<&str>) -> Vec<control::Mode> {
        let observed = self.observe(None);
        let why = |name: &str| match &observed {
            Ok(observed) => self.why_not(name, observed),
            Err(error) => Some(error.to_string()),
        };
        let words = |mode: &Mode| mode.functions.iter().map(FunctionKind::to_string).collect();
        let entry = |(name, mode): (&String, &Mode)| control::Mode {
            name: name.clone(),
            functions: words(mode),
            current: current == Some(name),
            why: why(name),
        };
        self.config.modes.iter().map(entry).collect()
    }

    fn why_not(&self, name: &str, observed: &Observed) -> Option<String> {
        let wanted = match self.wanted(name, observed) {
            Ok(wanted) => wanted,
            Err(error) => return Some(error.to_string()),
        };
        if wanted.target.gadget != GadgetTarget::Nothing
            && let Err(error) = self.udc(observed)
        {
            return Some(error.to_string());
        }
        plan::switch(observed, &wanted.target).err().map(|error| error.to_string())
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

    /// Whether there is a UDC to take.
    #[must_use]
    pub fn has_udc(&self) -> bool {
        self.observe(None).is_ok_and(|observed| self.udc(&observed).is_ok())
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
        self.observe(None).is_ok_and(|observed| bound_udc(&observed).as_ref() == Some(udc))
    }

    /// The notes in the run directory.
    pub(super) fn notes(&self) -> Notes {
        Notes::at(&self.roots.run)
    }

    /// What there was before usbnet, as noted or else as it is now. A legacy module that came since, and that
    /// usbnet did not load, is somebody else's as well.
    fn before(&self, presence: Presence, modules: &Modules) -> Before {
        let mut before = self.notes().before().unwrap_or_else(|| Before::from_now(presence, modules));
        let legacy = self.legacy_module();
        if modules.loaded.contains_key(legacy) && !self.notes().loaded().contains(legacy) {
            before.modules.insert(legacy.to_owned());
        }
        before
    }
}

/// The responder's arguments behind `--interface NAME`.
#[must_use]
pub fn arguments(settings: &Settings) -> Vec<String> {
    const COMMAND_AND_INTERFACE: usize = 3;
    let args = settings.args().into_iter().skip(COMMAND_AND_INTERFACE);
    args.map(|arg| arg.to_string_lossy().into_owned()).collect()
}

/// The interfaces of our gadget.
#[must_use]
pub fn own_interfaces(observed: &Observed) -> Vec<String> {
    let configfs = observed.gadget.iter().filter(|live| live.udc.is_some());
    let configfs = configfs.flat_map(|live| live.interfaces().into_iter().map(|(_, name)| name.to_owned()));
    let ours = observed.legacy.iter().filter(|legacy| !observed.before.modules.contains(&legacy.module));
    let legacy = ours.flat_map(|_| observed.udcs.iter().flat_map(|udc| udc.interfaces.clone()));
    configfs.chain(legacy).collect()
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
    let mut addresses = netlink.addresses(interface.index)?;
    addresses.sort_by_key(|found| found.address != configured);
    Ok(addresses.first().map(|found| LiveLink {
        interface: interface.name,
        address: found.address,
        prefix: found.prefix,
        mtu: interface.mtu,
        up: interface.up,
    }))
}
