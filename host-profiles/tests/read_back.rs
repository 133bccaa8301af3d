//! Random links with hostile names: what a reader of each format finds in the generated files is the facts, no more and
//! no less. The readers here know their format's quoting and nothing of the templates.

mod common;

use std::collections::BTreeMap;
use std::process::Command;

use common::{facts, one_line, stands};
use proptest::prelude::*;
use usbnet_host_profiles::{Function, LinkFacts, Profile, Shape, find};

/// `SECTION.KEY` or `KEY`, and what it is set to.
type Read = BTreeMap<String, String>;

fn profile(host: &str, facts: &LinkFacts, shape: Shape) -> Profile {
    find(host).unwrap().profile(facts, shape).unwrap()
}

fn text<'a>(profile: &'a Profile, end: &str) -> &'a str {
    &profile.files.iter().find(|file| file.path.ends_with(end)).unwrap().text
}

/// Sections in brackets, `key=value`, whole lines of comment: GLib's key files and systemd's.
fn ini(text: &str) -> Read {
    let mut section = String::new();
    let mut read = Read::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?} is no key"));
            let known = read.insert(format!("{section}.{key}"), value.to_owned());
            assert_eq!(known, None, "{key} of {section} is there twice");
        }
    }
    read
}

/// A value with GLib's escapes.
fn unescaped(value: &str) -> String {
    let mut chars = value.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('s') => ' ',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('\\') => '\\',
                other => panic!("the escape {other:?} in {value:?}"),
            },
            c => c,
        });
    }
    text
}

/// Block mappings of scalars and one-line lists: `a.b.c`.
fn yaml(text: &str) -> Read {
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut read = Read::new();
    for line in text.lines() {
        let body = line.trim_start();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let indent = line.len() - body.len();
        path.retain(|(of, _)| *of < indent);
        let (key, value) = body.split_once(':').unwrap_or_else(|| panic!("{line:?} is no mapping"));
        path.push((indent, key));
        let name = path.iter().map(|(_, key)| *key).collect::<Vec<_>>().join(".");
        let value = value.trim().trim_matches(['[', ']']).trim_matches('"');
        if !value.is_empty() {
            assert_eq!(read.insert(name, value.to_owned()), None, "{line:?} is there twice");
        }
    }
    read
}

/// The options of the stanza `iface usbnet`, and the `map` lines (interfaces(5)).
fn interfaces(text: &str) -> Read {
    let mut read = Read::new();
    let mut stanza = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        let rest = words.collect::<Vec<_>>().join(" ");
        if matches!(first, "iface" | "mapping" | "auto" | "allow-hotplug") {
            stanza = first.to_owned();
        }
        read.entry(format!("{stanza}.{first}")).or_insert(rest);
    }
    read
}

/// `set a.b.c='value'` of `uci batch`.
fn uci(text: &str) -> Read {
    let line = |line: &str| {
        let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} is no command"));
        assert!(matches!(word, "set" | "add_list"), "{line:?}");
        let (key, value) = rest.split_once('=').unwrap();
        let value = value.strip_prefix('\'').map_or(value, |rest| rest.strip_suffix('\'').unwrap());
        assert!(!value.contains('\''), "{line:?}");
        (key.to_owned(), value.to_owned())
    };
    text.lines().map(line).collect()
}

/// What a shell that sources each of the files has in these variables; a NUL behind each value.
fn sourced(files: &[(&str, &[&str])]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut script = String::new();
    for (number, (text, names)) in files.iter().enumerate() {
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, text).unwrap();
        let print: String = names.iter().map(|name| format!("printf '%s\\0' \"${{{name}-}}\"; ")).collect();
        script += &format!("( . '{}'; {print} )\n", path.display());
    }
    let said = Command::new("bash").args(["--norc", "-euc", &script]).env_clear().output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
    let values = String::from_utf8(said.stdout).unwrap();
    values.split_terminator('\0').map(str::to_owned).collect()
}

/// Sections of an INF file with their lines, without comments; `%name%` stays as it is.
fn inf(text: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut section = String::new();
    let mut read: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in text.lines() {
        // A semicolon in quotes is none.
        let mut quoted = false;
        let end = line.find(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        });
        let line = line[..end.unwrap_or(line.len())].trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            read.entry(section.clone()).or_default().push((key.trim().into(), value.trim().into()));
        } else {
            assert!(line.is_empty() || section == "Rndis.Reg", "{line:?} in {section}");
        }
    }
    read
}

