//! The responder: the one process that reads what the host sends (DHCP and DNS).
//!
//! It opens its sockets as root, then gives everything away (see [`crate::sys::sandbox`]) and only
//! then reads the first byte. It decides nothing about addresses or names — [`crate::dhcp`] and
//! [`crate::dns`] do — and must never answer a datagram that came in on another interface, block
//! on a slow client, or use memory in proportion to what it is sent.
//!
//! Run by the daemon as a child ([`Child`], status over a socket) or alone (`usbnet responder`).

mod answer;
mod args;
mod backoff;
mod batch;
mod child;
mod error;
mod frame;
mod holder;
mod lease_file;
mod pace;
mod report;
mod serve;
mod settings;
mod sockets;
mod status;
mod tcp;

pub use args::ResponderArgs;
pub use backoff::Backoff;
pub use child::{Child, ChildError, Incoming};
pub use error::ResponderError;
pub use report::{DhcpCounters, DnsCounters, LeaseView, Report, ReportError};
pub use settings::{Settings, SettingsError};

use crate::sys::clock;
use crate::sys::sandbox::{self, Sandbox, User};
use crate::{dhcp, dns};
use answer::Answerer;
use lease_file::LeaseFile;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stdin, dup2_stdout, gethostname};
use serve::{Parts, Responder};
use sockets::Sockets;
use status::Status;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// How long hosts may remember an answer, in seconds: the device may get another address.
const TTL: u32 = 60;
/// What a device without a usable host name is called.
const NAMELESS: &str = "device";
/// Private memory it can have at most, in bytes; it uses a small part of it.
const MEMORY: u32 = 8 * 1024 * 1024;
/// Descriptors it can have at most: its own and the connections'.
const DESCRIPTORS: u32 = 32;

/// Serves until it is told to stop (SIGTERM, SIGINT, or the end of `status`).
///
/// `status` is the child's end of a `SOCK_SEQPACKET` pair: reports go out on it, any datagram
/// coming in asks for one; the first report says that it serves. Without it the responder stands
/// alone and only logs.
///
/// For the `usbnet` binary only: closes every descriptor above 2 that is not `status`, and the
/// process can do nothing else afterwards.
///
/// # Errors
/// When the sockets cannot be had, privileges cannot be dropped, or the interface goes away.
pub fn run(settings: &Settings, status: Option<OwnedFd>) -> Result<(), ResponderError> {
    settings.check()?;
    let status = settle(status).map_err(|source| ResponderError::Loop { what: "dup", source })?;
    let signals = signals().map_err(|source| ResponderError::Loop { what: "signalfd", source })?;
    let sockets = Sockets::open(settings)?;
    let (leases, server) = server(settings)?;
    let resolver = settings.dns.then(|| resolver(settings)).transpose()?;
    let user = User::find(Path::new("/"), settings.user.as_deref())?;
    let answerer = Answerer::new(settings.address, server, resolver);
    let interface = settings.interface.clone();
    let parts = Parts { interface, sockets, signals, status: status.map(Status::new), leases, answerer };
    let responder = Responder::new(parts).map_err(|source| ResponderError::Loop { what: "epoll", source })?;
    let sandbox = Sandbox { user, memory: MEMORY, file: LeaseFile::SIZE_MAX, descriptors: DESCRIPTORS };
    let unfiltered = sandbox.enter()?;
    if let Some(reason) = &unfiltered {
        log::warn!("responder: {}: {reason}", settings.interface);
    }
    log::info!("responder: serving {} on {}", settings.services(), settings.interface);
    responder.serve(unfiltered.is_none())
}

/// Keeps `status`, standard error and nothing else of what was inherited.
fn settle(status: Option<OwnedFd>) -> nix::Result<Option<OwnedFd>> {
    // Away from standard input, where the daemon puts it.
    let status = match status {
        // SAFETY: the descriptor is made by this call and owned by nothing else.
        Some(fd) => Some(unsafe { OwnedFd::from_raw_fd(fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(3))?) }),
        None => None,
    };
    sandbox::close_inherited(status.as_ref().map(AsRawFd::as_raw_fd));
    // An initramfs may not have it; then they stay what they are.
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()) {
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
    }
    Ok(status)
}

/// SIGTERM and SIGINT as a descriptor, so that they wait for their turn in the loop.
fn signals() -> nix::Result<SignalFd> {
    let set = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn server(settings: &Settings) -> Result<(Option<LeaseFile>, Option<dhcp::Server>), ResponderError> {
    if !settings.dhcp {
        return Ok((None, None));
    }
    let mut server = dhcp::Server::new(dhcp::Settings {
        server: settings.address,
        prefix: settings.prefix,
        host: settings.host,
        pool: settings.pool,
        lease: settings.lease,
        mtu: settings.mtu,
        // The host's own network is left alone: no way out and no names but its own. A search
        // domain (option 15) would change its resolver as well.
        router: None,
        dns: Vec::new(),
        domain: None,
    });
    let Some(path) = &settings.lease_file else { return Ok((None, Some(server))) };
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let file = LeaseFile::open(path, boot_id.trim_end().to_owned())
        .map_err(|source| ResponderError::LeaseFile { path: path.clone(), source })?;
    match file.read() {
        Ok(leases) => server.restore(leases, clock::now()),
        Err(fault) => log::warn!("lease file {} is not used: {fault}", path.display()),
    }
    Ok((Some(file), Some(server)))
}

/// What the device is called in DNS, without the domain: as configured, else as the system is, if that is a host name.
#[must_use]
pub fn device_name(configured: Option<&str>, domain: &str) -> String {
    if let Some(name) = configured {
        return name.to_owned();
    }
    let system = gethostname().unwrap_or_default();
    let system = system.to_string_lossy();
    let answers = dns::Zone::new(&system, domain, Ipv4Addr::LOCALHOST, None, TTL).is_ok();
    let name = if answers { system.split('.').next().unwrap_or(NAMELESS) } else { NAMELESS };
    name.to_owned()
}

fn resolver(settings: &Settings) -> Result<dns::Resolver, ResponderError> {
    let zone = |name: &str| dns::Zone::new(name, &settings.domain, settings.address, None, TTL);
    if let Some(name) = &settings.name {
        return Ok(dns::Resolver::new(zone(name)?));
    }
    let system = gethostname().unwrap_or_default();
    // A machine is not always called something (an initramfs says "(none)").
    match zone(&system.to_string_lossy()) {
        Ok(zone) => Ok(dns::Resolver::new(zone)),
        Err(error) => {
            let resolver = dns::Resolver::new(zone(NAMELESS)?);
            log::warn!("{error}; the device is called {NAMELESS}, use --name to change that");
            Ok(resolver)
        }
    }
}
