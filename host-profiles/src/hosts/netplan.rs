//! netplan: one YAML file that is right for both renderers.

use super::prelude::*;

template!(Yaml, "netplan/90-usbnet.yaml");
template!(Guide, "netplan/guide.md");

pub(crate) const HOST: Host = Host {
    name: "netplan",
    title: "Ubuntu with netplan",
    cannot: &[(
        Shape::ShareFromHost,
        "netplan has no key for masquerading; take the profile systemd-networkd or networkmanager, whichever is its renderer",
    )],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.private("/etc/netplan/90-usbnet.yaml", "the interface", Yaml { v })
}
