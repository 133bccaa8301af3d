//! What a responder is told, whether that can work, and the command line that says it.
//!
//! Decides nothing at run time; never looks at the system (the defaults that need it are filled
//! in by [`super::run`]).

use crate::config::InterfaceAddress;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a responder needs to know. `--option`s of `usbnet responder`, one to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the interface to serve, as in `ip link`.
    pub interface: String,
    /// The device's own address on it.
    pub address: Ipv4Addr,
    /// Prefix length of the subnet, in bits: 1 to 30.
    pub prefix: u8,
    /// The address the host is given.
    pub host: Ipv4Addr,
    /// Addresses for further clients, first and last inclusive; none means `host` alone.
    pub pool: Option<(Ipv4Addr, Ipv4Addr)>,
    /// The device's name in DNS; none means the machine's host name.
    pub name: Option<String>,
    /// The domain the device's name is in.
    pub domain: String,
    /// Interface MTU to announce (option 26), in bytes; none announces nothing.
    pub mtu: Option<u16>,
    /// Whether to answer DHCP.
    pub dhcp: bool,
    /// Whether to answer DNS.
    pub dns: bool,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Where leases survive a restart; none keeps them in memory.
    pub lease_file: Option<PathBuf>,
    /// User to run as, by name or number; none takes `usbnet` if there is one, else
    /// [`crate::sys::sandbox::FALLBACK_ID`].
    pub user: Option<String>,
}

/// Why settings cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not something the kernel accepts as an interface name.
    #[error("{0:?} is no interface name; give 1 to 15 bytes without '/', ':' and blanks")]
    InterfaceName(String),
    /// No room for two addresses.
    #[error("prefix /{0} leaves no room for the device and a host; give /1 to /30")]
    Prefix(u8),
    /// The device's own address is unusable.
    #[error("--address {address}/{prefix} is the {what} of its subnet; give an address of one machine")]
    AddressUnusable {
        /// The address.
        address: Ipv4Addr,
        /// Its prefix length.
        prefix: u8,
        /// "network address" or "broadcast address".
        what: &'static str,
    },
    /// An address that clients are to be given is not one of the subnet's.
    #[error("{option} {address} is not an address for a machine in {subnet}/{prefix}")]
    OutsideSubnet {
        /// The option it was given with.
        option: &'static str,
        /// The address.
        address: Ipv4Addr,
        /// The subnet's network address.
        subnet: Ipv4Addr,
        /// Its prefix length.
        prefix: u8,
    },
    /// Both ends would have one address.
    #[error("--host {0} is the device's own address; give the host another one")]
    HostIsDevice(Ipv4Addr),
    /// The pool is the wrong way round.
    #[error("--pool {0}-{1} ends before it begins")]
    PoolReversed(Ipv4Addr, Ipv4Addr),
    /// The pool would give away the device's address.
    #[error("--pool {first}-{last} contains the device's own address {address}")]
    PoolHoldsDevice {
        /// First address of the pool.
        first: Ipv4Addr,
        /// Last address of the pool.
        last: Ipv4Addr,
        /// The device's address.
        address: Ipv4Addr,
    },
    /// A lease nobody could renew in time, or that no field holds.
    #[error("a lease of {0} s cannot be used; give {min} to {max} s", min = Settings::LEASE_MIN.as_secs(), max = Settings::LEASE_MAX.as_secs())]
    Lease(u64),
    /// An MTU that IPv4 does not allow (RFC 2132 §5.1).
    #[error("an MTU of {0} is below 68, the least that IPv4 allows")]
    Mtu(u16),
    /// Nothing left to do.
    #[error("--no-dhcp and --no-dns together leave nothing to answer; leave one out")]
    NothingToDo,
    /// The status descriptor is not open.
    #[error("--status-fd {0} is not an open descriptor; it is for the daemon's use")]
    StatusFd(i32),
}

impl Settings {
    /// The shortest lease that is accepted.
    pub const LEASE_MIN: Duration = Duration::from_secs(30);
    /// The longest lease that is accepted: a year.
    pub const LEASE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
    /// The lease when nothing is said: a day.
    pub const LEASE_DEFAULT: Duration = Duration::from_secs(24 * 3600);
    /// The domain when nothing is said.
    pub const DOMAIN_DEFAULT: &str = "usbnet";

