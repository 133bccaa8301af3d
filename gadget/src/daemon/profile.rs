//! `Profile`: what a host needs for the link as it is.

use usbnet_host_profiles::{LinkFacts, Shape};

use super::Daemon;
use super::clients::ClientId;
use crate::control::{HostProfile, Refusal, Reply};
use crate::exit::Exit;

impl Daemon {
    pub(super) fn profile(&mut self, client: Option<ClientId>, host: &str, shape: Option<Shape>) {
        let made = self.link_facts().and_then(|(mode, facts)| HostProfile::new(mode, &facts, host, shape));
        let reply = match made {
            Ok(profile) => Reply::done(serde_json::json!(profile)),
            Err(refusal) => refusal.reply(),
        };
        self.clients.reply(client, &reply);
    }

    /// The mode that is set, and its link.
    fn link_facts(&self) -> Result<(&str, LinkFacts), Refusal> {
        let mode = self.state.mode();
        let link = self.established.as_ref().and_then(|established| established.link.as_ref());
        let (Some(mode), Some(link)) = (mode, link) else {
            return Err(Refusal::NoLink { mode: mode.map(str::to_owned) });
        };
        let failed = |error: crate::profile::ProfileError| Refusal::Failed {
            exit: Exit::Failed,
            message: error.to_string(),
        };
        Ok((mode, self.kernel.link_facts(mode, &link.addresses).map_err(failed)?))
    }
}
