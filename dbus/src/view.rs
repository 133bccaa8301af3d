//! What usb-moded's clients see: usbnet's state in usb-moded's words, and the signals that lead from one state to the
//! next. Values in, values out.

use usbnet::control::{EventKind, Mode, Phase, Place, Status, Udc};

use crate::cable::Cable;
use crate::settings::Settings;
use crate::words::{self, BUSY, CHARGING_ONLY, UNDEFINED, error, event, setting};

/// What the daemon says.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its status.
    pub status: Status,
    /// Its modes.
    pub modes: Vec<Mode>,
    /// Whether a host is there.
    pub cable: Cable,
}

impl Facts {
    /// Whether a mode of usbnet is the confirmed one.
    #[must_use]
    pub fn is_set(&self, mode: &str) -> bool {
        self.status.state == Phase::Confirmed && self.status.mode.as_deref() == Some(mode)
    }
}

/// What is sent; named after usb-moded's signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// `sig_usb_current_state_ind`, and `sig_usb_state_ind` for old clients.
    Current(String),
    /// `sig_usb_target_state_ind`
    Target(String),
    /// `sig_usb_taget_mode_config_ind`
    TargetConfig(ModeConfig),
    /// `sig_usb_event_ind`, and `sig_usb_state_ind` for old clients.
    Event(&'static str),
    /// `sig_usb_state_error_ind`
    Error(&'static str),
    /// `sig_usb_config_ind`: section, key, value.
    Config(&'static str, &'static str, String),
    /// `sig_usb_supported_modes_ind`
    Supported(String),
    /// `sig_usb_available_modes_ind`
    Available(String),
    /// `sig_usb_hidden_modes_ind`
    Hidden(String),
    /// `sig_usb_whitelisted_modes_ind`
    Whitelisted(String),
}

/// A mode as `get_target_mode_config` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModeConfig {
    /// Its name.
    pub name: String,
    /// It has a network function.
    pub network: bool,
    /// The interface, once it is there.
    pub interface: String,
    /// A DHCP server answers on it.
    pub dhcp_server: bool,
}

/// All that can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The mode that is set, or the state instead of one.
    pub current: String,
    /// The mode that is or will be set.
    pub target: String,
    /// Its description.
    pub config: ModeConfig,
    /// All modes that are not hidden.
    pub supported: String,
    /// Those that can be chosen here and now.
    pub available: String,
    /// The hidden ones.
    pub hidden: String,
    /// The whitelist; empty without one.
    pub whitelist: String,
    /// What is set when a cable comes.
    pub chosen: String,
    cable: Cable,
    takes_cards: bool,
    lends: bool,
}

impl View {
    /// What is seen of these facts; without a daemon, the modes that were known stay in the lists.
    #[must_use]
    pub fn of(facts: Option<&Facts>, settings: &Settings, before: &Self) -> Self {
        let chosen = settings.mode.as_ref().map_or(UNDEFINED, |chosen| &chosen.mode).to_owned();
        let view = Self {
            hidden: settings.hidden.join(","),
            whitelist: settings.whitelist.clone().unwrap_or_default().join(","),
            chosen,
            ..Self::default()
        };
        match facts {
            Some(facts) => view.with(facts, settings),
            None => Self {
                current: UNDEFINED.to_owned(),
                target: UNDEFINED.to_owned(),
                config: ModeConfig { name: UNDEFINED.to_owned(), ..ModeConfig::default() },
                supported: before.supported.clone(),
                available: before.available.clone(),
                ..view
            },
        }
    }

    fn with(self, Facts { status, modes, cable }: &Facts, settings: &Settings) -> Self {
        let current = match status.state {
            Phase::Switching => BUSY,
            Phase::Confirmed if cable.is_in() || host(status.udc.as_ref()).is_none() => {
                word_of(status.mode.as_ref(), modes)
            }
            Phase::Confirmed | Phase::Stopped | Phase::Lost => UNDEFINED,
        };
        let target = match status.state {
            Phase::Switching => word_of(status.target.as_ref(), modes),
            _ => current,
        };
        let has = |kinds: &[&str]| {
            named(target, modes)
                .is_some_and(|mode| mode.functions.iter().any(|one| kinds.contains(&one.as_str())))
        };
        let network = has(&["ecm", "ncm", "rndis", "eem", "geth"]);
        let link = status.link.as_ref().filter(|_| network && current == target);
        let config = ModeConfig {
            name: target.to_owned(),
            network,
            interface: link.map(|link| link.interface.clone()).unwrap_or_default(),
            dhcp_server: link.is_some() && status.responder.is_some(),
        };
        let has_card = |place| status.cards.iter().any(|card| card.place == place);
        let lends = has_card(Place::Host);
        Self {
            supported: list(modes, |name, _| !settings.hidden.iter().any(|hidden| hidden == name)),
            available: list(modes, |name, mode| {
                mode.why.is_none()
                    && settings.permits(name)
                    && !settings.hidden.iter().any(|hidden| hidden == name)
            }),
            takes_cards: current == BUSY && !lends && has_card(Place::Device) && has(&["mass_storage"]),
            current: current.to_owned(),
            target: target.to_owned(),
            config,
            cable: *cable,
            lends,
            ..self
        }
    }

