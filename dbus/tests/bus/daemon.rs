//! Plays the usbnet daemon at the control socket: answers as it was told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};
use usbnet::control::{Refusal, Reply, Request};
use usbnet::exit::Exit;

use crate::stage::wait_until;

/// The stage's daemon.
#[derive(Debug)]
pub struct Daemon {
    socket: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<Script>,
    changed: Condvar,
}

/// What the daemon is and does.
#[derive(Debug, Default)]
pub struct Script {
    pub status: Value,
    pub modes: Value,
    /// Answers to the next calls of `SetMode`; then each is done.
    pub refusals: VecDeque<Refusal>,
    /// `SetMode` has no end.
    pub stuck: bool,
    /// `Status` has no end either.
    pub silent: bool,
    /// `Watch` has no answer.
    pub unwatched: bool,
    /// How often `Status` was asked for.
    pub looks: usize,
    /// What is stuck was cancelled.
    cancelled: bool,
    /// The modes that were asked for.
    pub asked: Vec<String>,
    /// What was asked for last, with all its parameters.
    pub last: Value,
    watchers: Vec<UnixStream>,
    /// The last watcher has looked what is.
    looked: bool,
    connections: Vec<UnixStream>,
    stopped: bool,
}

impl Daemon {
    /// With the shipped modes, `network` set, and a host at the other end.
    pub fn start(socket: &Path) -> Self {
        let script = Script { status: network("configured"), modes: shipped(), ..Script::default() };
        let shared = Arc::new(Shared { script: Mutex::new(script), changed: Condvar::new() });
        let daemon = Self { socket: socket.to_owned(), shared };
        daemon.listen();
        daemon
    }

    /// Starts to answer; again after [`Daemon::stop`].
    pub fn listen(&self) {
        let listener = UnixListener::bind(&self.socket).expect("the control socket");
        self.script().stopped = false;
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.lock().stopped {
                    return;
                }
                shared.lock().connections.push(stream.try_clone().expect("a descriptor"));
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
    }

    /// Goes away as a daemon that was killed.
    pub fn stop(&self) {
        self.script().stopped = true;
        UnixStream::connect(&self.socket).expect("the control socket");
        std::fs::remove_file(&self.socket).expect("the control socket");
        let mut script = self.script();
        script.watchers.clear();
        for stream in script.connections.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.lock()
    }

    /// Tells of an event.
    pub fn publish(&self, kind: &str, text: &str, value: Option<&str>) {
        self.wait_for_watcher();
        self.script().publish(kind, text, value);
    }

    /// Waits until a watcher is here and knows what is.
    pub fn wait_for_watcher(&self) {
        wait_until("a watcher", || {
            let script = self.script();
            script.looked && !script.watchers.is_empty()
        });
    }

    pub fn forget_watchers(&self) {
        self.script().watchers.clear();
    }

    /// Lets what is stuck end.
    pub fn release(&self) {
        let mut script = self.script();
        (script.stuck, script.silent) = (false, false);
        self.shared.changed.notify_all();
    }
}

impl Script {
    fn publish(&mut self, kind: &str, text: &str, value: Option<&str>) {
        let event = json!({"kind": kind, "text": text, "mode": self.status["mode"], "value": value});
        let reply = Reply::more(json!({ "event": event }));
        self.watchers.retain_mut(|watcher| write(watcher, &reply));
    }

    /// Becomes another mode, as the daemon tells of it.
    fn become_mode(&mut self, mode: &str) {
        self.publish("switching", &format!("switching to {mode}"), Some(mode));
        self.status = match mode {
            "network" => network("configured"),
            "charging" => charging(),
            _ => status(mode, "configured", if mode == "storage" { "host" } else { "device" }),
        };
        self.publish("mode", &format!("mode {mode}"), Some(mode));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test failed in it")
    }

