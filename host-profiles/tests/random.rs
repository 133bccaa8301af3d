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
