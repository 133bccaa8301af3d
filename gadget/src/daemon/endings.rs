//! How a switch ends: what is told to whom, and whether the daemon goes on.

use std::io;

use serde_json::json;

use super::clients::ClientId;
use super::hand_over::Permission;
use super::link_care::Care;
use super::switch::Switched;
use super::{Daemon, DaemonError, Reporter, SwitchError};
use crate::control::{self, Refusal};
use crate::exit::Exit;
use crate::mode::{Event, State};

impl Daemon {
    /// The worker is done; some endings end the daemon too.
    pub(super) fn switched(&mut self, reporter: &mut Reporter) -> Option<Result<(), DaemonError>> {
        let done = self.worker.take()?.finish();
        let Some(Switched { result, complaints, holds, returned, verdicts, undone, established, supervisor }) =
            done
        else {
            self.broken = Some(io::Error::other("the switch ended abnormally"));
            return None;
        };
        self.progress();
        self.line = None;
        self.asked_by = None;
        self.holds = holds;
        self.returned = returned;
        self.verdicts.extend(verdicts);
        self.established = established;
        self.supervisor = supervisor;
        self.know_cards();
        self.care = Care::new(self.established.as_ref());
        self.tend_link();
        let stopping = matches!(self.state, State::Switching { to: None, .. });
        let client = self.asked.take();
        match result {
            Ok(()) => self.reached(client, &complaints, reporter),
            // What the host has must be kept from the device: then the daemon stays.
            Err(error) if stopping && !undone && self.holds.is_empty() => return Some(self.end(Err(error))),
            Err(error) => {
                let waits = reporter.is_expected() && !reporter.has_starter() && undone && error.lacks_udc();
                // A switch that was refused has changed nothing, which a client is told and the sender of a signal is
                // not. That no host is plugged in yet is no failure.
                let told = error.is_refusal() && (client.is_some() || !self.stoppers.is_empty());
                if !told {
                    self.error = (!waits).then(|| error.to_string());
                }
                self.publish_failed(&error);
                self.clients.reply(client, &error.refusal().reply());
                self.happen(if waits { Event::NoUdc } else { Event::Failed { undone } });
                if stopping {
                    self.go_on_after(&error);
                    return None;
                }
                if self.ending {
                    // Given up for that: what is left of it is taken down next, and whoever asked is answered then.
                    reporter.report(error.exit(), &error.to_string());
                    return None;
                }
                if reporter.is_expected() && self.holds.is_empty() && !waits {
                    if let Some(instance) = self.instance.as_ref().filter(|_| undone) {
                        instance.forget_config();
                    }
                    return Some(Err(error.into()));
                }
                let text = error.to_string();
                if told {
                    log::info!("{text}");
                } else {
                    if waits {
                        reporter.waits(error.exit(), &text)
                    } else {
                        reporter.goes_on(error.exit(), &text)
                    }
                    log::error!("{text}");
                }
            }
        }
        if stopping {
            return Some(self.end(complaints.into_iter().next().map_or(Ok(()), Err)));
        }
        if std::mem::take(&mut self.missed_udc) {
            self.look_at_udc();
        }
        None
    }

    /// The host still uses a card: the daemon does not end, whoever wanted that is told why. Unless somebody asked
    /// meanwhile who allows more.
    fn go_on_after(&mut self, error: &SwitchError) {
        log::error!("{error}");
        let (permission, asked) = self.stopping_with;
        self.ending = self.ending_with != permission;
        let later = if self.ending { self.stoppers.split_off(asked) } else { Vec::new() };
        for client in std::mem::replace(&mut self.stoppers, later) {
            self.clients.reply(Some(client), &error.refusal().reply());
        }
        if !self.ending {
            self.ending_with = Permission::default();
            self.restarts = false;
        }
    }

    fn reached(&mut self, client: Option<ClientId>, complaints: &[SwitchError], reporter: &mut Reporter) {
        let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        let complaint = (!complaints.is_empty()).then(|| complaints.join("; "));
        self.error.clone_from(&complaint);
        self.happen(Event::Reached);
        let Some(mode) = self.state.mode().map(str::to_owned) else { return };
        self.publish_mode();
        if let Err(error) = super::state_file::remember(&self.kernel.last_mode_file(), &mode) {
            log::warn!("the mode is not remembered for the next start: {error}");
        }
        let Some(complaint) = complaint else {
            reporter.goes_on(Exit::Done, &self.mode_text());
            return self.answer(client, json!({ "mode": mode, "steps": [] }));
        };
        let message = format!(
            "mode {mode} is set, but not every card is back: {complaint}; it is tried again with every switch, and \
             `usbnet stop --force` gives it up"
        );
        log::error!("{message}");
        reporter.goes_on(Exit::Failed, &message);
        self.clients.reply(client, &Refusal::Failed { exit: Exit::Failed, message }.reply());
    }

    /// Gives the lock back first, then answers, then lets the connections close.
    fn end(&mut self, result: Result<(), SwitchError>) -> Result<(), DaemonError> {
        if let Some(instance) = self.instance.take()
            && result.is_ok()
        {
            instance.forget_config();
        }
        log::info!("stopped");
        let reply = match &result {
            Ok(()) => control::Reply::done(json!(control::Stopped { restarts: self.restarts })),
            Err(error) => error.refusal().reply(),
        };
        for client in std::mem::take(&mut self.stoppers) {
            self.clients.reply(Some(client), &reply);
        }
        Ok(result?)
    }
}
