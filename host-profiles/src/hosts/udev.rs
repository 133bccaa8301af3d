//! udev: a rule for plugging in and out, and the script that it runs.

use super::{common, prelude::*};

template!(Rules, "udev/90-usbnet.rules");
template!(Script, "udev/usbnet-host");
template!(Guide, "udev/guide.md");

pub(crate) const HOST: Host = Host {
    name: "udev",
    title: "Slackware and others without a network manager: a udev rule and a script",
    cannot: &[],
    without_mac: WithoutMac::Finds,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file(
            "/etc/udev/rules.d/90-usbnet.rules",
            "runs the script when the cable is plugged in and out",
            Rules { v },
        )?
        .script("/usr/local/sbin/usbnet-host", "brings the link up and down", Script { v })?
        .and_if(v.share(), |parts| common::share(parts, v))
}
