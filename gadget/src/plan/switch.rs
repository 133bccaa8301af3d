//! The plan itself: from what is observed to a target, and to nothing at all.
//!
//! Decides whether a UDC may be taken at all. Never orders an unbind or unload of what is not ours, and orders nothing
//! where everything is right already.

use std::path::PathBuf;

use super::cards::{HandOver, hand_over};
use super::describe::STORAGE_INSTANCE;
use super::legacy::has_parameters;
use super::profile_disk;
use super::role;
use super::support::leftover_modules;
use super::target::{GadgetTarget, LegacyTarget, Lending, LinkTarget, Observed, PortRole, Target};
use super::{InterfaceSource, Step};
use crate::cards::Used;
use crate::sys::configfs::{
    FunctionSpec, GadgetSpec, Lun, Operation, Presence, difference, emptying, removal,
};
use crate::sys::modules::{Availability, Load, Source};
use crate::sys::udc::{self, Udc};
use crate::sys::usb_role::Role;

/// How long a plan waits for a UDC that is not there yet: a late driver at boot, a port that leaves host mode.
const AWAIT_SECONDS: u32 = 10;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A gadget in configfs that is not ours is bound to the UDC.
    #[error(
        "UDC {udc} is taken by the configfs gadget {gadget:?}, which is not usbnet's; unbind it with `echo > {}/UDC`",
        path.display()
    )]
    OtherGadget {
        /// The UDC.
        udc: String,
        /// The gadget.
        gadget: String,
        /// Its directory.
        path: PathBuf,
    },
    /// A module that usbnet did not load drives the UDC.
    #[error(
        "UDC {udc} is taken by the module {module}, which usbnet did not load; unload it with `rmmod {module}` \
         and keep it from being loaded at boot"
    )]
    OtherModule {
        /// The UDC.
        udc: String,
        /// The module.
        module: String,
    },
    /// Something that is no module drives the UDC.
    #[error(
        "UDC {udc} is taken by the gadget driver {driver:?}, which is neither a loaded module nor a configfs gadget: \
         it is built into the kernel, or a program holds it; name another UDC, or use a kernel without it"
    )]
    OtherDriver {
        /// The UDC.
        udc: String,
        /// The driver, as sysfs names it.
        driver: String,
    },
    /// The legacy module is there, loaded by somebody else, and waits for a UDC.
    #[error("the module {module} is loaded already, and not by usbnet; unload it with `rmmod {module}`")]
    ForeignLegacy {
        /// The module.
        module: String,
    },
    /// A legacy module takes the first free UDC.
    #[error("{module} takes the first free UDC, which is {first}, not {wanted}; use configfs to choose one")]
    LegacyChoice {
        /// The module.
        module: String,
        /// The one that it takes.
        first: String,
        /// The one that is to be used.
        wanted: String,
    },
    /// The port would be a host's no more.
    #[error("{} at the USB port, which would be a host's no longer; {} first", list(used), end(used))]
    PortInUse {
        /// What is in use there; at least one.
        used: Vec<Used>,
    },
}

fn list(used: &[Used]) -> String {
    used.iter().map(Used::to_string).collect::<Vec<_>>().join(", ")
}

/// What to do about it.
fn end(used: &[Used]) -> &'static str {
    let swaps = used.iter().filter(|used| used.point.is_none()).count();
    match (used.len() - swaps, swaps) {
        (1, 0) => "unmount it",
        (_, 0) => "unmount them",
        (0, _) => "end that with swapoff",
        _ => "unmount what is mounted and end the swap with swapoff",
    }
}

/// The steps from what is observed to `target`; none if everything is right already.
///
/// # Errors
/// Something that is not ours is in the way, or would be cut off; nothing has to be undone.
pub fn switch(observed: &Observed, target: &Target) -> Result<Vec<Step>, PlanError> {
    let planner = Planner { observed };
    let (gadget, changed) = match &target.gadget {
        GadgetTarget::Nothing => (planner.silence(), true),
        GadgetTarget::Configfs(spec) => planner.configfs(spec, target.udc.as_deref())?,
        GadgetTarget::Legacy(legacy) => planner.legacy(legacy, target.udc.as_deref())?,
    };
    let unit = |index| planner.unit(&target.gadget, index);
    let rebuilt = changed && !gadget.is_empty();
    let HandOver { eject, take, mut insert, give_back } = hand_over(observed, &target.lending, rebuilt, unit);
    let (withdraw, offer) = profile_disk::exchange(observed, target.profile_disk.as_ref(), rebuilt, unit);
    insert.extend(offer);
    let mut steps = eject;
    steps.extend(take);
    steps.extend(withdraw);
    let mut gadget = with_media(gadget, insert);
    // Some controllers have no UDC while they are a host's.
    let role = role::steps(&target.port, observed.role_before.as_ref());
    let (before, behind): (Vec<_>, Vec<_>) =
        role.into_iter().partition(|step| leads_to_udc(step, &target.gadget));
    gadget.splice(0..0, before);
    gadget.extend(behind);
    steps.extend(planner.around(gadget, changed, target));
    steps.extend(give_back);
    role::cuts_nothing_off(observed, &steps)?;
    Ok(steps)
}

