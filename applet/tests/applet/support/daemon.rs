//! The daemon's end of the control socket, with a script instead of a kernel.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;
use usbnet::control::{INTERFACE, Reply, Request};
use usbnet_tests::wait::wait_for;

#[derive(Default)]
struct Script {
    status: Value,
    /// Answers instead of the usual ones, once each.
    answers: HashMap<String, Reply>,
    /// Changing calls that came in.
    calls: Vec<(String, Value)>,
    watchers: Vec<UnixStream>,
    open: Vec<UnixStream>,
    ended: bool,
}

/// A scripted daemon; it ends when it is dropped.
pub struct Daemon {
    directory: Option<TempDir>,
    script: Arc<Mutex<Script>>,
}

impl Daemon {
    pub fn start() -> Self {
        Self::start_in(TempDir::new().expect("a directory"))
    }

    pub fn start_in(directory: TempDir) -> Self {
        let listener = UnixListener::bind(directory.path().join("control")).expect("a socket");
        let script = Arc::new(Mutex::new(Script { status: status(), ..Script::default() }));
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut script = lock(&shared);
                if script.ended {
                    return;
                }
                script.open.push(client.try_clone().expect("a descriptor"));
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(&client, &shared));
            }
        });
        Self { directory: Some(directory), script }
    }

    pub fn directory(&self) -> &Path {
        self.directory.as_ref().expect("it runs").path()
    }

    /// Ends it; its directory can be used again.
    pub fn stop(mut self) -> TempDir {
        self.end();
        self.directory.take().expect("it ran")
    }

    /// Changes the status, and tells that something has.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut script = lock(&self.script);
        change(&mut script.status);
        script.tell();
    }

    /// Changes the status without an event, as traffic does.
    pub fn change_quietly(&self, change: impl FnOnce(&mut Value)) {
        change(&mut lock(&self.script).status);
    }

    /// Answers the next call of a method with this.
    pub fn answer_next(&self, method: &str, reply: Reply) {
        lock(&self.script).answers.insert(method.to_owned(), reply);
    }

    /// How many calls of a method have come in that were not looked at.
    pub fn calls(&self, method: &str) -> usize {
        lock(&self.script).calls.iter().filter(|(called, _)| called == method).count()
    }

    /// The parameters of the next call of a method.
    #[track_caller]
    pub fn next_call(&self, method: &str) -> Value {
        wait_for(method, || {
            let calls = &mut lock(&self.script).calls;
            let at = calls.iter().position(|(called, _)| called == method)?;
            Some(calls.remove(at).1)
        })
    }

    fn end(&self) {
        let mut script = lock(&self.script);
        if std::mem::replace(&mut script.ended, true) {
            return;
        }
        for client in script.open.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
        drop(script);
        let socket = self.directory().join("control");
        let _ = UnixStream::connect(&socket); // wakes the listener
        std::fs::remove_file(socket).expect("the socket was there");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.directory.is_some() {
            self.end();
        }
    }
}

impl Script {
    fn tell(&mut self) {
        let event = json!({"event": {"kind": "mode", "text": "mode", "mode": null, "value": null}});
        let message = encode(&Reply::more(event));
        self.watchers.retain(|mut watcher| watcher.write_all(&message).is_ok());
    }

    fn answer(&mut self, method: &str, parameters: Value) -> Reply {
        match method {
            "Status" => return Reply::done(json!({"status": self.status})),
            "Modes" => return Reply::done(json!({"modes": modes(&self.status["mode"])})),
            _ => self.calls.push((method.to_owned(), parameters.clone())),
        }
        if let Some(reply) = self.answers.remove(method) {
            return reply;
        }
        if method == "SetMode" {
            self.status["mode"] = parameters["name"].clone();
            self.status["udc"]["state"] = json!("not attached");
            self.tell();
        }
        Reply::done(json!({"mode": parameters["name"], "steps": []}))
    }
}

fn serve(mut client: &UnixStream, script: &Mutex<Script>) {
    for message in BufReader::new(client).split(0).map_while(Result::ok) {
        let request: Request = serde_json::from_slice(&message).expect("a call");
        let method = request.method.strip_prefix(&format!("{INTERFACE}.")).expect("the interface");
        let mut script = lock(script);
        if method == "Watch" {
            script.watchers.push(client.try_clone().expect("a descriptor"));
            script.tell();
            continue;
        }
        let reply = script.answer(method, request.parameters.clone());
        if client.write_all(&encode(&reply)).is_err() {
            return;
        }
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().expect("no thread has panicked")
}

fn encode(reply: &Reply) -> Vec<u8> {
    let mut message = serde_json::to_vec(reply).expect("JSON");
    message.push(0);
    message
}

/// A program has a file on the card open.
pub fn refuse_busy() -> Reply {
    let holder = json!({
        "kind": "open_file", "pid": 812, "program": "vi", "user": "user", "path": "/media/mmc1/a<b>.txt",
    });
    Reply::error(
        &format!("{INTERFACE}.CardBusy"),
        json!({"holders": [{"card": "/media/mmc1", "holder": holder}]}),
    )
}

/// The host has the card locked.
pub fn refuse_host_busy() -> Reply {
    Reply::error(&format!("{INTERFACE}.HostBusy"), json!({"cards": ["/media/mmc1"]}))
}

/// The user is not in the group.
pub fn refuse_user() -> Reply {
    Reply::error(&format!("{INTERFACE}.NotPermitted"), json!({"group": "usbnet"}))
}

/// As long a sentence as there is.
pub fn refuse_at_length() -> Reply {
    let message = "the usbnet daemon does not let its D-Bus bridge switch; set control: (group: \"usbnet\") in \
                   /etc/usbnet/config.ron, and run usbnet restart";
    Reply::error(&format!("{INTERFACE}.Failed"), json!({"exit": 1, "message": message}))
}

/// The switch came to its end first.
pub fn refuse_nothing_to_cancel() -> Reply {
    let message = "no switch is under way; nothing to cancel";
    Reply::error(&format!("{INTERFACE}.Failed"), json!({"exit": 1, "message": message}))
}

fn status() -> Value {
    json!({
        "mode": "network", "target": null, "state": "confirmed", "error": null, "backend": "configfs",
        "udc": {"name": "dummy_udc.0", "state": "configured", "speed": "high-speed"},
        "link": {
            "interface": "usb0", "mac": "02:00:00:00:00:01", "host_mac": null, "address": "192.168.2.15/28",
            "host": "192.168.2.14", "mtu": 1500, "up": true, "carrier": true, "received_bytes": 12_300_000,
            "sent_bytes": 4_000_000, "moved": null,
        },
        "responder": null,
        "leases": [{"address": "192.168.2.14", "mac": "02:00:00:00:00:02", "hostname": "lap<top>", "seconds_left": 9}],
        "cards": [], "progress": null,
        "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 5},
    })
}

fn modes(current: &Value) -> Value {
    let mode = |name: &str, functions: &[&str], why: Option<&str>| json!({"name": name, "functions": functions, "current": name == current, "why": why});
    json!([
        mode("charging", &[], None),
        mode("host", &[], Some("no USB role switch")),
        mode("network", &["ncm"], None),
        mode("network+storage", &["ncm", "mass_storage"], Some("no card is there")),
        mode("storage", &["mass_storage"], None),
    ])
}
