//! wicked: an ifcfg file and a name for the interface, and for sharing a zone of firewalld.

use super::{common, firewalld, prelude::*};

template!(Ifcfg, "opensuse/ifcfg-usbnet0");
template!(Ifroute, "opensuse/ifroute-usbnet0");
template!(Guide, "opensuse/guide.md");

pub(crate) const HOST: Host = Host {
    name: "opensuse",
    title: "openSUSE Leap up to 15 and SUSE Linux Enterprise up to 15 (wicked)",
    cannot: &[(
        Shape::Bridge,
        "with wicked the bridge itself lists its ports: add usbnet0 to BRIDGE_PORTS of its ifcfg file, and take the rule 70-usbnet-name.rules of this host's link",
    )],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    let parts = Parts::new(Guide { v })?.file(
        "/etc/sysconfig/network/ifcfg-usbnet0",
        "the interface",
        Ifcfg { v },
    )?;
    common::name(parts, v)?
        .and_if(v.uplink() && !v.dhcp, |parts| {
            parts.file("/etc/sysconfig/network/ifroute-usbnet0", "the default route", Ifroute { v })
        })?
        .and_if(v.share(), |parts| firewalld::files(parts, v))
}