/// The steps from what is observed to what there was before usbnet. Only [`role::cuts_nothing_off`] says whether they may
/// be carried out.
#[must_use]
pub fn stop(observed: &Observed) -> Vec<Step> {
    let planner = Planner { observed };
    let HandOver { eject, give_back, .. } = hand_over(observed, &Lending::Nothing, true, Lun::Legacy);
    let mut steps = eject;
    steps.extend(profile_disk::exchange(observed, None, true, Lun::Legacy).0);
    steps.extend(planner.stop_responder());
    steps.extend(planner.remove_gadget());
    steps.extend(role::steps(&PortRole::Own, observed.role_before.as_ref()));
    steps.extend(give_back);
    let modules = leftover_modules(observed);
    let (configfs, rest): (Vec<_>, Vec<_>) = modules.into_iter().partition(|module| module == "configfs");
    steps.extend(rest.into_iter().map(|module| Step::UnloadModule { module }));
    let mounted = matches!(observed.presence, Presence::Ready | Presence::NoGadgets);
    if mounted && !observed.before.mounted && observed.others.is_empty() {
        steps.push(Step::UnmountConfigfs { root: observed.configfs.root().to_owned() });
        steps.extend(configfs.into_iter().map(|module| Step::UnloadModule { module }));
    }
    steps
}

/// The gadget's steps with those that put media into its units: before the host sees them, where that is possible.
fn with_media(mut gadget: Vec<Step>, insert: Vec<Step>) -> Vec<Step> {
    let bind = gadget.iter().position(|step| matches!(step, Step::Bind { .. })).unwrap_or(gadget.len());
    gadget.splice(bind..bind, insert);
    gadget
}

/// Whether the gadget can use what a step makes of the port; otherwise it goes before the step.
fn leads_to_udc(step: &Step, gadget: &GadgetTarget) -> bool {
    match step {
        Step::TakeRole(before) => before.taken == Role::Device,
        Step::LeaveRole(before) => before.taken == Role::Host || *gadget != GadgetTarget::Nothing,
        _ => false,
    }
}

struct Planner<'a> {
    observed: &'a Observed,
}

