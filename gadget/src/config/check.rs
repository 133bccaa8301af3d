//! The rules between values, on a configuration that is complete.
//!
//! Every finding names the field to change; the caller finds its place in the file. Nothing here
//! looks at the system: what depends on it (routes, UDCs, modules) is decided when a mode starts.

use std::net::Ipv4Addr;
use std::path::Path;

use super::{
    Backend, Card, CardPlace, Config, Console, FunctionKind, HostPreset, InterfaceAddress, Link, MacChoice,
    Mode, StartMode, problem::Problem,
};

/// The largest pool: one cable has one host, and perhaps what that host bridges to it.
const POOL_SIZE: u64 = 256;

/// `FSG_MAX_LUNS` in the kernel's f_mass_storage.h.
const MAX_CARDS: usize = 16;

/// A broken rule, and the field whose value breaks it.
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) problem: Problem,
}

fn finding<T>(path: impl Into<String>, problem: Problem) -> Result<T, Finding> {
    Err(Finding { path: path.into(), problem })
}

/// The first rule that is broken, in the order in which the default configuration lists the fields.
pub(super) fn config(config: &Config) -> Result<(), Finding> {
    if let MacChoice::Fixed { device, host } = config.gadget.mac
        && device == host
    {
        return finding("gadget.mac.host", Problem::SameMac(host));
    }
    link(&config.link)?;
    cards(&config.cards)?;
    for (name, one) in &config.modes {
        let path = format!("modes.{name}");
        mode(one, &path, &config.backend)?;
        if one.profile_disk {
            let beside = if one.has_storage() { config.cards.len() } else { 0 };
            profile_disk(one, beside, &config.backend)
                .or_else(|problem| finding(format!("{path}.profile_disk"), problem))?;
        }
    }
    let (path, start) = match &config.start_mode {
        StartMode::Last { or } => ("start_mode.or", or),
        StartMode::Named(name) => ("start_mode", name),
    };
    if config.mode(start).is_none() {
        let known = config.mode_names().join(", ");
        return finding(path, Problem::NoSuchMode { name: start.clone(), known });
    }
    let has_port = config.modes.values().any(|mode| mode.functions.contains(&FunctionKind::Acm));
    if config.control.console != Console::Off && !has_port {
        return finding("control.console", Problem::ConsoleWithoutPort);
    }
    Ok(())
}

fn link(link: &Link) -> Result<(), Finding> {
    let subnet = link.address;
    let device = subnet.address;
    if !(8..=30).contains(&subnet.prefix) {
        return finding("link.address", Problem::Prefix(subnet.prefix));
    }
    if let Some(what) = special(device) {
        return finding("link.address", Problem::SpecialAddress { address: device, what });
    }
    end_of_subnet(subnet, device).or_else(|problem| finding("link.address", problem))?;
    if !subnet.contains(link.host) {
        return finding("link.host", Problem::OutsideSubnet { address: link.host, subnet });
    }
    end_of_subnet(subnet, link.host).or_else(|problem| finding("link.host", problem))?;
    if link.host == device {
        return finding("link.host", Problem::HostIsDevice(device));
    }
    pool(link).or_else(|problem| finding("link.pool", problem))
}

/// The host's address may be in the pool or not: it is given to the one host either way.
fn pool(link: &Link) -> Result<(), Problem> {
    let Some(pool) = link.pool else { return Ok(()) };
    let subnet = link.address;
    for address in [pool.first, pool.last] {
        if !subnet.contains(address) {
            return Err(Problem::OutsideSubnet { address, subnet });
        }
        end_of_subnet(subnet, address)?;
    }
    if pool.first > pool.last {
        return Err(Problem::PoolBackwards { first: pool.first, last: pool.last });
    }
    if pool.contains(subnet.address) {
        return Err(Problem::PoolHasDevice(subnet.address));
    }
    if pool.size() > POOL_SIZE {
        return Err(Problem::PoolSize(pool.size()));
    }
    Ok(())
}