fn inf_string(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
    inner.replace("\"\"", "\"").replace("%%", "%")
}

/// A name as a key file has it.
fn in_key_file(name: &str) -> String {
    name.chars().filter(|c| stands(*c) || "\n\r\t".contains(*c)).collect()
}

struct Expected {
    mac: String,
    mac_upper: String,
    host: String,
    address: String,
    netmask: String,
    mtu: Option<String>,
    is_static: bool,
}

fn expected(facts: &LinkFacts, shape: Shape) -> Expected {
    let mac = facts.host_mac.map(|byte| format!("{byte:02x}")).join(":");
    let mask = u32::MAX << (32 - u32::from(facts.prefix));
    Expected {
        mac_upper: mac.to_uppercase(),
        mac,
        host: facts.host.to_string(),
        address: format!("{}/{}", facts.host, facts.prefix),
        netmask: std::net::Ipv4Addr::from(mask).to_string(),
        mtu: facts.mtu.map(|mtu| mtu.to_string()),
        is_static: shape == Shape::ShareFromHost || !facts.dhcp,
    }
}

fn value(read: &Read, key: &str) -> Option<String> {
    read.get(key).cloned()
}

fn some(text: impl ToString) -> Option<String> {
    Some(text.to_string())
}

fn key_files_and_yaml(facts: &LinkFacts, shape: Shape) -> Result<(), TestCaseError> {
    let Expected { mac, mac_upper, address, netmask, mtu, is_static, host } = expected(facts, shape);
    let static_address = is_static.then_some(address.clone());

    let read = ini(text(&profile("networkmanager", facts, shape), ".nmconnection"));
    prop_assert_eq!(value(&read, "ethernet.mac-address"), some(&mac_upper));
    prop_assert_eq!(value(&read, "ipv4.address1"), static_address.clone());
    prop_assert_eq!(value(&read, "ipv4.never-default"), some("true"));
    prop_assert_eq!(value(&read, "ethernet.mtu"), mtu.clone());
    let id = in_key_file(&facts.product) + " (USB)";
    prop_assert_eq!(read.get("connection.id").map(|id| unescaped(id)), Some(id));

    let networkd = profile("systemd-networkd", facts, shape);
    let read = ini(text(&networkd, ".network"));
    prop_assert_eq!(value(&read, "Match.MACAddress"), some(&mac));
    prop_assert_eq!(value(&read, "Network.Address"), static_address);
    prop_assert_eq!(value(&read, "Link.MTUBytes"), mtu.clone());
    let read = ini(text(&networkd, ".link"));
    prop_assert_eq!(value(&read, "Match.MACAddress"), some(&mac));

    let read = interfaces(text(&profile("ifupdown", facts, shape), "/usbnet"));
    prop_assert_eq!(value(&read, "mapping.map"), some(format!("{mac} usbnet")));
    prop_assert_eq!(value(&read, "iface.iface"), some("usbnet inet static"));
    prop_assert_eq!(value(&read, "iface.address"), some(&address));
    prop_assert_eq!(value(&read, "iface.mtu"), mtu.clone());
    prop_assert_eq!(value(&read, "iface.gateway"), None);

    let openwrt = profile("openwrt", facts, shape);
    let read = uci(text(&openwrt, ".uci"));
    prop_assert_eq!(value(&read, "network.usbnet.ipaddr"), some(&host));
    prop_assert_eq!(value(&read, "network.usbnet.netmask"), some(&netmask));
    prop_assert_eq!(value(&read, "network.usbnet.mtu"), mtu.clone());
    prop_assert_eq!(value(&read, "dhcp.usbnet_name.ip"), some(facts.device));
    prop_assert_eq!(value(&read, "dhcp.usbnet_name.name"), some(&facts.name));
    prop_assert!(text(&openwrt, "70-usbnet").contains(&mac));

    if shape == Shape::Link {
        let read = yaml(text(&profile("netplan", facts, shape), ".yaml"));
        let key = |key: &str| format!("network.ethernets.usbnet.{key}");
        prop_assert_eq!(value(&read, &key("match.macaddress")), some(&mac));
        prop_assert_eq!(value(&read, &key("addresses")), some(&address));
        prop_assert_eq!(value(&read, &key("mtu")), mtu.clone());
        prop_assert_eq!(read.keys().filter(|key| key.contains("route")).count(), 0);

        let read = ini(text(&profile("connman", facts, shape), ".config"));
        prop_assert_eq!(value(&read, "service_usbnet.MAC"), some(&mac));
        prop_assert_eq!(value(&read, "service_usbnet.IPv4"), some(format!("{host}/{netmask}")));
        prop_assert_eq!(
            read.get("global.Name").map(|name| unescaped(name)),
            Some(in_key_file(&facts.product))
        );
    }
    Ok(())
}

