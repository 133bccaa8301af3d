//! The commands: arguments in, one line or a report out, an exit code at the end.

mod args;
mod bar;
mod check;
pub mod client;
mod events;
mod lifecycle;
mod log;
mod print;
mod profile;

use std::ffi::CStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{self, Config, ConfigError};
use crate::control::{Event, Mode, ModeReply, Phase, SetMode, Status};
use crate::daemon::{self, DaemonError, Kernel, Roots};
use crate::exit::Exit;
use crate::responder::{self, ResponderError, SettingsError};
use args::{Args, Command, Taking};
use check::{Facts, Finding, Grade};
use client::{ClientError, Connection};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// the configuration
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// the daemon, asked over its socket
    #[error(transparent)]
    Client(#[from] ClientError),
    /// taking down what a daemon left
    #[error(transparent)]
    Run(#[from] DaemonError),
    /// the daemon, in this process, which has said why in its log
    #[error("ended with code {}", u8::from(*.0))]
    Logged(Exit),
    /// the daemon, started by this process
    #[error("{message}")]
    Daemon {
        /// What it reported.
        exit: Exit,
        /// Its line.
        message: String,
    },
    /// the daemon, which ended because of it
    #[error("{message}")]
    Ended {
        /// What it was.
        exit: Exit,
        /// The same in words.
        message: String,
    },
    /// the responder
    #[error(transparent)]
    Responder(#[from] ResponderError),
    /// the responder's command line
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// not root
    #[error("only root can start the daemon; use sudo, or the init script")]
    NotRoot,
    /// not root, and nobody to ask
    #[error(
        "the daemon is not running; if one was killed, only root can remove what it left behind: sudo usbnet stop"
    )]
    NotRootToTidy,
    /// the daemon runs with something else
    #[error(
        "the daemon is already running with {}, not with {}; change that with usbnet restart --config {}",
        running.as_ref().map_or_else(|| "the built-in defaults".into(), |file| file.display().to_string()),
        asked.display(),
        asked.display()
    )]
    OtherConfig {
        /// The file that it was started with; none if it found none.
        running: Option<PathBuf>,
        /// The file that was asked for.
        asked: PathBuf,
    },
    /// the daemon waits for a UDC
    #[error("there is no UDC; mode {mode} is set when there is one, see usbnet check")]
    Lost {
        /// The mode.
        mode: String,
    },
    /// no process
    #[error("the daemon could not be started: {0}")]
    Launch(io::Error),
    /// it ended without a word
    #[error(
        "the daemon ended before it said how it went ({0}); its log is in the kernel's: dmesg | grep usbnet"
    )]
    Died(ExitStatus),
    /// it takes too long
    #[error("the daemon (pid {pid}) has not confirmed a mode in {seconds} s; see usbnet status")]
    NotConfirmed {
        /// The daemon, still trying.
        pid: u32,
        /// How long it was waited for.
        seconds: u64,
    },
    /// the doctor found something
    #[error("{wrong} of these keep it from working; each line says what to do")]
    Unwell {
        /// How many.
        wrong: usize,
        /// What the most basic one ends a command with.
        exit: Exit,
    },
    /// host profiles
    #[error(transparent)]
    Profile(#[from] profile::ProfileError),
    /// standard output
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl CommandError {
    /// Whether there is no such daemon any more.
    const fn is_gone(&self) -> bool {
        match self {
            Self::Client(error) => error.is_gone(),
            error => matches!(error, Self::Ended { .. }),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::ConfigInvalid,
            Self::Client(error) => error.exit(),
            Self::Run(error) => error.exit(),
            Self::Daemon { exit, .. }
            | Self::Ended { exit, .. }
            | Self::Unwell { exit, .. }
            | Self::Logged(exit) => *exit,
            Self::Responder(error) => error.exit(),
            Self::Settings(_) => Exit::Usage,
            Self::Profile(error) => error.exit(),
            Self::NotRoot | Self::NotRootToTidy => Exit::NotPermitted,
            Self::Lost { .. } => Exit::NoKernelSupport,
            Self::OtherConfig { .. }
            | Self::Launch(_)
            | Self::Died(_)
            | Self::NotConfirmed { .. }
            | Self::Output(_) => Exit::Failed,
        }
    }
}

/// The command line, for what documents it: man page and shell completions.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let exit = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            };
            let _ = error.print();
            return exit.into();
        }
    };
    match run(args) {
        Ok(()) => Exit::Done.into(),
        // A reader that has seen enough (`usbnet watch | head`) is no failure.
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done.into(),
        Err(CommandError::Logged(exit)) => exit.into(),
        Err(error) => {
            eprintln!("usbnet: {error}");
            error.exit().into()
        }
    }
}