    /// The signals that tell of the change, in usb-moded's order.
    #[must_use]
    pub fn signals(&self, before: &Self) -> Vec<Signal> {
        let config = |key, value: &String| Signal::Config(setting::USBMODE, key, value.clone());
        let chosen = || config(setting::MODE, &self.chosen);
        let table: [(bool, &dyn Fn() -> Signal); 15] = [
            (self.chosen != before.chosen, &chosen),
            (self.hidden != before.hidden, &|| config(setting::HIDE, &self.hidden)),
            (self.hidden != before.hidden, &|| Signal::Hidden(self.hidden.clone())),
            (self.whitelist != before.whitelist, &|| config(setting::WHITELIST, &self.whitelist)),
            (self.whitelist != before.whitelist, &|| Signal::Whitelisted(self.whitelist.clone())),
            (self.supported != before.supported, &|| Signal::Supported(self.supported.clone())),
            (self.available != before.available, &|| Signal::Available(self.available.clone())),
            (self.cable.is_in() && !before.cable.is_in(), &|| Signal::Event(event::CONNECTED)),
            (!self.cable.is_in() && before.cable.is_in(), &|| Signal::Event(event::DISCONNECTED)),
            (self.config != before.config, &|| Signal::TargetConfig(self.config.clone())),
            (self.target != before.target, &|| Signal::Target(self.target.clone())),
            (self.current != before.current, &|| Signal::Current(self.current.clone())),
            (self.takes_cards && !before.takes_cards, &|| Signal::Event(event::PRE_UNMOUNT)),
            (self.lends && !before.lends, &|| Signal::Event(event::DATA_IN_USE)),
            (self.cable.came_since(before.cable) && self.chosen == words::ASK, &|| {
                Signal::Event(event::ASK_USER)
            }),
        ];
        table.into_iter().filter(|(changed, _)| *changed).map(|(_, signal)| signal()).collect()
    }

    /// The mode to set now, because a cable came and one was chosen for that.
    #[must_use]
    pub fn wanted(&self, before: &Self) -> Option<&str> {
        let none = self.chosen == UNDEFINED || self.chosen == words::ASK || self.chosen == self.target;
        (self.cable.came_since(before.cable) && !none).then_some(self.chosen.as_str())
    }
}

/// Whether a host is there, as far as the UDC's state tells: without a bound gadget nobody can know.
#[must_use]
pub fn host(udc: Option<&Udc>) -> Option<bool> {
    udc.map(|udc| matches!(udc.state.as_str(), "default" | "addressed" | "configured" | "suspended"))
}

/// What usb-moded calls a mode of usbnet: its own name, unless usb-moded has a word for it that no other mode has.
fn word<'a>(mode: &'a str, modes: &[Mode]) -> &'a str {
    let known = words::MODES.iter().find(|(name, _)| *name == mode).map(|(_, word)| *word);
    known.filter(|word| modes.iter().all(|other| other.name != *word)).unwrap_or(mode)
}

fn word_of<'a>(mode: Option<&'a String>, modes: &[Mode]) -> &'a str {
    mode.map_or(UNDEFINED, |mode| word(mode, modes))
}

/// The mode of usbnet that has this name in usb-moded's words.
#[must_use]
pub fn named<'a>(name: &str, modes: &'a [Mode]) -> Option<&'a Mode> {
    modes.iter().find(|mode| word(&mode.name, modes) == name && !words::STATES.contains(&name))
}

/// A name in usb-moded's words: usbnet's own name of a mode is as good, where no mode has it as its word.
#[must_use]
pub fn in_words<'a>(name: &'a str, modes: &'a [Mode]) -> &'a str {
    let own = || modes.iter().find(|mode| mode.name == name).map(|mode| word(&mode.name, modes));
    named(name, modes).map_or_else(own, |_| Some(name)).unwrap_or(name)
}

/// usb-moded's lists end with `charging_only`.
fn list(modes: &[Mode], belongs: impl Fn(&str, &Mode) -> bool) -> String {
    let words = modes.iter().map(|mode| (word(&mode.name, modes), mode));
    let mut words: Vec<&str> = words
        .filter(|(word, mode)| !words::STATES.contains(word) && belongs(word, mode))
        .map(|(word, _)| word)
        .collect();
    words.sort_by_key(|word| *word == CHARGING_ONLY);
    words.join(", ")
}

/// What an event says went wrong. `failed`: the switch that ends with it was told of as failed already. `error`: the
/// daemon's word on the last switch; with a mode that was reached, it is about cards that are not back.
#[must_use]
pub fn failure(kind: EventKind, text: &str, failed: bool, error: Option<&str>) -> Option<Signal> {
    match (kind, error) {
        // The event has no field for it; `Refusal::CardBusy` says it so.
        (EventKind::Failed, _) if text.contains(" is busy: ") => Some(Signal::Error(error::UNMOUNT)),
        (EventKind::Failed, _) => Some(Signal::Error(error::MODE_SETTING)),
        (EventKind::Mode, Some(_)) if !failed => Some(Signal::Error(error::MOUNT)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
