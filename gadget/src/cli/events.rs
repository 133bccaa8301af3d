//! What happens in the daemon, told while it happens: `watch`, and the progress of a call that takes its time.

use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::{ClientError, Connection};
use super::{CommandError, print};
use crate::control::{Event, EventKind};

#[derive(Deserialize)]
pub(super) struct EventReply {
    pub(super) event: Event,
}

/// Hands every event to `tell`, until the service stops.
///
/// # Errors
/// The daemon went without a word, or `tell`'s own.
pub fn watch(
    run: &Path,
    mut tell: impl FnMut(&Event) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut connection = Connection::open(run)?;
    connection.subscribe("Watch")?;
    let mut stopping = false;
    loop {
        match connection.receive::<EventReply>() {
            Ok(EventReply { event }) => {
                stopping = is_stopping(stopping, &event);
                tell(&event)?;
            }
            Err(ClientError::Lost(_)) if stopping => {
                let text = "the service stopped".to_owned();
                return tell(&Event { kind: EventKind::Mode, text, mode: None, value: None, exit: None });
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the daemon is about to end: it was asked to, and that has not failed since.
fn is_stopping(before: bool, event: &Event) -> bool {
    match event.kind {
        EventKind::Switching => event.value.is_none(),
        EventKind::Mode | EventKind::Failed => false,
        _ => before,
    }
}

/// Calls a method and shows on standard error what it waits for, until the reply comes.
///
/// # Errors
/// As [`Connection::call`].
pub fn follow<T: DeserializeOwned>(
    run: &Path,
    connection: &mut Connection,
    method: &str,
    parameters: Value,
) -> Result<T, ClientError> {
    // Only for the telling: without it the call is made all the same, but not of a daemon that hangs.
    let mut watch = Connection::open(run).ok();
    match watch.as_mut().map(|watch| watch.subscribe("Watch")) {
        Some(Err(error @ ClientError::Silent(_))) => return Err(error),
        Some(Err(_)) => watch = None,
        _ => {}
    }
    connection.ask(method, parameters)?;
    let mut last = String::new();
    while let Some(watching) = &mut watch {
        let mut fds = [connection.as_fd(), watching.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break,
        }
        let [replied, happened] = fds.map(|fd| fd.any().unwrap_or(false));
        if happened && show(watching, &mut last).is_err() {
            watch = None;
        }
        if replied {
            break;
        }
    }
    connection.receive()
}

/// Shows the events that are here; a progress that says nothing new is left out.
fn show(watch: &mut Connection, last: &mut String) -> Result<(), ClientError> {
    loop {
        let EventReply { event } = watch.receive()?;
        if event.kind == EventKind::Progress && event.text != *last {
            eprintln!("usbnet: {}", print::event(&event));
            last.clone_from(&event.text);
        }
        if !watch.has_message() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_was_asked_to_stop_may_go() {
        let event = |kind, value: Option<&str>| {
            let value = value.map(str::to_owned);
            Event { kind, text: String::new(), mode: None, value, exit: None }
        };
        let stop = event(EventKind::Switching, None);
        let table = [
            ("nothing yet", vec![], false),
            ("stopping", vec![stop.clone()], true),
            (
                "stopping, with a card on its way",
                vec![stop.clone(), event(EventKind::Progress, None), event(EventKind::Card, Some("device"))],
                true,
            ),
            ("stop refused", vec![stop.clone(), event(EventKind::Failed, None)], false),
            ("another switch", vec![event(EventKind::Switching, Some("storage"))], false),
            ("stop undone", vec![stop, event(EventKind::Mode, Some("network"))], false),
        ];
        for (name, events, expected) in table {
            assert_eq!(events.iter().fold(false, is_stopping), expected, "{name}");
        }
    }
}
