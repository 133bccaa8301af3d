//! Links, addresses, routes and events against the real kernel, each test in a network namespace of its
//! own. Needs root; without it these tests fail.

use std::{
    net::Ipv4Addr,
    os::fd::AsFd,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, unshare},
};
use usbnet::{
    link::{self, Action, Addresses, Keeper, Observed, Policy},
    sys::{
        netlink::{Event, Monitor, Netlink, NetlinkError},
        uevent::{self, Received, Uevents},
    },
};

const DEADLINE: Duration = Duration::from_secs(20);
const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
const PREFIX: u8 = 27;

/// Runs `test` on a thread in a new network namespace; `ip` started from there is in it too.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let run = move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace of its own (run as root)");
        test();
    };
    if let Err(panic) = thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

/// The other manager, and the independent observer.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A cable: `ln-dev` is ours, `ln-host` the other end. Gives our index.
fn cable(netlink: &mut Netlink) -> u32 {
    ip("link add ln-dev type veth peer name ln-host");
    netlink.interface("ln-dev").unwrap().index
}

/// Reads events until one fits.
fn await_event(monitor: &mut Monitor, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
    let end = Instant::now() + DEADLINE;
    loop {
        while let Some(event) = monitor.next_event().unwrap() {
            if fits(&event) {
                return event;
            }
        }
        wait_readable(monitor, end, what);
    }
}

fn wait_readable(source: &impl AsFd, end: Instant, what: &str) {
    let left = end.saturating_duration_since(Instant::now());
    assert!(!left.is_zero(), "{what} did not happen");
    let timeout = PollTimeout::try_from(left).unwrap();
    poll(&mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)], timeout).unwrap();
}

fn observe(netlink: &mut Netlink, index: u32) -> Observed {
    let addresses = netlink.addresses(index).unwrap();
    Observed {
        up: netlink.interface_by_index(index).unwrap().up,
        addressed: addresses.iter().any(|found| (found.address, found.prefix) == (DEVICE, PREFIX)),
    }
}

fn bring_up(netlink: &mut Netlink, index: u32) {
    netlink.set_mtu(index, 1400).unwrap();
    netlink.add_address(index, DEVICE, PREFIX).unwrap();
    netlink.set_up(index).unwrap();
}

#[test]
fn brings_a_link_up_and_reads_it_back() {
    in_namespace(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        bring_up(&mut netlink, index);

        let interface = netlink.interface("ln-dev").unwrap();
        assert_eq!((interface.mtu, interface.up, interface.carrier), (1400, true, false));
        assert!(interface.mac.is_some());
        let shown = ip("-4 -o address show dev ln-dev");
        assert!(shown.contains("inet 192.168.2.15/27 brd 192.168.2.31 scope global ln-dev"), "{shown}");
        assert!(shown.contains("valid_lft forever"), "{shown}");
        let route = netlink.routes().unwrap().into_iter().find(|route| route.index == Some(index)).unwrap();
        assert_eq!(
            (route.destination, route.prefix, route.gateway),
            (Ipv4Addr::new(192, 168, 2, 0), 27, None)
        );

        ip("link set ln-host up");
        assert!(netlink.interface("ln-dev").unwrap().carrier);
        let names: Vec<String> = netlink.interfaces().unwrap().into_iter().map(|found| found.name).collect();
        assert!(
            ["lo", "ln-dev", "ln-host"].iter().all(|name| names.iter().any(|found| found == name)),
            "{names:?}"
        );
    });
}

#[test]
fn adding_and_removing_twice_is_success() {
    in_namespace(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        ip("address add 192.168.2.15/27 valid_lft 100 preferred_lft 100 dev ln-dev");
        netlink.add_address(index, DEVICE, PREFIX).unwrap();
        netlink.add_address(index, DEVICE, PREFIX).unwrap();
        let shown = ip("-4 -o address show dev ln-dev");
        assert!(shown.contains("valid_lft forever"), "an address that was to expire stays: {shown}");
        assert_eq!(netlink.addresses(index).unwrap().len(), 1);
        netlink.remove_address(index, DEVICE, PREFIX).unwrap();
        netlink.remove_address(index, DEVICE, PREFIX).unwrap();
        assert_eq!(netlink.addresses(index).unwrap(), []);
    });
}

