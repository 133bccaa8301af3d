//! Random links with hostile names, as `read_back.rs` has them, for what is no list of settings: rules, scripts, XML.
//! Their readers find the names in full where they stand as values, and no address but those of the link.

mod common;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use common::{facts, one_line, stands};
use proptest::prelude::*;
use usbnet_host_profiles::{ALL, File, Function, LinkFacts, Shape, find};

fn file(host: &str, facts: &LinkFacts, shape: Shape, end: &str) -> File {
    let profile = find(host).unwrap().profile(facts, shape).unwrap();
    profile.files.into_iter().find(|file| file.path.ends_with(end)).unwrap()
}

/// Elements with their path, attributes as they are, and text without entities: no comments, one root.
fn xml(text: &str) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        if let Some((_, index)) = open.last() {
            found[*index].2 += &plain(&rest[..at]);
        }
        let (tag, after) = match rest[at..].strip_prefix("<!--") {
            Some(comment) => ("!", comment.split_once("-->").expect("the comment ends").1),
            None => rest[at + 1..].split_once('>').expect("the tag ends"),
        };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().expect("an open element").0, name);
        } else if !tag.starts_with(['!', '?']) {
            let (name, attributes) = tag.trim_end_matches('/').split_once(' ').unwrap_or((tag, ""));
            let path = open.iter().map(|(name, _)| format!("{name}/")).collect::<String>();
            let name = name.trim_end_matches('/');
            found.push((path + name, plain(attributes), String::new()));
            if !tag.ends_with('/') {
                open.push((name.to_owned(), found.len() - 1));
            }
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    found
}

/// Text without entities.
fn plain(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut said = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';').expect("an entity ends");
        said.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => char::from_u32(name.strip_prefix('#').unwrap().parse().unwrap()).unwrap(),
        });
        said += rest;
    }
    said
}

fn text_of<'a>(read: &'a [(String, String, String)], path: &str) -> &'a str {
    &read.iter().find(|(of, ..)| of == path).unwrap_or_else(|| panic!("no {path}")).2
}

/// What XML can hold of a name, and what does not reorder a line.
fn in_xml(name: &str) -> String {
    name.chars()
        .filter(|c| stands(*c) && !['\u{fffe}', '\u{ffff}'].contains(c) || "\n\r\t".contains(*c))
        .collect()
}

/// The rules of a udev file: each a list of what is compared or set.
fn udev(text: &str) -> Vec<Vec<String>> {
    let rule = |line: &str| {
        let mut quoted = false;
        let ends = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        line.split(ends).map(|part| part.trim().to_owned()).collect()
    };
    text.lines().filter(|line| !line.starts_with('#')).map(rule).collect()
}

/// The value of the first `NAME=` of a shell script, without its quotes (XCU 2.2).
fn shell(text: &str, name: &str) -> String {
    let rest = text.split_once(&format!("\n{name}=")).unwrap_or_else(|| panic!("no {name}")).1;
    let mut chars = rest.chars();
    let (mut value, mut quoted) = (String::new(), false);
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => value.extend(chars.next()),
            '\n' | ' ' if !quoted => break,
            c => value.push(c),
        }
    }
    value
}

/// The value of `$NAME = '…'` of a PowerShell script (about_Quoting_Rules: four characters are the quote).
fn powershell(text: &str, name: &str) -> String {
    let is_quote = |c: &char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
    let rest = text.split_once(&format!("\n${name} = '")).unwrap_or_else(|| panic!("no {name}")).1;
    let mut chars = rest.chars().peekable();
    let mut value = String::new();
    while let Some(c) = chars.next() {
        if is_quote(&c) && chars.next_if(is_quote).is_none() {
            break;
        }
        value.push(c);
    }
    value
}

/// The lines that are no comments, and no version of a driver, which looks like an address.
fn code(file: &File) -> String {
    let comment = |line: &&str| {
        !["#", "rem ", "<!--", "DriverVer"].iter().any(|mark| line.trim_start().starts_with(mark))
    };
    file.text.lines().filter(comment).map(|line| format!("{line}\n")).collect()
}

/// Every IPv4 address in a text.
fn addresses(text: &str) -> BTreeSet<Ipv4Addr> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|word| word.parse().ok()).collect()
}

/// Every hardware address in a text, in lower case with colons.
fn macs(text: &str) -> BTreeSet<String> {
    let word = |c: char| !c.is_ascii_hexdigit() && !":-".contains(c);
    let is_mac = |word: &String| {
        word.len() == 17
            && word
                .split(':')
                .filter(|byte| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit()))
                .count()
                == 6
    };
    text.split(word).map(|word| word.to_lowercase().replace('-', ":")).filter(is_mac).collect()
}

