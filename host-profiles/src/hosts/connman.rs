//! ConnMan: a provisioning file.

use super::prelude::*;

template!(Config, "connman/usbnet.config");
template!(Guide, "connman/guide.md");

pub(crate) const HOST: Host = Host {
    name: "connman",
    title: "systems with ConnMan",
    cannot: &[
        (
            Shape::ShareFromHost,
            "ConnMan shares through its own tethering only, with addresses of its own; take the profile udev or nftables beside its link",
        ),
        (
            Shape::Bridge,
            "ConnMan has bridges for its own tethering only; keep the interface from it (NetworkInterfaceBlacklist) and take the profile udev",
        ),
    ],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.private("/var/lib/connman/usbnet.config", "the service", Config { v })
}