fn cards(cards: &[Card]) -> Result<(), Finding> {
    for (index, card) in cards.iter().enumerate() {
        let problem = if index == MAX_CARDS {
            Problem::CardCount(cards.len())
        } else if cards[..index].iter().any(|before| before.at.is_same(&card.at)) {
            Problem::CardTwice(card.at.to_string())
        } else if let CardPlace::Path(path) = &card.at
            && path == Path::new("/")
        {
            Problem::RootAsCard
        } else if let CardPlace::Path(path) = &card.at
            && !card.allow_system
            && is_system(path)
        {
            Problem::SystemCard(card.at.to_string())
        } else {
            continue;
        };
        return finding(format!("cards[{index}]"), problem);
    }
    Ok(())
}

/// Whether a path is so plainly the system's that nobody keeps a card there. Which disk a path is on, and
/// whether the system uses that, is only seen when it is to be lent.
fn is_system(path: &Path) -> bool {
    const WITH_ALL_IN_THEM: [&str; 9] =
        ["/bin", "/boot", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"];
    const THEMSELVES: [&str; 10] =
        ["/dev", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var"];
    WITH_ALL_IN_THEM.iter().any(|system| path.starts_with(system))
        || THEMSELVES.iter().any(|system| path == Path::new(system))
}

/// What an address from a block without hosts is for (RFC 6890).
fn special(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets()[0] {
        0 => Some("no host's address (0.0.0.0/8)"),
        127 => Some("a loopback address"),
        224..=239 => Some("a multicast address"),
        240.. => Some("a reserved address"),
        _ => None,
    }
}

fn end_of_subnet(subnet: InterfaceAddress, address: Ipv4Addr) -> Result<(), Problem> {
    let what = match address {
        _ if address == subnet.network() => "network",
        _ if address == subnet.broadcast() => "broadcast",
        _ => return Ok(()),
    };
    Err(Problem::EndOfSubnet { address, what, subnet })
}

fn mode(mode: &Mode, path: &str, backend: &Backend) -> Result<(), Finding> {
    let mut network: Option<FunctionKind> = None;
    for (index, &function) in mode.functions.iter().enumerate() {
        let problem = if mode.functions[..index].contains(&function) {
            Problem::Twice { what: "function", name: function.word().into() }
        } else if let Some(first) = network
            && function.is_network()
        {
            Problem::TwoNetworks { first: first.word(), second: function.word() }
        } else if !backend.carries(function) {
            Problem::NotLegacy(function)
        } else if index > 0 && matches!(backend, Backend::Legacy { .. }) {
            // Two network functions were found above, so one of the two is a card reader.
            Problem::LegacyComposite(function)
        } else if let Some(allowed) = refused_by(mode.host_preset, function) {
            Problem::PresetContradicts { host: mode.host_preset, function, allowed }
        } else {
            network = network.or(Some(function).filter(|function| function.is_network()));
            continue;
        };
        return finding(format!("{path}.functions[{index}]"), problem);
    }
    match (mode.host_preset, network) {
        (HostPreset::Any, _) => Ok(()),
        (host, None) => finding(format!("{path}.host_preset"), Problem::PresetWithoutNetwork(host)),
        // Seen with macOS: a composite's ECM interface comes up without a carrier.
        (HostPreset::MacOs, Some(FunctionKind::Ecm)) => {
            match mode.functions.iter().enumerate().find(|(_, function)| !function.is_network()) {
                Some((index, other)) => {
                    finding(format!("{path}.functions[{index}]"), Problem::EcmInComposite(*other))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Whether there can be a profile disk with `cards` beside it.
fn profile_disk(mode: &Mode, cards: usize, backend: &Backend) -> Result<(), Problem> {
    match mode.network() {
        None => Err(Problem::ProfileDiskAlone),
        Some(_) if matches!(backend, Backend::Legacy { .. }) => Err(Problem::ProfileDiskLegacy),
        Some(FunctionKind::Ecm) if mode.host_preset == HostPreset::MacOs => {
            Err(Problem::EcmInComposite(FunctionKind::MassStorage))
        }
        Some(_) if cards >= MAX_CARDS => Err(Problem::ProfileDiskSlot(MAX_CARDS)),
        Some(_) => Ok(()),
    }
}

/// The network functions that the preset's hosts do have, if this one is none of them.
fn refused_by(host: HostPreset, function: FunctionKind) -> Option<String> {
    let known = host.network_functions();
    if !function.is_network() || known.contains(&function) {
        return None;
    }
    Some(known.iter().map(|function| function.word()).collect::<Vec<_>>().join(", "))
}