fn rules(facts: &LinkFacts) -> Result<(), TestCaseError> {
    let (device, host) = (facts.device.to_string(), facts.host.to_string());
    let mask = u32::MAX << (32 - u32::from(facts.prefix));
    let network = format!("{}/{}", Ipv4Addr::from(u32::from(facts.device) & mask), facts.prefix);
    let mac = facts.host_mac.map(|byte| format!("{byte:02x}")).join(":");
    let share = Shape::ShareFromHost;

    for (host, end) in [("udev", "90-usbnet.rules"), ("gentoo", "name.rules"), ("opensuse", "name.rules")] {
        let read = udev(&file(host, facts, Shape::Link, end).text);
        prop_assert!(read[0].contains(&format!("ATTR{{address}}==\"{mac}\"")), "{:?}", read);
        let eem = LinkFacts { function: Function::Eem, ..facts.clone() };
        let read = udev(&file(host, &eem, Shape::Link, end).text);
        let ids = [("idVendor", facts.vendor_id), ("idProduct", facts.product_id)];
        for (key, id) in ids {
            prop_assert!(read[0].contains(&format!("ATTRS{{{key}}}==\"{id:04x}\"")), "{:?}", read);
        }
    }

    // Each rule that goes in comes out again.
    let (rules, undo) =
        (file("iptables", facts, share, "/usbnet.rules"), file("iptables", facts, share, "undo.rules"));
    prop_assert_eq!(code(&rules).replace("-I ", "-D "), code(&undo));
    let masquerade = format!("POSTROUTING -s {device} ! -d {network} -j MASQUERADE");
    let added = |rules: &str, word: &str| rules.lines().any(|line| line == format!("{word} {masquerade}"));
    prop_assert!(added(&code(&rules), "-I"));
    prop_assert!(added(&code(&file("ufw", facts, share, "/usbnet.rules")), "-A"));
    let nft = code(&file("nftables", facts, share, ".nft"));
    prop_assert!(nft.contains(&format!("define resolver = {host}\n")), "{}", nft);
    prop_assert!(nft.contains(&format!("ip saddr {device} ip daddr != {network} masquerade\n")), "{}", nft);

    let line = code(&file("hosts", facts, Shape::Link, ""));
    let words: Vec<_> = line.split_whitespace().collect();
    let full = format!("{}.{}", facts.name, facts.domain);
    let name = facts.name.to_string();
    prop_assert_eq!(words, [device.as_str(), &full, &name]);
    let ssh = code(&file("ssh", facts, Shape::Link, ""));
    let said = |key: &str| ssh.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::to_owned);
    prop_assert_eq!(said("Host "), Some(format!("{name} {full} {device}")));
    prop_assert_eq!(said("HostName "), Some(device.clone()));
    prop_assert_eq!(said("HostKeyAlias "), Some(full));

    let script = file("udev", facts, share, "usbnet-share").text;
    prop_assert_eq!(["device", "host", "network"].map(|name| shell(&script, name)), [device, host, network]);
    prop_assert_eq!(shell(&file("macos", facts, Shape::Link, "usbnet-setup").text, "mac"), mac);
    Ok(())
}

fn names(facts: &LinkFacts) -> Result<(), TestCaseError> {
    for (host, shape) in
        [("firewalld", Shape::Link), ("firewalld", Shape::ShareFromHost), ("redhat", Shape::ShareFromHost)]
    {
        let read = xml(&file(host, facts, shape, "zones/usbnet.xml").text);
        prop_assert_eq!(text_of(&read, "zone/short"), in_xml(&facts.product));
        let source =
            read.iter().find(|(path, ..)| path == "zone/source").map(|(_, attributes, _)| attributes.clone());
        prop_assert_eq!(source, Some(format!("address=\"{}\"", facts.device)));
    }
    let read = xml(&file("firewalld", facts, Shape::ShareFromHost, "usbnet-out.xml").text);
    prop_assert_eq!(text_of(&read, "policy/short"), in_xml(&facts.product));
    let read = xml(&file("macos", facts, Shape::ShareFromHost, ".plist").text);
    let description = read
        .iter()
        .skip_while(|(.., text)| text != "ServiceDescription")
        .nth(1)
        .map(|(.., text)| text.clone());
    prop_assert_eq!(description, Some(in_xml(&facts.product) + " uses this computer's Internet connection"));

    let product = facts.product.replace('\0', "");
    let script = file("macos", facts, Shape::Link, "usbnet-setup").text;
    prop_assert_eq!(shell(&script, "service"), one_line(&facts.product) + " (USB)");
    let script = file("windows", facts, Shape::Link, ".ps1").text;
    prop_assert_eq!(powershell(&script, "product"), product);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_finds_the_facts(facts in facts()) {
        rules(&facts)?;
        names(&facts)?;
    }

    /// With names that say nothing, so that what is found is the template's.
    #[test]
    fn no_file_has_a_strangers_address(facts in facts()) {
        let facts = LinkFacts { product: "Product".into(), manufacturer: "Maker".into(), ..facts };
        let mask = u32::MAX << (32 - u32::from(facts.prefix));
        let device = u32::from(facts.device);
        let own = [facts.device, facts.host, (device & mask).into(), mask.into(), (device | !mask).into()];
        // The first of each is no address of a station: every one, and this computer itself.
        let known = |address: &Ipv4Addr| own.contains(address) || address.octets()[0] == 0 || address.is_loopback();
        let mac = facts.host_mac.map(|byte| format!("{byte:02x}")).join(":");
        for host in ALL {
            for shape in host.shapes() {
                for file in host.profile(&facts, shape).unwrap().files {
                    let code = code(&file);
                    let strangers: Vec<_> = addresses(&code).into_iter().filter(|address| !known(address)).collect();
                    prop_assert!(strangers.is_empty(), "{}, {}: {} has {:?}", host.name, shape, file.path, strangers);
                    let strangers: Vec<_> = macs(&code).into_iter().filter(|other| *other != mac).collect();
                    prop_assert!(strangers.is_empty(), "{}, {}: {} has {:?}", host.name, shape, file.path, strangers);
                }
            }
        }
    }
}
