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
        *pause = PAUSES.0;
        match event.kind {
            EventKind::Progress | EventKind::Lease => {}
            EventKind::Switching => {
                (failed, certain_at) = (false, None);
                bridge.switching(event.value);
            }
            kind => {
                let facts = bridge.refresh()?;
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
