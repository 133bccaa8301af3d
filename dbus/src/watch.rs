//! Follows the daemon's events for as long as this process lives, over every restart of the daemon.

use std::convert::Infallible;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;
use usbnet::cli::client::{ClientError, Connection};
use usbnet::control::{Event, EventKind};

use crate::bridge::Bridge;
use crate::view::failure;

/// Between two attempts to connect: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

#[derive(Deserialize)]
struct EventReply {
    event: Event,
}

/// Never returns.
pub fn watch(bridge: &Bridge) -> Infallible {
    let mut pause = PAUSES.0;
    loop {
        match follow(bridge, &mut pause) {
            Err(error @ ClientError::NotRunning(_)) => log::debug!("{error}"),
            Err(error) => log::warn!("{error}"),
            Ok(never) => return never,
        }
        bridge.lose();
        thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn follow(bridge: &Bridge, pause: &mut Duration) -> Result<Infallible, ClientError> {
    let mut connection = Connection::open(&bridge.run)?;
    connection.subscribe("Watch")?;
    // The first event only says what is: no news of failures is due.
    let mut failed = true;
    let mut certain_at = None;
    let when_certain = || bridge.doubtful_for().map(|time| Instant::now() + time);
    loop {
        if !connection.has_message() && !is_readable(&connection, certain_at) {
            bridge.waited();
            bridge.refresh()?;
            certain_at = when_certain();
            continue;
        }
        let EventReply { event } = connection.receive()?;
        match event.kind {
            EventKind::Progress | EventKind::Lease => {}
            EventKind::Switching => {
                (failed, certain_at) = (false, None);
                bridge.switching(event.value);
            }
            kind => {
                let facts = bridge.refresh()?;
                // Not before: what cannot be understood is not asked for often.
                *pause = PAUSES.0;
                if let Some(signal) = failure(kind, &event.text, failed, facts.status.error.as_deref()) {
                    bridge.send(signal);
                }
                if matches!(kind, EventKind::Mode | EventKind::Failed) {
                    (failed, certain_at) = (true, when_certain());
                }
            }
        }
    }
}

/// Waits for the next message, or until the time has come.
fn is_readable(connection: &Connection, until: Option<Instant>) -> bool {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(PollTimeout::NONE, |left| left.try_into().unwrap_or(PollTimeout::MAX));
        match poll(&mut [PollFd::new(connection.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            // An error of the poll is one of the connection, which reading it tells.
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::mpsc::channel;

    use serde_json::{Value, json};
    use usbnet::control::{Reply, Request};

    use super::*;
    use crate::settings::Settings;

    /// A daemon that has this status, and goes away once that and its modes were asked for.
    fn play(listener: &UnixListener, status: &Value) {
        let watcher = answer(listener, &json!({"event": {"kind": "mode", "text": "mode network"}}));
        let mut stream = answer(listener, &json!({ "status": status }));
        let _ = read(&mut stream).map(|_| write(&mut stream, &json!({"modes": []})));
        drop(watcher);
    }

    fn answer(listener: &UnixListener, parameters: &Value) -> UnixStream {
        let (mut stream, _) = listener.accept().unwrap();
        read(&mut stream).unwrap();
        write(&mut stream, parameters);
        stream
    }

    fn read(stream: &mut UnixStream) -> Option<Request> {
        let mut message = Vec::new();
        BufReader::new(stream).read_until(0, &mut message).ok()?;
        serde_json::from_slice(message.strip_suffix(&[0])?).ok()
    }

    fn write(stream: &mut UnixStream, parameters: &Value) {
        let mut message = serde_json::to_vec(&Reply::more(parameters.clone())).unwrap();
        message.push(0);
        stream.write_all(&message).unwrap();
    }

    #[test]
    fn only_a_daemon_that_is_understood_is_asked_again_soon() {
        let status = |state: &str| {
            json!({
                "state": state, "leases": [], "cards": [],
                "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 1},
            })
        };
        let table = [("understood", "stopped", PAUSES.0), ("of another version", "parking", PAUSES.1)];
        for (name, state, expected) in table {
            let directory = tempfile::tempdir().unwrap();
            let listener = UnixListener::bind(directory.path().join("control")).unwrap();
            let (run, file) = (directory.path().to_owned(), directory.path().join("settings.json"));
            let bridge = Bridge::new(run, file, Duration::ZERO, Settings::default(), channel().0);
            let mut pause = PAUSES.1;
            thread::scope(|scope| {
                scope.spawn(|| play(&listener, &status(state)));
                follow(&bridge, &mut pause).unwrap_err();
            });
            assert_eq!(pause, expected, "{name}");
        }
    }
}
