//! The daemon, asked and listened to over its control socket.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use usbnet::cli::client::{ClientError, Connection};
use usbnet::control::{Link, Mode, Phase, Refusal, Status};

use crate::model::{Input, Seen};
use crate::refused::Asked;

/// How long to wait before the daemon is looked for again; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct StatusReply {
    status: Status,
}

#[derive(Deserialize)]
struct ModesReply {
    modes: Vec<Mode>,
}

/// Asks how things are.
///
/// # Errors
/// The connection's.
pub fn look(run: &Path) -> Result<Seen, ClientError> {
    let mut connection = Connection::open(run)?;
    let status = status(&mut connection)?;
    let ModesReply { modes } = connection.call("Modes", Value::Null)?;
    Ok(Seen { status, modes })
}

fn status(connection: &mut Connection) -> Result<Status, ClientError> {
    connection.call("Status", Value::Null).map(|StatusReply { status }| status)
}

fn status_now(run: &Path) -> Result<Status, ClientError> {
    status(&mut Connection::open(run)?)
}

/// Asks for a change, and waits until it is done.
///
/// # Errors
/// Why it is not done; what keeps it from being asked for is told in the same way.
pub fn ask(run: &Path, asked: &Asked) -> Result<(), Refusal> {
    let answer = Connection::open(run).and_then(|mut daemon| match asked {
        Asked::Mode(set) => daemon.switch(set).map(|_| ()),
        Asked::Cancel => daemon.call::<Value>("Cancel", Value::Null).map(|_| ()),
    });
    answer.map_err(refusal)
}

/// Whether the daemon says that no switch is under way.
pub fn is_settled(run: &Path) -> bool {
    status_now(run).is_ok_and(|status| status.state != Phase::Switching)
}

/// The link with its figures.
pub fn link(run: &Path) -> Option<Box<Link>> {
    status_now(run).ok()?.link.map(Box::new)
}

fn refusal(error: ClientError) -> Refusal {
    match error {
        ClientError::Refused(refusal) => refusal,
        error => Refusal::Failed { exit: error.exit(), message: error.to_string() },
    }
}

/// Tells how things are, now and after each of the daemon's events, for as long as `tell` says that somebody listens.
pub fn follow(run: &Path, mut tell: impl FnMut(Input) -> bool) {
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match listen(run, &mut || pause = FIRST_PAUSE, &mut tell) {
            Ok(()) => return,
            Err(ClientError::NotRunning(_) | ClientError::Lost(_)) => None,
            Err(error) => Some(error.to_string()),
        };
        if !tell(Input::Gone(why)) {
            return;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns when nobody listens any more.
fn listen(
    run: &Path,
    reached: &mut impl FnMut(),
    tell: &mut impl FnMut(Input) -> bool,
) -> Result<(), ClientError> {
    let mut watch = Connection::open(run)?;
    watch.subscribe("Watch")?;
    loop {
        // What an event changes is in the status, so that all that came until now are one.
        watch.receive::<Value>()?;
        while watch.has_message() {
            watch.receive::<Value>()?;
        }
        let seen = look(run)?;
        reached();
        if !tell(Input::Seen(Box::new(seen))) {
            return Ok(());
        }
    }
}
