//! Whatever keeps a card busy on the device stops the switch before anything changed, and is named.

use std::{
    fs::{self, File},
    os::unix::{
        net::UnixListener,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command},
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use usbnet_tests::{
    cards::{Card, Kind, with_cards},
    daemon::{configure, status, status_json, usbnet, usbnet_ok},
    disk::settled,
    lab::Lab,
    run::{Outcome, sh, sh_quietly},
    snapshot::Snapshot,
    wait::wait_until,
};

const CARD_BUSY: i32 = 4;

/// A holder, until dropped.
enum Held {
    Process(Child),
    Ours { _socket: Option<UnixListener>, _file: Option<File> },
    Until(String),
}

impl Drop for Held {
    fn drop(&mut self) {
        match self {
            Self::Process(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Self::Ours { .. } => {}
            Self::Until(undo) => drop(sh_quietly(undo)),
        }
    }
}

impl Held {
    fn pid(&self) -> Option<u32> {
        if let Self::Process(child) = self { Some(child.id()) } else { None }
    }
}

/// Runs a shell line that ends in the program `name`, and waits until it is that.
fn process(line: &str, name: &str) -> Held {
    let child = Command::new("sh").args(["-c", line]).process_group(0).spawn().expect("sh");
    let comm = format!("/proc/{}/comm", child.id());
    wait_until(line, || fs::read_to_string(&comm).is_ok_and(|found| found.trim() == name));
    Held::Process(child)
}

fn set(line: &str, undo: &str) -> Held {
    sh(line);
    Held::Until(undo.to_owned())
}

struct Row {
    name: &'static str,
    hold: fn() -> Held,
    /// What the message must have beside the process.
    words: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        name: "open file",
        hold: || process("exec 3</media/mmc1/file1; exec sleep 1000", "sleep"),
        words: &["/media/mmc1", "/media/mmc1/file1", "sleep"],
    },
    Row {
        name: "open directory",
        hold: || process("exec 3</media/mmc1/dir; exec sleep 1000", "sleep"),
        words: &["/media/mmc1/dir"],
    },
    Row {
        name: "deleted file",
        hold: || process("exec 3>/media/mmc1/gone; rm /media/mmc1/gone; exec sleep 1000", "sleep"),
        words: &["/media/mmc1/gone"],
    },
    Row {
        name: "current directory",
        hold: || process("cd /media/mmc1/dir && exec sleep 1000", "sleep"),
        words: &["works in /media/mmc1/dir"],
    },
    Row {
        name: "root directory",
        hold: || {
            let held = process(
                "exec python3 -IS -c 'import os, time; os.chroot(\"/media/mmc2/dir\"); open(\"/ready\", \"w\").close(); time.sleep(1000)'",
                "python3",
            );
            wait_until("the other root", || fs::exists("/media/mmc2/dir/ready").unwrap_or(false));
            held
        },
        words: &["has its root in /media/mmc2/dir", "python3"],
    },
    Row {
        name: "mapped file",
        hold: || {
            // Mapped, and not open: how a library is used. From the card that is not mounted noexec.
            sh("cp /lib/x86_64-linux-gnu/libutil.so.1 /media/mmc1/map.so");
            process("LD_PRELOAD=/media/mmc1/map.so exec sleep 1000", "sleep")
        },
        words: &["has /media/mmc1/map.so mapped"],
    },
    Row {
        name: "executable",
        hold: || {
            sh("cp \"$(command -v busybox)\" /media/mmc1/busybox");
            process("exec /media/mmc1/busybox sleep 1000", "busybox")
        },
        words: &["runs from /media/mmc1/busybox", "busybox (pid"],
    },
    Row {
        name: "socket",
        hold: || {
            let _ = fs::remove_file("/media/mmc2/socket");
            Held::Ours {
                _socket: Some(UnixListener::bind("/media/mmc2/socket").expect("a socket on the card")),
                _file: None,
            }
        },
        words: &["the socket /media/mmc2/socket"],
    },
    Row {
        name: "swap",
        hold: || {
            sh(
                "dd if=/dev/zero of=/media/mmc2/swap bs=64k count=16 2>&1; chmod 600 /media/mmc2/swap; mkswap /media/mmc2/swap",
            );
            set("swapon /media/mmc2/swap", "swapoff /media/mmc2/swap")
        },
        words: &["/media/mmc2/swap is used as swap"],
    },
    Row {
        name: "loop device",
        hold: || {
            sh("truncate -s 1M /media/mmc2/disk.img");
            set("losetup /dev/loop7 /media/mmc2/disk.img", "losetup -d /dev/loop7")
        },
        words: &["/media/mmc2/disk.img"],
    },
    Row {
        name: "bind mount",
        hold: || {
            set(
                "mkdir -p /run/elsewhere && mount --bind /media/mmc1/dir /run/elsewhere",
                "umount /run/elsewhere",
            )
        },
        words: &["mounted on /run/elsewhere"],
    },
    Row {
        name: "nested mount",
        hold: || set("mount -t tmpfs none /media/mmc2/dir", "umount /media/mmc2/dir"),
        words: &["mounted on /media/mmc2/dir"],
    },
    Row {
        name: "mount name space",
        hold: || process("exec unshare --mount --propagation private sleep 1000", "sleep"),
        words: &["/media/mmc1", "/media/mmc2", "mount name space"],
    },
    Row {
        name: "the block device itself",
        hold: || Held::Ours {
            _socket: None,
            _file: Some(File::open(sh("findmnt -no SOURCE /media/mmc1")).expect("the device")),
        },
        words: &["/dev/loop"],
    },
    Row {
        name: "device mapper",
        hold: || {
            set(
                "dmsetup create --noudevsync held --table \"0 8192 linear $(cat /run/third) 0\"",
                "dmsetup remove --noudevsync held",
            )
        },
        words: &["is over it"],
    },
];

fn refused(name: &str, rows: &[&Row], pids: &[u32], before: &Snapshot) {
    let outcome = usbnet(&["mode", "storage"]);
    assert_eq!(outcome.code, CARD_BUSY, "{name}: {}{}", outcome.out, outcome.err);
    assert!(outcome.err.starts_with("usbnet: card "), "{name}: {}", outcome.err);
    for word in rows.iter().flat_map(|row| row.words) {
        assert!(outcome.err.contains(word), "{name}: {word:?} is missing in: {}", outcome.err);
    }
    for pid in pids {
        assert!(
            outcome.err.contains(&format!("(pid {pid}, root)")),
            "{name}: pid {pid} is missing: {}",
            outcome.err
        );
    }
    before.assert_unchanged(name);
}

/// The cards of these scenarios, the third of them a disk without a mount, lent by the path of its device.
fn cards() -> ([Card; 2], Card) {
    let pair = Card::pair();
    let third = Card::unmounted(Kind::Vfat, 3);
    fs::write("/run/third", third.device.to_str().expect("a plain path")).expect("/run");
    sh("modprobe dm-mod");
    let device = third.device.to_str().expect("a plain path").to_owned();
    configure(&with_cards(&["/media/mmc1", "/media/mmc2", &device], "start_mode: \"network\""));
    usbnet_ok(&["start"]);
    (pair, third)
}

#[test]
fn each_kind_is_refused_and_named() {
    let _lab = Lab::begin();
    let (pair, _third) = cards();
    for row in ROWS {
        let held = (row.hold)();
        refused(row.name, &[row], held.pid().as_slice(), &Snapshot::take());
    }
    // Every kind at once: nobody wants to hear of them one by one.
    let held: Vec<_> = ROWS.iter().map(|row| (row.hold)()).collect();
    let pids: Vec<_> = held.iter().filter_map(Held::pid).collect();
    refused("all", &ROWS.iter().collect::<Vec<_>>(), &pids, &Snapshot::take());
    // The last of them first, since some are in each other.
    held.into_iter().rev().for_each(drop);
    // And with all of them gone, nothing is in the way.
    usbnet_ok(&["mode", "storage"]);
    assert_eq!(pair[0].mounts(), Vec::<String>::new());
}

/// A switch in the background.
fn switching(arguments: &[&str]) -> thread::JoinHandle<Outcome> {
    let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
    thread::spawn(move || usbnet(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

#[test]
fn waits_for_a_holder_and_can_be_cancelled() {
    let _lab = Lab::begin();
    let _cards = cards();
    let holder = process("exec 3</media/mmc1/file1; exec sleep 1000", "sleep");
    let pid = holder.pid().expect("a process").to_string();
    for cancel in [true, false] {
        let before = Snapshot::take();
        let switch = switching(&["mode", "storage", "--on-busy", "wait=100"]);
        wait_until("the progress to name the holder", || {
            let progress = status_json()["progress"]["what"].to_string();
            progress.contains("sleep") && progress.contains(&pid)
        });
        if cancel {
            usbnet_ok(&["mode", "--cancel"]);
            let outcome = switch.join().expect("a thread");
            assert_ne!(outcome.code, 0, "{}", outcome.out);
            assert!(outcome.err.contains("cancel"), "{}", outcome.err);
            before.assert_unchanged("refused");
            continue;
        }
        kill(Pid::from_raw(pid.parse().expect("a pid")), Signal::SIGKILL).expect("the holder to end");
        let outcome = switch.join().expect("a thread");
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        assert_eq!(status().mode.as_deref(), Some("storage"));
    }
}

#[test]
fn waits_only_as_long_as_told() {
    let _lab = Lab::begin();
    let _cards = cards();
    let _holder = process("exec 3</media/mmc1/file1; exec sleep 1000", "sleep");
    let before = Snapshot::take();
    let outcome = usbnet(&["mode", "storage", "--on-busy", "wait=1"]);
    assert_eq!(outcome.code, CARD_BUSY, "{}{}", outcome.out, outcome.err);
    assert!(outcome.err.contains("/media/mmc1/file1"), "{}", outcome.err);
    before.assert_unchanged("refused");
    assert_eq!(status().error, None, "nothing is wrong with the mode");
}

#[test]
fn terminates_holders_only_when_told_and_never_kills() {
    let _lab = Lab::begin();
    let _cards = cards();
    let before = Snapshot::take();
    let deaf = process("trap '' TERM; exec 3</media/mmc1/file1; exec sleep 1000", "sleep");
    let outcome = usbnet(&["mode", "storage", "--on-busy", "terminate=1"]);
    assert_eq!(outcome.code, CARD_BUSY, "{}{}", outcome.out, outcome.err);
    assert!(outcome.err.contains(&deaf.pid().expect("a process").to_string()), "{}", outcome.err);
    before.assert_unchanged("refused");
    drop(deaf);

    let mut willing = process("cd /media/mmc2 && exec sleep 1000", "sleep");
    let outcome = usbnet(&["mode", "storage", "--on-busy", "terminate=60"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    let Held::Process(child) = &mut willing else { unreachable!("it is a process") };
    assert_eq!(child.wait().expect("its end").signal(), Some(libc::SIGTERM));
}

/// Swap on a card is taken with it where the configuration allows it, and comes back with its priority.
#[test]
fn swap_goes_and_comes_back() {
    let _lab = Lab::begin();
    let _cards = cards();
    sh(
        "dd if=/dev/zero of=/media/mmc2/swap bs=64k count=16 2>&1; chmod 600 /media/mmc2/swap; mkswap /media/mmc2/swap; swapon -p 7 /media/mmc2/swap",
    );
    let swaps = || sh("cut -d' ' -f1 /proc/swaps; awk '{print $5}' /proc/swaps");
    let before = swaps();
    usbnet_ok(&["mode", "storage", "--on-busy", "terminate=5"]);
    assert!(!swaps().contains("/media/mmc2"), "{}", swaps());
    settled(3);
    usbnet_ok(&["mode", "network"]);
    assert_eq!(swaps(), before);
}
