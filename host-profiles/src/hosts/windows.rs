//! Windows: the address by PowerShell or netsh, and an INF file for old ones with RNDIS.

use super::prelude::*;

template!(Inf, "windows/usbnet.inf");
template!(Ps1, "windows/usbnet-address.ps1");
template!(Cmd, "windows/usbnet-address.cmd");
template!(Guide, "windows/guide.md");

pub(crate) const HOST: Host = Host {
    name: "windows",
    title: "Windows 2000 to 11",
    cannot: &[
        (
            Shape::ShareFromHost,
            "Internet Connection Sharing puts 192.168.137.1/24 on the host's side whatever is configured; give the device an address in that network (link: address 192.168.137.2/24, host 192.168.137.1), then tick the box in the properties of the connection that has the Internet",
        ),
        (
            Shape::Bridge,
            "Windows bridges cards only by hand: in Network Connections mark both, and choose Bridge Connections from their menu",
        ),
    ],
    without_mac: WithoutMac::Cannot,
    make,
};

fn make(v: &View) -> Result<Parts, askama::Error> {
    Parts::new(Guide { v })?
        .file("usbnet-address.ps1", "the address, for PowerShell", Ps1 { v })
        .map(|parts| parts.encoded(Encoding::DosUtf8))?
        .file("usbnet-address.cmd", "the address, for the command prompt of old systems", Cmd { v })
        .map(|parts| parts.encoded(Encoding::DosAscii))?
        .and_if(v.rndis(), |parts| {
            let parts = parts.file("usbnet.inf", "the driver, for Windows 7 and older", Inf { v })?;
            Ok(parts.encoded(Encoding::DosUtf16))
        })
}
