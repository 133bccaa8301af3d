//! OpenSSH: how the device is reached by its name.

use super::prelude::*;

template!(Config, "ssh/config");
template!(Guide, "ssh/guide.md");

pub(crate) const HOST: Host = Host {
    name: "ssh",
    title: "the OpenSSH client: a building block",
    cannot: &[
        (
            Shape::ShareFromHost,
            "it is for reaching the device; take the profile of the host's network manager",
        ),
        (Shape::Uplink, "it is for reaching the device; take the profile of the host's network manager"),
        (Shape::Bridge, "on a bridge the device has an address of the LAN's; use its name there"),
    ],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Ok(Parts::new(Guide { v })?.file("~/.ssh/config.d/usbnet", "the device's names", Config { v })?.of_user())
}
