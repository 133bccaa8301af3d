//! The steps of a switch that take more than one call to the kernel: the link, the wait for a UDC, the responder.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::SwitchError;
use super::established::Link;
use super::supervisor::Supervisor;
use crate::responder::{Child, Incoming, Report, Settings};
use crate::sys::clock;
use crate::sys::netlink::{Netlink, NetlinkError};
use crate::sys::udc::{self, UdcError};
use crate::sys::uevent::Uevents;

/// How long a responder may take until its first report.
const SERVES_WITHIN: Duration = Duration::from_secs(20);

/// How long until a cancellation is looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Gives a link its address and sets it up.
///
/// # Errors
/// The kernel's refusal.
pub fn raise(netlink: &mut Netlink, link: &Link) -> Result<(), NetlinkError> {
    netlink.add_address(link.index, link.addresses.address, link.addresses.prefix)?;
    netlink.set_up(link.index)
}

/// Sets a fresh interface up and returns its name, which udev may have changed meanwhile.
pub fn link_up(
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
pub fn link_down(name: &str, address: std::net::Ipv4Addr, prefix: u8) -> Result<(), SwitchError> {
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

/// Waits for a UDC, unless that is cancelled.
pub fn await_udc(
    sys: &Path,
    named: Option<&str>,
    limit: Duration,
    is_cancelled: impl Fn() -> bool,
) -> Result<String, UdcError> {
    let mut uevents = Uevents::open().map_err(|error| UdcError::Wait(io::Error::other(error)))?;
    let choice = udc::wait(sys, named, limit, |left| {
        if is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        wait_readable(&uevents, left.min(LOOK_AGAIN))?;
        while uevents.next_event().map_err(io::Error::other)?.is_some() {}
        Ok(())
    })?;
    Ok(choice.name)
}

/// Whether it became readable within the time.
fn wait_readable(source: &impl AsFd, limit: Duration) -> io::Result<bool> {
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)], timeout) {
        Err(Errno::EINTR) => Ok(false),
        other => Ok(other? > 0),
    }
}

/// Starts a responder and waits until it says that it serves.
pub fn start_responder(settings: Settings) -> Result<Supervisor, SwitchError> {
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
