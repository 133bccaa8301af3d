//! What is known of the daemon and of the settings, in one place; every change of either becomes signals.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use blocking::unblock;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use usbnet::cli::client::{ClientError, Connection};
use usbnet::control::{Mode, Phase, SetMode, Status};

use crate::cable::Cable;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::view::{Facts, Signal, View, host, in_words, named};

/// Where things are, and what is known.
#[derive(Debug)]
pub struct Bridge {
    /// The daemon's run directory.
    pub run: PathBuf,
    /// The settings' file.
    pub file: PathBuf,
    /// How long `set_mode` waits before it answers that the switch is under way.
    pub patience: Duration,
    known: Mutex<Known>,
    /// One asks at a time, so that the last answer is the last to be kept.
    asking: Mutex<()>,
    /// However many callers ask, one thread does.
    answer: Shared<Result<(), Failure>>,
    signals: Sender<Signal>,
}

#[derive(Debug)]
struct Known {
    facts: Option<Facts>,
    settings: Settings,
    view: View,
    cable: Cable,
    /// Counts what makes an answer that is on its way out of date.
    turns: u64,
}

#[derive(Deserialize)]
struct StatusReply {
    status: Status,
}

#[derive(Deserialize)]
struct ModesReply {
    modes: Vec<Mode>,
}

impl Bridge {
    /// A bridge that has not looked yet; its signals go to `signals` in their order.
    #[must_use]
    pub fn new(
        run: PathBuf,
        file: PathBuf,
        patience: Duration,
        settings: Settings,
        signals: Sender<Signal>,
    ) -> Self {
        let view = View::of(None, &settings, &View::default());
        let known = Mutex::new(Known { facts: None, settings, view, cable: Cable::default(), turns: 0 });
        Self { run, file, patience, known, asking: Mutex::new(()), answer: Shared::default(), signals }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What clients see.
    #[must_use]
    pub fn view(&self) -> View {
        self.known().view.clone()
    }

    /// What the daemon said last.
    ///
    /// # Errors
    /// There is no daemon.
    pub fn facts(&self) -> Result<Facts, Failure> {
        self.known().facts.clone().ok_or_else(Failure::not_running)
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.known().settings.clone()
    }

    /// Changes settings: on disk first.
    ///
    /// # Errors
    /// They cannot be saved, and are as before.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) -> Result<(), Failure> {
        let mut known = self.known();
        let mut settings = known.settings.clone();
        change(&mut settings);
        if settings != known.settings {
            let unsaved = |error| {
                let file = self.file.display();
                Failure::failed(format!("cannot write {file}: {error}; give usbnet-dbus its directory"))
            };
            settings.save(&self.file).map_err(unsaved)?;
            known.settings = settings;
            self.show(&mut known);
        }
        Ok(())
    }

