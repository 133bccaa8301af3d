//! How a responder ends, and what does not end it.

use super::answers::lease;
use super::cable::{Alone, Cable, HOST, USBNET, await_report, child, next_report, run, wait_for};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;
use usbnet::responder::{Incoming, Settings};

#[test]
fn signals_end_it_cleanly() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let cable = Cable::new();
        let mut responder = Alone::start(&cable, &cable.settings());
        kill(Pid::from_raw(responder.process.id().cast_signed()), signal).unwrap();
        assert_eq!(responder.end().code(), Some(0), "{signal}");
    }
}

#[test]
fn leases_are_written_before_it_ends() {
    let cable = Cable::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("leases");
    let settings = Settings { lease_file: Some(file.clone()), ..cable.settings() };
    let (mut child, _) = child(&cable, &settings);
    let socket = cable.host_socket(68);
    // The first is written at once, the second only after a while, or at the end.
    lease(&socket, [2, 0, 0, 0, 0, 1]);
    lease(&socket, [2, 0, 0, 0, 0, 2]);
    await_report(&child, "the second lease", |report| report.leases[0].mac.ends_with(":02"));
    child.terminate().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().contains("[2,0,0,0,0,2]"));
    child.terminate().unwrap(); // nothing to end any more
}

#[test]
fn the_end_of_the_daemon_ends_it() {
    let cable = Cable::new();
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let mut command = Command::new(USBNET);
    command.args(cable.settings().args()).args(["--status-fd", "0"]).stdin(Stdio::from(theirs));
    let mut responder = Alone::start_with(&cable, command);
    assert_eq!(responder.process.try_wait().unwrap(), None);
    drop(ours);
    assert_eq!(responder.end().code(), Some(0));
}

#[test]
fn its_death_shows_on_the_status_socket_and_the_next_one_starts_at_once() {
    let cable = Cable::new();
    let (mut first, _) = child(&cable, &cable.settings());
    kill(Pid::from_raw(first.pid().cast_signed()), Signal::SIGKILL).unwrap();
    wait_for("the end", || matches!(first.read_report().unwrap(), Incoming::Ended).then_some(()));
    assert!(!first.wait().unwrap().success());
    let (_second, report) = child(&cable, &cable.settings());
    assert!(report.seccomp);
}

#[test]
fn a_link_that_is_down_is_waited_for() {
    let cable = Cable::new();
    let (child, _) = child(&cable, &cable.settings());
    let socket = cable.host_socket(68);
    assert_eq!(lease(&socket, [2, 0, 0, 0, 0, 1]), HOST);
    run(&format!("ip -n {} link set usb0 down", cable.device));
    run(&format!("ip -n {} link set usb0 up", cable.device));
    run(&format!("ip -n {} address flush dev usb0", cable.device));
    child.request_report().unwrap();
    next_report(&child);
    // Frames need no address, so DHCP goes on without.
    assert_eq!(lease(&socket, [2, 0, 0, 0, 0, 1]), HOST);
}

#[test]
fn an_interface_that_is_gone_is_the_end() {
    for settings in [|s: Settings| s, |s| Settings { dhcp: false, ..s }] {
        let cable = Cable::new();
        let mut responder = Alone::start(&cable, &settings(cable.settings()));
        run(&format!("ip -n {} link del usb0", cable.device));
        let line = responder.wait_for_line("interface usb0 is gone");
        assert!(line.contains("start the responder again"), "{line}");
        assert_eq!(responder.end().code(), Some(1));
    }
}
