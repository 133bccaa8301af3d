//! A private bus with the bridge on it, and a scripted daemon behind the control socket.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;

pub const NAME: &str = "com.meego.usb_moded";
pub const PATH: &str = "/com/meego/usb_moded";
pub const OWN: &str = "org.usbnet.Bridge";

/// Nothing that happens at all takes this long.
const BOUND: Duration = Duration::from_secs(120);

/// A process that ends with its owner.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Running {
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a client's command printed.
#[derive(Debug)]
pub struct Answer {
    pub good: bool,
    pub text: String,
}

/// The bus, the daemon and the bridge, in a directory of their own.
#[derive(Debug)]
pub struct Stage {
    bridge: Option<Running>,
    pub daemon: Daemon,
    /// What takes a client to the bus.
    enter: Vec<String>,
    address: String,
    bus: Running,
    directory: tempfile::TempDir,
}

impl Stage {
    /// With the shipped modes, `network` set, and a host at the other end.
    pub fn new() -> Self {
        let mut stage = Self::without_bridge();
        stage.start_bridge(&[], &[]);
        stage
    }

    pub fn without_bridge() -> Self {
        let directory = directory();
        let config = directory.path().join("bus.conf");
        fs::write(&config, bus_config(directory.path())).expect("the bus's configuration");
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--nopidfile").arg("--nosyslog");
        let bus = Running::start(command.arg(format!("--config-file={}", config.display())));
        wait_until("the bus", || {
            std::os::unix::net::UnixStream::connect(directory.path().join("bus")).is_ok()
        });
        let daemon = Daemon::start(&directory.path().join("control"));
        let address = format!("unix:path={}", directory.path().join("bus").display());
        Self { bridge: None, daemon, enter: Vec::new(), address, bus, directory }
    }

    /// A system bus as it is on a device, in name spaces of its own, with what `scripts/install` installs and with polkit.
    pub fn installed() -> Self {
        let directory = directory();
        let at = |name: &str| directory.path().join(name);
        install(&at("build"), &at("installed"));
        fs::create_dir(at("run")).expect("a directory");
        let daemon = Daemon::start(&at("run/control"));
        fs::set_permissions(at("run/control"), fs::Permissions::from_mode(0o666)).expect("permissions");

        let packages = concat!(env!("CARGO_MANIFEST_DIR"), "/../.vm/system-bus");
        assert!(Path::new(packages).is_dir(), "{packages} is not there; run scripts/setup");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bus/system-bus"));
        let bus = Running::start(command.arg(packages).arg(at("installed")).arg(at("run")));
        let children = format!("/proc/{0}/task/{0}/children", bus.0.id());
        let mut first = String::new();
        wait_until("the bus's process", || {
            first = fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
            !first.is_empty()
        });
        let enter = ["nsenter", "--mount", "--pid", "--target", &first].map(str::to_owned).into();
        let address = "unix:path=/run/dbus/system_bus_socket".to_owned();
        let stage = Self { bridge: None, daemon, enter, address, bus, directory };
        wait_until("the bus", || stage.has_owner("org.freedesktop.DBus"));
        stage
    }

    /// Starts the bridge, or starts it again.
    pub fn start_bridge(&mut self, runner: &[&str], options: &[&str]) {
        drop(self.bridge.take());
        self.daemon.forget_watchers();
        wait_until("the name to be free", || !self.has_owner(NAME));
        self.bridge = Some(self.run_bridge(runner, options));
        wait_until("the bridge", || self.has_owner(NAME));
        self.daemon.wait_for_watcher();
    }

    /// Starts one beside the one that runs, which is the caller's then.
    pub fn start_another(&mut self) -> Running {
        let another = self.run_bridge(&[], &[]);
        self.bridge.replace(another).expect("one that runs")
    }

