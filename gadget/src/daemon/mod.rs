//! The supervisor: one loop that serves the control socket, follows the kernel's events, keeps link and
//! responder alive, and hands every switch to a worker.
//!
//! Decides nothing by itself: modes are [`crate::mode`]'s, steps [`crate::plan`]'s, addresses [`crate::link`]'s.

mod card_status;
mod card_watch;
mod clients;
mod console;
mod endings;
mod error;
mod established;
mod events;
#[cfg(feature = "fault-points")]
mod fault;
mod hand_over;
mod instance;
mod journal;
mod kernel;
mod line;
mod link_care;
mod notes;
mod outcome;
mod profile;
mod profile_disk;
mod recovery;
mod restart;
mod snapshot;
mod state_file;
mod steps;
mod supervisor;
mod switch;
mod wanted;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::cards::checker::Verdict;
use crate::config::{self, Config, ConfigError, Console};
use crate::control::{self, Refusal, Reply};
use crate::exit::Exit;
use crate::mode::{Action, Event, State};
use crate::sys::clock;
use crate::sys::configfs::Lun;
use crate::sys::netlink::{Monitor, Netlink, NetlinkError};
use crate::sys::notify;
use crate::sys::sandbox::close_inherited;
use crate::sys::uevent::{UeventError, Uevents};
use card_watch::CardWatch;
use clients::{ClientId, Clients};
pub use error::SwitchError;
use established::Established;
use hand_over::{Holds, Permission};
use instance::Instance;
pub use instance::{InstanceError, noted_config, same_file};
pub use kernel::{Kernel, Roots};
use line::Line;
use link_care::Care;
pub use outcome::Outcome;
use outcome::Reporter;
use supervisor::Supervisor;
use switch::{Job, Switched};
use worker::Worker;

/// How long a status waits for the responder's own figures.
const REPORT_WITHIN: Duration = Duration::from_secs(1);

/// What the daemon is started with.
#[derive(Debug)]
pub struct Options {
    /// The configuration file; none means the built-in defaults.
    pub config: Option<PathBuf>,
    /// Where socket, lock and state of this run are.
    pub run: PathBuf,
    /// The descriptor on which the first switch's outcome is reported.
    pub notify_fd: Option<i32>,
}

/// Why the daemon ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// the configuration
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// the run directory
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// the first switch, or the last
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// the kernel's events about links
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// the kernel's events about devices
    #[error(transparent)]
    Uevents(#[from] UeventError),
    /// something the loop cannot do without
    #[error("the daemon's event loop failed: {0}")]
    Loop(#[from] io::Error),
    /// it was to begin anew
    #[error("the daemon cannot begin anew: {0}; its supervisor, or usbnet start, starts another")]
    Restart(io::Error),
}

impl DaemonError {
    /// What the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::ConfigInvalid,
            Self::Instance(error) => error.exit(),
            Self::Switch(error) => error.exit(),
            Self::Netlink(_) | Self::Uevents(_) | Self::Loop(_) | Self::Restart(_) => Exit::Failed,
        }
    }
}

/// Runs until it is stopped. Returns with everything taken down, unless that failed; not at all if it is to begin anew.
///
/// # Errors
/// Why there is no daemon, why the first mode was not reached, or what could not be taken down.
pub fn run(options: Options) -> Result<(), DaemonError> {
    // A shell or an installer that waits for the end of what it left open would wait for ever.
    close_inherited(options.notify_fd);
    let mut reporter = Reporter::new(options.notify_fd.and_then(inherited));
    let mut restarts = false;
    let mut ended = Daemon::new(&options).and_then(|mut daemon| {
        let served = daemon.serve(&mut reporter);
        restarts = daemon.restarts;
        served
    });
    if ended.is_ok() && restarts {
        ended = Err(DaemonError::Restart(begin_anew()));
    }
    if let Err(error) = &ended {
        log::error!("{error}");
        match error {
            DaemonError::Instance(InstanceError::Running { .. }) => {
                reporter.report_elsewhere(&error.to_string())
            }
            _ => reporter.report(error.exit(), &error.to_string()),
        }
    }
    ended
}

