//! `watch --format`: a line for a status bar whenever what it says has changed, for as long as the bar reads.
//!
//! A bar starts its command once, so it goes on when the daemon is not there, and says that.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::client::Connection;
use super::{CommandError, ask_status, print, say};
use crate::control::{Phase, Status};

/// How long to wait before the daemon is looked for again, in milliseconds; twice as long each time.
const FIRST_PAUSE: u16 = 500;
const LONGEST_PAUSE: u16 = 32_000;

/// The format that waybar's custom modules read, JSON: waybar-custom(5). The other is only text.
pub const WAYBAR: &str = "waybar";

/// Follows the daemon until nobody reads any more.
///
/// # Errors
/// Standard output's.
pub fn watch(run: &Path, format: &str) -> Result<(), CommandError> {
    let (mut daemon, mut last, mut pause) = (None, String::new(), FIRST_PAUSE);
    loop {
        let seen = look(run, &mut daemon);
        let line = line(format, &seen);
        if line != last {
            say(&line)?;
            last = line;
        }
        if seen.is_ok() {
            pause = FIRST_PAUSE;
            wait(daemon.as_ref(), PollTimeout::NONE)?;
        } else {
            daemon = None;
            wait(None, pause.into())?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Takes the events that are here; what they changed is in the status.
fn look(run: &Path, daemon: &mut Option<Connection>) -> Result<Status, CommandError> {
    if daemon.is_none() {
        daemon.insert(Connection::open(run)?).subscribe("Watch")?;
    }
    while let Some(watch) = daemon {
        watch.receive::<Value>()?;
        if !watch.has_message() {
            break;
        }
    }
    ask_status(run)
}

/// Waits for the daemon, or until the pause is over.
///
/// # Errors
/// Nobody reads any more.
fn wait(daemon: Option<&Connection>, pause: PollTimeout) -> Result<(), CommandError> {
    let output = io::stdout();
    let mut fds = vec![PollFd::new(output.as_fd(), PollFlags::empty())];
    fds.extend(daemon.map(|daemon| PollFd::new(daemon.as_fd(), PollFlags::POLLIN)));
    // An interrupted wait is only a short one.
    let _ = poll(&mut fds, pause);
    match fds[0].any() {
        Some(true) => Err(CommandError::Output(io::ErrorKind::BrokenPipe.into())),
        _ => Ok(()),
    }
}

fn line(format: &str, seen: &Result<Status, CommandError>) -> String {
    let (mode, state) = match seen {
        Ok(status) => {
            (status.mode.as_ref().or(status.target.as_ref()).map_or("none", |mode| mode), state(status))
        }
        Err(_) => ("usbnet", "not-running"),
    };
    if format != WAYBAR {
        return format!("{mode}: {state}");
    }
    let mut tooltip = match seen {
        Ok(status) => print::status(status),
        Err(error) => error.to_string(),
    };
    // It is Pango markup, and names come from cards and hosts. A mode's name and the states have none of these.
    for (mark, meant) in [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")] {
        tooltip = tooltip.replace(mark, meant);
    }
    json!({ "text": mode, "alt": mode, "tooltip": tooltip, "class": state }).to_string()
}

fn state(status: &Status) -> &'static str {
    match (status.state, &status.error, &status.udc) {
        (Phase::Switching, ..) => "switching",
        (_, Some(_), _) => "failed",
        (Phase::Stopped, ..) => "stopped",
        (Phase::Lost, ..) => "lost",
        (Phase::Confirmed, _, None) => "set",
        (Phase::Confirmed, _, Some(udc)) => match udc.state.as_str() {
            "configured" => "connected",
            "not attached" => "unplugged",
            _ => "waiting",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::ClientError;

    fn seen(change: Value) -> Result<Status, CommandError> {
        let mut status = json!({
            "mode": "network", "target": null, "state": "confirmed", "error": null, "backend": "configfs",
            "udc": {"name": "udc.0", "state": "configured", "speed": null}, "link": null, "responder": null,
            "leases": [], "cards": [], "progress": null,
            "system": {"hostname": "n800", "kernel": "6.1", "uptime_seconds": 1},
        });
        for (field, value) in change.as_object().expect("fields") {
            status[field] = value.clone();
        }
        Ok(serde_json::from_value(status).expect("a status"))
    }

    #[test]
    fn a_line_says_the_mode_and_how_it_goes() {
        let udc = |state: &str| json!({"udc": {"name": "udc.0", "state": state, "speed": null}});
        let switching = json!({"mode": null, "target": "storage", "state": "switching", "error": "before"});
        let absent = Err(ClientError::NotRunning("/run/usbnet/control".into()).into());
        let table = [
            (seen(json!({})), "network: connected"),
            (seen(udc("not attached")), "network: unplugged"),
            (seen(udc("suspended")), "network: waiting"),
            (seen(json!({"mode": "host", "udc": null, "role": "host"})), "host: set"),
            (seen(switching), "storage: switching"),
            (seen(json!({"error": "card /media/mmc1 cannot be mounted"})), "network: failed"),
            (
                seen(json!({"mode": null, "target": "network", "state": "lost", "error": "it broke"})),
                "network: failed",
            ),
            (seen(json!({"mode": null, "state": "stopped", "error": "it broke"})), "none: failed"),
            (seen(json!({"mode": null, "target": "network", "state": "lost"})), "network: lost"),
            (seen(json!({"mode": null, "state": "stopped"})), "none: stopped"),
            (absent, "usbnet: not-running"),
        ];
        for (seen, expected) in table {
            assert_eq!(line("plain", &seen), expected);
            let waybar: Value = serde_json::from_str(&line(WAYBAR, &seen)).expect("JSON");
            let (mode, state) = expected.split_once(": ").expect("both");
            let of = |name: &str| waybar[name].as_str().expect("text").to_owned();
            assert_eq!((of("text"), of("alt"), of("class")), (mode.into(), mode.into(), state.into()));
            assert!(!of("tooltip").is_empty());
        }
    }

    #[test]
    fn what_is_no_markup_is_not_read_as_markup() {
        let seen = seen(json!({"error": "<b>Me & you</b>"}));
        let waybar: Value = serde_json::from_str(&line(WAYBAR, &seen)).expect("JSON");
        let tooltip = waybar["tooltip"].as_str().expect("text");
        assert!(tooltip.contains("\nerror      &lt;b&gt;Me &amp; you&lt;/b&gt;\n"), "{tooltip}");
    }
}