    fn serve(&self, mut stream: UnixStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        while let Some(request) = read(&mut reader) {
            if request.method == "org.usbnet.Control.Watch" {
                self.watch(&stream);
            } else if !write(&mut stream, &self.answer(&request)) {
                return;
            }
        }
    }

    fn watch(&self, stream: &UnixStream) {
        let script = self.lock();
        let mut script = self.changed.wait_while(script, |script| script.unwatched).expect("no test failed");
        script.watchers.push(stream.try_clone().expect("a descriptor"));
        script.looked = false;
        let mode = script.status["mode"].clone();
        script.publish("mode", "mode", mode.as_str());
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut script = self.lock();
        match request.method.as_str() {
            "org.usbnet.Control.Status" => {
                script.looks += 1;
                let script = self.changed.wait_while(script, |script| script.silent).expect("no test failed");
                Reply::done(json!({ "status": script.status }))
            }
            "org.usbnet.Control.Modes" => {
                script.looked = true;
                Reply::done(json!({ "modes": script.modes }))
            }
            "org.usbnet.Control.SetMode" => {
                let mode = request.parameters["name"].as_str().expect("a name").to_owned();
                script.asked.push(mode.clone());
                script.last = request.parameters.clone();
                if let Some(refusal) = script.refusals.pop_front() {
                    return refusal.reply();
                }
                let mut script =
                    self.changed.wait_while(script, |script| script.stuck).expect("no test failed");
                if std::mem::take(&mut script.cancelled) {
                    return Refusal::Cancelled {}.reply();
                }
                script.become_mode(&mode);
                Reply::done(json!({"mode": mode, "steps": []}))
            }
            "org.usbnet.Control.Cancel" if script.stuck => {
                (script.stuck, script.cancelled) = (false, true);
                self.changed.notify_all();
                Reply::done(json!({}))
            }
            "org.usbnet.Control.Cancel" => {
                let message = "no switch is under way; nothing to cancel".to_owned();
                Refusal::Failed { exit: Exit::Failed, message }.reply()
            }
            other => panic!("the bridge called {other}"),
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut message = Vec::new();
    reader.read_until(0, &mut message).ok()?;
    (message.pop() == Some(0)).then(|| serde_json::from_slice(&message).expect("a request"))
}

fn write(stream: &mut UnixStream, reply: &Reply) -> bool {
    let mut message = serde_json::to_vec(reply).expect("a reply");
    message.push(0);
    stream.write_all(&message).is_ok()
}

fn shipped() -> Value {
    let mode =
        |name: &str, functions: &[&str]| json!({"name": name, "functions": functions, "current": false});
    json!([
        mode("charging", &[]),
        mode("network", &["ncm"]),
        mode("network+storage", &["ncm", "mass_storage"]),
        mode("storage", &["mass_storage"]),
    ])
}

/// Confirmed, with one card.
pub fn status(mode: &str, udc: &str, card: &str) -> Value {
    json!({
        "mode": mode, "state": "confirmed", "udc": {"name": "dummy_udc.0", "state": udc},
        "leases": [],
        "cards": [{"name": "/media/mmc1", "place": card, "read_only": false, "mounted_on": []}],
        "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 1},
    })
}

/// `charging`: without a gadget, nothing tells whether there is a cable.
pub fn charging() -> Value {
    let mut status = status("charging", "", "device");
    status["udc"] = Value::Null;
    status
}

/// `network`, with its link.
pub fn network(udc: &str) -> Value {
    let mut status = status("network", udc, "device");
    status["link"] = json!({
        "interface": "usb0", "mac": "12:00:00:00:00:01", "address": "192.168.2.15/27", "host": "192.168.2.14",
        "mtu": 1500, "up": true, "carrier": true, "received_bytes": 0, "sent_bytes": 0,
    });
    let none = json!({"received": 0, "answered": 0, "dropped": {}});
    status["responder"] =
        json!({"running": true, "pid": 9, "restarts": 0, "wrong_interface": 0, "dhcp": none, "dns": none});
    status
}
