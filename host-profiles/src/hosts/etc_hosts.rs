//! `/etc/hosts`: the device's name.

use super::prelude::*;

template!(Line, "hosts/hosts");
template!(Guide, "hosts/guide.md");

pub(crate) const HOST: Host = Host {
    name: "hosts",
    title: "the line for /etc/hosts: a building block",
    cannot: &[
        (Shape::ShareFromHost, "it is the same as for the shape link"),
        (Shape::Uplink, "it is the same as for the shape link"),
        (Shape::Bridge, "on a bridge the device has an address of the LAN's; use its name there"),
    ],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.file("/etc/hosts.usbnet", "the line for /etc/hosts", Line { v })
}
