//! A cable between two network namespaces, a responder at one end of it, and bounded waits.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{setsockopt, sockopt};
use usbnet::responder::{Child, Incoming, Report, Settings};

pub const DEVICE: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 15);
pub const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 14);
pub const PREFIX: u8 = 27;
/// Nothing that happens at all takes this long, on however busy a machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const USBNET: &str = env!("CARGO_BIN_EXE_usbnet");

/// Runs a program to its end.
///
/// # Panics
/// If it fails.
#[track_caller]
pub fn run(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = Command::new(words[0]).args(&words[1..]).output().expect(line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Looks until there is something to return.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Two network namespaces and a cable between them. Removed when dropped.
#[derive(Debug)]
pub struct Cable {
    /// The device's namespace, where `interface` is.
    pub device: String,
    /// The host's, where `host_interface` is.
    pub host: String,
    pub interface: String,
    pub host_interface: String,
}

impl Cable {
    /// Both ends are up; the device's has its address, the host's none.
    pub fn new() -> Self {
        let cable = Self::bare();
        run(&format!("ip -n {} address add {DEVICE}/{PREFIX} dev {}", cable.device, cable.interface));
        cable
    }

    /// Both ends are up, without addresses.
    pub fn bare() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rs-{}-{number}", process::id());
        // Some clients keep files named after their interface: every test has its own.
        let (interface, host_interface) = ("usb0".to_owned(), format!("h{}x{number}", process::id()));
        let cable =
            Self { device: format!("{name}-d"), host: format!("{name}-h"), interface, host_interface };
        run(&format!("ip netns add {}", cable.device));
        run(&format!("ip netns add {}", cable.host));
        cable.plug(&cable.interface, &cable.host_interface);
        cable
    }

    /// Adds a pair of interfaces, one at either end, both up.
    pub fn plug(&self, interface: &str, host_interface: &str) {
        let Self { device, host, .. } = self;
        run(&format!(
            "ip link add {interface} netns {device} type veth peer name {host_interface} netns {host}"
        ));
        run(&format!("ip -n {device} link set {interface} up"));
        run(&format!("ip -n {host} link set {host_interface} up"));
        run(&format!("ip -n {host} link set lo up"));
        run(&format!("ip -n {device} link set lo up"));
    }

    pub fn give_host_its_address(&self) {
        run(&format!("ip -n {} address add {HOST}/{PREFIX} dev {}", self.host, self.host_interface));
    }

    pub fn on_device<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        inside(&self.device, job)
    }

    pub fn on_host<T: Send>(&self, job: impl FnOnce() -> T + Send) -> T {
        inside(&self.host, job)
    }

    /// A UDP socket of the host's.
    pub fn host_socket(&self, port: u16) -> UdpSocket {
        let socket = self.on_host(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        // Without an address there is no route either, not even for a broadcast.
        setsockopt(&socket, sockopt::BindToDevice, &self.host_interface.clone().into()).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket
    }

    pub fn settings(&self) -> Settings {
        let name = Some("n800".to_owned());
        Settings { name, ..Settings::new(&self.interface, DEVICE, PREFIX, HOST) }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in [&self.device, &self.host] {
            // Without a panic: the test may already be failing.
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// Runs `job` on a thread in a network namespace; what it starts or opens is in it too.
fn inside<T: Send>(namespace: &str, job: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let file = File::open(format!("/run/netns/{namespace}")).unwrap();
            setns(file.as_fd(), CloneFlags::CLONE_NEWNET).expect("a network namespace (run as root)");
            job()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// `usbnet responder`, as a script starts it. Killed when dropped.
#[derive(Debug)]
pub struct Alone {
    pub process: process::Child,
    log: Receiver<String>,
}

impl Alone {
    /// Starts it with these settings and waits until it serves.
    pub fn start(cable: &Cable, settings: &Settings) -> Self {
        let mut command = Command::new(USBNET);
        command.args(settings.args());
        Self::start_with(cable, command)
    }

    /// Starts a command that becomes `usbnet responder` and waits until it serves.
    pub fn start_with(cable: &Cable, command: Command) -> Self {
        let this = Self::spawn(cable, command);
        this.wait_for_line("responder: serving");
        this
    }

    /// Starts such a command.
    pub fn spawn(cable: &Cable, mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        let mut process = cable.on_device(|| command.spawn()).unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        let (sender, log) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, log }
    }

    /// Waits for a line of its log that contains `text`.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        loop {
            match self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("{text:?} is not in the log ({error}): {seen:#?}"),
            }
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        wait_for("the responder's end", || self.process.try_wait().unwrap())
    }

    pub fn proc(&self, file: &str) -> String {
        proc(self.process.id(), file)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The content of a file of `/proc/PID`.
pub fn proc(pid: u32, file: &str) -> String {
    let mut text = String::new();
    let mut file = File::open(format!("/proc/{pid}/{file}")).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// Memory of a process that no file backs, in KiB: heap, stack and changed data.
pub fn own_memory(pid: u32) -> u64 {
    let rollup = proc(pid, "smaps_rollup");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A responder as the daemon starts it, after its first report.
pub fn child(cable: &Cable, settings: &Settings) -> (Child, Report) {
    let child = cable.on_device(|| Child::spawn_program(USBNET.as_ref(), settings)).unwrap();
    let report = next_report(&child);
    (child, report)
}

/// The next report that arrives.
#[track_caller]
pub fn next_report(child: &Child) -> Report {
    let end = Instant::now() + DEADLINE;
    loop {
        match child.read_report().unwrap() {
            Incoming::Report(report) => return *report,
            Incoming::Ended => panic!("the responder has ended"),
            Incoming::Nothing => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "no report");
        let timeout = PollTimeout::try_from(left).unwrap();
        poll(&mut [PollFd::new(child.fd(), PollFlags::POLLIN)], timeout).unwrap();
    }
}

/// Asks for reports until one fits.
#[track_caller]
pub fn await_report(child: &Child, what: &str, fits: impl Fn(&Report) -> bool) -> Report {
    let end = Instant::now() + DEADLINE;
    loop {
        child.request_report().unwrap();
        let report = next_report(child);
        if fits(&report) {
            return report;
        }
        assert!(Instant::now() < end, "waited in vain for {what}: {report:#?}");
        thread::sleep(Duration::from_millis(5));
    }
}
