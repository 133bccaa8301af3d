//! `start`, `stop` and `restart`: from no daemon to a confirmed mode, and back.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::args::Taking;
use super::client::{ClientError, Connection};
use super::events::{self, EventReply};
use super::{CommandError, StatusReply};
use crate::config::Config;
use crate::control::{self, Event, EventKind, FAILED, ModeReply, Phase, Refusal};
use crate::daemon::{self, DaemonError, InstanceError, Kernel, Outcome, Roots};
use crate::exit::Exit;
use crate::sys::clock;

/// Longer than every bounded wait inside a switch and its undoing, but for the one on holders.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Starts the daemon if there is none, and returns when a mode is confirmed.
pub fn start(run: &Path, file: Option<&Path>, config: &Config) -> Result<String, CommandError> {
    let mut tries = 1..=3;
    loop {
        match start_or_join(run, file, config) {
            // That one was about to end.
            Err(error) if error.is_gone() && tries.next().is_some() => {}
            outcome => return outcome,
        }
    }
}

fn start_or_join(run: &Path, file: Option<&Path>, config: &Config) -> Result<String, CommandError> {
    let running = match Connection::open(run) {
        Err(ClientError::NotRunning(_)) => match launch(run, file, config)? {
            Outcome { exit: Exit::Done, message, .. } => return Ok(message),
            // Somebody else was quicker.
            Outcome { elsewhere: true, .. } => Connection::open(run)?,
            Outcome { exit, message, .. } => return Err(CommandError::Daemon { exit, message }),
        },
        connection => connection?,
    };
    same_config(daemon::noted_config(run), file)?;
    Ok(format!("already running, mode {}", confirm(run, running, config)?))
}

