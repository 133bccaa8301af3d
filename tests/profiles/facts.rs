//! The two devices that profiles are made for here.

use usbnet_host_profiles::{Domain, Function, InterfaceName, Label, LinkFacts};

/// A device at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The defaults: it answers DHCP.
    Dhcp,
    /// No services, RNDIS in a composite, an MTU, and names that mean something to every format.
    Static,
}

impl Device {
    pub const ALL: [Self; 2] = [Self::Dhcp, Self::Static];

    /// What is known of the link to it.
    pub fn facts(self) -> LinkFacts {
        let usual = LinkFacts {
            product: "N800".into(),
            manufacturer: "Nokia".into(),
            vendor_id: 0x1d6b,
            product_id: 0x0104,
            function: Function::Ncm,
            interface: None,
            host_mac: [0x1a, 0x36, 0x84, 0xf7, 0xcb, 0xb3],
            device: [192, 168, 2, 15].into(),
            host: [192, 168, 2, 14].into(),
            prefix: 27,
            name: Label::new("n800").expect("a label"),
            domain: Domain::new("usbnet").expect("a domain"),
            dhcp: true,
            dns: true,
            mtu: None,
            bridge: InterfaceName::new("br0").expect("a name"),
        };
        match self {
            Self::Dhcp => usual,
            Self::Static => LinkFacts {
                product: "Ann's \"N800\" $(touch /run/pwned) `id` 50%".into(),
                manufacturer: "Ünïted & Söns <x>".into(),
                function: Function::Rndis,
                interface: Some(2),
                dhcp: false,
                dns: false,
                mtu: Some(1420),
                ..usual
            },
        }
    }
}