fn shell_files(facts: &LinkFacts, shape: Shape) -> Result<(), TestCaseError> {
    let Expected { mac_upper, host, address, mtu, is_static, .. } = expected(facts, shape);
    let name = facts.product.replace('\0', "");
    let mtu = mtu.unwrap_or_default();
    let profiles = ["redhat", "opensuse", "gentoo", "netctl"].map(|host| profile(host, facts, shape));
    let [redhat, opensuse, gentoo, netctl] = &profiles;
    let values = sourced(&[
        (
            text(redhat, "/ifcfg-usbnet"),
            &["NAME", "HWADDR", "IPADDR", "PREFIX", "MTU", "DEFROUTE", "PEERDNS"],
        ),
        (text(opensuse, "/ifcfg-usbnet0"), &["NAME", "IPADDR", "MTU"]),
        (text(gentoo, "/net.usbnet0"), &["config_usbnet0", "mtu_usbnet0", "routes_usbnet0"]),
        (text(netctl, "/usbnet"), &["Description", "Address[0]", "Interface"]),
    ]);
    // The Red Hat family's DHCP client takes an address alone; the others have no such thing.
    let (host, prefix) = if is_static { (host, facts.prefix.to_string()) } else { Default::default() };
    let expected = [
        &[name.as_str(), &mac_upper, &host, &prefix, &mtu, "no", "no"][..],
        &[&name, &address, &mtu],
        &[&address, &mtu, ""],
        &[&name, &address, "usbnet0"],
    ];
    prop_assert_eq!(values, expected.concat());
    Ok(())
}

fn windows(facts: &LinkFacts) -> Result<(), TestCaseError> {
    let rndis = LinkFacts { function: Function::Rndis, ..facts.clone() };
    let windows = profile("windows", &rndis, Shape::Link);
    // As Windows reads it: from the bytes.
    let bytes = windows.files.iter().find(|file| file.path.ends_with(".inf")).unwrap().bytes();
    let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let decoded = char::decode_utf16(units).collect::<Result<String, _>>().unwrap();
    let read = inf(decoded.strip_prefix('\u{feff}').unwrap());
    let strings: Read = read["Strings"].iter().map(|(key, value)| (key.clone(), inf_string(value))).collect();
    prop_assert_eq!(strings["Device"].clone(), one_line(&facts.product));
    prop_assert_eq!(strings["Manufacturer"].clone(), one_line(&facts.manufacturer));
    let id = format!("USB\\VID_{:04X}&PID_{:04X}", facts.vendor_id, facts.product_id);
    let own = format!("{id}&MI_{:02X}", facts.interface.unwrap_or(0));
    for models in read.iter().filter(|(section, _)| section.starts_with("Devices.")).map(|(_, lines)| lines) {
        let ids: Vec<_> = models.iter().map(|(_, value)| value.rsplit(", ").next().unwrap()).collect();
        prop_assert_eq!(ids, [id.as_str(), own.as_str()]);
    }
    // Every string that is used is defined.
    for (_, value) in read.iter().filter(|(name, _)| *name != "Strings").flat_map(|(_, lines)| lines) {
        for name in value.split('%').skip(1).step_by(2) {
            prop_assert!(strings.contains_key(name), "%{}% is not defined", name);
        }
    }
    Ok(())
}