    fn run_bridge(&self, runner: &[&str], options: &[&str]) -> Running {
        let program = [runner, &[env!("CARGO_BIN_EXE_usbnet-dbus")]].concat();
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(options);
        command.arg("--run").arg(self.directory.path()).arg("--state").arg(self.directory.path());
        Running::start(command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address()))
    }

    /// Ends the bus, and waits for the bridge to end after it.
    pub fn end_bus(&mut self) {
        self.bus.end();
        let mut bridge = self.bridge.take().expect("one that runs");
        wait_until("the bridge's end", || bridge.has_ended());
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn settings(&self) -> PathBuf {
        self.directory().join("settings.json")
    }

    pub fn has_owner(&self, name: &str) -> bool {
        let bus = "org.freedesktop.DBus";
        self.run(&["busctl", "call", bus, "/org/freedesktop/DBus", bus, "NameHasOwner", "s", name]).text
            == "b true"
    }

    /// Runs a client's command on the bus.
    pub fn run(&self, command: &[&str]) -> Answer {
        let mut bounded = Command::new("timeout");
        bounded.arg(BOUND.as_secs().to_string()).args(&self.enter).args(command);
        let output = bounded.env("DBUS_SYSTEM_BUS_ADDRESS", self.address()).output();
        let Output { status, stdout, stderr } = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = String::from_utf8_lossy(&[stdout, stderr].concat()).trim().to_owned();
        Answer { good: status.success(), text }
    }

    /// Calls a method with busctl: signature and arguments in, signature and results out.
    pub fn call(&self, method: &str, arguments: &[&str]) -> Answer {
        self.run(&[&["busctl", "call", NAME, PATH, NAME, method] as &[&str], arguments].concat())
    }

    /// Calls a method, of usb-moded's interface unless its name says more, with dbus-send, which says the names of errors;
    /// `runner` may make it another user's.
    pub fn send(&self, runner: &[&str], method: &str, arguments: &[&str]) -> Answer {
        let destination = format!("--dest={NAME}");
        let method = if method.contains('.') { method.to_owned() } else { format!("{NAME}.{method}") };
        let command = ["dbus-send", "--system", "--print-reply=literal", &destination, PATH, &method];
        self.run(&[runner, &command, arguments].concat())
    }

    /// Listens to the bridge's signals from now on.
    pub fn listen(&self) -> Signals {
        let mut command = Command::new("gdbus");
        command.args(["monitor", "--system", "--dest", NAME]).env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        let mut process = Running::start(command.stdout(Stdio::piped()));
        let output = process.0.stdout.take().expect("its output");
        let (sender, lines) = channel();
        thread::spawn(move || lines_of(output).try_for_each(|line| sender.send(line)));
        let signals = Signals { lines, _process: process };
        let said = signals.until("is owned by");
        // It says so first, and asks the bus for that owner's signals then.
        let owner = said.last().and_then(|line| line.split(' ').next_back()).expect("the owner");
        let wanted = format!(r"sender=\'{owner}\'");
        let bus = "org.freedesktop.DBus";
        let rules = format!("{bus}.Debug.Stats");
        let rules = ["busctl", "call", bus, "/org/freedesktop/DBus", &rules, "GetAllMatchRules"];
        wait_until("the monitor to listen", || self.run(&rules).text.contains(&wanted));
        signals
    }
}

/// A directory that everybody can look into.
fn directory() -> tempfile::TempDir {
    assert!(nix::unistd::getuid().is_root(), "these tests need root: callers have other users");
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    directory
}

/// The bridge is the one that is tested; usbnet itself is not run.
fn install(build: &Path, to: &Path) {
    fs::create_dir_all(build.join("release")).expect("a directory");
    let bridge = env!("CARGO_BIN_EXE_usbnet-dbus");
    for name in ["usbnet", "usbnet-dbus"] {
        fs::copy(bridge, build.join("release").join(name)).expect("a program");
    }
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/install"));
    command.args(["--init", "systemd", "--without", "applet", "PREFIX=/usr"]);
    command.arg(format!("DESTDIR={}", to.display())).env("CARGO_TARGET_DIR", build);
    let output = command.output().expect("scripts/install");
    assert!(output.status.success(), "{output:?}");
}

fn lines_of(output: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(output).lines().map_while(Result::ok)
}

/// What `gdbus monitor` prints.
#[derive(Debug)]
pub struct Signals {
    lines: Receiver<String>,
    _process: Running,
}

impl Signals {
    /// The lines up to the one with this in it, that one included.
    #[track_caller]
    pub fn until(&self, part: &str) -> Vec<String> {
        let end = Instant::now() + BOUND;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited in vain for {part:?}; came: {seen:#?}")
                }
            }
            if seen.last().is_some_and(|line| line.contains(part)) {
                return seen;
            }
        }
    }
}

/// Waits for a condition, not for a time.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// As the system bus is configured, with the shipped policy.
fn bus_config(directory: &Path) -> String {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/data/com.meego.usb_moded.conf");
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"#,
        directory.join("bus").display()
    )
}
