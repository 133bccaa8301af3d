//! The loop itself: wait for the next thing, and let the right part of the daemon deal with it.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use serde_json::json;

use super::hand_over::Permission;
use super::link_care::Care;
use super::supervisor::Happened;
use super::{Daemon, DaemonError, REPORT_WITHIN, Reporter, SwitchError};
use super::{restart, switch};
use crate::config::{self, Console};
use crate::control::{Call, Caller, EventKind, Refusal, Reply, Role};
use crate::exit::Exit;
use crate::mode::{Event, State};
use crate::sys::poll::poll;
use crate::sys::uevent::{Action, Received, Uevent};
use crate::sys::{clock, notify};

use super::clients::{Asked, ClientId};

/// How long after a refusal the next one is logged.
const REFUSALS_APART: Duration = Duration::from_secs(1);

/// What can wake the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Signals,
    Clients,
    Uevents,
    Monitor,
    Worker,
    Responder,
    Cable,
    Line,
}

impl Daemon {
    /// Runs until it is stopped, or cannot go on: then what is set is taken down all the same.
    pub(super) fn serve(&mut self, reporter: &mut Reporter) -> Result<(), DaemonError> {
        let result = self.run(reporter);
        if let Err(DaemonError::Loop(_) | DaemonError::Uevents(_) | DaemonError::Netlink(_)) = &result
            && let Err(error) = self.take_down()
        {
            log::error!("{error}");
        }
        result
    }

    fn take_down(&mut self) -> Result<bool, SwitchError> {
        self.clients.close_port(); // the kernel waits for that, and nobody would hear it
        let (supervisor, holds) = (self.supervisor.take(), std::mem::take(&mut self.holds));
        switch::take_down(&self.kernel, supervisor, holds, Permission::default())
    }

    fn run(&mut self, reporter: &mut Reporter) -> Result<(), DaemonError> {
        self.recover();
        self.happen(Event::Ask { mode: self.kernel.start_mode() });
        loop {
            for source in self.wait()? {
                match source {
                    Source::Signals => self.signalled(),
                    Source::Clients => {
                        for asked in self.clients.serve()? {
                            self.asked(asked);
                        }
                    }
                    Source::Uevents => self.device_events()?,
                    Source::Monitor => self.link_events()?,
                    Source::Responder => self.responder_speaks(),
                    Source::Cable => self.cable(),
                    Source::Line => self.progress(),
                    Source::Worker => {
                        if let Some(result) = self.switched(reporter) {
                            return result;
                        }
                    }
                }
            }
            self.timers();
            self.lend_port();
            if let Some(error) = self.broken.take() {
                return Err(error.into());
            }
            if self.ending && self.worker.is_none() {
                self.stopping_with = (self.ending_with, self.stoppers.len());
                self.happen_for(Event::Stop, None, self.ending_with);
            }
        }
    }

    /// Waits until something is to be done; says what. Sleeps without limit when there is no deadline.
    fn wait(&self) -> Result<Vec<Source>, io::Error> {
        let mut fds = vec![
            (Source::Signals, self.signals.as_fd(), PollFlags::POLLIN),
            (Source::Clients, self.clients.as_fd(), PollFlags::POLLIN),
            (Source::Uevents, self.uevents.as_fd(), PollFlags::POLLIN),
            (Source::Monitor, self.monitor.as_fd(), PollFlags::POLLIN),
        ];
        fds.extend(self.worker.as_ref().map(|worker| (Source::Worker, worker.as_fd(), PollFlags::POLLIN)));
        let responder = self.supervisor.as_ref().and_then(super::supervisor::Supervisor::fd);
        fds.extend(responder.map(|fd| (Source::Responder, fd, PollFlags::POLLIN)));
        fds.extend(self.line.as_ref().map(|line| (Source::Line, line.as_fd(), PollFlags::POLLIN)));
        let watch = self.established.as_ref().and_then(|established| established.cable.as_ref());
        fds.extend(watch.map(|watch| (Source::Cable, watch.as_fd(), PollFlags::POLLPRI)));
        let mut polled: Vec<PollFd> = fds.iter().map(|(_, fd, flags)| PollFd::new(*fd, *flags)).collect();
        match poll(&mut polled, self.timeout()) {
            Err(Errno::EINTR) => return Ok(Vec::new()),
            other => other?,
        };
        let ready = |(at, _): &(usize, &(Source, _, _))| polled[*at].any().unwrap_or(true);
        Ok(fds.iter().enumerate().filter(ready).map(|(_, (source, ..))| *source).collect())
    }