fn run(args: Args) -> Result<(), CommandError> {
    let run = args.run_dir.as_path();
    match args.command {
        Command::Daemon { config, notify_fd } => {
            call_itself(c"usbnet");
            log::init(log::Kernel::EachRecord);
            let options = daemon::Options { config: config::source(config), run: run.to_owned(), notify_fd };
            daemon::run(options).map_err(|error| CommandError::Logged(error.exit()))
        }
        Command::Start { config } => {
            let effective = load(config.as_deref())?;
            say(&lifecycle::start(run, config.as_deref(), &effective)?)
        }
        Command::Stop { taking } => say(&lifecycle::stop(run, &in_force(run), taking)?),
        Command::Restart { taking, config } => {
            // The file that the daemon was started with, unless another is given; read before anything is stopped.
            let config = config.or_else(|| daemon::noted_config(run));
            let effective = load(config.as_deref())?;
            say(&lifecycle::restart(run, config.as_deref(), &effective, &in_force(run), taking)?)
        }
        Command::Mode { cancel: true, .. } => cancel(run),
        Command::Mode { name: None, .. } => {
            let now = ask_status(run)?;
            say(now.mode.as_deref().unwrap_or("none"))
        }
        Command::Mode { name: Some(name), plan, on_busy, taking: Taking { force, wait }, .. } => {
            let set = SetMode { name, force, plan, on_busy, wait };
            let mut connection = Connection::open(run)?;
            let reply: ModeReply = events::follow(run, &mut connection, "SetMode", json!(set))?;
            if plan { reply.steps.iter().try_for_each(|step| say(step)) } else { Ok(()) }
        }
        Command::Modes => {
            let reply: ModesReply = Connection::open(run)?.call("Modes", Value::Null)?;
            say(&print::modes(&reply.modes, &ask_status(run)?.cards))
        }
        Command::Status { json: false } => say(&print::status(&ask_status(run)?)),
        Command::Status { json: true } => say(&pretty(&ask_status(run)?)),
        Command::Watch { format: Some(format), .. } => bar::watch(run, &format),
        Command::Watch { json: true, .. } => events::watch(run, |event| say(&compact(event))),
        Command::Watch { json: false, .. } => events::watch(run, |event| say(print::event(event))),
        Command::Profile(arguments) => profile::run(run, &arguments),
        Command::Check { config } => doctor(run, config.as_deref()),
        Command::Config { default: true, .. } => say(config::default_text().trim_end()),
        Command::Config { default: false, file } => say(config::render(&load(file.as_deref())?).trim_end()),
        Command::Responder(arguments) => {
            call_itself(c"usbnet-respond");
            log::init(log::Kernel::Inherited);
            let (settings, status) = arguments.settings()?;
            Ok(responder::run(&settings, status)?)
        }
    }
}

/// Started through `/proc/self/exe`, the process would be "exe" to ps(1) and pidof(8).
fn call_itself(name: &CStr) {
    let _ = nix::sys::prctl::set_name(name); // its name is all that is lost
}

#[derive(Deserialize)]
struct StatusReply {
    status: Status,
}

#[derive(Deserialize)]
struct ModesReply {
    modes: Vec<Mode>,
}

fn ask_status(run: &Path) -> Result<Status, CommandError> {
    let reply: StatusReply = Connection::open(run)?.call("Status", Value::Null)?;
    Ok(reply.status)
}

/// Gives up the switch under way, if there is one.
fn cancel(run: &Path) -> Result<(), CommandError> {
    if ask_status(run)?.state != Phase::Switching {
        return say("no switch is under way");
    }
    let _: Value = Connection::open(run)?.call("Cancel", Value::Null)?;
    say("cancelled")
}

/// Examines the device; ends with the code of the worst finding.
fn doctor(run: &Path, file: Option<&Path>) -> Result<(), CommandError> {
    let loaded = load(file);
    let config_error = loaded.as_ref().err().map(ToString::to_string);
    let kernel = Kernel::new(loaded.unwrap_or_default(), Roots::system(run));
    let status = ask_status(run).map_err(|error| error.to_string());
    let current = status.as_ref().ok().and_then(|status| status.mode.as_deref());
    let observed = kernel.observe(None, &[]);
    let facts = Facts {
        root: nix::unistd::geteuid().is_root(),
        config_error,
        udc_error: observed
            .and_then(|observed| Ok(kernel.udc_to_come(&observed)?))
            .err()
            .map(|error| error.to_string()),
        modes: kernel.modes(current, &[]),
        missing_group: kernel.config.control.group.clone().filter(|_| kernel.group().is_none()),
        status,
    };
    let findings = check::examine(&facts);
    for Finding { grade, text } in &findings {
        say(&format!("{:6} {text}", grade.word()))?;
    }
    let wrong = findings.iter().filter(|finding| finding.grade == Grade::Wrong).count();
    if wrong == 0 { Ok(()) } else { Err(CommandError::Unwell { wrong, exit: check::exit(&facts) }) }
}

fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    config::source(file.map(Path::to_owned)).map_or_else(|| Ok(Config::default()), |path| config::load(&path))
}

/// The configuration to take down with. What it says must not keep anything from being taken down.
fn in_force(run: &Path) -> Config {
    load(daemon::noted_config(run).as_deref()).unwrap_or_default()
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn compact(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

fn say(text: &str) -> Result<(), CommandError> {
    writeln!(io::stdout(), "{text}").map_err(CommandError::Output)
}
