//! ufw: a block for `before.rules`, and the lines that turn forwarding on.

use super::{common, prelude::*};

template!(Rules, "ufw/usbnet.rules");
template!(Sysctl, "ufw/usbnet.sysctl");
template!(Guide, "ufw/guide.md");

pub(crate) const HOST: Host = Host {
    name: "ufw",
    title: "Ubuntu with ufw: a building block",
    cannot: &[
        (
            Shape::Link,
            "the link needs no rule; the address comes from the profile of the host's network manager",
        ),
        (
            Shape::Uplink,
            "the way out by the device needs no rule on the host; take the profile of the host's network manager",
        ),
        (Shape::Bridge, "a bridge needs no rule here; take the profile of the host's network manager"),
    ],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    let parts = Parts::new(Guide { v })?
        .file("/etc/ufw/usbnet.rules", "the block for before.rules", Rules { v })?
        .file("/etc/ufw/usbnet.sysctl", "the lines for sysctl.conf", Sysctl { v })?;
    common::resolved(parts, v)
}