    /// Settings for one host on `interface`, everything else as the command line has it by default.
    #[must_use]
    pub fn new(interface: impl Into<String>, address: Ipv4Addr, prefix: u8, host: Ipv4Addr) -> Self {
        Self {
            interface: interface.into(),
            address,
            prefix,
            host,
            pool: None,
            name: None,
            domain: Self::DOMAIN_DEFAULT.to_owned(),
            mtu: None,
            dhcp: true,
            dns: true,
            lease: Self::LEASE_DEFAULT,
            lease_file: None,
            user: None,
        }
    }

    /// Checks what can be checked without looking at the system.
    ///
    /// # Errors
    /// The first thing that cannot work.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.check_interface()?;
        self.check_address()?;
        self.check_client_address("--host", self.host)?;
        if self.host == self.address {
            return Err(SettingsError::HostIsDevice(self.host));
        }
        self.check_pool()?;
        if !(Self::LEASE_MIN..=Self::LEASE_MAX).contains(&self.lease) {
            return Err(SettingsError::Lease(self.lease.as_secs()));
        }
        match self.mtu {
            Some(mtu) if mtu < 68 => return Err(SettingsError::Mtu(mtu)),
            _ => {}
        }
        if !self.dhcp && !self.dns {
            return Err(SettingsError::NothingToDo);
        }
        Ok(())
    }

    /// What is served, for a log line.
    pub(super) fn services(&self) -> String {
        let dhcp = self.dhcp.then(|| format!("DHCP ({} for the host)", self.host));
        let dns = self.dns.then(|| format!("DNS ({})", self.address));
        dhcp.into_iter().chain(dns).collect::<Vec<_>>().join(" and ")
    }

    fn check_interface(&self) -> Result<(), SettingsError> {
        let name = &self.interface;
        let allowed = |c: char| c != '/' && c != ':' && !c.is_whitespace() && c != '\0';
        let usable =
            (1..=15).contains(&name.len()) && name.chars().all(allowed) && name != "." && name != "..";
        if usable { Ok(()) } else { Err(SettingsError::InterfaceName(name.clone())) }
    }

    fn check_address(&self) -> Result<(), SettingsError> {
        if !(1..=30).contains(&self.prefix) {
            return Err(SettingsError::Prefix(self.prefix));
        }
        let subnet = self.subnet();
        let what = if self.address == subnet.network() {
            "network address"
        } else if self.address == subnet.broadcast() {
            "broadcast address"
        } else {
            return Ok(());
        };
        Err(SettingsError::AddressUnusable { address: self.address, prefix: self.prefix, what })
    }

    fn check_pool(&self) -> Result<(), SettingsError> {
        let Some((first, last)) = self.pool else { return Ok(()) };
        self.check_client_address("--pool", first)?;
        self.check_client_address("--pool", last)?;
        if last < first {
            return Err(SettingsError::PoolReversed(first, last));
        }
        if (first..=last).contains(&self.address) {
            return Err(SettingsError::PoolHoldsDevice { first, last, address: self.address });
        }
        Ok(())
    }

    fn check_client_address(&self, option: &'static str, address: Ipv4Addr) -> Result<(), SettingsError> {
        let subnet = self.subnet();
        if subnet.can_hold(address) {
            return Ok(());
        }
        Err(SettingsError::OutsideSubnet { option, address, subnet: subnet.network(), prefix: self.prefix })
    }

    const fn subnet(&self) -> InterfaceAddress {
        InterfaceAddress { address: self.address, prefix: self.prefix }
    }

    /// The arguments of `usbnet` that mean exactly these settings, beginning with `responder`.
    #[must_use]
    pub fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["responder".into()];
        let mut option = |name: &str, value: OsString| args.extend([name.into(), value]);
        option("--interface", self.interface.clone().into());
        option("--address", format!("{}/{}", self.address, self.prefix).into());
        option("--host", self.host.to_string().into());
        if let Some((first, last)) = self.pool {
            option("--pool", format!("{first}-{last}").into());
        }
        if let Some(name) = &self.name {
            option("--name", name.into());
        }
        option("--domain", self.domain.clone().into());
        if let Some(mtu) = self.mtu {
            option("--mtu", mtu.to_string().into());
        }
        option("--lease", self.lease.as_secs().to_string().into());
        if let Some(file) = &self.lease_file {
            option("--lease-file", file.into());
        }
        if let Some(user) = &self.user {
            option("--user", user.into());
        }
        let switches = [("--no-dhcp", !self.dhcp), ("--no-dns", !self.dns)];
        args.extend(switches.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.into()));
        args
    }
}

#[cfg(test)]
mod tests;
