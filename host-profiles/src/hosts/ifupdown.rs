//! ifupdown: `/etc/network/interfaces`, an interface by hotplug, found by its hardware address.

use super::{common, prelude::*};

template!(Interfaces, "ifupdown/interfaces");
template!(Map, "ifupdown/usbnet-map");
template!(Guide, "ifupdown/guide.md");

pub(crate) const HOST: Host = Host {
    name: "ifupdown",
    title: "Debian, Ubuntu and Devuan with ifupdown",
    cannot: &[],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("/etc/network/interfaces.d/usbnet", "the interface", Interfaces { v })?
        .script("/etc/network/usbnet-map", "finds the link by its hardware address", Map { v })?
        .and_if(v.share(), |parts| common::share(parts, v))
}
