//! The object that usb-moded's clients call: names, arguments and signatures are usb-moded's.

use std::collections::HashMap;
use std::sync::Arc;

use async_io::Timer;
use blocking::unblock;
use futures_lite::future;
use usbnet::control::Link;
use zbus::Connection;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::Value;

use crate::bridge::{Bridge, switch};
use crate::failure::Failure;
use crate::permit::{Gate, quoted};
use crate::settings::{Chosen, Settings};
use crate::view::{ModeConfig, Signal, in_words};
use crate::words::{ASK, setting};

/// The bus name.
pub const NAME: &str = "com.meego.usb_moded";
/// The object's path.
pub const PATH: &str = "/com/meego/usb_moded";

type Details = HashMap<&'static str, Value<'static>>;

/// The object.
#[derive(Debug)]
pub struct UsbModed {
    bridge: Arc<Bridge>,
    gate: Arc<Gate>,
}

impl UsbModed {
    /// The object of this bridge.
    #[must_use]
    pub const fn new(bridge: Arc<Bridge>, gate: Arc<Gate>) -> Self {
        Self { bridge, gate }
    }

    /// Changes settings for a caller who may.
    async fn set(
        &self,
        bus: &Connection,
        call: &Header<'_>,
        what: &str,
        change: impl FnOnce(&mut Settings, u32) + Send,
    ) -> Result<(), Failure> {
        let uid = self.gate.pass(bus, call, what).await?;
        self.bridge.set(|settings| change(settings, uid))
    }

    async fn must_be_known(&self, mode: &str) -> Result<(), Failure> {
        match crate::view::named(mode, &self.bridge.facts_now().await?.modes) {
            Some(_) => Ok(()),
            None => Err(Failure::unknown_mode(mode)),
        }
    }
}

#[zbus::interface(name = "com.meego.usb_moded", introspection_docs = false)]
impl UsbModed {
    #[zbus(name = "mode_request", out_args("mode"))]
    fn mode_request(&self) -> String {
        self.bridge.view().current
    }

    #[zbus(name = "get_target_state", out_args("mode"))]
    fn get_target_state(&self) -> String {
        self.bridge.view().target
    }

    #[zbus(name = "get_target_mode_config", out_args("config"))]
    fn get_target_mode_config(&self) -> Details {
        details(&self.bridge.view().config)
    }

