//! The facts as templates want them: every form of an address or id that some format asks for.
//!
//! The two texts that are not harmless, `product` and `manufacturer`, are here as they are: a template passes them
//! through the filter of its format.

use std::net::Ipv4Addr;

use crate::{Function, LinkFacts, Shape};

/// What every template is given, as `v`.
pub(crate) struct View {
    pub(crate) shape: Shape,
    pub(crate) function: Function,
    pub(crate) product: String,
    pub(crate) manufacturer: String,
    /// `02:1a:2b:3c:4d:5e`
    pub(crate) mac: String,
    /// `021a2b3c4d5e`
    pub(crate) mac_bare: String,
    /// Whether that address is locally administered.
    is_local: bool,
    /// `02-1A-2B-3C-4D-5E`
    pub(crate) mac_windows: String,
    /// Four lower-case hexadecimal digits.
    pub(crate) vendor: String,
    /// Four lower-case hexadecimal digits.
    pub(crate) product_id: String,
    /// The part of a Windows hardware id that says which USB interface, such as `&MI_00`.
    pub(crate) interface: String,
    pub(crate) device: Ipv4Addr,
    pub(crate) host: Ipv4Addr,
    pub(crate) prefix: u8,
    pub(crate) network: Ipv4Addr,
    pub(crate) netmask: Ipv4Addr,
    pub(crate) broadcast: Ipv4Addr,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) bridge: String,
    pub(crate) dhcp: bool,
    pub(crate) dns: bool,
    pub(crate) mtu: Option<u16>,
    /// Behind the host's own cable (100 with NetworkManager) and WLAN (600): the device is the way out when there is
    /// no better one.
    pub(crate) metric: u32,
}

impl View {
    pub(crate) fn new(facts: &LinkFacts, shape: Shape) -> Self {
        let mask = u32::MAX.checked_shl(32 - u32::from(facts.prefix.min(32))).unwrap_or(0);
        let device = u32::from(facts.device);
        let mac = |between: &str| facts.host_mac.map(|byte| format!("{byte:02x}")).join(between);
        Self {
            shape,
            function: facts.function,
            product: facts.product.clone(),
            manufacturer: facts.manufacturer.clone(),
            mac: mac(":"),
            mac_bare: mac(""),
            is_local: facts.host_mac[0] & 2 != 0,
            mac_windows: mac("-").to_uppercase(),
            vendor: format!("{:04x}", facts.vendor_id),
            product_id: format!("{:04x}", facts.product_id),
            interface: format!("&MI_{:02X}", facts.interface.unwrap_or(0)),
            device: facts.device,
            host: facts.host,
            prefix: facts.prefix,
            network: Ipv4Addr::from(device & mask),
            netmask: Ipv4Addr::from(mask),
            broadcast: Ipv4Addr::from(device | !mask),
            name: facts.name.to_string(),
            domain: facts.domain.to_string(),
            bridge: facts.bridge.to_string(),
            dhcp: facts.dhcp,
            dns: facts.dns,
            mtu: facts.mtu,
            metric: 700,
        }
    }

    pub(crate) fn link(&self) -> bool {
        self.shape == Shape::Link
    }

    pub(crate) fn share(&self) -> bool {
        self.shape == Shape::ShareFromHost
    }

    pub(crate) fn uplink(&self) -> bool {
        self.shape == Shape::Uplink
    }

    pub(crate) fn bridged(&self) -> bool {
        self.shape == Shape::Bridge
    }

    pub(crate) fn rndis(&self) -> bool {
        self.function == Function::Rndis
    }

    pub(crate) fn purpose(&self) -> &'static str {
        self.shape.purpose()
    }

    /// Whether the device tells the host the hardware address of the host's end. With the functions that do not, the
    /// host makes one up, another one with every start.
    pub(crate) fn tells_mac(&self) -> bool {
        self.function.tells_mac()
    }

    /// The names that Linux may give the link: `eth0` and the like when its address is a maker's (drivers/net/usb/usbnet.c).
    pub(crate) fn kernel_names(&self) -> &'static str {
        if self.is_local { "usb0 usb1 usb2" } else { "usb0 usb1 usb2 eth0 eth1 eth2" }
    }

    /// The host's driver on Linux.
    pub(crate) fn driver(&self) -> &'static str {
        match self.function {
            Function::Ecm => "cdc_ether",
            Function::Ncm => "cdc_ncm",
            Function::Rndis => "rndis_host",
            Function::Eem => "cdc_eem",
            Function::EcmSubset => "cdc_subset",
        }
    }

    /// OpenWrt's package of the driver, behind `kmod-usb-net-`.
    pub(crate) fn openwrt_package(&self) -> &'static str {
        match self.function {
            Function::Ecm => "cdc-ether",
            Function::Ncm => "cdc-ncm",
            Function::Rndis => "rndis",
            Function::Eem => "cdc-eem",
            Function::EcmSubset => "cdc-subset",
        }
    }
}
