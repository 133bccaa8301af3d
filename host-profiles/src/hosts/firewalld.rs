//! firewalld: a zone for the device, and a policy that shares.

use super::{common, prelude::*};

template!(Zone, "firewalld/zone.xml");
template!(Policy, "firewalld/policy.xml");
template!(Guide, "firewalld/guide.md");

pub(crate) const HOST: Host = Host {
    name: "firewalld",
    title: "Fedora, RHEL, openSUSE and others with firewalld: a building block",
    cannot: &[
        (
            Shape::Uplink,
            "a zone belongs to the connection: set zone=external in the profile of the host's network manager",
        ),
        (
            Shape::Bridge,
            "firewalld does not filter inside a bridge; take the profile of the host's network manager",
        ),
    ],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    files(Parts::new(Guide { v })?, v)
}

/// The zone, and the policy where it shares; for hosts that have firewalld anyway.
/// With the zone, and for sharing the policy and the name service.
pub(super) fn files(parts: Parts, v: &View) -> Result<Parts, askama::Error> {
    let parts = parts.file("/etc/firewalld/zones/usbnet.xml", "the zone of the device", Zone { v })?;
    if !v.share() {
        return Ok(parts);
    }
    let note = "lets the device out, masqueraded";
    common::resolved(parts.file("/etc/firewalld/policies/usbnet-out.xml", note, Policy { v })?, v)
}