/// The device as the way out: its address is the router and the name server, behind everything better.
fn uplinks(facts: &LinkFacts) -> Result<(), TestCaseError> {
    let shape = Shape::Uplink;
    let Expected { mac, mac_upper, address, netmask, mtu, host, .. } = expected(facts, shape);
    let device = facts.device.to_string();
    // What only a device without DHCP needs to be told.
    let fixed = |value: String| (!facts.dhcp).then_some(value);

    let read = ini(text(&profile("networkmanager", facts, shape), ".nmconnection"));
    prop_assert_eq!(value(&read, "ethernet.mac-address"), some(&mac_upper));
    prop_assert_eq!(value(&read, "ethernet.mtu"), mtu.clone());
    prop_assert_eq!(value(&read, "ipv4.address1"), fixed(format!("{address},{device}")));
    prop_assert_eq!(value(&read, "ipv4.dns"), fixed(format!("{device};")));
    prop_assert_eq!(value(&read, "ipv4.route-metric"), some(700));
    prop_assert_eq!(value(&read, "ipv4.never-default"), None);

    let read = ini(text(&profile("systemd-networkd", facts, shape), ".network"));
    prop_assert_eq!(value(&read, "Match.MACAddress"), some(&mac));
    prop_assert_eq!(value(&read, "Link.MTUBytes"), mtu.clone());
    prop_assert_eq!(value(&read, "Network.Address"), fixed(address.clone()));
    prop_assert_eq!(value(&read, "Network.DNS"), fixed(device.clone()));
    prop_assert_eq!(value(&read, "Route.Gateway"), fixed(device.clone()));
    let metric = if facts.dhcp { "DHCPv4.RouteMetric" } else { "Route.Metric" };
    prop_assert_eq!(value(&read, metric), some(700));

    let read = interfaces(text(&profile("ifupdown", facts, shape), "/usbnet"));
    let method = if facts.dhcp { "dhcp" } else { "static" };
    prop_assert_eq!(value(&read, "mapping.map"), some(format!("{mac} usbnet")));
    prop_assert_eq!(value(&read, "iface.iface"), some(format!("usbnet inet {method}")));
    prop_assert_eq!(value(&read, "iface.address"), fixed(address.clone()));
    prop_assert_eq!(value(&read, "iface.gateway"), fixed(device.clone()));
    prop_assert_eq!(value(&read, "iface.dns-nameservers"), fixed(device.clone()));
    prop_assert_eq!(value(&read, "iface.metric"), some(700));
    prop_assert_eq!(value(&read, "iface.mtu"), mtu.clone().filter(|_| !facts.dhcp));

    let read = uci(text(&profile("openwrt", facts, shape), ".uci"));
    prop_assert_eq!(value(&read, "network.usbnet.proto"), some(method));
    prop_assert_eq!(value(&read, "network.usbnet.ipaddr"), fixed(host.clone()));
    prop_assert_eq!(value(&read, "network.usbnet.netmask"), fixed(netmask.clone()));
    prop_assert_eq!(value(&read, "network.usbnet.gateway"), fixed(device.clone()));
    prop_assert_eq!(value(&read, "network.usbnet.metric"), some(700));
    prop_assert_eq!(value(&read, "network.usbnet.mtu"), mtu.clone());

    let read = yaml(text(&profile("netplan", facts, shape), ".yaml"));
    let key = |key: &str| format!("network.ethernets.usbnet.{key}");
    prop_assert_eq!(value(&read, &key("match.macaddress")), some(&mac));
    prop_assert_eq!(value(&read, &key("mtu")), mtu.clone());
    prop_assert_eq!(value(&read, &key("dhcp4")), some(facts.dhcp));
    prop_assert_eq!(value(&read, &key("addresses")), fixed(address.clone()));
    prop_assert_eq!(value(&read, &key("nameservers.addresses")), fixed(device.clone()));

    let read = ini(text(&profile("connman", facts, shape), ".config"));
    prop_assert_eq!(value(&read, "service_usbnet.MAC"), some(&mac));
    let ipv4 = if facts.dhcp { "dhcp".to_owned() } else { format!("{host}/{netmask}/{device}") };
    prop_assert_eq!(value(&read, "service_usbnet.IPv4"), Some(ipv4));

    let profiles = ["redhat", "opensuse", "gentoo", "netctl"].map(|host| profile(host, facts, shape));
    let [redhat, opensuse, gentoo, netctl] = &profiles;
    let values = sourced(&[
        (
            text(redhat, "/ifcfg-usbnet"),
            &["HWADDR", "BOOTPROTO", "IPADDR", "GATEWAY", "DNS1", "IPV4_ROUTE_METRIC"],
        ),
        (text(opensuse, "/ifcfg-usbnet0"), &["IPADDR", "MTU"]),
        (text(gentoo, "/net.usbnet0"), &["config_usbnet0", "routes_usbnet0", "dns_servers_usbnet0"]),
        (text(netctl, "/usbnet"), &["IP", "Address[0]", "Routes[0]", "DNS[0]"]),
    ]);
    let of = |value: &str| fixed(value.to_owned()).unwrap_or_default();
    let route = of(&format!("default via {device} metric 700"));
    let boot = if facts.dhcp { "dhcp" } else { "none" };
    let (address, host, device, mtu) = (of(&address), of(&host), of(&device), mtu.unwrap_or_default());
    let config = if facts.dhcp { "dhcp" } else { &address };
    let expected = [
        &[mac_upper.as_str(), boot, &host, &device, &device, "700"][..],
        &[&address, &mtu],
        &[config, &route, &device],
        &[method, &address, &route, &device],
    ];
    prop_assert_eq!(values, expected.concat());
    Ok(())
}

