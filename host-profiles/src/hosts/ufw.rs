//! ufw: a block for `before.rules`, and the lines that turn forwarding on.

use super::{common, prelude::*};

template!(Rules, "ufw/usbnet.rules");
template!(Sysctl, "ufw/usbnet.sysctl");
template!(Guide, "ufw/guide.md");

pub(crate) const HOST: Host = Host {
    name: "ufw",
    title: "Ubuntu with ufw: a building block",
    cannot: &[common::LINK_NEEDS_NO_RULE, common::UPLINK_NEEDS_NO_RULE, common::BRIDGE_NEEDS_NO_RULE],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    let parts = Parts::new(Guide { v })?
        .file("/etc/ufw/usbnet.rules", "the block for before.rules", Rules { v })?
        .file("/etc/ufw/usbnet.sysctl", "the lines for sysctl.conf", Sysctl { v })?;
    common::resolved(parts, v)
}
