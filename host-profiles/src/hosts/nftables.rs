//! nftables: a table of its own.

use super::prelude::*;

template!(Table, "nftables/usbnet.nft");
template!(Guide, "nftables/guide.md");

pub(crate) const HOST: Host = Host {
    name: "nftables",
    title: "any Linux with nftables: a building block",
    cannot: &[
        (
            Shape::Link,
            "the link needs no rule; the address comes from the profile of the host's network manager",
        ),
        (Shape::Bridge, "a bridge needs no rule here; take the profile of the host's network manager"),
    ],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.file("/etc/nftables.d/usbnet.nft", "the table", Table { v })
}
