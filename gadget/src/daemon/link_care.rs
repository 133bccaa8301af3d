//! What the link needs between switches: its address put back when another program takes it, and the host told
//! again that the link is there when it did not hear, frames pushed out that would not leave.
//!
//! Decides nothing: [`Keeper`], [`CarrierWatch`] and [`KeptFrames`] do; this carries it out.

use std::time::Duration;

use super::established::{Established, Link};
use super::steps::raise;
use super::{Daemon, DaemonError};
use crate::control::EventKind;
use crate::link::{
    Action, CarrierWatch, Heard, Keeper, KeptFrames, NTB_DATAGRAMS, Nudge, Observed, Push, Traffic,
};
use crate::sys::netlink::{Event, Interface};
use crate::sys::{clock, discard};

/// What is remembered of one link.
#[derive(Debug, Default)]
pub struct Care {
    keeper: Keeper,
    keeper_due: Option<Duration>,
    /// For a link whose host has carrier only once it is told.
    carrier: Option<CarrierWatch>,
    carrier_due: Option<Duration>,
    /// For a link whose gadget's end can keep frames.
    kept: Option<KeptFrames>,
    kept_due: Option<Duration>,
    /// What the interface last said of its other end.
    attached: Option<bool>,
}

impl Care {
    /// Begins with a mode that was just set.
    #[must_use]
    pub fn new(established: Option<&Established>) -> Self {
        let link = established.and_then(|established| established.link.as_ref());
        let carrier = link.filter(|link| link.announces_carrier).map(|_| CarrierWatch::default());
        let kept = link.filter(|link| link.keeps_frames).map(|_| KeptFrames::default());
        Self { carrier, kept, ..Self::default() }
    }

    /// When the link is to be looked at again, if no event comes before.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        [self.keeper_due, self.carrier_due, self.kept_due].into_iter().flatten().min()
    }

    /// Waits for the next event alone.
    const fn rest(&mut self) {
        (self.keeper_due, self.carrier_due, self.kept_due) = (None, None, None);
    }
}

impl Daemon {
    pub(super) fn link_events(&mut self) -> Result<(), DaemonError> {
        let mut concerned = false;
        while let Some(event) = self.monitor.next_event()? {
            concerned |= self.concerns_us(&event);
        }
        if concerned {
            self.tend_link();
        }
        Ok(())
    }

    fn concerns_us(&self, event: &Event) -> bool {
        let link = self.established.as_ref().and_then(|established| established.link.as_ref());
        match (link, event) {
            (Some(link), Event::LinkChanged { index, .. } | Event::AddressRemoved { index, .. }) => {
                *index == link.index
            }
            (Some(_), Event::Resync) => true,
            _ => false,
        }
    }

    /// Looks at the link and does what it needs.
    pub(super) fn tend_link(&mut self) {
        let established = self.established.as_ref();
        let Some(link) = established.and_then(|established| established.link.clone()) else { return };
        // An interface that is gone went with its UDC, which is an event of its own: until then there is nothing to do.
        let Ok(interface) = self.netlink.interface_by_index(link.index) else { return self.care.rest() };
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.follow(&interface.name);
        }
        self.tell_of_cable(&link, interface.carrier);
        self.keep(&link, &interface);
        self.nudge(&link, &interface);
        self.push(&interface);
    }

    /// A cable that is pulled shows here too, and on some controllers only here.
    fn tell_of_cable(&mut self, link: &Link, attached: bool) {
        if self.care.attached.replace(attached) == Some(attached) {
            return;
        }
        let what = if attached { "the host is there" } else { "no host" };
        log::info!("{}: {what}", link.interface);
        self.publish(EventKind::Cable, format!("{}: {what}", link.interface), None);
    }

    /// Puts back what another manager took away (field note 10).
    fn keep(&mut self, link: &Link, interface: &Interface) {
        let wanted = (link.addresses.address, link.addresses.prefix);
        let addressed = self
            .netlink
            .addresses(link.index)
            .is_ok_and(|list| list.iter().any(|found| (found.address, found.prefix) == wanted));
        self.care.keeper_due = None;
        match self.care.keeper.decide(Observed { up: interface.up, addressed }, clock::now()) {
            Action::Nothing => {}
            Action::Wait { until } => self.care.keeper_due = Some(until),
            Action::Repair { attempt, contested } => self.repair(link, attempt, contested),
        }
    }

    fn repair(&mut self, link: &Link, attempt: u32, contested: bool) {
        let what = format!("{}: address or up state was taken away", link.interface);
        match raise(&mut self.netlink, link) {
            Ok(()) => {
                log::info!("{what}; put back");
                self.publish(EventKind::Link, format!("{what}; put back"), None);
            }
            Err(error) => log::warn!("{what}, and putting it back failed: {error}"),
        }
        if contested {
            log::warn!("{what} {attempt} times in a row; tell that program to leave the interface alone");
        }
    }

    /// Tells a silent host again that the link is there: the kernel does so whenever the interface goes up.
    fn nudge(&mut self, link: &Link, interface: &Interface) {
        self.care.carrier_due = None;
        let Some(watch) = &mut self.care.carrier else { return };
        let heard = Heard { carrier: interface.up && interface.carrier, rx_bytes: interface.rx_bytes };
        match watch.decide(heard, clock::now()) {
            Nudge::Nothing => {}
            Nudge::Wait { until } => self.care.carrier_due = Some(until),
            Nudge::Toggle { attempt } => {
                log::debug!("{}: the host is silent; announcing the link again ({attempt})", link.interface);
                let toggled =
                    self.netlink.set_down(link.index).and_then(|()| self.netlink.set_up(link.index));
                if let Err(error) = toggled {
                    log::warn!("{}: announcing the link again failed: {error}", link.interface);
                }
                self.care.carrier_due = Some(clock::now());
            }
        }
    }

    /// The responder has reported: as a rule that a lease was given or renewed, never that one is asked for in vain.
    pub(super) fn lease_reported(&mut self) {
        if let Some(kept) = &mut self.care.kept {
            kept.leased();
            self.tend_link();
        }
    }

    /// Fills the transfer block in which the gadget's end may keep the answers to its host.
    fn push(&mut self, interface: &Interface) {
        self.care.kept_due = None;
        let Some(kept) = &mut self.care.kept else { return };
        let carrier = interface.up && interface.carrier;
        let traffic = Traffic { carrier, rx_bytes: interface.rx_bytes, tx_bytes: interface.tx_bytes };
        match kept.decide(traffic, clock::now()) {
            Push::Nothing => {}
            Push::Wait { until } => self.care.kept_due = Some(until),
            Push::Now => {
                log::debug!("{}: the host gets no answer; filling its transfer block", interface.name);
                if let Err(error) = discard::send(&interface.name, NTB_DATAGRAMS) {
                    log::warn!("{}: filling its transfer block failed: {error}", interface.name);
                }
                self.care.kept_due = Some(clock::now());
            }
        }
    }
}
