//! nftables: a table of its own.

use super::{common, prelude::*};

template!(Table, "nftables/usbnet.nft");
template!(Guide, "nftables/guide.md");

pub(crate) const HOST: Host = Host {
    name: "nftables",
    title: "any Linux with nftables: a building block",
    cannot: &[common::LINK_NEEDS_NO_RULE, common::BRIDGE_NEEDS_NO_RULE],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?.file("/etc/nftables.d/usbnet.nft", "the table", Table { v })
}
