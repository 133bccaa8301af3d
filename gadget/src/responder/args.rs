//! `usbnet responder`'s command line: turns options into [`Settings`], nothing else.

use super::{Settings, SettingsError};
use crate::config::{InterfaceAddress, Pool};
use std::net::Ipv4Addr;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

/// Options of `usbnet responder`.
#[derive(Debug, Clone, clap::Args)]
pub struct ResponderArgs {
    /// Interface to serve
    #[arg(long, value_name = "IF")]
    interface: String,
    /// The device's own address on it, with the prefix length
    #[arg(long, value_name = "A/N")]
    address: InterfaceAddress,
    /// Address for the host
    #[arg(long, value_name = "ADDR")]
    host: Ipv4Addr,
    /// Addresses for further clients
    #[arg(long, value_name = "FIRST-LAST")]
    pool: Option<Pool>,
    /// The device's name in DNS [default: the machine's host name]
    #[arg(long)]
    name: Option<String>,
    /// The domain of that name
    #[arg(long, default_value = Settings::DOMAIN_DEFAULT)]
    domain: String,
    /// MTU to announce, in bytes
    #[arg(long)]
    mtu: Option<u16>,
    /// How long a lease lasts
    #[arg(long, value_name = "SECONDS", default_value_t = Settings::LEASE_DEFAULT.as_secs())]
    lease: u64,
    /// Where leases survive a restart [default: nowhere]
    #[arg(long, value_name = "FILE")]
    lease_file: Option<PathBuf>,
    /// User to run as, name or number [default: usbnet if there is one, else 65529]
    #[arg(long)]
    user: Option<String>,
    /// Do not answer DHCP
    #[arg(long)]
    no_dhcp: bool,
    /// Do not answer DNS
    #[arg(long)]
    no_dns: bool,
    /// Descriptor of the daemon's status socket
    #[arg(long, hide = true, value_name = "N")]
    status_fd: Option<RawFd>,
}

impl ResponderArgs {
    /// The settings these options mean, checked, and the daemon's status socket if there is one.
    ///
    /// Takes ownership of the descriptor number given with `--status-fd`: call it once.
    ///
    /// # Errors
    /// When the settings cannot work; all of them are usage errors.
    pub fn settings(self) -> Result<(Settings, Option<OwnedFd>), SettingsError> {
        let status = self.status_fd.map(adopt).transpose()?;
        let InterfaceAddress { address, prefix } = self.address;
        let settings = Settings {
            interface: self.interface,
            address,
            prefix,
            host: self.host,
            pool: self.pool.map(|Pool { first, last }| (first, last)),
            name: self.name,
            domain: self.domain,
            mtu: self.mtu,
            dhcp: !self.no_dhcp,
            dns: !self.no_dns,
            lease: Duration::from_secs(self.lease),
            lease_file: self.lease_file,
            user: self.user,
        };
        settings.check()?;
        Ok((settings, status))
    }
}

/// The daemon hands the status socket over as an open descriptor; only its number is an argument.
fn adopt(fd: RawFd) -> Result<OwnedFd, SettingsError> {
    // SAFETY: F_GETFD only asks about the number; an unused one gives EBADF.
    if fd < 0 || unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(SettingsError::StatusFd(fd));
    }
    // SAFETY: just seen to be open, inherited for this purpose, and owned by nothing else in this process.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    enum Cli {
        Responder(ResponderArgs),
    }

    fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Settings, String> {
        let all = std::iter::once("usbnet".into()).chain(args);
        let Cli::Responder(args) = Cli::try_parse_from(all).map_err(|e| e.to_string())?;
        args.settings().map(|(settings, _)| settings).map_err(|e| e.to_string())
    }

    #[test]
    fn settings_come_back_from_their_own_arguments() {
        let plain = Settings::new("usb0", Ipv4Addr::new(10, 0, 0, 1), 24, Ipv4Addr::new(10, 0, 0, 2));
        let full = Settings {
            pool: Some((Ipv4Addr::new(10, 0, 0, 9), Ipv4Addr::new(10, 0, 0, 12))),
            name: Some("n800".into()),
            domain: "lan".into(),
            mtu: Some(1400),
            dns: false,
            lease: Duration::from_secs(120),
            lease_file: Some("/run/usbnet/leases".into()),
            user: Some("1234".into()),
            ..plain.clone()
        };
        let dns = Settings { dhcp: false, ..plain.clone() };
        for settings in [plain, full, dns] {
            assert_eq!(parse(settings.args()), Ok(settings.clone()), "{:?}", settings.args());
        }
    }

    #[test]
    fn help_names_the_user_that_is_taken() {
        let help = <Cli as clap::CommandFactory>::command()
            .find_subcommand_mut("responder")
            .expect("the only subcommand")
            .render_help()
            .to_string();
        assert!(help.contains(&format!("else {}]", crate::sys::sandbox::FALLBACK_ID)), "{help}");
    }

    #[test]
    fn command_lines_that_are_refused() {
        let good = ["--interface", "usb0", "--address", "10.0.0.1/24", "--host", "10.0.0.2"];
        let rows: [(&str, &[&str], &str); 6] = [
            (
                "address without prefix",
                &["--interface", "u", "--address", "10.0.0.1", "--host", "10.0.0.2"],
                "A/N",
            ),
            ("prefix of 33", &["--interface", "u", "--address", "10.0.0.1/33", "--host", "10.0.0.2"], "A/N"),
            ("no host", &["--interface", "u", "--address", "10.0.0.1/24"], "--host"),
            ("pool of one word", &["--pool", "10.0.0.9"], "FIRST-LAST"),
            ("status descriptor not open", &["--status-fd", "1048575"], "not an open descriptor"),
            (
                "host outside",
                &["--domain", "x", "--pool", "10.0.1.2-10.0.1.3"],
                "not an address for a machine",
            ),
        ];
        for (name, args, reason) in rows {
            let whole = if args[0] == "--interface" { args.to_vec() } else { [&good[..], args].concat() };
            let words = std::iter::once("responder").chain(whole).map(Into::into);
            let error = parse(words).expect_err(name);
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
