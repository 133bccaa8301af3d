//! Files that several hosts need, and reasons that several building blocks have for a shape that they are not.

use super::prelude::*;

template!(Share, "common/usbnet-share");
template!(Resolved, "common/resolved.conf");
template!(Name, "common/70-usbnet-name.rules");

pub(super) const LINK_NEEDS_NO_RULE: (Shape, &str) =
    (Shape::Link, "the link needs no rule; the address comes from the profile of the host's network manager");
pub(super) const UPLINK_NEEDS_NO_RULE: (Shape, &str) = (
    Shape::Uplink,
    "the way out by the device needs no rule on the host; take the profile of the host's network manager",
);
pub(super) const BRIDGE_NEEDS_NO_RULE: (Shape, &str) =
    (Shape::Bridge, "a bridge needs no rule here; take the profile of the host's network manager");

/// With the script that shares the host's Internet connection and takes that back.
pub(super) fn share(parts: Parts, v: &View) -> Result<Parts, askama::Error> {
    parts.script("/usr/local/sbin/usbnet-share", "shares, and undoes that exactly", Share { v })
}

/// With a rule that names the interface by its hardware address, for hosts that know interfaces by name only.
pub(super) fn name(parts: Parts, v: &View) -> Result<Parts, askama::Error> {
    parts.file("/etc/udev/rules.d/70-usbnet-name.rules", "names the interface usbnet0", Name { v })
}

/// With an address for the device's questions, where systemd-resolved is what answers on this computer.
pub(super) fn resolved(parts: Parts, v: &View) -> Result<Parts, askama::Error> {
    parts.file("/etc/systemd/resolved.conf.d/usbnet.conf", "answers the device's questions", Resolved { v })
}
