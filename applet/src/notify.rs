//! Desktop notifications (<https://specifications.freedesktop.org/notification-spec/latest/>).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use zbus::blocking::Connection;
use zbus::zvariant::Value;

use crate::markup;
use crate::model::{Choice, Input};
use crate::note::Note;
use crate::refused::Answer;

#[zbus::proxy(
    interface = "org.freedesktop.Notifications",
    default_service = "org.freedesktop.Notifications",
    default_path = "/org/freedesktop/Notifications"
)]
trait Notifications {
    fn get_capabilities(&self) -> zbus::Result<Vec<String>>;

    #[allow(clippy::too_many_arguments)]
    fn notify(
        &self,
        app_name: &str,
        replaces_id: u32,
        app_icon: &str,
        summary: &str,
        body: &str,
        actions: &[&str],
        hints: HashMap<&str, Value<'_>>,
        expire_timeout: i32,
    ) -> zbus::Result<u32>;

    fn close_notification(&self, id: u32) -> zbus::Result<()>;

    #[zbus(signal)]
    fn action_invoked(&self, id: u32, action_key: &str) -> zbus::Result<()>;
}

/// The one notification that is shown at a time.
#[derive(Debug)]
pub struct Notifier {
    notifications: NotificationsProxyBlocking<'static>,
    /// The one that is shown; 0 is none.
    shown: Arc<AtomicU32>,
}

impl Notifier {
    /// On the session bus; what is answered is sent to `choices`, and [`Choice::Quit`] when the session ends.
    ///
    /// # Errors
    /// The session bus's.
    pub fn new(session: &Connection, choices: Sender<Input>) -> zbus::Result<Self> {
        let notifications = NotificationsProxyBlocking::new(session)?;
        let shown = Arc::<AtomicU32>::default();
        let (answers, current) = (notifications.receive_action_invoked()?, Arc::clone(&shown));
        thread::spawn(move || {
            for answer in answers {
                let Ok(answered) = answer.args() else { continue };
                let answer =
                    action(answered.action_key).filter(|_| answered.id == current.load(Ordering::Acquire));
                if answer.is_some_and(|answer| send(&choices, Choice::Answer(answer)).is_none()) {
                    return;
                }
            }
            send(&choices, Choice::Quit);
        });
        Ok(Self { notifications, shown })
    }

    /// Shows a note instead of the one before. One with a question stays until it is answered.
    ///
    /// # Errors
    /// There is no notification daemon, or it does not like it.
    pub fn show(&self, note: &Note) -> zbus::Result<()> {
        self.withdraw();
        let markup = self.notifications.get_capabilities()?.iter().any(|name| name == "body-markup");
        let body = note.body();
        let body = if markup { markup::escape(&body) } else { body };
        let actions: Vec<&str> =
            note.answers.iter().flat_map(|offer| [key(offer.answer), &offer.label]).collect();
        let asks = !actions.is_empty();
        let (icon, expires) = if asks { ("drive-removable-media", 0) } else { ("dialog-warning", -1) };
        let id = self.notifications.notify(
            "usbnet",
            0,
            icon,
            &note.title,
            &body,
            &actions,
            HashMap::new(),
            expires,
        )?;
        self.shown.store(id, Ordering::Release);
        Ok(())
    }

    /// Takes it away again.
    pub fn withdraw(&self) {
        let id = self.shown.swap(0, Ordering::AcqRel);
        if id != 0 {
            // The user was quicker.
            let _ = self.notifications.close_notification(id);
        }
    }
}

fn send(choices: &Sender<Input>, choice: Choice) -> Option<()> {
    choices.send(Input::Chosen(choice)).ok()
}

const fn key(answer: Answer) -> &'static str {
    match answer {
        Answer::Wait => "wait",
        Answer::Cancel => "cancel",
        Answer::Force => "force",
    }
}

fn action(name: &str) -> Option<Answer> {
    [Answer::Wait, Answer::Cancel, Answer::Force].into_iter().find(|answer| key(*answer) == name)
}
