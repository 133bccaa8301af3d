//! `usbnet watch --format`, as a status bar runs it, against a daemon that comes and goes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

/// A daemon that says the state of its UDC, and tells watchers of each new one.
struct Daemon {
    states: Sender<&'static str>,
    ended: Receiver<()>,
}

impl Daemon {
    fn start(run: &Path, first: &'static str) -> Self {
        let socket = run.join("control");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).expect("bound");
        let ((states, new), (end, ended)) = (mpsc::channel::<&str>(), mpsc::channel());
        thread::spawn(move || {
            let mut watch = listener.accept().expect("a watcher").0;
            assert!(request(&mut watch).ends_with(".Watch"));
            let mut state = first;
            loop {
                let _ = watch.write_all(b"{\"parameters\":{\"event\":{}},\"continues\":true}\0");
                let mut client = listener.accept().expect("who asks").0;
                assert!(request(&mut client).ends_with(".Status"));
                let _ = client.write_all(format!("{}\0", status(state)).as_bytes());
                match new.recv() {
                    Ok(next) => state = next,
                    Err(_) => break,
                }
            }
            drop((watch, listener));
            let _ = end.send(());
        });
        Self { states, ended }
    }

    fn stop(self) {
        drop(self.states);
        self.ended.recv_timeout(SOON).expect("it ends");
    }
}

fn request(client: &mut UnixStream) -> String {
    let mut message = Vec::new();
    BufReader::new(client).read_until(0, &mut message).expect("a request");
    message.pop();
    let request: Value = serde_json::from_slice(&message).expect("JSON");
    request["method"].as_str().expect("a method").to_owned()
}

fn status(udc: &str) -> Value {
    json!({ "parameters": { "status": {
        "mode": "network", "target": null, "state": "confirmed", "error": null, "backend": "configfs",
        "udc": { "name": "udc.0", "state": udc, "speed": null }, "link": null, "responder": null, "leases": [],
        "cards": [], "progress": null, "system": { "hostname": "n800", "kernel": "6.1", "uptime_seconds": 1 },
    } } })
}

fn bar(run: &Path, format: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_usbnet"))
        .arg("--run-dir")
        .arg(run)
        .args(["watch", "--format", format])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    (child, output)
}

fn next(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

fn ends(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + SOON;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        assert!(Instant::now() < until, "it goes on");
        thread::yield_now();
    }
}

#[test]
fn a_bar_hears_of_a_daemon_that_comes_changes_and_goes() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut child, mut output) = bar(dir.path(), "plain");
    assert_eq!(next(&mut output), "usbnet: not-running");
    for _ in 0..2 {
        let daemon = Daemon::start(dir.path(), "configured");
        assert_eq!(next(&mut output), "network: connected");
        // The first says nothing new, and makes no line.
        for state in ["configured", "suspended"] {
            daemon.states.send(state).expect("it runs");
        }
        assert_eq!(next(&mut output), "network: waiting");
        daemon.stop();
        assert_eq!(next(&mut output), "usbnet: not-running");
    }
    drop(output);
    assert!(ends(&mut child).success(), "without a reader, and without a daemon");
}

#[test]
fn it_ends_quietly_with_its_reader_while_nothing_happens() {
    let dir = tempfile::tempdir().expect("a directory");
    let _daemon = Daemon::start(dir.path(), "not attached");
    let (mut child, mut output) = bar(dir.path(), "waybar");
    let line: Value = serde_json::from_str(&next(&mut output)).expect("JSON");
    assert_eq!((&line["text"], &line["class"]), (&json!("network"), &json!("unplugged")));
    drop(output);
    assert!(ends(&mut child).success());
}

#[test]
fn other_formats_and_json_beside_one_are_refused() {
    for arguments in [&["--format", "xml"][..], &["--format", "plain", "--json"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_usbnet"))
            .arg("watch")
            .args(arguments)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
