//! Random links with hostile names.

use proptest::prelude::*;
use usbnet_host_profiles::{Domain, Function, InterfaceName, Label, LinkFacts};

/// Text that means something to some format.
fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\PC]{0,6}",
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            "'",
            "\"",
            "`",
            "$(reboot)",
            "%",
            "\\",
            "\n",
            "\r\n",
            "\t",
            " ",
            "#",
            ";",
            "&",
            "<",
            ">",
            "[x]",
            "{",
            "}",
            "=",
            "-->",
            "\u{2018}",
            "\u{2028}",
            "\u{85}",
            "\0",
            "${x}",
            "%%",
            "{{",
            "{%",
            "*/",
            "EOF\n",
            "\u{202e}",
        ])
        .prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A link.
pub fn facts() -> impl Strategy<Value = LinkFacts> {
    let link = (any::<[u8; 6]>(), any::<u32>(), 8..=30_u8, any::<(u16, u16)>());
    let options =
        (any::<(bool, bool)>(), proptest::option::of(576..15_413_u16), proptest::option::of(0..8_u8));
    let names = ("[a-z0-9]{1,20}", "[a-z]{1,9}(\\.[a-z0-9]{1,9}){0,2}", "[a-z][a-z0-9_.-]{0,14}");
    // The others differ in how the link is found, which the golden files have; not every host can.
    let functions = Function::ALL.into_iter().filter(|function| function.tells_mac());
    let function = proptest::sample::select(functions.collect::<Vec<_>>());
    (link, options, names, function, name(), name()).prop_map(
        |(link, options, names, function, product, manufacturer)| {
            let (host_mac, device, prefix, (vendor_id, product_id)) = link;
            let ((dhcp, dns), mtu, interface) = options;
            LinkFacts {
                product,
                manufacturer,
                vendor_id,
                product_id,
                function,
                interface,
                host_mac,
                device: device.into(),
                host: (device ^ 1).into(),
                prefix,
                name: Label::new(&names.0).unwrap(),
                domain: Domain::new(&names.1).unwrap(),
                dhcp,
                dns,
                mtu,
                bridge: InterfaceName::new(&names.2).unwrap(),
            }
        },
    )
}

/// Whether a character may stand in a value at all: no control character, and none that reorders a line.
#[allow(dead_code)] // not every test reads names
pub fn stands(c: char) -> bool {
    let marks = ['\u{2028}', '\u{2029}', '\u{200e}', '\u{200f}', '\u{61c}', '\u{feff}'];
    let directions = ['\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    !c.is_control() && !marks.contains(&c) && !directions.iter().any(|range| range.contains(&c))
}

/// A name in one line, as comments and INF files have it.
#[allow(dead_code)]
pub fn one_line(name: &str) -> String {
    let text: String = name.chars().map(|c| if stands(c) { c } else { ' ' }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
