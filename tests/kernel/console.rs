//! The host asks over the gadget's serial port what programs on the device ask over the control socket.

use std::{fs, path::PathBuf, time::Instant};

use embedded_io::Write;
use serde_json::{Value, json};
use usbnet::{
    control::{INTERFACE, Inbox, Reply, Request},
    sys::{serial, stream::Stream},
};
use usbnet_tests::{
    cable,
    daemon::{configure, descriptors, private_kb, status, usbnet_ok, wait_status},
    lab::Lab,
    run::sh,
    wait::{wait_for, wait_until},
};

/// The host's end: its number is another one while a program still has the one before open.
fn port() -> Option<PathBuf> {
    let mut all = fs::read_dir("/dev").expect("/dev").flatten().map(|entry| entry.path());
    all.find(|path| path.to_string_lossy().starts_with("/dev/ttyACM"))
}

/// A program on the host that has the port open.
struct Host {
    port: Stream,
    inbox: Inbox,
}

impl Host {
    fn open() -> Self {
        let port = wait_for("the host's serial port", || serial::open(&port()?).ok());
        Self { port: Stream::new(port), inbox: Inbox::default() }
    }

    fn send(&mut self, bytes: &[u8]) {
        // The port does not block, and takes some at a time.
        let mut left = bytes;
        let end = Instant::now() + std::time::Duration::from_secs(300);
        while !left.is_empty() {
            assert!(Instant::now() < end, "the port takes nothing any more");
            left = &left[self.port.write(left).unwrap_or_default()..];
        }
    }

    fn call(&mut self, method: &str, parameters: Value, more: bool) {
        let request = Request { method: format!("{INTERFACE}.{method}"), parameters, more, oneway: false };
        let mut message = serde_json::to_vec(&request).expect("JSON");
        message.push(0);
        self.send(&message);
    }

    fn receive(&mut self) -> Reply {
        let message = wait_for("an answer on the host's serial port", || {
            self.inbox.fill(&mut self.port).expect("the port is there");
            self.inbox.take()
        });
        serde_json::from_slice(&message)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&message)))
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Reply {
        self.call(method, parameters, false);
        self.receive()
    }

    fn mode(&mut self) -> String {
        let reply = self.ask("Status", Value::Null);
        assert_eq!(reply.error, None);
        reply.parameters["status"]["mode"].as_str().expect("a mode").to_owned()
    }
}

fn start(console: &str) {
    configure(&format!(
        "Config(control: (console: {console}), start_mode: \"debug\", modes: {{\n    \"debug\": (functions: [Ncm, Acm]), \
         \"serial\": (functions: [Acm]), \"charging\": (functions: []),\n}})\n"
    ));
    usbnet_ok(&["start"]);
}

fn ports_of_the_daemon() -> usize {
    let pid = usbnet_tests::daemon::daemon_pid();
    let all = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").flatten();
    all.filter(|fd| fs::read_link(fd.path()).is_ok_and(|path| path.starts_with("/dev/ttyGS0"))).count()
}

#[test]
fn off_unless_configured() {
    let _lab = Lab::begin();
    start("Off");
    wait_until("the host's serial port", || port().is_some());
    assert_eq!(ports_of_the_daemon(), 0);
    drop(fs::File::open("/dev/ttyGS0").expect("free for others"));
}