    /// Asks the daemon what is, and shows it.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub fn refresh(&self) -> Result<Facts, ClientError> {
        let _turn = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = self.known().turns;
        let mut connection = Connection::open(&self.run)?;
        let StatusReply { status } = connection.call("Status", Value::Null)?;
        let ModesReply { modes } = connection.call("Modes", Value::Null)?;
        let mut known = self.known();
        let before = if status.state == Phase::Switching { known.cable.switching() } else { known.cable };
        let cable = before.seen(host(status.udc.as_ref()));
        let facts = Facts { status, modes, cable };
        if known.turns == turns {
            known.cable = cable;
            known.facts = Some(facts.clone());
            self.show(&mut known);
        }
        Ok(facts)
    }

    /// Asks the daemon for a caller. Modes come and go with cards and cables: whoever asks is told what is now.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn look(self: &Arc<Self>) -> Result<(), Failure> {
        let bridge = Arc::clone(self);
        let ask = async { unblock(move || bridge.refresh()).await.map(|_| ()).map_err(Failure::from) };
        self.answer.answer(ask).await
    }

    /// What the daemon said last; it is asked if nothing is known, since it may have come since it was last looked for.
    ///
    /// # Errors
    /// There is no daemon.
    pub async fn facts_now(self: &Arc<Self>) -> Result<Facts, Failure> {
        if self.facts().is_err() {
            self.look().await?;
        }
        self.facts()
    }

    /// A switch began; asking the daemon could be too late to see it.
    pub fn switching(&self, target: Option<String>) {
        let mut known = self.known();
        known.cable = known.cable.switching();
        known.turns += 1;
        if let Some(facts) = &mut known.facts {
            facts.status.state = Phase::Switching;
            facts.status.target = target;
            self.show(&mut known);
        }
    }

    /// How long a host has to come before it is taken for one that is not there; none if there is no doubt.
    pub fn doubtful_for(&self) -> Option<Duration> {
        self.known().cable.doubtful_for()
    }

    /// It has had that time.
    pub fn waited(&self) {
        let mut known = self.known();
        known.cable = known.cable.waited();
    }

    /// The daemon is gone.
    pub fn lose(&self) {
        let mut known = self.known();
        known.facts = None;
        known.cable = Cable::default();
        known.turns += 1;
        self.show(&mut known);
    }

    /// Sends a signal that is no change of what is seen.
    pub fn send(&self, signal: Signal) {
        // Nobody receives while the process ends.
        let _ = self.signals.send(signal);
    }

    fn show(&self, known: &mut Known) {
        let view = View::of(known.facts.as_ref(), &known.settings, &known.view);
        for signal in view.signals(&known.view) {
            self.send(signal);
        }
        if let Some(mode) = view.wanted(&known.view).and_then(|mode| self.mode(known, mode).ok()) {
            self.set_unasked(mode);
        }
        known.view = view;
    }

    /// usbnet's name of a mode that may be set.
    ///
    /// # Errors
    /// It is unknown, or not in the whitelist.
    pub fn settable(&self, mode: &str) -> Result<String, Failure> {
        self.mode(&self.known(), mode)
    }

    /// Whether the whitelist lets usbnet's mode of this name be set; what is no mode, it says nothing about.
    ///
    /// # Errors
    /// It does not, or there is no daemon.
    pub fn whitelisted(&self, name: &str) -> Result<(), Failure> {
        let known = self.known();
        let facts = known.facts.as_ref().ok_or_else(Failure::not_running)?;
        let word = in_words(name, &facts.modes);
        match known.settings.permits(word) {
            true => Ok(()),
            false => Err(Failure::not_whitelisted(word)),
        }
    }

    fn mode(&self, known: &Known, mode: &str) -> Result<String, Failure> {
        let facts = known.facts.as_ref().ok_or_else(Failure::not_running)?;
        let found = named(mode, &facts.modes).ok_or_else(|| Failure::unknown_mode(mode))?;
        match known.settings.permits(mode) {
            true => Ok(found.name.clone()),
            false => Err(Failure::not_whitelisted(mode)),
        }
    }

    /// The mode that was chosen for a cable that comes.
    fn set_unasked(&self, mode: String) {
        let run = self.run.clone();
        thread::spawn(move || match switch(&run, &mode) {
            Ok(()) => log::info!("mode {mode} is set because a cable came"),
            Err(error) => log::warn!("mode {mode} is not set although a cable came: {error}"),
        });
    }
}

/// Switches, and waits until the mode is confirmed.
///
/// # Errors
/// The daemon's refusal.
pub fn switch(run: &Path, mode: &str) -> Result<(), ClientError> {
    set_mode(run, &SetMode { name: mode.to_owned(), ..SetMode::default() })
}

/// The same, with what else may be said about it.
///
/// # Errors
/// The daemon's refusal.
pub fn set_mode(run: &Path, set: &SetMode) -> Result<(), ClientError> {
    Connection::open(run)?.switch(set).map(|_| ())
}

/// Gives up the switch under way.
///
/// # Errors
/// The daemon's refusal.
pub fn cancel(run: &Path) -> Result<(), ClientError> {
    Connection::open(run)?.call::<IgnoredAny>("Cancel", Value::Null).map(|_| ())
}