/// A daemon keeps the configuration that it was started with, so another one is not silently ignored.
fn same_config(running: Option<PathBuf>, asked: Option<&Path>) -> Result<(), CommandError> {
    match asked {
        Some(asked) if !daemon::same_file(running.as_deref(), asked) => {
            Err(CommandError::OtherConfig { running, asked: asked.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Ends the daemon; without one, takes down what a killed daemon left behind.
pub fn stop(run: &Path, config: &Config, taking: Taking) -> Result<String, CommandError> {
    let stop = control::Stop { force: taking.force, wait: taking.wait, ..control::Stop::default() };
    match take_down(run, config, &stop)? {
        Ended::Daemon(_) => Ok("stopped".to_owned()),
        Ended::Remains(what) => Ok(what),
    }
}

/// Ends the daemon that runs with `before`, and starts one with `config`, which is valid. One that a supervisor runs begins
/// anew instead: started by this process, it would be nobody's any more.
pub fn restart(
    run: &Path,
    file: Option<&Path>,
    config: &Config,
    before: &Config,
    taking: Taking,
) -> Result<String, CommandError> {
    let absolute = file.and_then(|file| std::path::absolute(file).ok());
    let stop = control::Stop {
        force: taking.force,
        wait: taking.wait,
        restart: true,
        config: absolute.and_then(|file| file.to_str().map(str::to_owned)),
    };
    let Ended::Daemon(control::Stopped { restarts: true }) = take_down(run, before, &stop)? else {
        return start(run, file, config);
    };
    Ok(format!("mode {}", confirm(run, reopen(run)?, config)?))
}

/// A daemon that begins anew is there again within a moment.
fn reopen(run: &Path) -> Result<Connection, ClientError> {
    let until = clock::now() + CONFIRMED_WITHIN;
    loop {
        match Connection::open(run) {
            Err(ClientError::NotRunning(_)) if clock::now() < until => thread::sleep(LOOK_AGAIN),
            connection => return connection,
        }
    }
}

/// What was taken down.
enum Ended {
    /// A daemon, by itself.
    Daemon(control::Stopped),
    /// What one had left behind, if anything, in words.
    Remains(String),
}

fn take_down(run: &Path, config: &Config, stop: &control::Stop) -> Result<Ended, CommandError> {
    let mut connection = match Connection::open(run) {
        Err(ClientError::NotRunning(_)) if !nix::unistd::geteuid().is_root() => {
            return Err(CommandError::NotRootToTidy);
        }
        Err(ClientError::NotRunning(_)) => match daemon::clean_up(run, config, stop) {
            // One has been started meanwhile.
            Err(error @ DaemonError::Instance(InstanceError::Running { .. })) => {
                Connection::open(run).map_err(|_| error)?
            }
            outcome => return Ok(Ended::Remains(outcome?)),
        },
        connection => connection?,
    };
    let stopped = events::follow(run, &mut connection, "Stop", json!(stop))?;
    // The daemon gives back its lock before it closes the connection.
    match connection.receive::<Value>() {
        Err(ClientError::Lost(_)) | Ok(_) => Ok(Ended::Daemon(stopped)),
        Err(error) => Err(error.into()),
    }
}

/// Waits for what a running daemon is at, and sets the start mode if it is at nothing. Returns the mode.
fn confirm(run: &Path, mut connection: Connection, config: &Config) -> Result<String, CommandError> {
    let mut switches = Switches::watch(run)?;
    confirmed(run, &mut connection, &mut switches, config).map_err(|error| switches.explain(error))
}

fn confirmed(
    run: &Path,
    connection: &mut Connection,
    switches: &mut Switches,
    config: &Config,
) -> Result<String, CommandError> {
    loop {
        let now = connection.call::<StatusReply>("Status", Value::Null)?.status;
        match (now.state, now.mode) {
            (Phase::Confirmed, Some(mode)) => return Ok(mode),
            (Phase::Lost, _) => return Err(CommandError::Lost { mode: now.target.unwrap_or_default() }),
            (Phase::Stopped, _) => {
                let name = Kernel::new(config.clone(), Roots::system(run)).start_mode();
                match events::follow::<ModeReply>(run, connection, "SetMode", json!({ "name": name })) {
                    Ok(reply) => return Ok(reply.mode),
                    Err(ClientError::Refused(Refusal::Switching { .. })) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            (Phase::Switching | Phase::Confirmed, _) => {}
        }
        switches.next()?; // each event may be the one
    }
}

/// What the daemon tells of its switches.
struct Switches {
    events: Connection,
    /// How the last one failed, if it did.
    failure: Option<Event>,
}

impl Switches {
    fn watch(run: &Path) -> Result<Self, ClientError> {
        let mut events = Connection::open(run)?;
        events.subscribe("Watch")?;
        Ok(Self { events, failure: None })
    }

    fn next(&mut self) -> Result<(), ClientError> {
        let EventReply { event } = self.events.receive()?;
        match event.kind {
            EventKind::Failed => self.failure = Some(event),
            EventKind::Switching | EventKind::Mode => self.failure = None,
            _ => {}
        }
        Ok(())
    }

    /// One that is gone has told why before, if it was a switch that failed.
    fn explain(mut self, error: CommandError) -> CommandError {
        if !error.is_gone() {
            return error;
        }
        while self.next().is_ok() {}
        self.failure.map_or(error, |event| CommandError::Ended {
            exit: event.exit.unwrap_or(Exit::Failed),
            message: event.text.strip_prefix(FAILED).unwrap_or(&event.text).to_owned(),
        })
    }
}

/// Starts a daemon; returns what it said when it had a mode, or none.
fn launch(run: &Path, file: Option<&Path>, config: &Config) -> Result<Outcome, CommandError> {
    if !nix::unistd::geteuid().is_root() {
        return Err(CommandError::NotRoot);
    }
    let (mut outcome, report) = io::pipe().map_err(CommandError::Launch)?;
    let report = OwnedFd::from(report);
    let mut child = daemon_command(run, file, &report)?.spawn().map_err(CommandError::Launch)?;
    drop(report); // only the daemon's copy keeps the pipe open
    let mut fds = [PollFd::new(outcome.as_fd(), PollFlags::POLLIN)];
    let holders = config.storage.on_busy.seconds().unwrap_or_default();
    let limit = CONFIRMED_WITHIN + Duration::from_secs(holders.into());
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    if poll(&mut fds, timeout).map_err(|errno| CommandError::Launch(errno.into()))? == 0 {
        return Err(CommandError::NotConfirmed { pid: child.id(), seconds: limit.as_secs() });
    }
    match Outcome::read(&mut outcome).map_err(CommandError::Launch)? {
        Some(outcome) => Ok(outcome),
        None => Err(CommandError::Died(child.wait().map_err(CommandError::Launch)?)),
    }
}

/// The daemon as its own session, with its log in the kernel's: every init system keeps that somewhere.
fn daemon_command(run: &Path, file: Option<&Path>, report: &OwnedFd) -> Result<Command, CommandError> {
    fcntl(report, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|errno| CommandError::Launch(errno.into()))?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("usbnet").arg("--run-dir").arg(run).arg("daemon");
    command.args(["--notify-fd", &report.as_raw_fd().to_string()]);
    if let Some(file) = file {
        command.arg("--config").arg(std::path::absolute(file).map_err(CommandError::Launch)?);
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    match OpenOptions::new().write(true).open("/dev/kmsg") {
        Ok(kmsg) => command.stderr(kmsg).env("USBNET_LOG_TARGET", "kmsg"),
        Err(_) => command.stderr(Stdio::null()),
    };
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn another_configuration_is_not_silently_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.ron");
        std::fs::write(&file, "Config()").expect("writable");
        let link = directory.path().join("b.ron");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let gone = PathBuf::from("/nowhere/c.ron");
        let running = |file: &Path| Some(file.to_owned());
        let table = [
            ("none asked for", running(&file), None, true),
            ("none asked for, none there", None, None, true),
            ("the same", running(&file), Some(&file), true),
            ("the same by a link", running(&file), Some(&link), true),
            ("the same, gone", running(&gone), Some(&gone), true),
            ("another", running(&file), Some(&gone), false),
            ("one instead of the defaults", None, Some(&file), false),
        ];
        for (name, running, asked, same) in table {
            assert_eq!(same_config(running, asked.map(PathBuf::as_path)).is_ok(), same, "{name}");
        }
        let error = same_config(None, Some(&gone)).expect_err("another");
        assert_eq!(
            error.to_string(),
            "the daemon is already running with the built-in defaults, not with /nowhere/c.ron; change that with \
             usbnet restart --config /nowhere/c.ron"
        );
    }

    /// A daemon that is at its first mode, tells this and ends.
    fn ends_after(run: &Path, events: Vec<Value>) -> thread::JoinHandle<()> {
        let listener = UnixListener::bind(run.join("control")).expect("a socket");
        thread::spawn(move || {
            let (mut client, mut watcher) =
                (listener.accept().expect("it").0, listener.accept().expect("its watch").0);
            let read = |stream: &UnixStream| {
                let mut request = Vec::new();
                BufReader::new(stream).read_until(0, &mut request).expect("a request");
            };
            read(&watcher);
            let first = json!({ "kind": "mode", "text": "mode none", "mode": null, "value": null });
            for event in std::iter::once(first).chain(events) {
                let reply = json!({ "parameters": { "event": event }, "continues": true });
                watcher.write_all(format!("{reply}\0").as_bytes()).expect("a watcher");
            }
            read(&client);
            let status = json!({
                "mode": null, "target": "storage", "state": "switching", "error": null, "backend": null, "udc": null,
                "link": null, "responder": null, "leases": [], "cards": [], "progress": null,
                "system": { "hostname": "n800", "kernel": "6.1", "uptime_seconds": 1 },
            });
            let reply = json!({ "parameters": { "status": status } });
            client.write_all(format!("{reply}\0").as_bytes()).expect("a client");
        })
    }

    #[test]
    fn a_daemon_that_ends_has_told_why() {
        let failed = |exit: Option<u8>| {
            let mut event =
                json!({ "kind": "failed", "text": "failed: vi has it", "mode": null, "value": null });
            if let Some(exit) = exit {
                event["exit"] = exit.into();
            }
            event
        };
        let event = |kind: &str| json!({ "kind": kind, "text": kind, "mode": null, "value": null });
        let busy = (Exit::CardBusy, "vi has it");
        let gone = (Exit::Failed, "the daemon ");
        let table = [
            ("by its code", vec![failed(Some(4))], busy),
            ("and more happened", vec![failed(Some(4)), event("card")], busy),
            ("one of before", vec![failed(None)], (Exit::Failed, "vi has it")),
            ("it tried again", vec![failed(Some(4)), event("switching")], gone),
            ("it was killed", vec![], gone),
        ];
        for (name, events, (exit, words)) in table {
            let run = tempfile::tempdir().expect("a directory");
            let daemon = ends_after(run.path(), events);
            let connection = Connection::open(run.path()).expect("it listens");
            let error = confirm(run.path(), connection, &Config::default()).expect_err("it ended");
            daemon.join().expect("it ended");
            assert_eq!((error.exit(), error.is_gone()), (exit, true), "{name}: {error}");
            let text = error.to_string();
            assert!(text.starts_with(words), "{name}: {text}");
        }
    }
}
