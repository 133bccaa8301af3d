//! The Red Hat family: an ifcfg file, and for sharing a zone of firewalld.

use super::{firewalld, prelude::*};

template!(Ifcfg, "redhat/ifcfg-usbnet");
template!(Guide, "redhat/guide.md");

pub(crate) const HOST: Host = Host {
    name: "redhat",
    title: "Red Hat Enterprise Linux and CentOS up to 8, Fedora up to 35, Mandriva, Mageia",
    cannot: &[],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("/etc/sysconfig/network-scripts/ifcfg-usbnet", "the interface", Ifcfg { v })?
        .and_if(v.share(), |parts| firewalld::files(parts, v))
}
