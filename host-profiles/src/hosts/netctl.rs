//! netctl: a profile of its own, and a name for the interface.

use super::{common, prelude::*};

template!(Profile, "netctl/usbnet");
template!(Guide, "netctl/guide.md");

pub(crate) const HOST: Host =
    Host { name: "netctl", title: "Arch with netctl", cannot: &[], without_mac: WithoutMac::Finds, make };

fn make(v: &View) -> Result<Parts, askama::Error> {
    let parts = Parts::new(Guide { v })?.file("/etc/netctl/usbnet", "the interface", Profile { v })?;
    common::name(parts, v)?.and_if(v.share(), |parts| common::share(parts, v))
}
