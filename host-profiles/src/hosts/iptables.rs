//! iptables: rules for `iptables-restore`, and the same to take back.

use super::{common, prelude::*};

template!(Rules, "iptables/usbnet.rules");
template!(Undo, "iptables/usbnet-undo.rules");
template!(Guide, "iptables/guide.md");

pub(crate) const HOST: Host = Host {
    name: "iptables",
    title: "any Linux with iptables: a building block",
    cannot: &[common::LINK_NEEDS_NO_RULE, common::UPLINK_NEEDS_NO_RULE, common::BRIDGE_NEEDS_NO_RULE],
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
