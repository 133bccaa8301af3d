//! iptables: rules for `iptables-restore`, and the same to take back.

use super::prelude::*;

template!(Rules, "iptables/usbnet.rules");
template!(Undo, "iptables/usbnet-undo.rules");
template!(Guide, "iptables/guide.md");

pub(crate) const HOST: Host = Host {
    name: "iptables",
    title: "any Linux with iptables: a building block",
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
    Parts::new(Guide { v })?.file("/etc/iptables/usbnet.rules", "the rules", Rules { v })?.file(
        "/etc/iptables/usbnet-undo.rules",
        "takes the rules back",
        Undo { v },
    )
}
