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
use super::{CommandError, StatusReply, events};
use crate::config::Config;
use crate::control::{self, ModeReply, Phase, Refusal};
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
            Err(CommandError::Client(error)) if error.is_gone() && tries.next().is_some() => {}
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
    let mut watch = Connection::open(run)?;
    watch.subscribe("Watch")?;
    loop {
        let now = connection.call::<StatusReply>("Status", Value::Null)?.status;
        match (now.state, now.mode) {
            (Phase::Confirmed, Some(mode)) => return Ok(mode),
            (Phase::Lost, _) => return Err(CommandError::Lost { mode: now.target.unwrap_or_default() }),
            (Phase::Stopped, _) => {
                let name = Kernel::new(config.clone(), Roots::system(run)).start_mode();
                match events::follow::<ModeReply>(run, &mut connection, "SetMode", json!({ "name": name })) {
                    Ok(reply) => return Ok(reply.mode),
                    Err(ClientError::Refused(Refusal::Switching { .. })) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            (Phase::Switching | Phase::Confirmed, _) => {}
        }
        watch.receive::<Value>()?; // each event may be the one
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
}
