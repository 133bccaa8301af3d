//! FreeBSD: a rule for devd and the script that it runs.

use super::prelude::*;

template!(Loader, "freebsd/loader.conf");
template!(Devd, "freebsd/devd.conf");
template!(Script, "freebsd/usbnet-host");
template!(Guide, "freebsd/guide.md");

pub(crate) const HOST: Host = Host {
    name: "freebsd",
    title: "FreeBSD",
    cannot: &[(
        Shape::ShareFromHost,
        "FreeBSD leaves the choice between pf, ipfw and ipf to its owner, and nothing can be added to their rules from outside; in pf.conf: nat on EGRESS from the device's address to any -> (EGRESS), and gateway_enable=YES in rc.conf",
    )],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("/boot/loader.conf.d/usbnet.conf", "loads the driver", Loader { v })?
        .file("/usr/local/etc/devd/usbnet.conf", "runs the script when the cable is plugged in", Devd { v })?
        .script("/usr/local/sbin/usbnet-host", "brings the link up and down", Script { v })
}
