//! How long switches take beside the shell script in the same boot, and the search for holders beside `fuser`. Prints,
//! and asserts no time: the machine may be doing anything else meanwhile.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use nix::{
    sched::CloneFlags,
    sys::{
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::Pid,
};
use usbnet_tests::{
    cable,
    cards::{Card, with_cards},
    daemon::{configure, usbnet, usbnet_ok},
    disk::settled,
    host::Client,
    lab::Lab,
    run::{run, sh},
};

const ROUNDS: usize = 5;
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/switch.sh");

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort();
    rounds[rounds.len() / 2]
}

fn row(name: &str, ours: Duration, theirs: Duration) {
    let (ours, theirs) = (ours.as_secs_f64(), theirs.as_secs_f64());
    println!("{name:<40} {ours:>8.3} s {theirs:>10.3} s {:>9.3}", ours / theirs);
}

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
    times.map(median)
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
    row("command", ours[0], theirs[0]);
    row("until the lease", ours[1], theirs[1]);
}

/// Two cards to the host and back again; neither checks the file systems.
#[test]
fn storage_switch_against_shell_script() {
    let _lab = Lab::begin();
    let _cards = Card::pair();
    configure(&with_cards(
        &["/media/mmc1", "/media/mmc2"],
        "storage: (check: Off), start_mode: \"charging\"",
    ));
    usbnet_ok(&["start"]);
    let mut ours = [const { Vec::new() }; 3];
    let mut theirs = ours.clone();
    for _ in 0..ROUNDS {
        round(&mut ours, || drop(usbnet_ok(&["mode", "storage"])), || drop(usbnet_ok(&["mode", "charging"])));
    }
    usbnet_ok(&["stop"]);
    sh("modprobe libcomposite; modprobe usb_f_mass_storage");
    for _ in 0..ROUNDS {
        let up = || drop(sh(&format!("{PEER} up mass_storage /media/mmc1 /media/mmc2")));
        round(&mut theirs, up, || drop(sh(&format!("{PEER} down mass_storage"))));
    }
    println!("cards to the host and back, median of {ROUNDS}    usbnet         shell   ratio");
    for (index, name) in
        ["there: command", "there: until the host has the disks", "back: command"].iter().enumerate()
    {
        row(name, median(ours[index].clone()), median(theirs[index].clone()));
    }
}

fn round(times: &mut [Vec<Duration>; 3], there: impl Fn(), back: impl Fn()) {
    let start = Instant::now();
    there();
    times[0].push(start.elapsed());
    settled(2);
    times[1].push(start.elapsed());
    let start = Instant::now();
    back();
    times[2].push(start.elapsed());
}

/// Processes that do nothing, until dropped. They share their memory, or the machine had none left.
struct Crowd(Vec<Pid>);

impl Crowd {
    fn gather(count: usize) -> Self {
        let all = (0..count).map(|_| {
            let stack: &'static mut [u8] = vec![0; 4096].leak();
            let idle = Box::new(|| {
                loop {
                    nix::unistd::pause();
                }
            });
            // SAFETY: the child only ever waits, on a stack of its own that lasts as long as the memory it shares.
            unsafe { nix::sched::clone(idle, stack, CloneFlags::CLONE_VM, Some(libc::SIGCHLD)) }
                .expect("a process")
        });
        Self(all.collect())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        for pid in &self.0 {
            let _ = waitpid(*pid, None);
        }
    }
}

/// 5,000 processes and 100,000 open files, of which one holds the card.
#[test]
fn holder_scan_against_fuser() {
    let _lab = Lab::begin();
    let _cards = Card::pair();
    configure(&with_cards(&["/media/mmc1", "/media/mmc2"], "start_mode: \"charging\""));
    usbnet_ok(&["start"]);
    let files: Vec<_> = (0..20).map(|_| File::open("/dev/null").expect("/dev/null")).collect();
    let crowd = Crowd::gather(5000);
    drop(files);
    let held = File::open("/media/mmc1/file1").expect("a file on the card");
    let me = std::process::id().to_string();
    // The better of two each: whoever comes first finds the kernel's caches cold.
    let mut times = [Duration::MAX; 2];
    for _ in 0..2 {
        let start = Instant::now();
        let refused = usbnet(&["mode", "storage"]);
        times[0] = times[0].min(start.elapsed());
        assert!(refused.code == 4 && refused.err.contains(&me), "{}{}", refused.out, refused.err);
        let start = Instant::now();
        let found = run(&["fuser", "-m", "/media/mmc1", "/media/mmc2"]);
        times[1] = times[1].min(start.elapsed());
        assert!(found.out.contains(&me), "{}{}", found.out, found.err);
    }
    drop((held, crowd));
    println!("5,000 processes, 100,000 open files      usbnet      fuser -m   ratio");
    row("find who holds two cards", times[0], times[1]);
}
