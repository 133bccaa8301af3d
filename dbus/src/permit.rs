//! Who may change something: root, whom polkit lets do `org.usbnet.switch`, and, where there is no polkit, whoever may
//! switch at the control socket too: the members of a supplementary group of this process, one of which lets it do it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::future;
use nix::unistd::{Gid, Group};
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};
use zbus::zvariant::Value;

use crate::failure::Failure;
use crate::limit::Calls;

/// polkit's action.
pub const ACTION: &str = "org.usbnet.switch";

const AUTHORITY: &str = "org.freedesktop.PolicyKit1";
const ALLOW_USER_INTERACTION: u32 = 1;

/// Every permitted call is logged, of the others one in this time: nobody shall fill the log.
const REFUSALS_APART: Duration = Duration::from_secs(1);

/// Far more than what answers by itself takes: the bus starts polkit in less.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a text of a caller's the log has.
const LOGGED: usize = 64;

/// Where a call that changes something has to pass; who asks for what is logged.
#[derive(Debug, Default)]
pub struct Gate {
    refusal_logged: Mutex<Option<Instant>>,
    /// The calls that polkit is asked for, by user: one who opens dialogs and answers none has the others wait for nothing.
    asking: Arc<Calls>,
}

impl Gate {
    /// Answers with the caller's uid if the caller may switch.
    ///
    /// # Errors
    /// It may not, or that cannot be found out.
    pub async fn pass(&self, bus: &Connection, call: &Header<'_>, what: &str) -> Result<u32, Failure> {
        let asked = self.caller(bus, call).await;
        match &asked {
            Ok(uid) => log::info!("user {uid} asks for {what}"),
            Err(refusal) if self.logs_refusal(Instant::now()) => {
                log::info!("{what} is refused: {refusal}");
            }
            Err(_) => {}
        }
        asked
    }

    /// Answers with the caller's uid if the caller may switch.
    ///
    /// # Errors
    /// It may not, or that cannot be found out.
    pub async fn caller(&self, bus: &Connection, call: &Header<'_>) -> Result<u32, Failure> {
        let unknown =
            |error: &dyn std::fmt::Display| Failure::denied(format!("cannot tell who calls: {error}"));
        let sender = call.sender().ok_or_else(|| unknown(&"the call has no sender"))?.clone();
        let credentials = async {
            let daemon = DBusProxy::new(bus).await?;
            Ok(daemon.get_connection_credentials(sender.clone().into()).await?)
        };
        let credentials = within(PATIENCE, credentials).await.map_err(|error| unknown(&error))?;
        let uid = credentials.unix_user_id().ok_or_else(|| unknown(&"the bus does not know its user"))?;
        if uid == 0 {
            return Ok(uid);
        }
        let _asking = self.asking.begin(&format!("user {uid}"))?;
        let groups = credentials.unix_group_ids().map(Vec::as_slice).unwrap_or_default();
        let why = match ask(bus, sender.as_str(), is_interactive(call)).await? {
            Some(true) => return Ok(uid),
            Some(false) => format!("polkit's action {ACTION} decides"),
            None => {
                let permitted = permitted_groups();
                if permitted.iter().any(|group| groups.contains(&group.as_raw())) {
                    return Ok(uid);
                }
                members(&permitted.into_iter().map(group_name).collect::<Vec<_>>())
            }
        };
        Err(Failure::denied(format!("user {uid} may not switch; {why}")))
    }

    fn logs_refusal(&self, now: Instant) -> bool {
        let mut logged = self.refusal_logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = logged.is_none_or(|logged| logged + REFUSALS_APART <= now);
        if is_due {
            *logged = Some(now);
        }
        is_due
    }
}

/// A caller's text for the log.
#[must_use]
pub fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(LOGGED).collect();
    let rest = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{rest}")
}

fn is_interactive(call: &Header<'_>) -> bool {
    call.primary().flags().contains(Flags::AllowInteractiveAuth)
}

