//! How long the switch into network mode takes, beside the shell script with dnsmasq in the same boot. Prints, and
//! asserts no time: the machine may be doing anything else meanwhile.

use std::time::{Duration, Instant};

use usbnet_tests::{cable, daemon::usbnet_ok, host::Client, lab::Lab, run::sh};

const ROUNDS: usize = 5;
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/switch.sh");

/// The medians of the command's time and of the time until the host has a lease.
fn measure(up: impl Fn(), down: impl Fn()) -> [Duration; 2] {
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        up();
        times[0].push(start.elapsed());
        let interface = cable::hand_to_host();
        let _lease = Client::Udhcpc.lease(&interface);
        times[1].push(start.elapsed());
        down();
    }
    times.map(|mut rounds| {
        rounds.sort();
        rounds[ROUNDS / 2]
    })
}

#[test]
fn switch_against_shell_script() {
    let _lab = Lab::begin();
    // Both from the same state: modules loaded, no gadget.
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "charging"]);
    let ours = measure(|| drop(usbnet_ok(&["mode", "network"])), || drop(usbnet_ok(&["mode", "charging"])));
    usbnet_ok(&["stop"]);
    sh("modprobe libcomposite; modprobe usb_f_ncm");
    let theirs = measure(|| drop(sh(&format!("{PEER} up ncm"))), || drop(sh(&format!("{PEER} down"))));

    println!("switch into network mode, median of {ROUNDS}   usbnet   shell+dnsmasq   ratio");
    for (name, index) in [("command", 0), ("until the lease", 1)] {
        let (ours, theirs) = (ours[index].as_secs_f64(), theirs[index].as_secs_f64());
        println!("{name:<40} {ours:>8.3} s {theirs:>10.3} s {:>9.3}", ours / theirs);
    }
}