    fn timeout(&self) -> PollTimeout {
        let restart = self.supervisor.as_ref().and_then(super::supervisor::Supervisor::deadline);
        let cards = self.card_watch.due().filter(|_| self.worker.is_none());
        let deadlines =
            self.status_waiters.values().copied().chain(restart).chain(self.care.due()).chain(cards);
        let next = deadlines.min().unwrap_or(Duration::MAX).min(self.alive_due);
        if next == Duration::MAX {
            return PollTimeout::NONE;
        }
        // One millisecond more: rounded down, the loop would spin through the last one.
        let left = next.saturating_sub(clock::now()) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    fn timers(&mut self) {
        let now = clock::now();
        if let Some(happened) = self.supervisor.as_mut().and_then(|supervisor| supervisor.due(now)) {
            self.tell_of_responder(happened);
        }
        if self.alive_due <= now {
            notify::alive();
            self.alive_due = now.saturating_add(self.watchdog);
        }
        if self.care.due().is_some_and(|due| due <= now) {
            self.tend_link();
        }
        if self.worker.is_none() && self.card_watch.due().is_some_and(|due| due <= now) {
            self.look_at_cards();
        }
        // The one that asked first has waited longest, and the responder is as silent to all.
        if self.status_waiters.values().any(|until| *until <= now) {
            self.answer_status(false);
        }
    }

    /// The host's port, once a mode is set; a switch takes it back.
    fn lend_port(&mut self) {
        if self.worker.is_none()
            && let State::Confirmed { .. } = self.state
        {
            self.clients.lend_port(|| self.kernel.console_port());
        }
    }

    fn signalled(&mut self) {
        while let Ok(Some(signal)) = self.signals.read_signal() {
            log::info!("ends because of signal {}", signal.ssi_signo);
            self.end_soon(Permission::default(), false);
        }
    }

    fn asked(&mut self, Asked { client, caller, call }: Asked) {
        if call.changes()
            && let Err(refusal) = self.permitted(caller, &call)
        {
            return self.clients.reply(client, &refusal.reply());
        }
        match call {
            Call::Status => self.status(client),
            Call::Modes => {
                let modes = self.kernel.modes(self.state.mode(), &self.held_media());
                self.answer(client, json!({ "modes": modes }));
            }
            Call::Leases => {
                let leases = self.leases();
                self.answer(client, json!({ "leases": leases }));
            }
            Call::Profile { host, shape } => self.profile(client, &host, shape),
            Call::Watch => {
                self.clients.watch(client);
                let first = self.mode_event();
                self.clients.reply(client, &Reply::more(json!({ "event": first })));
            }
            Call::Stop(stop) => {
                // Where there was none, the new process takes the system's, if that has come.
                let file = config::source(self.file.clone());
                if let Some(refusal) = restart::objection(&stop, caller, self.supervised, file.as_deref()) {
                    return self.clients.reply(client, &refusal.reply());
                }
                self.end_soon(Permission::of(stop.force, stop.wait, None), stop.restart);
                self.stoppers.extend(client);
            }
            Call::Cancel => self.cancel(client),
            Call::SetMode(set) if self.kernel.config.mode(&set.name).is_none() => {
                self.clients.reply(client, &self.kernel.unknown_mode(&set.name).reply());
            }
            Call::SetMode(set) if set.plan => self.plan(client, set.name),
            Call::SetMode(set) => {
                if self.worker.is_none() {
                    self.asked_by = Some(caller.to_string());
                }
                let permission = Permission::of(set.force, set.wait, set.on_busy);
                self.happen_for(Event::Ask { mode: set.name }, client, permission);
            }
        }
    }

    /// Whatever is under way, and may wait for long, gives way: also an end that may do less than is allowed now.
    fn end_soon(&mut self, permission: Permission, restart: bool) {
        let allowed = if self.ending { self.ending_with.or(permission) } else { permission };
        // One who wants an end prevails over one who wants a new beginning.
        self.restarts = restart && self.supervised && (self.restarts || !self.ending);
        self.ending = true;
        self.ending_with = allowed;
        let gives_way = match &self.state {
            State::Switching { to: Some(_), .. } => true,
            State::Switching { to: None, .. } => allowed != self.stopping_with.0,
            _ => false,
        };
        if let Some(line) = self.line.as_ref().filter(|_| gives_way) {
            line.cancel();
        }
    }

    /// Every permitted call is logged with who asked, of the others one a second: nobody shall fill the log.
    fn permitted(&mut self, caller: Caller, call: &Call) -> Result<(), Refusal> {
        let control = &self.kernel.config.control;
        let refusal = match caller.role {
            Role::Switcher => None,
            Role::Console if control.console == Console::Full => None,
            Role::Console => {
                Some(Refusal::ReadOnlyConsole { setting: "control: (console: Full)".to_owned() })
            }
            Role::Reader => Some(Refusal::NotPermitted { group: control.group.clone() }),
        };
        let now = clock::now();
        let Some(refusal) = refusal else {
            log::info!("{caller} asks for {call:?}");
            return Ok(());
        };
        if self.refusal_logged + REFUSALS_APART <= now {
            self.refusal_logged = now;
            log::info!("{caller} may not ask for {call:?}");
        }
        Err(refusal)
    }

    fn plan(&mut self, client: Option<ClientId>, mode: String) {
        match switch::shell_lines(&self.kernel, &mode, self.supervisor.as_ref(), &self.held_media()) {
            Ok(steps) => self.answer(client, json!({ "mode": mode, "steps": steps })),
            Err(error) => self.clients.reply(client, &error.refusal().reply()),
        }
    }

    fn cancel(&mut self, client: Option<ClientId>) {
        let message = match self.line.as_ref().filter(|_| self.worker.is_some()) {
            Some(line) if line.cancel() => return self.answer(client, json!({})),
            Some(_) => "the switch is being undone already; wait for it (usbnet watch)",
            None => "no switch is under way; nothing to cancel",
        };
        let message = message.to_owned();
        self.clients.reply(client, &Refusal::Failed { exit: Exit::Failed, message }.reply());
    }

    /// A status has the responder's figures of now, so it is asked first, and for a bounded time.
    fn status(&mut self, client: Option<ClientId>) {
        let Some(client) = client else { return };
        let asks = self.supervisor.as_ref().is_some_and(super::supervisor::Supervisor::ask);
        self.status_waiters.insert(client, clock::now() + REPORT_WITHIN);
        if !asks {
            self.answer_status(false);
        }
    }

    /// Everybody who waits for it is answered with the same: a thousand that ask cost one look.
    fn answer_status(&mut self, responder_answers: bool) {
        let waiters = std::mem::take(&mut self.status_waiters);
        if waiters.is_empty() {
            return;
        }
        let reply = Reply::done(json!({ "status": self.snapshot(responder_answers) }));
        for client in waiters.into_keys() {
            self.clients.reply(Some(client), &reply);
        }
    }

    fn responder_speaks(&mut self) {
        let happened = self.supervisor.as_mut().and_then(|supervisor| supervisor.readable(clock::now()));
        let Some(happened) = happened else { return };
        self.answer_status(matches!(happened, Happened::Reported { .. }));
        self.tell_of_responder(happened);
    }

    fn tell_of_responder(&mut self, happened: Happened) {
        match happened {
            Happened::Reported { new } => {
                self.lease_reported();
                for lease in new {
                    let name = lease.hostname.as_deref().unwrap_or("no name");
                    let text = format!("lease: {} to {} ({name})", lease.address, lease.mac);
                    self.publish(EventKind::Lease, text, Some(lease.address.to_string()));
                }
            }
            Happened::Died { how } => {
                log::warn!("the responder ended ({how}); it is started again");
                self.publish(EventKind::Responder, format!("responder ended: {how}"), None);
            }
            Happened::Started { pid } => {
                self.publish(
                    EventKind::Responder,
                    format!("responder started, pid {pid}"),
                    Some(pid.to_string()),
                );
            }
            Happened::NotStarted { why } => {
                log::warn!("the responder could not be started: {why}");
                self.publish(EventKind::Responder, format!("responder not started: {why}"), None);
            }
        }
    }

    fn device_events(&mut self) -> Result<(), DaemonError> {
        while let Some(received) = self.uevents.next_event()? {
            match received {
                Received::Event(event) if event.subsystem.as_deref() == Some("udc") => self.udc_event(&event),
                Received::Event(event) if event.subsystem.as_deref() == Some("block") => self.block_event(),
                Received::Event(_) => {}
                Received::Malformed(error) => log::debug!("{error}"),
                Received::Overflow => self.look_at_udc(),
            }
        }
        Ok(())
    }

    fn udc_event(&mut self, event: &Uevent) {
        // A switch binds and unbinds, which changes the UDC and is no news.
        self.missed_udc |= self.worker.is_some() && matches!(event.action, Action::Add | Action::Remove);
        let ours = self.established.as_ref().and_then(|established| established.udc.as_deref())
            == Some(event.name());
        match event.action {
            Action::Add => self.udc_came(),
            Action::Remove if ours => self.udc_gone(),
            _ => {}
        }
    }

    /// After events that were lost or came in the middle of a switch: is our UDC still there, or one again?
    pub(super) fn look_at_udc(&mut self) {
        if matches!(self.state, State::Confirmed { .. }) && !self.kernel.is_bound(self.established.as_ref()) {
            self.udc_gone();
        }
        if matches!(self.state, State::Lost { .. }) && self.kernel.has_udc() {
            self.udc_came();
        }
    }

    fn udc_gone(&mut self) {
        log::warn!("the UDC is gone; the mode is set again when one is there");
        self.established = None;
        self.supervisor = None;
        self.care = Care::default();
        self.publish(EventKind::Cable, "UDC gone".to_owned(), None);
        self.happen(Event::UdcGone);
    }

    fn udc_came(&mut self) {
        self.happen(Event::UdcCame);
    }

    fn cable(&mut self) {
        let Some(established) = self.established.as_mut() else { return };
        let Some(state) = established.cable_state() else {
            established.cable = None; // a watch on what is gone is always ready
            return self.look_at_udc();
        };
        log::info!("cable: {state}");
        self.publish(EventKind::Cable, format!("cable: {state}"), Some(state.to_string()));
    }
}
