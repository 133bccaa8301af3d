use super::*;

const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 14);

fn base() -> Settings {
    Settings::new("usb0", Ipv4Addr::new(192, 168, 2, 1), 28, HOST)
}

fn with(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = base();
    change(&mut settings);
    settings
}

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 2, last)
}

#[test]
fn settings_that_work() {
    let rows = [
        ("the defaults", base()),
        ("a pool beside the device", with(|s| s.pool = Some((ip(2), ip(13))))),
        ("a pool of one", with(|s| s.pool = Some((ip(2), ip(2))))),
        ("the widest subnet", with(|s| s.prefix = 1)),
        ("the narrowest subnet", with(|s| (s.prefix, s.host) = (30, ip(2)))),
        ("DHCP alone", with(|s| s.dns = false)),
        ("DNS alone", with(|s| s.dhcp = false)),
        ("a name of 15 bytes", with(|s| s.interface = "abcdefghijklmno".into())),
        ("the least MTU", with(|s| s.mtu = Some(68))),
    ];
    for (name, settings) in rows {
        assert_eq!(settings.check(), Ok(()), "{name}");
    }
}

#[test]
fn settings_that_cannot_work() {
    use SettingsError as E;
    let outside = |option, address| E::OutsideSubnet { option, address, subnet: ip(0), prefix: 28 };
    let rows = [
        ("no interface", with(|s| s.interface.clear()), E::InterfaceName(String::new())),
        ("a path", with(|s| s.interface = "../x".into()), E::InterfaceName("../x".into())),
        ("a blank", with(|s| s.interface = "a b".into()), E::InterfaceName("a b".into())),
        ("16 bytes", with(|s| s.interface = "a".repeat(16)), E::InterfaceName("a".repeat(16))),
        ("prefix 31", with(|s| s.prefix = 31), E::Prefix(31)),
        ("prefix 0", with(|s| s.prefix = 0), E::Prefix(0)),
        (
            "the network's address",
            with(|s| s.address = ip(0)),
            E::AddressUnusable { address: ip(0), prefix: 28, what: "network address" },
        ),
        (
            "the broadcast address",
            with(|s| s.address = DEVICE),
            E::AddressUnusable { address: DEVICE, prefix: 28, what: "broadcast address" },
        ),
        ("host elsewhere", with(|s| s.host = ip(16)), outside("--host", ip(16))),
        ("host is broadcast", with(|s| s.host = ip(15)), outside("--host", ip(15))),
        ("host is the device", with(|s| s.host = ip(1)), E::HostIsDevice(ip(1))),
        ("pool too low", with(|s| s.pool = Some((ip(0), ip(9)))), outside("--pool", ip(0))),
        ("pool too high", with(|s| s.pool = Some((ip(2), ip(20)))), outside("--pool", ip(20))),
        ("pool reversed", with(|s| s.pool = Some((ip(9), ip(2)))), E::PoolReversed(ip(9), ip(2))),
        (
            "pool holds the device",
            with(|s| s.pool = Some((ip(1), ip(9)))),
            E::PoolHoldsDevice { first: ip(1), last: ip(9), address: ip(1) },
        ),
        ("no lease", with(|s| s.lease = Duration::ZERO), E::Lease(0)),
        ("endless lease", with(|s| s.lease = Duration::MAX), E::Lease(u64::MAX)),
        ("tiny MTU", with(|s| s.mtu = Some(67)), E::Mtu(67)),
        ("nothing to do", with(|s| (s.dhcp, s.dns) = (false, false)), E::NothingToDo),
    ];
    for (name, settings, expected) in rows {
        assert_eq!(settings.check(), Err(expected), "{name}");
    }
}
