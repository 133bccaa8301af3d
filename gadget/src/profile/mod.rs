//! What host profiles are made from: the configuration as the daemon would carry it out, or as it has.
//!
//! Values in, values out; the profiles themselves are [`usbnet_host_profiles`]'. Derives nothing by itself: hardware
//! addresses and USB ids are the planner's, so that a profile matches the device that it is for.

mod image;
mod live;

pub use image::{IMAGE_LABEL, ImageError, image};
pub use live::{Live, LiveError};

use usbnet_host_profiles::{Domain, FactError, Function, InterfaceName, Label, LinkFacts};

use crate::config::{Config, FunctionKind, Mode, StartMode, Switch};
use crate::identity::{Identity, IdentityError};
use crate::link::Addresses;
use crate::plan;

/// Why there are no facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The configuration has no mode of that name.
    #[error("no mode {name:?}; the configuration has {known}")]
    NoMode {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The mode has no link.
    #[error(
        "mode {name} has no network function, so no host needs a profile for it; name another with --mode"
    )]
    NoNetwork {
        /// The mode.
        name: String,
    },
    /// No mode has a link.
    #[error("no mode of the configuration has a network function, so no host needs a profile")]
    NoNetworkMode,
    /// The host's hardware address is to be derived from an identity, and there is none.
    #[error("{0}; or give the device's with --machine-id, or the host's address with --mac")]
    Identity(#[from] IdentityError),
    /// A name that no profile can hold.
    #[error(transparent)]
    Name(#[from] FactError),
}

/// The mode whose link a profile is for, by name: the one that was asked for, else the one that is set, else the one to
/// start with, else the first; the latter three only if they have a link.
///
/// # Errors
/// There is none, or the one that was asked for has no link.
pub fn choose_mode<'a>(
    config: &'a Config,
    asked: Option<&str>,
    live: Option<&str>,
) -> Result<&'a str, ProfileError> {
    if let Some(name) = asked {
        let known = || config.modes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let found = config.modes.get_key_value(name);
        let (name, mode) =
            found.ok_or_else(|| ProfileError::NoMode { name: name.to_owned(), known: known() })?;
        let refused = || ProfileError::NoNetwork { name: name.clone() };
        return mode.network().map(|_| name.as_str()).ok_or_else(refused);
    }
    let (StartMode::Last { or: start } | StartMode::Named(start)) = &config.start_mode;
    let preferred = [live, Some(start.as_str())].into_iter().flatten();
    preferred
        .filter_map(|name| config.modes.get_key_value(name))
        .chain(&config.modes)
        .find(|(_, mode)| mode.network().is_some())
        .map(|(name, _)| name.as_str())
        .ok_or(ProfileError::NoNetworkMode)
}

/// The addresses of the configuration, which the link has unless their subnet is taken.
#[must_use]
pub fn configured(config: &Config) -> Addresses {
    let link = &config.link;
    Addresses {
        address: link.address.address,
        prefix: link.address.prefix,
        host: link.host,
        pool: link.pool.map(|pool| (pool.first, pool.last)),
    }
}

/// The facts of the link in the mode of that name. `device_name` is what the device is called in DNS.
///
/// # Errors
/// The mode has no link, or something about it is not known.
pub fn link_facts(
    config: &Config,
    mode_name: &str,
    identity: &Result<Identity, IdentityError>,
    addresses: &Addresses,
    device_name: &str,
) -> Result<LinkFacts, ProfileError> {
    let mode = &config.modes[mode_name];
    let (Some(kind), Some(function)) = (mode.network(), function(mode)) else {
        return Err(ProfileError::NoNetwork { name: mode_name.to_owned() });
    };
    let (_, host_mac) = plan::macs(&config.gadget, kind, identity)?;
    let functions = mode.all_functions();
    let (vendor_id, product_id) = plan::usb_id(&config.gadget, &functions);
    let on = |switch| switch == Switch::On;
    Ok(LinkFacts {
        product: config.gadget.product.clone(),
        manufacturer: config.gadget.manufacturer.clone(),
        vendor_id,
        product_id,
        function,
        // The planner puts the network function in front.
        interface: (functions.len() > 1).then_some(0),
        host_mac: host_mac.bytes(),
        device: addresses.address,
        host: addresses.host,
        prefix: addresses.prefix,
        name: Label::new(device_name)?,
        domain: Domain::new(&config.link.domain)?,
        dhcp: on(config.link.dhcp),
        dns: on(config.link.dns),
        mtu: config.link.mtu,
        bridge: InterfaceName::new("br0")?,
    })
}

/// The mode's network function as profiles call it.
fn function(mode: &Mode) -> Option<Function> {
    Some(match mode.network()? {
        FunctionKind::Ecm => Function::Ecm,
        FunctionKind::Ncm => Function::Ncm,
        FunctionKind::Rndis => Function::Rndis,
        FunctionKind::Eem => Function::Eem,
        FunctionKind::EcmSubset => Function::EcmSubset,
        FunctionKind::Acm | FunctionKind::MassStorage => return None,
    })
}

#[cfg(test)]
mod tests;