/// The same process and command line from its beginning: to its supervisor nothing has ended. The program is the one that
/// is installed by then. Returns only if it fails.
fn begin_anew() -> io::Error {
    const RUNNING: &str = "/proc/self/exe";
    let mut arguments = std::env::args_os();
    let installed = std::fs::read_link(RUNNING).ok().and_then(|path| {
        let path = path.to_str()?;
        Some(PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(path)))
    });
    let mut command = Command::new(installed.filter(|path| path.exists()).unwrap_or_else(|| RUNNING.into()));
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).exec()
}

/// The descriptor of that number, if the process that started this one left it open.
fn inherited(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_GETFD only asks about the number; an unused one gives EBADF.
    let open = fd > 2 && unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
    // SAFETY: just seen to be open, handed over for this purpose, and owned by nothing else in this process.
    open.then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes down what a daemon that was killed left behind; returns what to tell the user.
///
/// # Errors
/// What could not be taken down, or that a daemon runs after all.
pub fn clean_up(run: &Path, config: &Config, stop: &control::Stop) -> Result<String, DaemonError> {
    let instance = Instance::acquire(run)?;
    let kernel = Kernel::new(config.clone(), Roots::system(run));
    let holds = recovery::hold_again(&kernel.observe(None, &[])?);
    let changed = switch::take_down(&kernel, None, holds, Permission::of(stop.force, stop.wait, None))?;
    instance.forget_config();
    Ok(if changed { "not running; removed what it had left behind" } else { "not running" }.to_owned())
}

/// Everything the loop holds.
struct Daemon {
    kernel: Arc<Kernel>,
    signals: SignalFd,
    uevents: Uevents,
    monitor: Monitor,
    netlink: Netlink,
    state: State,
    established: Option<Established>,
    supervisor: Option<Supervisor>,
    care: Care,
    worker: Option<Worker<Switched>>,
    /// How far the switch under way is.
    line: Option<Arc<Line>>,
    /// Who waits for the switch under way.
    asked: Option<ClientId>,
    /// Whose wish it is, in words.
    asked_by: Option<String>,
    /// The cards that are kept from everything else on the device; with the worker during a switch.
    holds: Holds,
    /// The media that were held before the switch under way.
    held: Vec<PathBuf>,
    /// The units that the cards were in then.
    units: BTreeMap<String, Lun>,
    /// The cards that the host gave back by itself, in a mode that lends the others.
    returned: BTreeSet<String>,
    /// What checking the cards that came back last found, by card.
    verdicts: BTreeMap<String, Verdict>,
    card_watch: CardWatch,
    /// Who waits for a status with the responder's latest figures, and until when.
    status_waiters: BTreeMap<ClientId, Duration>,
    /// When a refusal was logged last.
    refusal_logged: Duration,
    /// Why the last switch failed.
    error: Option<String>,
    /// Everything is to be taken down as soon as no switch is under way.
    ending: bool,
    /// What whoever asked for that last allows.
    ending_with: Permission,
    /// With which of these permissions everything is being taken down, and how many of the stoppers had asked by then.
    stopping_with: (Permission, usize),
    /// Who asked for that, beside signals.
    stoppers: Vec<ClientId>,
    /// Whether all of them want it to begin anew then.
    restarts: bool,
    /// Whether that is up to itself: a supervisor runs it, not `usbnet start`.
    supervised: bool,
    /// The configuration file; none for the built-in defaults.
    file: Option<PathBuf>,
    /// A UDC came or went while a switch was under way.
    missed_udc: bool,
    /// How often the service manager wants a sign of life.
    watchdog: Duration,
    /// When the next one is due.
    alive_due: Duration,
    /// Why the loop cannot go on.
    broken: Option<io::Error>,
    /// Dropped before the clients: a caller of `Stop` sees its connection close when the lock is free.
    instance: Option<Instance>,
    clients: Clients,
}

impl Daemon {
    fn new(options: &Options) -> Result<Self, DaemonError> {
        let config = options.config.as_deref().map_or_else(|| Ok(Config::default()), config::load)?;
        let instance = Instance::acquire(&options.run)?;
        instance.note_config(options.config.as_deref())?;
        let kernel = Kernel::new(config, Roots::system(&options.run));
        let daemon = std::process::id().cast_signed();
        let clients = Clients::new(instance.listen()?, kernel.group(), daemon)?;
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.add(Signal::SIGINT);
        mask.add(Signal::SIGHUP);
        mask.thread_block().map_err(io::Error::from)?;
        if kernel.config.control.console != Console::Off {
            console::start(options.run.join("control"))?;
        }
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let watchdog = notify::watchdog();
        Ok(Self {
            kernel: Arc::new(kernel),
            signals: SignalFd::with_flags(&mask, flags).map_err(io::Error::from)?,
            uevents: Uevents::open()?,
            monitor: Monitor::open()?,
            netlink: Netlink::open()?,
            state: State::Stopped,
            established: None,
            supervisor: None,
            care: Care::default(),
            worker: None,
            line: None,
            asked: None,
            asked_by: None,
            holds: Holds::default(),
            held: Vec::new(),
            units: BTreeMap::new(),
            returned: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            card_watch: CardWatch::default(),
            status_waiters: BTreeMap::new(),
            refusal_logged: Duration::ZERO,
            error: None,
            ending: false,
            ending_with: Permission::default(),
            stopping_with: (Permission::default(), 0),
            stoppers: Vec::new(),
            restarts: false,
            supervised: options.notify_fd.is_none(),
            file: options.config.clone(),
            missed_udc: false,
            watchdog,
            alive_due: clock::now().saturating_add(watchdog),
            broken: None,
            instance: Some(instance),
            clients,
        })
    }

    /// Carries out what the mode engine says about an event that nobody asked for.
    fn happen(&mut self, event: Event) {
        self.happen_for(event, None, Permission::default());
    }

    /// Carries out what the mode engine says about an event. `client` is answered when it is done.
    fn happen_for(&mut self, event: Event, client: Option<ClientId>, permission: Permission) {
        let action = if self.ending && event.begins() {
            Action::Refuse { target: None }
        } else {
            let (state, action) = std::mem::replace(&mut self.state, State::Stopped).next(event);
            self.state = state;
            action
        };
        match action {
            Action::Nothing => {}
            Action::Refuse { target } => {
                let target = target.unwrap_or_else(|| "none (stopping)".to_owned());
                self.clients
                    .reply(client, &Refusal::Switching { target, who: self.asked_by.clone() }.reply());
            }
            Action::Switch { from, to } => self.begin(from, to, client, permission),
        }
    }

    fn begin(
        &mut self,
        from: Option<String>,
        to: Option<String>,
        client: Option<ClientId>,
        permission: Permission,
    ) {
        let line = match Line::new() {
            Ok(line) => Arc::new(line),
            Err(error) => {
                self.broken = Some(error.into());
                return;
            }
        };
        self.asked = client;
        self.care = Care::default();
        self.held = self.holds.media();
        self.line = Some(Arc::clone(&line));
        self.publish_switching(to.as_deref());
        let established = self.established.take();
        self.units = established.as_ref().map(|established| established.units.clone()).unwrap_or_default();
        let job = Job {
            // Whoever asks for a mode wants all cards in it; one that is only mended stays as it is.
            mends: self.asked_by.is_none() && from == to,
            by_name: self.asked_by.is_some(),
            from,
            to,
            established,
            supervisor: self.supervisor.take(),
            holds: std::mem::take(&mut self.holds),
            returned: self.returned.clone(),
            permission,
            line,
        };
        let kernel = Arc::clone(&self.kernel);
        match Worker::start(move || switch::perform(&kernel, job)) {
            Ok(worker) => self.worker = Some(worker),
            Err(error) => self.broken = Some(error),
        }
    }

    fn answer(&mut self, client: Option<ClientId>, results: serde_json::Value) {
        self.clients.reply(client, &Reply::done(results));
    }
}
