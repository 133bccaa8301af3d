//! The computer at the other end: real DHCP clients and resolvers in the name space `host`, which has its own `/etc`
//! and an uplink of its own (see `scripts/vm-init`).

use std::{fs, net::Ipv4Addr, process};

use serde_json::Value;

use crate::{
    run::{Outcome, run, sh, sh_quietly},
    wait::wait_for,
};

/// Runs a program at the host's end.
#[track_caller]
pub fn on_host(program: &[&str]) -> Outcome {
    run(&[&["on-host"], program].concat())
}

/// What a cable must not change on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Every default route.
    pub default_routes: String,
    /// The whole of `/etc/resolv.conf`.
    pub resolv_conf: String,
}

/// Reads what a cable must not change.
#[must_use]
pub fn settings() -> Settings {
    Settings {
        default_routes: sh("on-host ip route show default"),
        resolv_conf: sh("on-host grep -v '^#' /etc/resolv.conf"), // dhcpcd signs what it writes
    }
}

/// The IPv4 addresses of an interface there, with their prefix lengths.
#[must_use]
pub fn addresses(interface: &str) -> Vec<(Ipv4Addr, u8)> {
    let shown = on_host(&["ip", "-json", "-4", "address", "show", "dev", interface]);
    let parsed: Value = serde_json::from_str(&shown.out).unwrap_or_default();
    let infos = parsed[0]["addr_info"].as_array().cloned().unwrap_or_default();
    infos
        .iter()
        .filter_map(|info| {
            Some((info["local"].as_str()?.parse().ok()?, u8::try_from(info["prefixlen"].as_u64()?).ok()?))
        })
        .collect()
}

/// The hardware address of an interface there.
#[must_use]
pub fn mac(interface: &str) -> String {
    sh(&format!("on-host cat /sys/class/net/{interface}/address"))
}

/// A DHCP client that people have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// busybox's.
    Udhcpc,
    /// ISC's.
    Dhclient,
    /// Roy Marples'.
    Dhcpcd,
    /// systemd's.
    Networkd,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Udhcpc, Self::Dhclient, Self::Dhcpcd, Self::Networkd];

    /// Gets a lease on `interface`; the returned guard ends the client and takes its address away.
    ///
    /// # Panics
    ///
    /// If the client gets none.
    #[must_use]
    pub fn lease(self, interface: &str) -> Lease {
        sh(&format!("on-host ip link set dev {interface} up"));
        let daemon = self.start(interface);
        let (address, prefix) =
            wait_for(&format!("the lease of {self:?}"), || addresses(interface).first().copied());
        Lease { client: self, interface: interface.to_owned(), daemon, address, prefix }
    }

    fn start(self, interface: &str) -> Option<process::Child> {
        let line = match self {
            Self::Udhcpc => {
                // Debian's script for it empties resolv.conf whatever the server says; this one obeys the server.
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/udhcpc.sh");
                format!("busybox udhcpc -i {interface} -n -q -f -t 20 -T 2 -s {script}")
            }
            Self::Dhclient => format!("dhclient -4 -1 {DHCLIENT_FILES} {interface}"),
            Self::Dhcpcd => format!("dhcpcd -4 -1 -B {interface}"),
            Self::Networkd => {
                fs::create_dir_all("/run/systemd/network").expect("a directory for networkd's configuration");
                for (file, text) in [
                    (
                        "10-cable",
                        format!("[Match]\nName={interface}\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"),
                    ),
                    ("20-rest", "[Match]\nName=*\n[Link]\nUnmanaged=yes\n".to_owned()),
                ] {
                    fs::write(format!("/run/systemd/network/{file}.network"), text)
                        .expect("networkd's configuration");
                }
                let program = process::Command::new("on-host")
                    .arg("/lib/systemd/systemd-networkd")
                    .env("SYSTEMD_LOG_LEVEL", "warning")
                    .spawn();
                return Some(program.expect("systemd-networkd starts"));
            }
        };
        sh(&format!("on-host {line} 2>&1"));
        None
    }
}

const DHCLIENT_FILES: &str = "-pf /run/dhclient.pid -lf /run/dhclient.leases";

/// A lease that a client holds.
#[derive(Debug)]
pub struct Lease {
    client: Client,
    interface: String,
    daemon: Option<process::Child>,
    /// What the client put on the interface.
    pub address: Ipv4Addr,
    /// And the length of its prefix.
    pub prefix: u8,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if self.client == Client::Dhclient {
            // -x: end the client without giving the lease back, as pulling the cable does.
            sh_quietly(&format!("on-host dhclient -4 -x {DHCLIENT_FILES} {}", self.interface));
        }
        sh_quietly(&format!("on-host ip -4 address flush dev {}", self.interface));
    }
}

/// Asks the device's DNS server with `dig`.
#[must_use]
pub fn dig(server: Ipv4Addr, question: &[&str]) -> String {
    let server = format!("@{server}");
    let outcome = on_host(&[&["dig", "+short", "+tries=5", "+timeout=5", &server], question].concat());
    assert_eq!(outcome.code, 0, "dig {question:?}: {}{}", outcome.out, outcome.err);
    outcome.out.trim().to_owned()
}