/// The link as a port of the bridge: no address of its own.
fn bridges(facts: &LinkFacts) -> Result<(), TestCaseError> {
    let shape = Shape::Bridge;
    let Expected { mac, mac_upper, mtu, .. } = expected(facts, shape);
    let bridge = facts.bridge.to_string();

    let read = ini(text(&profile("networkmanager", facts, shape), ".nmconnection"));
    prop_assert_eq!(value(&read, "ethernet.mac-address"), some(&mac_upper));
    prop_assert_eq!(value(&read, "ethernet.mtu"), mtu.clone());
    prop_assert_eq!(value(&read, "connection.master"), some(&bridge));
    prop_assert_eq!(value(&read, "ipv4.address1"), None);

    let read = ini(text(&profile("systemd-networkd", facts, shape), ".network"));
    prop_assert_eq!(value(&read, "Match.MACAddress"), some(&mac));
    prop_assert_eq!(value(&read, "Link.MTUBytes"), mtu.clone());
    prop_assert_eq!(value(&read, "Network.Bridge"), some(&bridge));
    prop_assert_eq!(value(&read, "Network.Address"), None);

    let ifupdown = profile("ifupdown", facts, shape);
    let read = interfaces(text(&ifupdown, "/usbnet"));
    prop_assert_eq!(value(&read, "mapping.map"), some(format!("{mac} usbnet")));
    prop_assert_eq!(value(&read, "iface.iface"), some("usbnet inet manual"));
    let port = format!("    post-up ip link set dev $IFACE master {bridge}");
    prop_assert!(text(&ifupdown, "/usbnet").lines().any(|line| line == port));

    let read = yaml(text(&profile("netplan", facts, shape), ".yaml"));
    prop_assert_eq!(value(&read, "network.ethernets.usbnet.match.macaddress"), some(&mac));
    prop_assert_eq!(value(&read, "network.ethernets.usbnet.mtu"), mtu.clone());
    prop_assert_eq!(value(&read, &format!("network.bridges.{bridge}.interfaces")), some("usbnet"));

    let profiles = ["redhat", "gentoo", "netctl"].map(|host| profile(host, facts, shape));
    let [redhat, gentoo, netctl] = &profiles;
    let values = sourced(&[
        (text(redhat, "/ifcfg-usbnet"), &["HWADDR", "BRIDGE", "IPADDR", "MTU"]),
        (text(gentoo, "/net.usbnet0"), &["config_usbnet0", "bridge_add_usbnet0", "mtu_usbnet0"]),
        (text(netctl, "/usbnet"), &["IP", "Address[0]", "ExecDownPre"]),
    ]);
    let mtu = mtu.unwrap_or_default();
    let expected = [
        &[mac_upper.as_str(), &bridge, "", &mtu][..],
        &["null", &bridge, &mtu],
        &["no", "", "ip link set dev usbnet0 nomaster"],
    ];
    prop_assert_eq!(values, expected.concat());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_finds_the_facts(facts in facts()) {
        for shape in [Shape::Link, Shape::ShareFromHost] {
            key_files_and_yaml(&facts, shape)?;
            shell_files(&facts, shape)?;
        }
        uplinks(&facts)?;
        bridges(&facts)?;
        windows(&facts)?;
    }
}
