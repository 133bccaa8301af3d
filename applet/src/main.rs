//! usbnet's status-bar applet: the mode in the tray, another one in two clicks, and a question when a card is in use.
//!
//! Data flows one way: daemon and user → [`model`] → [`view`] → tray or notification.

mod args;
mod bridge;
mod daemon;
mod fold;
mod icon;
mod markup;
mod model;
mod note;
mod notify;
mod refused;
mod session;
mod tray;
mod view;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use clap::Parser;
use usbnet::control::Refusal;

use crate::args::Args;
use crate::model::{Effect, Input, Model};
use crate::note::Note;
use crate::notify::Notifier;
use crate::refused::Asked;
use crate::view::View;
use crate::words::Words;

/// How old figures may become that no event tells.
const FIGURES: Duration = Duration::from_secs(5);

/// Why it ends before its time.
#[derive(Debug, thiserror::Error)]
enum AppletError {
    /// no desktop
    #[error("no session bus: {0}; start it in a desktop session")]
    Session(#[from] zbus::Error),
    /// no desktop for the tray
    #[error("no session bus for the tray: {0}; start it in a desktop session, or see usbnet watch --format")]
    Tray(#[from] ksni::Error),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let words = Words::of_environment(|name| std::env::var(name).ok());
    match run(&args, &words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("usbnet-applet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs in the tray until the user or the session ends it.
fn run(args: &Args, words: &Words) -> Result<(), AppletError> {
    let Some(session) = session::enter()? else {
        eprintln!("usbnet-applet: it runs in this session already");
        return Ok(());
    };
    let (send, inputs) = mpsc::channel();
    let mut model = Model::default();
    let notifier = Notifier::new(&session, send.clone())?;
    let item = tray::show(View::of(&model, words), send.clone())?;
    let (run_dir, tell) = (args.run_dir.clone(), send.clone());
    thread::spawn(move || daemon::follow(&run_dir, |input| tell.send(input).is_ok()));
    while let Some(input) = next(&inputs, model.has_traffic()) {
        for effect in model.take(input) {
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Withdraw => notifier.withdraw(),
                Effect::Notify => notify(&notifier, &model, words),
                effect => ask(args.run_dir.clone(), effect, send.clone()),
            }
        }
        tray::update(&item, View::of(&model, words));
    }
    Ok(())
}

/// What happens next; if nothing does for a while, that is something too for whoever is impatient.
fn next(inputs: &Receiver<Input>, impatient: bool) -> Option<Input> {
    if !impatient {
        return inputs.recv().ok();
    }
    match inputs.recv_timeout(FIGURES) {
        Ok(input) => Some(input),
        Err(RecvTimeoutError::Timeout) => Some(Input::Idle),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// A desktop without notifications still has the menu.
fn notify(notifier: &Notifier, model: &Model, words: &Words) {
    let note = model.refused.as_ref().map(|refused| Note::of(refused, words));
    if let Some(Err(error)) = note.map(|note| notifier.show(&note)) {
        eprintln!("usbnet-applet: no notification: {error}");
    }
}

/// Asks the daemon, which can take minutes.
fn ask(run: PathBuf, effect: Effect, tell: Sender<Input>) {
    thread::spawn(move || {
        let answer = match effect {
            Effect::Ask(asked) => {
                let result = change(&run, &asked);
                Some(Input::Answered(asked, result))
            }
            Effect::Look => daemon::look(&run).ok().map(|seen| Input::Seen(Box::new(seen))),
            Effect::Count => Some(Input::Counted(daemon::link(&run))),
            Effect::Notify | Effect::Withdraw | Effect::Quit => None,
        };
        // Nobody listens only when the applet ends.
        answer.map(|answer| tell.send(answer));
    });
}

fn change(run: &Path, asked: &Asked) -> Result<(), Refusal> {
    let result = daemon::ask(run, asked).or_else(|refusal| bridge::instead(asked, refusal));
    // What has come to its end by itself needs no cancelling, and that no words.
    if matches!(asked, Asked::Cancel) && result.is_err() && daemon::is_settled(run) {
        return Ok(());
    }
    result
}
