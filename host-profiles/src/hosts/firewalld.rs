//! firewalld: a zone for the device, and a policy that shares.

use super::prelude::*;

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
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    files(Parts::new(Guide { v })?, v)
}

/// The zone, and the policy where it shares; for hosts that have firewalld anyway.
pub(super) fn files(parts: Parts, v: &View) -> Result<Parts, askama::Error> {
    parts.file("/etc/firewalld/zones/usbnet.xml", "the zone of the device", Zone { v })?.and_if(
        v.share(),
        |parts| {
            parts.file(
                "/etc/firewalld/policies/usbnet-out.xml",
                "lets the device out, masqueraded",
                Policy { v },
            )
        },
    )
}
