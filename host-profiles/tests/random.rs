//! Random links with hostile names: a name changes the lines that it stands in, and nothing else.

mod common;

use common::facts;
use proptest::prelude::*;
use usbnet_host_profiles::{ALL, LinkFacts, Shape};

/// A name that no template has by itself.
const PLAIN: &str = "Plainproduct";
const PLAIN_MAKER: &str = "Plainmaker";

/// Files whose format can hold an end of line inside of a quoted word; what a shell makes of that is tested beside the
/// quoting rule.
const QUOTED_LINES: [&str; 5] =
    ["/ifcfg-usbnet", "/ifcfg-usbnet0", "/netctl/usbnet", "/usbnet-setup", ".ps1"];

/// Building blocks: about addresses, not interfaces.
const BLOCKS: [&str; 6] = ["nftables", "iptables", "firewalld", "ufw", "ssh", "hosts"];
/// Hosts that ask the device for an address also for a mere link.
const DHCP_FOR_LINK: [&str; 3] = ["networkmanager", "systemd-networkd", "redhat"];
/// Those that ask for none as an uplink either.
const NO_CLIENT: [&str; 1] = ["udev"];

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
        let (host, device) = (facts.host.to_string(), facts.device.to_string());
        for one in ALL {
            for shape in one.shapes() {
                let profile = one.profile(&facts, shape).unwrap();
                let all: String = profile.files.iter().map(|file| file.text.to_lowercase()).collect();
                let by_dhcp = facts.dhcp && match shape {
                    Shape::Uplink => !NO_CLIENT.contains(&one.name),
                    Shape::Link => DHCP_FOR_LINK.contains(&one.name),
                    _ => false,
                };
                let block = BLOCKS.contains(&one.name);
                let needed = [
                    ("hardware address", !block, macs.iter().any(|mac| all.contains(mac.as_str()))),
                    ("host", !block && shape != Shape::Bridge && !by_dhcp, has(&all, &host)),
                    ("device", (block || shape == Shape::Uplink) && !by_dhcp, has(&all, &device)),
                    ("bridge", shape == Shape::Bridge && one.name != "openwrt", has(&all, &facts.bridge.to_string())),
                ];
                for (what, needed, there) in needed {
                    prop_assert!(there || !needed, "{}, {}: the {} is missing", one.name, shape, what);
                }
            }
        }
    }
}

/// Whether this address or name is there, not as a part of a longer one.
fn has(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(word)
        .any(|(at, _)| !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next()))
}
