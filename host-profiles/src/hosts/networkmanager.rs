//! NetworkManager: one connection as a key file.

use super::prelude::*;

template!(Connection, "networkmanager/usbnet.nmconnection");
template!(Guide, "networkmanager/guide.md");

pub(crate) const HOST: Host = Host {
    name: "networkmanager",
    title: "Fedora, Ubuntu, Debian, openSUSE, RHEL and others with NetworkManager",
    cannot: &[],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.private(
        "/etc/NetworkManager/system-connections/usbnet.nmconnection",
        "the connection; NetworkManager ignores it when others may read it",
        Connection { v },
    )
}
