//! systemd-networkd: a name, a network, and for sharing an address of systemd-resolved.

use super::{common, prelude::*};

template!(Link, "systemd-networkd/usbnet.link");
template!(Network, "systemd-networkd/usbnet.network");
template!(Guide, "systemd-networkd/guide.md");

pub(crate) const HOST: Host = Host {
    name: "systemd-networkd",
    title: "any system with systemd-networkd",
    cannot: &[],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("/etc/systemd/network/70-usbnet.link", "the interface's name; udev reads it", Link { v })?
        .file("/etc/systemd/network/70-usbnet.network", "addresses and routes", Network { v })?
        .and_if(v.share(), |parts| common::resolved(parts, v))
}