#[test]
fn read_only() {
    let _lab = Lab::begin();
    start("ReadOnly");
    let mut host = Host::open();
    assert_eq!(host.mode(), "debug");
    for (method, parameters) in
        [("SetMode", json!({ "name": "charging" })), ("Stop", Value::Null), ("Cancel", Value::Null)]
    {
        let reply = host.ask(method, parameters);
        assert_eq!(reply.error.as_deref(), Some("org.usbnet.Control.ReadOnlyConsole"), "{method}");
        assert_eq!(reply.parameters, json!({ "setting": "control: (console: Full)" }));
    }
    let plan = host.ask("SetMode", json!({ "name": "charging", "plan": true }));
    assert!(plan.error.is_none() && plan.parameters["steps"].is_array(), "{plan:?}");
    assert_eq!(status().mode.as_deref(), Some("debug"));
    // The manual page's example.
    drop(host);
    let printed = sh(concat!("bash ", env!("CARGO_MANIFEST_DIR"), "/install/console-example.sh"));
    assert!(printed.contains(r#""mode":"debug""#), "{printed}");
}

#[test]
fn garbage_does_not_poison_what_comes_after_it() {
    let _lab = Lab::begin();
    start("ReadOnly");
    let mut host = Host::open();
    host.send(b"ATZ\r\nATDT5551234\r\n\0\0\0{}\0[[[[\0\xff\xfe\0");
    assert_eq!(host.mode(), "debug");

    // Half a call, and the program ends; the next one says where it begins.
    host.send(b"{\"method\":\"org.usbnet.Control.St");
    drop(host);
    let mut host = Host::open();
    host.send(b"\0");
    assert_eq!(host.mode(), "debug");

    // Half a call, and the cable is pulled.
    host.send(b"{\"method\":\"org.usbnet.Control.St");
    drop(host);
    cable::unplug();
    cable::plug();
    assert_eq!(Host::open().mode(), "debug");
}

#[test]
fn ten_megabytes_without_a_nul() {
    let _lab = Lab::begin();
    start("ReadOnly");
    let mut host = Host::open();
    host.mode();
    let before = private_kb();
    let part = vec![b'x'; 100_000];
    let mut most = 0;
    for _ in 0..100 {
        host.send(&part);
        most = most.max(private_kb());
    }
    println!("{before} kB private before 10 MB without a NUL, {most} kB at most, {} kB after", private_kb());
    // The program's own pages that are used for the first time count too.
    assert!(most < before + 4096, "{before} kB became {most} kB");
    host.send(b"\0");
    assert_eq!(host.mode(), "debug");
}

/// Watches, asks and never reads: neither the socket nor a switch waits for it.
#[test]
fn a_host_that_never_reads() {
    let _lab = Lab::begin();
    start("ReadOnly");
    let mut host = Host::open();
    // As many as the port takes: the daemon reads no more of them than it can answer.
    for _ in 0..1000 {
        let _ = host.port.write(b"{\"method\":\"org.usbnet.Control.Status\"}\0");
    }
    assert_eq!(status().mode.as_deref(), Some("debug"));
    usbnet_ok(&["mode", "serial"]);
    drop(host);
    let mut host = Host::open();
    host.call("Watch", Value::Null, true);
    usbnet_ok(&["mode", "charging"]);
    drop(host);
    assert_eq!(ports_of_the_daemon(), 0);
    usbnet_ok(&["stop"]);
}

#[test]
fn the_port_comes_and_goes_with_the_mode() {
    let _lab = Lab::begin();
    start("ReadOnly");
    drop(Host::open());
    usbnet_ok(&["mode", "charging"]);
    assert_eq!(ports_of_the_daemon(), 0);
    let before = descriptors();
    for _ in 0..3 {
        usbnet_ok(&["mode", "debug"]);
        assert_eq!(Host::open().mode(), "debug");
        usbnet_ok(&["mode", "serial"]);
        assert_eq!(Host::open().mode(), "serial");
        usbnet_ok(&["mode", "charging"]);
    }
    wait_until("what the sessions had to be freed", || descriptors() <= before);
    usbnet_ok(&["mode", "debug"]);
    usbnet_ok(&["stop"]);
    // Without a host, and so without a hang-up.
    cable::unplug();
    usbnet_ok(&["start"]);
    wait_until("the port to be opened", || ports_of_the_daemon() == 1);
    usbnet_ok(&["mode", "charging"]);
    cable::set(true);
}

#[test]
fn full() {
    let _lab = Lab::begin();
    start("Full");
    let mut host = Host::open();
    let reply = host.ask("SetMode", json!({ "name": "nothing" }));
    assert_eq!(reply.error.as_deref(), Some("org.usbnet.Control.UnknownMode"));
    // The port goes with the mode, and comes back with the next one: that is the answer.
    host.call("SetMode", json!({ "name": "serial" }), false);
    wait_status("the mode", |status| status.mode.as_deref() == Some("serial"));
    drop(host);
    let mut host = Host::open();
    assert_eq!(host.mode(), "serial");
    let said = sh("dmesg | grep 'switching to serial' | tail -n 1");
    assert!(said.contains("as the host's console asked"), "{said}");
    host.call("SetMode", json!({ "name": "charging" }), false);
    wait_status("the mode", |status| status.mode.as_deref() == Some("charging"));
    drop(host);
    usbnet_ok(&["mode", "debug"]);
    Host::open().call("Stop", Value::Null, false);
    wait_until("the daemon to end", || usbnet_tests::daemon::processes().is_empty());
}
