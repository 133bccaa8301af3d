//! The role of the port: which switch decides it, and the steps that lead to it.

use std::path::Path;

use super::Step;
use super::support::Obstacle;
use super::switch::PlanError;
use super::target::{Observed, PortRole, RoleBefore};
use crate::cards::Used;
use crate::sys::usb_role::{NONE, Role, RoleSwitch};

/// What decides the role of the port: what did the last time, else what belongs to the UDC, else the only one. `udc` is
/// the controller of the UDC, where one can be chosen.
///
/// # Errors
/// There is none, or which of several is not clear.
pub fn role_switch(
    mut switches: Vec<RoleSwitch>,
    before: Option<&RoleBefore>,
    udc: Option<&Path>,
) -> Result<RoleSwitch, Obstacle> {
    let did = |switch: &RoleSwitch| before.is_some_and(|before| before.attribute == switch.attribute);
    let own = |switch: &RoleSwitch| udc.is_some_and(|udc| switch.is_of(udc));
    let found = switches.iter().position(did).or_else(|| switches.iter().position(own));
    match (found, switches.len()) {
        (None, 0) => Err(Obstacle::NoRoleSwitch),
        (None, 2..) => Err(Obstacle::OtherRoleSwitches),
        (found, _) => Ok(switches.swap_remove(found.unwrap_or(0))),
    }
}

/// What decides whether the port can be a device's: never what belongs to another controller than the UDC that there is.
#[must_use]
pub fn device_switch(
    switches: Vec<RoleSwitch>,
    before: Option<&RoleBefore>,
    udc: Option<&Path>,
) -> Option<RoleSwitch> {
    let found = role_switch(switches, before, udc).ok()?;
    let noted = before.is_some_and(|before| before.attribute == found.attribute);
    (noted || udc.is_none_or(|udc| found.is_of(udc))).then_some(found)
}

/// The steps that lead to a port's role, given what usbnet has noted of it.
///
/// What the port is by its cable or somebody else's doing stays, then and later: where it is a host's already, nothing is
/// noted; and what usbnet gave it counts only as long as it is still so. From one role to the other leads what it was
/// before, so that there is one note at a time.
pub(super) fn steps(port: &PortRole, note: Option<&RoleBefore>) -> Vec<Step> {
    let mut steps: Vec<Step> = note.cloned().map(Step::LeaveRole).into_iter().collect();
    let (switch, taken) = match port {
        PortRole::Own => return steps,
        PortRole::Host(switch) => (switch, Role::Host),
        PortRole::Device { switch, .. } => (switch, Role::Device),
    };
    let ours = note.filter(|note| note.attribute == switch.attribute && switch.is(note.taken));
    if ours.is_some_and(|ours| ours.taken == taken) {
        return Vec::new();
    }
    let own = ours.map_or(switch.role.as_str(), |ours| &ours.word);
    let is_wanted = match port {
        PortRole::Device { asked, .. } => wants_device(switch, own, *asked),
        _ => !Role::Host.is(own),
    };
    if is_wanted {
        let word = ours.map_or_else(|| switch.word_back(), |ours| &ours.word).to_owned();
        steps.push(Step::TakeRole(RoleBefore { attribute: switch.attribute.clone(), word, taken }));
    }
    steps
}

/// Whether a UDC may come with that role that is not there yet.
#[must_use]
pub fn brings_udc(port: &PortRole, note: Option<&RoleBefore>) -> bool {
    steps(port, note).iter().any(|step| match step {
        Step::TakeRole(before) => before.taken == Role::Device,
        Step::LeaveRole(before) => before.taken == Role::Host,
        _ => false,
    })
}

/// Whether no step ends the host's role of a port at which something is in use: that would be gone at once.
///
/// # Errors
/// All that is in use there.
pub fn cuts_nothing_off(observed: &Observed, steps: &[Step]) -> Result<(), PlanError> {
    let ends = |attribute: &Path| {
        steps.iter().any(|step| match step {
            Step::TakeRole(before) => before.taken == Role::Device && before.attribute == attribute,
            Step::LeaveRole(before) => before.taken == Role::Host && before.attribute == attribute,
            _ => false,
        })
    };
    let at_port = observed.port_uses.iter().filter(|port| ends(&port.attribute));
    let used: Vec<Used> = at_port.map(|port| port.used.clone()).collect();
    if used.is_empty() { Ok(()) } else { Err(PlanError::PortInUse { used }) }
}

/// Whether a port that is `own` without usbnet is made a device's: one without a role, and a host's where somebody asks.
/// A Type-C connector that the kernel knows knows better.
fn wants_device(switch: &RoleSwitch, own: &str, asked: bool) -> bool {
    !switch.connector && (own == NONE || asked && Role::Host.is(own))
}