#[test]
fn down_and_up_again_keeps_address_and_prefix_route() {
    in_namespace(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        bring_up(&mut netlink, index);
        netlink.set_down(index).unwrap();
        assert_eq!(observe(&mut netlink, index), Observed { up: false, addressed: true });
        assert_eq!(netlink.routes().unwrap(), []);
        netlink.set_up(index).unwrap();
        assert_eq!(observe(&mut netlink, index), Observed { up: true, addressed: true });
        assert_eq!(netlink.routes().unwrap().len(), 1);
    });
}

#[test]
fn errors_name_the_object_and_the_cause() {
    in_namespace(|| {
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        let rows = [
            (
                netlink.interface("ln-none").map(|_| ()),
                "cannot read the state of ln-none: there is no such interface",
            ),
            (
                netlink.interface("a-name-that-no-interface-can-have").map(|_| ()),
                "cannot read the state of a-name-that-no-interface-can-have: there is no such interface",
            ),
            (
                netlink.set_up(9999),
                "cannot change the up/down state of interface #9999: there is no such interface",
            ),
            (
                netlink.add_address(9999, DEVICE, PREFIX),
                "cannot make 192.168.2.15/27 an address of interface #9999: there is no such interface",
            ),
            (netlink.set_mtu(index, 1), "cannot set 1 as the MTU of ln-dev: Invalid argument"),
        ];
        for (result, expected) in rows {
            assert_eq!(result.unwrap_err().to_string(), expected);
        }
    });
}

#[test]
fn without_privileges_reading_works_and_changing_says_so() {
    in_namespace(|| {
        let index = cable(&mut Netlink::open().unwrap());
        // The raw call changes this thread only; the C library's would change the whole process.
        // SAFETY: setresuid takes numbers only and touches no memory of ours.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        let mut netlink = Netlink::open().unwrap();
        assert!(!netlink.interface("ln-dev").unwrap().up);
        let error = netlink.set_up(index).unwrap_err();
        assert!(matches!(error, NetlinkError::NotPermitted { .. }) && error.is_permission(), "{error}");
    });
}

#[test]
fn what_another_manager_takes_away_is_put_back() {
    let rows = [
        ("the address", "address del 192.168.2.15/27 dev ln-dev"),
        ("all addresses", "-4 address flush dev ln-dev"),
        ("the up state", "link set ln-dev down"),
    ];
    for (name, deed) in rows {
        in_namespace(move || {
            let mut monitor = Monitor::open().unwrap();
            let mut netlink = Netlink::open().unwrap();
            let index = cable(&mut netlink);
            bring_up(&mut netlink, index);
            await_event(&mut monitor, "our own address", |event| matches!(event, Event::AddressAdded { .. }));
            await_event(&mut monitor, "our own up", |event| {
                matches!(event, Event::LinkChanged { up: true, .. })
            });
            let mut keeper = Keeper::default();
            assert_eq!(
                keeper.decide(observe(&mut netlink, index), Duration::ZERO),
                Action::Nothing,
                "{name}"
            );

            ip(deed);
            await_event(&mut monitor, name, |event| match *event {
                Event::AddressRemoved { index: at, address, prefix } => {
                    (at, address, prefix) == (index, DEVICE, PREFIX)
                }
                Event::LinkChanged { index: at, up, .. } => at == index && !up,
                _ => false,
            });
            let action = keeper.decide(observe(&mut netlink, index), Duration::ZERO);
            assert_eq!(action, Action::Repair { attempt: 1, contested: false }, "{name}");
            netlink.add_address(index, DEVICE, PREFIX).unwrap();
            netlink.set_up(index).unwrap();
            let shown = ip("-4 -o address show up dev ln-dev");
            assert!(shown.contains("inet 192.168.2.15/27"), "{name}: {shown}");
            assert_eq!(
                keeper.decide(observe(&mut netlink, index), Duration::ZERO),
                Action::Nothing,
                "{name}"
            );
        });
    }
}

#[test]
fn an_address_that_goes_with_its_primary_is_reported() {
    in_namespace(|| {
        let mut monitor = Monitor::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        ip("address add 192.168.2.20/27 dev ln-dev");
        bring_up(&mut netlink, index);
        ip("address del 192.168.2.20/27 dev ln-dev");
        await_event(&mut monitor, "our secondary address gone", |event| {
            *event == Event::AddressRemoved { index, address: DEVICE, prefix: PREFIX }
        });
        assert!(!observe(&mut netlink, index).addressed);
    });
}