/// polkit's verdict; none if there is no polkit.
async fn ask(bus: &Connection, sender: &str, interactive: bool) -> Result<Option<bool>, Failure> {
    let subject = ("system-bus-name", HashMap::from([("name", Value::from(sender))]));
    let flags = if interactive { ALLOW_USER_INTERACTION } else { 0 };
    let question = (subject, ACTION, HashMap::<&str, &str>::new(), flags, "");
    let path = "/org/freedesktop/PolicyKit1/Authority";
    let interface = Some("org.freedesktop.PolicyKit1.Authority");
    let failed = |error: zbus::Error| Failure::denied(format!("polkit does not answer: {error}"));
    let answer = bus.call_method(Some(AUTHORITY), path, interface, "CheckAuthorization", &question);
    // A person takes the time that a person takes.
    let answer = if interactive { answer.await } else { within(PATIENCE, answer).await };
    let reply = match answer {
        Err(zbus::Error::MethodError(name, ..)) if is_absent(name.as_str()) => return Ok(None),
        other => other.map_err(failed)?,
    };
    let (authorized, _challenge, _details): (bool, bool, HashMap<String, String>) =
        reply.body().deserialize().map_err(failed)?;
    Ok(Some(authorized))
}

/// What does not come within this time will not: the bus drops replies to a process that does not read them.
async fn within<T>(time: Duration, answer: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = async {
        Timer::after(time).await;
        Err(zbus::Error::Failure(format!("no answer in {} seconds", time.as_secs())))
    };
    future::or(answer, late).await
}

/// The bus knows no polkit and cannot start one. Anything else that goes wrong with it permits nothing.
fn is_absent(error: &str) -> bool {
    matches!(error, "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner")
}

/// Not the primary one: who shares that is no reason for trust.
fn permitted_groups() -> Vec<Gid> {
    let primary = nix::unistd::getegid();
    nix::unistd::getgroups().unwrap_or_default().into_iter().filter(|group| *group != primary).collect()
}

fn group_name(group: Gid) -> String {
    let known = Group::from_gid(group).ok().flatten();
    known.map_or_else(|| group.to_string(), |known| known.name)
}

fn members(groups: &[String]) -> String {
    match groups {
        [] => "without polkit, only root may".to_owned(),
        groups => format!("without polkit, only root and members of group {} may", groups.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_a_second_is_logged() {
        let (gate, start) = (Gate::default(), Instant::now());
        let table = [(0, true), (10, false), (999, false), (1000, true), (1500, false), (5000, true)];
        for (milliseconds, logged) in table {
            let now = start + Duration::from_millis(milliseconds);
            assert_eq!(gate.logs_refusal(now), logged, "{milliseconds}");
        }
    }

    #[test]
    fn an_answer_that_does_not_come_is_not_waited_for() {
        let waited =
            |answer: future::Boxed<zbus::Result<u8>>| async_io::block_on(within(Duration::ZERO, answer));
        assert_eq!(waited(Box::pin(future::ready(Ok(1)))), Ok(1));
        let error = waited(Box::pin(future::pending())).expect_err("nothing comes");
        assert!(error.to_string().contains("no answer in 0 seconds"), "{error}");
    }

    #[test]
    fn the_log_has_little_of_a_callers_text() {
        let table = [
            ("short", "storage".to_owned(), "\"storage\"".to_owned()),
            ("just so long", "x".repeat(64), format!("\"{}\"", "x".repeat(64))),
            ("longer", "ä".repeat(65), format!("\"{}\"…", "ä".repeat(64))),
            ("a line of its own", "a\nroot asks".to_owned(), r#""a\nroot asks""#.to_owned()),
        ];
        for (name, text, expected) in table {
            assert_eq!(quoted(&text), expected, "{name}");
        }
    }

    #[test]
    fn a_refusal_names_the_groups_that_may() {
        let table: [(&[&str], &str); 3] = [
            (&[], "without polkit, only root may"),
            (&["usbnet"], "without polkit, only root and members of group usbnet may"),
            (&["usbnet", "4242"], "without polkit, only root and members of group usbnet, 4242 may"),
        ];
        for (groups, expected) in table {
            let groups: Vec<String> = groups.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(members(&groups), expected);
        }
    }
}
