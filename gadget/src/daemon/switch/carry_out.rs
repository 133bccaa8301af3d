//! One step of a switch, carried out.

use std::path::Path;
use std::time::Duration;

use super::Switch;
use crate::daemon::console;
use crate::daemon::error::SwitchError;
use crate::daemon::profile_disk;
use crate::daemon::steps::{await_udc, link_down, link_up, start_responder};
use crate::daemon::supervisor::Supervisor;
use crate::plan::{InterfaceSource, RoleBefore, Step};
use crate::responder::Settings;
use crate::sys::configfs::{self, ConfigFs, Operation};
use crate::sys::holders::holding;
use crate::sys::modules;
use crate::sys::serial;
use crate::sys::udc;
use crate::sys::usb_role;

/// How long a controller may take to change its role: it ends one driver and begins another.
const ROLE_WITHIN: Duration = Duration::from_secs(5);

impl Switch<'_> {
    pub(super) fn execute(&mut self, step: &Step, responder: Option<&Settings>) -> Result<(), SwitchError> {
        log::debug!("{}", step.shell().join("; "));
        if !step.gives_back() {
            self.hand_over.go_on()?;
        }
        let done = self.carry_out(step, responder);
        self.changed |= !done.as_ref().is_err_and(SwitchError::is_refusal);
        #[cfg(feature = "fault-points")]
        crate::daemon::fault::after_step(&self.kernel.roots.run);
        done
    }

    fn carry_out(&mut self, step: &Step, responder: Option<&Settings>) -> Result<(), SwitchError> {
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
            Step::Configfs(operation) => {
                if serial_port(step).is_some() {
                    self.hand_over.line().want_port();
                }
                operation.apply()?;
            }
            Step::AwaitUdc { named, seconds } => {
                let limit = Duration::from_secs((*seconds).into());
                let found = await_udc(sys, named.as_deref(), limit, || self.hand_over.go_on().is_err());
                self.hand_over.go_on()?;
                self.found_udc = Some(found.map_err(|none| self.kernel.without_udc(none))?);
            }
            Step::Bind { gadget, udc } => {
                // The kernel keeps its settings: what the host sends before the console has it open comes back otherwise.
                self.kernel.console_port().map(|port| serial::open(&port));
                let udc = udc.as_deref().or(self.found_udc.as_deref()).unwrap_or_default();
                configfs::bind(gadget, udc, sys)?;
            }
            Step::LinkUp { interface, address, prefix, mtu } => {
                let name = self.interface_name(interface)?;
                self.interface = Some(link_up(&name, *address, *prefix, *mtu)?);
            }
            Step::TakeRole(before) => self.take_role(before)?,
            Step::LeaveRole(before) => self.leave_role(before)?,
            Step::StartResponder { .. } => {
                if let (Some(settings), Some(interface)) = (responder, &self.interface) {
                    let settings = Settings { interface: interface.clone(), ..settings.clone() };
                    self.supervisor = Some(start_responder(settings)?);
                }
            }
            Step::WithdrawProfiles { lun, image } => profile_disk::withdraw(sys, lun, image),
            // The link is worth more than what is said about it.
            Step::OfferProfiles { lun, disk } => {
                if let Err(error) = profile_disk::offer(sys, lun, disk) {
                    log::error!("the host gets no profile disk: {error}");
                }
            }
            _ => return self.hand_over.execute(step),
        }
        Ok(())
    }

    /// One that is not taken is given back at once: the mode before needs what it had.
    fn take_role(&self, before: &RoleBefore) -> Result<(), SwitchError> {
        let RoleBefore { attribute, word, taken } = before;
        self.kernel.notes().keep_role(before)?;
        let done = usb_role::set(attribute, taken.word_for(attribute), ROLE_WITHIN);
        if done.is_err() {
            usb_role::set(attribute, word, ROLE_WITHIN)?;
            self.kernel.notes().forget_role();
        }
        Ok(done?)
    }

    /// What the connector has decided since is not written over: on some controllers `none` ends what a cable began.
    fn leave_role(&self, before: &RoleBefore) -> Result<(), SwitchError> {
        if before.taken.is(&usb_role::read(&before.attribute)) {
            usb_role::set(&before.attribute, &before.word, ROLE_WITHIN)?;
        }
        self.kernel.notes().forget_role();
        Ok(())
    }

    /// The kernel removes a serial function only once nobody has its port open, and waits uninterruptibly for that.
    /// The console closes it when it is told to.
    pub(super) fn held(&self, step: &Step) -> Option<SwitchError> {
        let device = Path::new("/dev").join(serial_port(step)?);
        let mut holders = holding(&self.kernel.roots.proc, |target| target == device);
        let console = format!("(pid {})", std::process::id());
        holders.retain(|holder| !holder.ends_with(&console));
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
}

/// The device node of the serial port that a step removes.
fn serial_port(step: &Step) -> Option<String> {
    let Step::Configfs(Operation::RemoveDir { path }) = step else { return None };
    path.file_name()?.to_str()?.strip_prefix("acm.")?;
    console::device(path)
}