#[test]
fn events_tell_carrier_bridge_routes_and_removal() {
    in_namespace(|| {
        let mut monitor = Monitor::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        bring_up(&mut netlink, index);
        ip("link set ln-host up");
        await_event(
            &mut monitor,
            "carrier",
            |event| matches!(event, Event::LinkChanged { name, carrier: true, .. } if name == "ln-dev"),
        );
        ip("route add 10.1.0.0/16 via 192.168.2.14");
        await_event(&mut monitor, "route", |event| *event == Event::RouteChanged { index: Some(index) });
        ip("link add ln-br type bridge");
        ip("link set ln-dev master ln-br");
        ip("link set ln-dev nomaster");
        ip("link delete ln-br");
        let removed =
            await_event(&mut monitor, "removal", |event| matches!(event, Event::LinkRemoved { .. }));
        assert!(matches!(&removed, Event::LinkRemoved { name, .. } if name == "ln-br"), "{removed:?}");
        ip("link delete ln-dev");
        await_event(&mut monitor, "removal", |event| {
            *event == Event::LinkRemoved { index, name: "ln-dev".to_owned() }
        });
        assert!(matches!(netlink.set_up(index), Err(NetlinkError::NoInterface { .. })));
    });
}

#[test]
fn lost_events_are_reported_and_later_ones_arrive() {
    in_namespace(|| {
        let mut monitor = Monitor::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        let index = cable(&mut netlink);
        for _ in 0..4000 {
            netlink.add_address(index, DEVICE, PREFIX).unwrap();
        }
        await_event(&mut monitor, "overflow", |event| *event == Event::Resync);
        while monitor.next_event().unwrap().is_some() {}
        netlink.remove_address(index, DEVICE, PREFIX).unwrap();
        await_event(&mut monitor, "an event after the overflow", |event| {
            matches!(event, Event::AddressRemoved { .. })
        });
    });
}

#[test]
fn a_subnet_that_is_taken_is_left() {
    let wanted =
        Addresses { address: DEVICE, prefix: PREFIX, host: Ipv4Addr::new(192, 168, 2, 14), pool: None };
    let rows: [(&str, &[&str], &str); 4] = [
        ("default route only", &["route add default via 172.16.5.1"], "192.168.2.15"),
        ("an address", &["address add 192.168.2.77/24 dev ln-host"], "10.209.146.15"),
        (
            "an address, and a VPN's route in its own table",
            &["address add 192.168.2.77/24 dev ln-host", "route add 10.0.0.0/8 dev ln-host table 1000"],
            "192.168.231.15",
        ),
        ("our own from before", &["address add 192.168.2.15/27 dev ln-dev"], "192.168.2.15"),
    ];
    for (name, deeds, expected) in rows {
        in_namespace(move || {
            let mut netlink = Netlink::open().unwrap();
            cable(&mut netlink);
            for end in ["ln-dev", "ln-host"] {
                ip(&format!("link set {end} up"));
            }
            ip("address add 172.16.5.2/24 dev ln-host");
            for deed in deeds {
                ip(deed);
            }
            let (interfaces, addresses) = (netlink.interfaces().unwrap(), netlink.all_addresses().unwrap());
            let occupied = link::occupied(&interfaces, &addresses, &netlink.routes().unwrap(), &["ln-dev"]);
            let choice = link::choose(&wanted, &occupied, Policy::Avoid).unwrap();
            assert_eq!(choice.addresses.address.to_string(), expected, "{name}: {occupied:?}");
        });
    }
}

#[test]
fn device_events_of_the_kernel_arrive() {
    in_namespace(|| {
        let mut uevents = Uevents::open().unwrap();
        ip("link add ln-dev type veth peer name ln-host");
        let end = Instant::now() + DEADLINE;
        loop {
            match uevents.next_event().unwrap() {
                Some(Received::Event(event)) if event.variable("INTERFACE") == Some("ln-dev") => {
                    assert_eq!((event.action, event.name()), (uevent::Action::Add, "ln-dev"));
                    assert_eq!(event.subsystem.as_deref(), Some("net"));
                    return;
                }
                Some(Received::Malformed(why)) => panic!("a real event is refused: {why}"),
                Some(_) => {}
                None => wait_readable(&uevents, end, "the event of a new interface"),
            }
        }
    });
}
