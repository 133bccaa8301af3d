//! Random links with hostile names: a name changes the lines that it stands in, and nothing else.

use proptest::prelude::*;
use usbnet_host_profiles::{ALL, Domain, Function, InterfaceName, Label, LinkFacts, Shape};

/// A name that no template has by itself.
const PLAIN: &str = "Plainproduct";
const PLAIN_MAKER: &str = "Plainmaker";

/// Files whose format can hold an end of line inside of a quoted word; what a shell makes of that is tested beside the
/// quoting rule.
const QUOTED_LINES: [&str; 5] =
    ["/ifcfg-usbnet", "/ifcfg-usbnet0", "/netctl/usbnet", "/usbnet-setup", ".ps1"];

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

fn facts() -> impl Strategy<Value = LinkFacts> {
    let link = (any::<[u8; 6]>(), any::<u32>(), 8..=30_u8, any::<(u16, u16)>());
    let options =
        (any::<(bool, bool)>(), proptest::option::of(576..15_413_u16), proptest::option::of(0..8_u8));
    let names = ("[a-z0-9]{1,20}", "[a-z]{1,9}(\\.[a-z0-9]{1,9}){0,2}", "[a-z][a-z0-9_.-]{0,14}");
    let function = proptest::sample::select(Function::ALL.to_vec());
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_stays_in_its_line(facts in facts()) {
        let plain = LinkFacts { product: PLAIN.into(), manufacturer: PLAIN_MAKER.into(), ..facts.clone() };
        for host in ALL {
            for shape in host.shapes() {
                let (said, expected) = (host.profile(&facts, shape).unwrap(), host.profile(&plain, shape).unwrap());
                prop_assert_eq!(&said.guide, &expected.guide, "{}, {}", host.name, shape);
                for (file, plain) in said.files.iter().zip(&expected.files) {
                    if QUOTED_LINES.iter().any(|end| file.path.ends_with(end)) && facts.product.contains('\n') {
                        continue;
                    }
                    // PowerShell's and the shell's quotes keep a lone CR as it is; only LF ends a line here.
                    let (lines, others) = (file.text.split('\n'), plain.text.split('\n'));
                    prop_assert_eq!(lines.clone().count(), others.clone().count(), "{} of {}", file.path, host.name);
                    for (line, other) in lines.zip(others) {
                        if !other.contains(PLAIN) && !other.contains(PLAIN_MAKER) {
                            prop_assert_eq!(line, other, "{} of {}", file.path, host.name);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_addresses_are_in_every_profile(facts in facts()) {
        let mac = facts.host_mac.map(|byte| format!("{byte:02x}"));
        let macs = [mac.join(":"), mac.join("-")];
        for host in ALL {
            for shape in host.shapes().filter(|shape| *shape != Shape::Bridge) {
                let profile = host.profile(&facts, shape).unwrap();
                let all: String = profile.files.iter().map(|file| file.text.to_lowercase()).collect();
                let known = [facts.device.to_string(), facts.host.to_string()].iter().any(|it| all.contains(it.as_str()))
                    || macs.iter().any(|mac| all.contains(mac.as_str()));
                prop_assert!(known, "{}, {}", host.name, shape);
            }
        }
    }
}