    #[zbus(name = "set_mode", out_args("mode"))]
    async fn set_mode(
        &self,
        mode: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, Failure> {
        self.gate.pass(bus, &call, &format!("mode {}", quoted(&mode))).await?;
        let facts = self.bridge.facts_now().await?;
        let name = self.bridge.settable(in_words(&mode, &facts.modes))?;
        if facts.is_set(&name) {
            return Ok(mode);
        }
        let run = self.bridge.run.clone();
        let mut done = unblock(move || switch(&run, &name));
        let patient = async {
            Timer::after(self.bridge.patience).await;
            None
        };
        match future::or(async { Some((&mut done).await) }, patient).await {
            Some(result) => result?,
            // As with usb-moded, a mode that takes its time is accepted, and signals tell how it ends.
            None => done.detach(),
        }
        Ok(mode)
    }

    #[zbus(name = "set_config", out_args("config"))]
    async fn set_config(
        &self,
        config: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, Failure> {
        if config != ASK {
            self.bridge.facts_now().await?;
            self.bridge.settable(&config)?;
        }
        let mode = config.clone();
        self.set(bus, &call, &format!("mode {} with each cable", quoted(&mode)), |settings, uid| {
            settings.mode = Some(Chosen { mode, uid })
        })
        .await?;
        Ok(config)
    }

    #[zbus(name = "get_config", out_args("mode"))]
    fn get_config(&self) -> String {
        self.bridge.view().chosen
    }

    #[zbus(name = "clear_config")]
    async fn clear_config(
        &self,
        uid: u32,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        self.set(bus, &call, &format!("no mode of user {uid} with each cable"), |settings, _| {
            settings.mode = settings.mode.take().filter(|mode| mode.uid != uid)
        })
        .await
    }

    #[zbus(name = "get_modes", out_args("modes"))]
    async fn get_modes(&self) -> Result<String, Failure> {
        self.bridge.look().await?;
        Ok(self.bridge.view().supported)
    }

    #[zbus(name = "get_available_modes", out_args("modes"))]
    async fn get_available_modes(&self) -> Result<String, Failure> {
        self.bridge.look().await?;
        Ok(self.bridge.view().available)
    }

    #[zbus(name = "get_available_modes_for_user", out_args("modes"))]
    async fn get_available_modes_for_user(
        &self,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, Failure> {
        self.bridge.look().await?;
        Ok(if self.gate.caller(bus, &call).await.is_ok() {
            self.bridge.view().available
        } else {
            String::new()
        })
    }

    #[zbus(name = "hide_mode", out_args("mode"))]
    async fn hide_mode(
        &self,
        mode: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, Failure> {
        self.must_be_known(&mode).await?;
        self.set(bus, &call, &format!("mode {} to be hidden", quoted(&mode)), |settings, _| {
            settings.hide(&mode, true)
        })
        .await?;
        Ok(mode)
    }

    #[zbus(name = "unhide_mode", out_args("mode"))]
    async fn unhide_mode(
        &self,
        mode: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<String, Failure> {
        if !self.bridge.settings().hidden.contains(&mode) {
            self.must_be_known(&mode).await?;
        }
        self.set(bus, &call, &format!("mode {} to be shown", quoted(&mode)), |settings, _| {
            settings.hide(&mode, false)
        })
        .await?;
        Ok(mode)
    }

    #[zbus(name = "get_hidden", out_args("modes"))]
    fn get_hidden(&self) -> String {
        self.bridge.view().hidden
    }

    #[zbus(name = "get_whitelisted_modes", out_args("modes"))]
    fn get_whitelisted_modes(&self) -> String {
        self.bridge.view().whitelist
    }

    #[zbus(name = "set_whitelisted_modes")]
    async fn set_whitelisted_modes(
        &self,
        modes: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        let modes = modes.split(',').map(str::trim).filter(|mode| !mode.is_empty());
        let modes: Vec<String> = modes.map(str::to_owned).collect();
        for mode in &modes {
            self.must_be_known(mode).await?;
        }
        self.set(bus, &call, &format!("whitelist {}", quoted(&modes.join(","))), |settings, _| {
            settings.restrict(modes)
        })
        .await
    }

    #[zbus(name = "set_whitelisted")]
    async fn set_whitelisted(
        &self,
        mode: String,
        whitelisted: bool,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        if whitelisted {
            self.must_be_known(&mode).await?;
        }
        self.set(
            bus,
            &call,
            &format!("mode {} to be whitelisted: {whitelisted}", quoted(&mode)),
            |settings, _| settings.allow(&mode, whitelisted),
        )
        .await
    }

    #[zbus(name = "net_config", out_args("key", "value"))]
    async fn net_config(
        &self,
        key: String,
        value: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(String, String), Failure> {
        self.gate.pass(bus, &call, &format!("{} of {}", quoted(&key), quoted(&value))).await?;
        // What is so already needs no setting, as with usb-moded.
        if net(&key, self.bridge.facts_now().await?.status.link.as_ref())? == value {
            return Ok((key, value));
        }
        Err(Failure::not_supported(format!(
            "{key} cannot be set over D-Bus; set link in /etc/usbnet/config.ron and run usbnet restart"
        )))
    }

    #[zbus(name = "get_net_config", out_args("key", "value"))]
    async fn get_net_config(&self, key: String) -> Result<(String, String), Failure> {
        let value = net(&key, self.bridge.facts_now().await?.status.link.as_ref())?;
        Ok((key, value))
    }

    #[zbus(name = "rescue_off")]
    fn rescue_off(&self) -> Result<(), Failure> {
        Err(Failure::not_supported("usbnet has no rescue mode; there is nothing to turn off"))
    }

    #[zbus(signal, name = "sig_usb_state_ind")]
    async fn state(emitter: &SignalEmitter<'_>, mode_or_event: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_current_state_ind")]
    async fn current(emitter: &SignalEmitter<'_>, mode: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_target_state_ind")]
    async fn target(emitter: &SignalEmitter<'_>, mode: &str) -> zbus::Result<()>;

    /// Misspelt in usb-moded, so here.
    #[zbus(signal, name = "sig_usb_taget_mode_config_ind")]
    async fn target_config(emitter: &SignalEmitter<'_>, config: Details) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_event_ind")]
    async fn event(emitter: &SignalEmitter<'_>, event: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_config_ind")]
    async fn config(emitter: &SignalEmitter<'_>, section: &str, key: &str, value: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_state_error_ind")]
    async fn error(emitter: &SignalEmitter<'_>, error: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_supported_modes_ind")]
    async fn supported(emitter: &SignalEmitter<'_>, modes: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_available_modes_ind")]
    async fn available(emitter: &SignalEmitter<'_>, modes: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_hidden_modes_ind")]
    async fn hidden(emitter: &SignalEmitter<'_>, modes: &str) -> zbus::Result<()>;

    #[zbus(signal, name = "sig_usb_whitelisted_modes_ind")]
    async fn whitelisted(emitter: &SignalEmitter<'_>, modes: &str) -> zbus::Result<()>;
}

/// Sends one signal, and its old form where there is one.
///
/// # Errors
/// The bus is gone.
pub async fn emit(emitter: &SignalEmitter<'_>, signal: &Signal) -> zbus::Result<()> {
    match signal {
        Signal::Current(mode) => {
            UsbModed::current(emitter, mode).await?;
            UsbModed::state(emitter, mode).await
        }
        Signal::Event(event) => {
            UsbModed::event(emitter, event).await?;
            UsbModed::state(emitter, event).await
        }
        Signal::Target(mode) => UsbModed::target(emitter, mode).await,
        Signal::TargetConfig(config) => UsbModed::target_config(emitter, details(config)).await,
        Signal::Error(error) => UsbModed::error(emitter, error).await,
        Signal::Config(section, key, value) => UsbModed::config(emitter, section, key, value).await,
        Signal::Supported(modes) => UsbModed::supported(emitter, modes).await,
        Signal::Available(modes) => UsbModed::available(emitter, modes).await,
        Signal::Hidden(modes) => UsbModed::hidden(emitter, modes).await,
        Signal::Whitelisted(modes) => UsbModed::whitelisted(emitter, modes).await,
    }
}

/// usb-moded's keys; there is neither appsync nor NAT behind a mode of usbnet.
fn details(config: &ModeConfig) -> Details {
    HashMap::from([
        ("mode_name", Value::from(config.name.clone())),
        ("appsync", Value::from(0_i32)),
        ("network", Value::from(i32::from(config.network))),
        ("network_interface", Value::from(config.interface.clone())),
        ("nat", Value::from(0_i32)),
        ("dhcp_server", Value::from(i32::from(config.dhcp_server))),
    ])
}

fn net(key: &str, link: Option<&Link>) -> Result<String, Failure> {
    if setting::UNMAPPED.contains(&key) {
        return Err(Failure::not_supported(format!("usbnet has no {key}; the host's network is left alone")));
    }
    let value = |of: fn(&Link) -> String| link.map(of).ok_or_else(Failure::no_link);
    match key {
        setting::IP => value(|link| address(link).0.to_owned()),
        setting::INTERFACE => value(|link| link.interface.clone()),
        setting::NETMASK => value(|link| netmask(address(link).1)),
        _ => {
            Err(Failure::invalid(format!("{key:?} is no key of the network; ip, interface and netmask are")))
        }
    }
}

/// `ADDRESS/PREFIX`
fn address(link: &Link) -> (&str, u32) {
    let (address, prefix) = link.address.split_once('/').unwrap_or((&link.address, "32"));
    (address, prefix.parse().unwrap_or(32))
}

fn netmask(prefix: u32) -> String {
    let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
    std::net::Ipv4Addr::from(mask).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_netmasks() {
        let table = [(0, "0.0.0.0"), (8, "255.0.0.0"), (27, "255.255.255.224"), (32, "255.255.255.255")];
        for (prefix, mask) in table {
            assert_eq!(netmask(prefix), mask);
        }
    }
}
