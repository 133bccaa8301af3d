//! netifrc: the interface's own file in `conf.d`, and a name for it.

use super::{common, prelude::*};

template!(Conf, "gentoo/net.usbnet0");
template!(Guide, "gentoo/guide.md");

pub(crate) const HOST: Host =
    Host { name: "gentoo", title: "Gentoo with netifrc", cannot: &[], without_mac: WithoutMac::Finds, make };

fn make(v: &View) -> Result<Parts, askama::Error> {
    let parts = Parts::new(Guide { v })?.file("/etc/conf.d/net.usbnet0", "the interface", Conf { v })?;
    common::name(parts, v)?.and_if(v.share(), |parts| common::share(parts, v))
}