impl Planner<'_> {
    /// The gadget's steps, with those of the link and the responder before and behind them.
    fn around(&self, gadget: Vec<Step>, changed: bool, target: &Target) -> Vec<Step> {
        let link_is_right = !changed && self.link_is_right(target.link.as_ref());
        let responder = target.link.as_ref().and_then(|link| link.responder.as_ref());
        let running = self.observed.responder.as_ref().map(|(_, arguments)| arguments);
        let responder_is_right = link_is_right && running == responder;
        let mut steps = Vec::new();
        if !responder_is_right {
            steps.extend(self.stop_responder());
        }
        if !link_is_right {
            steps.extend(self.link_down(&gadget, target.link.as_ref()));
        }
        steps.extend(gadget);
        let Some(link) = &target.link else { return steps };
        // The responder learns its interface from the step that sets it up.
        if let (false, Some(interface)) = (responder_is_right, self.interface_source(&target.gadget)) {
            let LinkTarget { address, prefix, mtu, .. } = *link;
            steps.push(Step::LinkUp { interface, address, prefix, mtu });
        }
        if let (false, Some(arguments)) = (responder_is_right, responder) {
            steps.push(Step::StartResponder { arguments: arguments.clone() });
        }
        steps
    }

    fn link_is_right(&self, target: Option<&LinkTarget>) -> bool {
        match (&self.observed.link, target) {
            (None, None) => true,
            (Some(live), Some(link)) => {
                live.up
                    && (live.address, live.prefix) == (link.address, link.prefix)
                    && link.mtu.is_none_or(|mtu| u32::from(mtu) == live.mtu)
            }
            _ => false,
        }
    }

    fn stop_responder(&self) -> Vec<Step> {
        self.observed.responder.iter().map(|(pid, _)| Step::StopResponder { pid: Some(*pid) }).collect()
    }

    /// An interface that goes away with its function takes its address along; one that stays must be cleared.
    fn link_down(&self, gadget: &[Step], target: Option<&LinkTarget>) -> Option<Step> {
        let live = self.observed.link.as_ref()?;
        let keeps_address =
            target.is_some_and(|link| (link.address, link.prefix) == (live.address, live.prefix));
        if keeps_address || self.goes_away(&live.interface, gadget) {
            return None;
        }
        Some(Step::LinkDown { interface: live.interface.clone(), address: live.address, prefix: live.prefix })
    }

    fn goes_away(&self, interface: &str, gadget: &[Step]) -> bool {
        let function = self.observed.gadget.as_ref().and_then(|live| {
            let (function, _) = live.interfaces().into_iter().find(|(_, name)| *name == interface)?;
            Some(live.path.join("functions").join(function))
        });
        gadget.iter().any(|step| match step {
            Step::UnloadModule { .. } => function.is_none(),
            Step::Configfs(Operation::RemoveDir { path }) => Some(path) == function.as_ref(),
            _ => false,
        })
    }

    fn interface_source(&self, target: &GadgetTarget) -> Option<InterfaceSource> {
        match target {
            GadgetTarget::Nothing => None,
            GadgetTarget::Legacy(legacy) => Some(InterfaceSource::Module(legacy.module.clone())),
            GadgetTarget::Configfs(spec) => {
                spec.functions.iter().find(|function| matches!(function, FunctionSpec::Ethernet(_))).map(
                    |function| {
                        let dir = self.observed.configfs.gadget_dir(&spec.name).join("functions");
                        InterfaceSource::Function(dir.join(function.directory()))
                    },
                )
            }
        }
    }

    /// Where the unit of that number is, or will be.
    fn unit(&self, target: &GadgetTarget, index: usize) -> Lun {
        match target {
            GadgetTarget::Configfs(spec) => {
                let functions = self.observed.configfs.gadget_dir(&spec.name).join("functions");
                Lun::Configfs(functions.join(format!("mass_storage.{STORAGE_INSTANCE}/lun.{index}")))
            }
            GadgetTarget::Legacy(_) | GadgetTarget::Nothing => Lun::Legacy(index),
        }
    }

    /// Nothing on the bus, and no function left; the gadget's directory stays for the next mode.
    fn silence(&self) -> Vec<Step> {
        let mut steps = self.unbind();
        steps.extend(self.observed.gadget.iter().flat_map(emptying).map(Step::Configfs));
        steps.extend(self.unload_legacy());
        steps
    }

    fn remove_gadget(&self) -> Vec<Step> {
        let mut steps = self.unbind();
        steps.extend(self.observed.gadget.iter().flat_map(removal).map(Step::Configfs));
        steps
    }

    fn unbind(&self) -> Vec<Step> {
        let bound = self.observed.gadget.iter().filter(|live| live.udc.is_some());
        bound.map(|live| Step::Unbind { gadget: live.path.clone() }).collect()
    }

    fn unload_legacy(&self) -> Option<Step> {
        self.observed.our_legacy().map(|legacy| Step::UnloadModule { module: legacy.module.clone() })
    }

    fn configfs(&self, spec: &GadgetSpec, named: Option<&str>) -> Result<(Vec<Step>, bool), PlanError> {
        let live = self.observed.gadget.as_ref();
        let bound = live.and_then(|live| live.udc.as_deref());
        let choice = self.choose(named, bound);
        if let Some(udc) = choice {
            self.may_take(udc)?;
        }
        let dir = self.observed.configfs.gadget_dir(&spec.name);
        let operations = difference(&dir, live, spec);
        if operations.is_empty() && bound.is_some() && bound == choice.map(|udc| udc.name.as_str()) {
            return Ok((Vec::new(), false));
        }
        let mut steps = self.unbind();
        steps.extend(self.unload_legacy());
        steps.extend(self.configfs_ready());
        steps.extend(operations.into_iter().map(Step::Configfs));
        if choice.is_none() {
            steps.push(Self::await_udc(named));
        }
        steps.push(Step::Bind { gadget: dir, udc: choice.map(|udc| udc.name.clone()) });
        Ok((steps, true))
    }

    /// Function modules are loaded by the kernel itself when their directory is made.
    fn configfs_ready(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.observed.presence == Presence::Ready {
            return steps;
        }
        let available = self.observed.modules.availability("libcomposite");
        if !matches!(available, Availability::Loaded | Availability::BuiltIn) {
            steps.push(Step::LoadModule(Load {
                module: "libcomposite".to_owned(),
                parameters: Vec::new(),
                source: Source::Modprobe,
            }));
        }
        if self.observed.presence != Presence::NoGadgets {
            steps.push(Step::MountConfigfs { root: self.observed.configfs.root().to_owned() });
        }
        steps
    }

    fn legacy(&self, target: &LegacyTarget, named: Option<&str>) -> Result<(Vec<Step>, bool), PlanError> {
        let ours = self.observed.our_legacy().filter(|live| live.module == target.module);
        let driven = self.observed.udcs.iter().find(|udc| self.observed.drives(udc, &target.module));
        let loaded = self.observed.legacy.as_ref().is_some_and(|live| live.module == target.module);
        if loaded && ours.is_none() && driven.is_none() {
            return Err(PlanError::ForeignLegacy { module: target.module.clone() });
        }
        let bound = self.observed.gadget.as_ref().and_then(|live| live.udc.as_deref());
        let choice = self.choose(named, driven.map(|udc| udc.name.as_str()).or(bound));
        if let Some(udc) = choice {
            self.may_take(udc)?;
            self.first_free_is(udc, target)?;
        }
        let right = ours.is_some_and(|live| has_parameters(&live.parameters, target.parameters()));
        if right && driven.is_some() && self.observed.gadget.is_none() {
            return Ok((Vec::new(), false));
        }
        let mut steps = self.remove_gadget();
        steps.extend(self.unload_legacy());
        if choice.is_none() {
            steps.push(Self::await_udc(named));
        }
        let reload = |load: &&Load| {
            load.module == target.module
                || self.observed.modules.availability(&load.module) != Availability::Loaded
        };
        steps.extend(target.loads.iter().filter(reload).cloned().map(Step::LoadModule));
        Ok((steps, true))
    }

    /// A legacy module cannot be told which UDC to take: the kernel gives it the one that was registered first, and
    /// sysfs does not tell the order. With one UDC, or all others taken, there is no question.
    fn first_free_is(&self, wanted: &Udc, target: &LegacyTarget) -> Result<(), PlanError> {
        let other = self.observed.udcs.iter().find(|udc| udc.driver.is_none() && udc.name != wanted.name);
        match other {
            Some(other) if !self.observed.drives(wanted, &target.module) => Err(PlanError::LegacyChoice {
                module: target.module.clone(),
                first: other.name.clone(),
                wanted: wanted.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn await_udc(named: Option<&str>) -> Step {
        Step::AwaitUdc { named: named.map(str::to_owned), seconds: AWAIT_SECONDS }
    }

    fn choose(&self, named: Option<&str>, ours: Option<&str>) -> Option<&Udc> {
        let choice = udc::choose(&self.observed.udcs, named, ours).ok()?;
        self.observed.udcs.iter().find(|udc| udc.name == choice.name)
    }

    /// Whether nothing drives the UDC, or something that is ours.
    fn may_take(&self, udc: &Udc) -> Result<(), PlanError> {
        let Some(driver) = &udc.driver else { return Ok(()) };
        let bound_here = |bound: &Option<String>| bound.as_deref() == Some(udc.name.as_str());
        if self.observed.gadget.as_ref().is_some_and(|live| bound_here(&live.udc))
            || self.observed.our_legacy().is_some_and(|legacy| self.observed.drives(udc, &legacy.module))
        {
            return Ok(());
        }
        let name = udc.name.clone();
        if let Some(other) = self.observed.others.iter().find(|other| bound_here(&other.udc)) {
            let path = self.observed.configfs.gadget_dir(&other.name);
            return Err(PlanError::OtherGadget { udc: name, gadget: other.name.clone(), path });
        }
        match self.observed.module_of(driver) {
            Some(module) => Err(PlanError::OtherModule { udc: name, module }),
            None => Err(PlanError::OtherDriver { udc: name, driver: driver.clone() }),
        }
    }
}
