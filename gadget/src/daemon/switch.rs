//! One switch: observe, plan, apply step by step, read back; and back to the mode before if any of it fails.
//!
//! Runs in the worker. An undo is another switch, from whatever is there then.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::SwitchError;
use super::kernel::{Kernel, Wanted, arguments, own_interfaces};
use super::supervisor::Supervisor;
use crate::identity::MacAddr;
use crate::link::{Addresses, Notice, announces_carrier};
use crate::plan::{self, GadgetTarget, InterfaceSource, Observed, Step};
use crate::responder::{Child, Incoming, Report, Settings};
use crate::sys::configfs::{self, ConfigFs, EthernetDriver, FunctionSpec, Operation};
use crate::sys::holders::holding;
use crate::sys::netlink::{Netlink, NetlinkError};
use crate::sys::udc::{self, StateWatch, UdcState};
use crate::sys::uevent::Uevents;
use crate::sys::{clock, modules};

/// How long a responder may take until its first report.
const SERVES_WITHIN: Duration = Duration::from_secs(20);

/// What a switch starts from.
#[derive(Debug)]
pub struct Job {
    /// The mode to go back to.
    pub from: Option<String>,
    /// The mode to reach; none to take everything down.
    pub to: Option<String>,
    /// The responder that runs.
    pub supervisor: Option<Supervisor>,
}

/// What it came to.
#[derive(Debug)]
pub struct Switched {
    /// Whether the mode was reached.
    pub result: Result<(), SwitchError>,
    /// If not: whether the mode before is set again.
    pub undone: bool,
    /// What is set now.
    pub established: Option<Established>,
    /// The responder that runs now.
    pub supervisor: Option<Supervisor>,
}

/// A mode that was read back.
#[derive(Debug)]
pub struct Established {
    /// The backend's name.
    pub backend: &'static str,
    /// The UDC, in a mode that is on the bus.
    pub udc: Option<String>,
    /// The network link, in a mode that has one.
    pub link: Option<Link>,
    /// Wakes the loop when the cable comes or goes.
    pub cable: Option<StateWatch>,
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
}

/// Switches, and undoes it if it fails.
pub fn perform(kernel: &Kernel, job: Job) -> Switched {
    let mut switch = Switch { kernel, supervisor: job.supervisor, found_udc: None, interface: None };
    let (result, undone, established) = match switch.reach(job.to.as_deref()) {
        Ok(established) => (Ok(()), false, established),
        // What could not be taken down is reported; putting the rest back would be the opposite of what was asked.
        Err(error) if job.to.is_none() => (Err(error), false, None),
        Err(error) => match switch.reach(job.from.as_deref()) {
            Ok(established) if job.from == job.to => {
                log::warn!("{error}; the second try succeeded");
                (Ok(()), false, established)
            }
            Ok(established) => (Err(error), true, established),
            Err(second) => {
                log::error!("undoing it failed too: {second}");
                (Err(error), false, None)
            }
        },
    };
    Switched { result, undone, established, supervisor: switch.supervisor }
}

/// Takes down what is ours; returns whether there was anything.
///
/// # Errors
/// Everything that could not be taken down.
pub fn take_down(kernel: &Kernel, supervisor: Option<Supervisor>) -> Result<bool, SwitchError> {
    let mut switch = Switch { kernel, supervisor, found_udc: None, interface: None };
    let observed = switch.observe()?;
    let steps = plan::stop(&observed);
    // A teardown goes on past errors: what can be put back is put back.
    let mut errors = Vec::new();
    let mut left = false;
    for step in &steps {
        match switch.execute(step, None) {
            Ok(()) => {}
            Err(error) if is_shared(step) => {
                log::warn!("left as it is, because something else uses it by now: {error}");
                left = true;
            }
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(SwitchError::Teardown(errors));
    }
    if !left {
        kernel.notes().forget();
    }
    Ok(!steps.is_empty())
}

/// What others may have come to use since usbnet brought it; the gadget itself is ours alone.
const fn is_shared(step: &Step) -> bool {
    matches!(step, Step::UnmountConfigfs { .. } | Step::UnloadModule { .. })
}

/// The shell lines that a switch equals; changes nothing.
///
/// # Errors
/// Why there would be no switch.
pub fn shell_lines(
    kernel: &Kernel,
    mode: &str,
    supervisor: Option<&Supervisor>,
) -> Result<Vec<String>, SwitchError> {
    let observed = kernel.observe(supervisor.and_then(running))?;
    let wanted = kernel.wanted(mode, &observed)?;
    Ok(plan::script(&plan::switch(&observed, &wanted.target)?))
}

/// The process and the arguments of a responder, as the planner compares them.
fn running(supervisor: &Supervisor) -> Option<(u32, Vec<String>)> {
    Some((supervisor.pid()?, arguments(supervisor.settings())))
}

/// Gives a link its address and sets it up.
///
/// # Errors
/// The kernel's refusal.
pub fn raise(netlink: &mut Netlink, link: &Link) -> Result<(), NetlinkError> {
    netlink.add_address(link.index, link.addresses.address, link.addresses.prefix)?;
    netlink.set_up(link.index)
}

struct Switch<'a> {
    kernel: &'a Kernel,
    supervisor: Option<Supervisor>,
    /// The UDC that [`Step::AwaitUdc`] found.
    found_udc: Option<String>,
    /// The interface that [`Step::LinkUp`] set up.
    interface: Option<String>,
}

