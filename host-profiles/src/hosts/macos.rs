//! macOS: a script around networksetup, and for sharing a LaunchDaemon.

use super::prelude::*;

template!(Setup, "macos/usbnet-setup");
template!(Plist, "macos/org.usbnet.share.plist");
template!(Guide, "macos/guide.md");

pub(crate) const HOST: Host = Host {
    name: "macos",
    title: "macOS",
    cannot: &[(
        Shape::Bridge,
        "networksetup cannot put a card into a bridge; make one in System Settings, Network, Manage Virtual Interfaces",
    )],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .script("/usr/local/sbin/usbnet-setup", "makes the network service and removes it", Setup { v })?
        .and_if(v.share(), |parts| {
            parts.file(
                "/Library/LaunchDaemons/org.usbnet.share.plist",
                "shares again after every boot, when there is a way out",
                Plist { v },
            )
        })
}
