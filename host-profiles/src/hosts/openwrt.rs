//! OpenWrt: settings for `uci`, a hotplug script that finds the link, and for tethering nft rules and a watchdog.

use super::prelude::*;

template!(Uci, "openwrt/setup.uci");
template!(Setup, "openwrt/usbnet-setup");
template!(Hotplug, "openwrt/70-usbnet");
template!(Nft, "openwrt/70-usbnet.nft");
template!(Watchdog, "openwrt/usbnet-watchdog");
template!(Guide, "openwrt/guide.md");

pub(crate) const HOST: Host = Host {
    name: "openwrt",
    title: "OpenWrt 21.02 and later",
    cannot: &[],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("/etc/hotplug.d/net/70-usbnet", "finds the link by its hardware address", Hotplug { v })?
        .and_if(!v.bridged(), |parts| {
            parts.file("/etc/usbnet/setup.uci", "the settings, for uci batch", Uci { v })?.script(
                "/usr/sbin/usbnet-setup",
                "puts the settings in and takes them out",
                Setup { v },
            )
        })?
        .and_if(v.uplink(), |parts| {
            parts
                .file(
                    "/etc/nftables.d/70-usbnet.nft",
                    "hop count and MSS of what leaves by the device",
                    Nft { v },
                )?
                .script("/usr/sbin/usbnet-watchdog", "connects again what does not answer", Watchdog { v })
        })
}