impl Switch<'_> {
    fn observe(&self) -> Result<Observed, SwitchError> {
        self.kernel.observe(self.supervisor.as_ref().and_then(running))
    }

    fn reach(&mut self, mode: Option<&str>) -> Result<Option<Established>, SwitchError> {
        let Some(mode) = mode else {
            take_down(self.kernel, self.supervisor.take())?;
            return Ok(None);
        };
        let observed = self.observe()?;
        let wanted = self.kernel.wanted(mode, &observed)?;
        let steps = plan::switch(&observed, &wanted.target)?;
        if let Some(held) = steps.iter().find_map(|step| self.held(step)) {
            return Err(held);
        }
        self.kernel.notes().keep_before(&observed.before)?;
        for step in &steps {
            self.execute(step, wanted.responder.as_ref())?;
        }
        self.confirm(&wanted).map(Some)
    }

    fn execute(&mut self, step: &Step, responder: Option<&Settings>) -> Result<(), SwitchError> {
        log::debug!("{}", step.shell().join("; "));
        if let Some(held) = self.held(step) {
            return Err(held);
        }
        let sys = &self.kernel.roots.sys;
        match step {
            Step::StopResponder { .. } => {
                if let Some(mut child) = self.supervisor.take().and_then(Supervisor::into_child) {
                    child.terminate()?; // it writes down its latest leases
                    child.reap()?;
                }
            }
            Step::LinkDown { interface, address, prefix } => link_down(interface, *address, *prefix)?,
            Step::Unbind { gadget } => configfs::unbind(gadget)?,
            Step::UnloadModule { module } => modules::unload(module)?,
            Step::LoadModule(load) => {
                self.kernel.notes().keep_loaded(&load.module)?;
                load.apply()?;
            }
            Step::MountConfigfs { root } => ConfigFs::at(root).mount()?,
            Step::UnmountConfigfs { root } => ConfigFs::at(root).unmount()?,
            Step::Configfs(operation) => operation.apply()?,
            Step::AwaitUdc { named, seconds } => {
                let limit = Duration::from_secs((*seconds).into());
                self.found_udc = Some(await_udc(sys, named.as_deref(), limit)?);
            }
            Step::Bind { gadget, udc } => {
                let udc = udc.as_deref().or(self.found_udc.as_deref()).unwrap_or_default();
                configfs::bind(gadget, udc, sys)?;
            }
            Step::LinkUp { interface, address, prefix, mtu } => {
                let name = self.interface_name(interface)?;
                self.interface = Some(link_up(&name, *address, *prefix, *mtu)?);
            }
            Step::StartResponder { .. } => {
                if let (Some(settings), Some(interface)) = (responder, &self.interface) {
                    let settings = Settings { interface: interface.clone(), ..settings.clone() };
                    self.supervisor = Some(start_responder(settings)?);
                }
            }
        }
        Ok(())
    }

    /// The kernel removes a serial function only once nobody has its port open, and waits uninterruptibly for that.
    fn held(&self, step: &Step) -> Option<SwitchError> {
        let Step::Configfs(Operation::RemoveDir { path }) = step else { return None };
        path.file_name()?.to_str()?.strip_prefix("acm.")?;
        let number = std::fs::read_to_string(path.join("port_num")).ok()?;
        let device = Path::new("/dev").join(format!("ttyGS{}", number.trim()));
        let holders = holding(&self.kernel.roots.proc, |target| target == device);
        (!holders.is_empty()).then_some(SwitchError::Held { device, holders })
    }

    fn interface_name(&self, source: &InterfaceSource) -> Result<String, SwitchError> {
        match source {
            InterfaceSource::Function(directory) => Ok(configfs::interface(directory)?),
            InterfaceSource::Module(module) => {
                let udcs = udc::list(&self.kernel.roots.sys)?;
                let first = udcs.into_iter().flat_map(|udc| udc.interfaces).next();
                first.ok_or_else(|| SwitchError::NotDriven(module.clone()))
            }
        }
    }

    /// Reads everything back: UDC bound, address present, responder answering.
    fn confirm(&self, wanted: &Wanted) -> Result<Established, SwitchError> {
        let observed = self.observe()?;
        let backend = match wanted.target.gadget {
            GadgetTarget::Nothing => {
                return Ok(Established { backend: "none", udc: None, link: None, cable: None });
            }
            GadgetTarget::Configfs(_) => "configfs",
            GadgetTarget::Legacy(_) => "legacy",
        };
        let udc = bound_udc(&observed).ok_or(SwitchError::NotBound)?;
        let link = wanted.link.as_ref().map(|choice| {
            let interface = own_interfaces(&observed).into_iter().next().ok_or(SwitchError::NotBound)?;
            let index = addressed(&interface, &choice.addresses)?;
            let host_mac = host_mac(&wanted.target.gadget);
            Ok::<_, SwitchError>(Link {
                interface,
                index,
                addresses: choice.addresses,
                notice: choice.notice.clone(),
                host_mac,
                announces_carrier: announces(&wanted.target.gadget),
            })
        });
        if let Some(Link { notice: Some(notice), .. }) = link.as_ref().and_then(|link| link.as_ref().ok()) {
            log::warn!("{notice}");
        }
        let cable = StateWatch::open(&self.kernel.roots.sys, &udc)?;
        cable.read()?;
        Ok(Established { backend, udc: Some(udc), link: link.transpose()?, cable: Some(cable) })
    }
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
    let legacy = || observed.udcs.iter().find(|udc| !udc.interfaces.is_empty()).map(|udc| udc.name.clone());
    let ours = observed.legacy.iter().find(|legacy| !observed.before.modules.contains(&legacy.module));
    configfs.or_else(|| ours.and_then(|_| legacy()))
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

fn announces(target: &GadgetTarget) -> bool {
    match target {
        GadgetTarget::Nothing => false,
        GadgetTarget::Configfs(spec) => spec.functions.iter().any(|function| match function {
            FunctionSpec::Ethernet(ethernet) => {
                matches!(ethernet.driver, EthernetDriver::Ecm | EthernetDriver::Ncm)
            }
            _ => false,
        }),
        GadgetTarget::Legacy(legacy) => legacy.serves().iter().any(|kind| announces_carrier(*kind)),
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

/// Sets a fresh interface up and returns its name, which udev may have changed meanwhile.
fn link_up(
    name: &str,
    address: std::net::Ipv4Addr,
    prefix: u8,
    mtu: Option<u16>,
) -> Result<String, SwitchError> {
    let mut netlink = Netlink::open()?;
    let index = netlink.interface(name)?.index;
    if let Some(mtu) = mtu {
        netlink.set_mtu(index, mtu.into())?;
    }
    netlink.add_address(index, address, prefix)?;
    netlink.set_up(index)?;
    Ok(netlink.interface_by_index(index)?.name)
}

/// An interface that is gone has no address to take off.
fn link_down(name: &str, address: std::net::Ipv4Addr, prefix: u8) -> Result<(), SwitchError> {
    let mut netlink = Netlink::open()?;
    let down = |netlink: &mut Netlink| {
        let index = netlink.interface(name)?.index;
        netlink.remove_address(index, address, prefix)?;
        netlink.set_down(index)
    };
    match down(&mut netlink) {
        Err(NetlinkError::NoInterface { .. }) => Ok(()),
        other => Ok(other?),
    }
}

fn await_udc(sys: &Path, named: Option<&str>, limit: Duration) -> Result<String, SwitchError> {
    let mut uevents = Uevents::open().map_err(std::io::Error::other)?;
    let choice = udc::wait(sys, named, limit, |left| {
        wait_readable(&uevents, left)?;
        while uevents.next_event().map_err(std::io::Error::other)?.is_some() {}
        Ok(())
    })?;
    Ok(choice.name)
}

/// Whether it became readable within the time.
fn wait_readable(source: &impl AsFd, limit: Duration) -> std::io::Result<bool> {
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)], timeout) {
        Err(Errno::EINTR) => Ok(false),
        other => Ok(other? > 0),
    }
}

/// Starts a responder and waits until it says that it serves.
fn start_responder(settings: Settings) -> Result<Supervisor, SwitchError> {
    let mut child = Child::spawn(&settings)?;
    let report = first_report(&mut child)?;
    Ok(Supervisor::new(settings, child, report, clock::now()))
}

fn first_report(child: &mut Child) -> Result<Report, SwitchError> {
    let until = clock::now() + SERVES_WITHIN;
    loop {
        match child.read_report()? {
            Incoming::Report(report) => return Ok(*report),
            Incoming::Ended => return Err(SwitchError::ResponderEnded(child.reap()?)),
            Incoming::Nothing => {}
        }
        let left = until.saturating_sub(clock::now());
        if left.is_zero() {
            return Err(SwitchError::ResponderSilent(SERVES_WITHIN.as_secs()));
        }
        wait_readable(&child.fd(), left)?;
    }
}
