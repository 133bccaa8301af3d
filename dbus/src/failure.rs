//! Why a method has no result, as D-Bus errors: usb-moded's clients show the text, and tell the cases by the name.

use std::borrow::Cow;

use usbnet::cli::client::ClientError;
use usbnet::control::Refusal;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

/// An error's name and what it says to a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    name: Cow<'static, str>,
    message: String,
    /// What a refusal of the daemon's is made of, as JSON, for a caller that is no usb-moded's client.
    parameters: Option<String>,
}

impl Failure {
    fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name: Cow::Borrowed(name), message: message.into(), parameters: None }
    }

    /// The caller may not do this.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new("org.freedesktop.DBus.Error.AccessDenied", message)
    }

    /// An argument is not what it has to be.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("org.freedesktop.DBus.Error.InvalidArgs", message)
    }

    /// usbnet has nothing like it.
    #[must_use]
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new("org.freedesktop.DBus.Error.NotSupported", message)
    }

    /// There are as many calls as there may be.
    #[must_use]
    pub fn too_many(what: &str) -> Self {
        let message = format!("{what}; wait for an answer before the next one");
        Self::new("org.freedesktop.DBus.Error.LimitsExceeded", message)
    }

    /// Anything else.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new("org.freedesktop.DBus.Error.Failed", message)
    }

    /// Nobody answers on the control socket.
    #[must_use]
    pub fn not_running() -> Self {
        let message = "the usbnet daemon is not running; start it";
        Self::new("com.meego.usb_moded.Error.NotRunning", message)
    }

    /// The caller may, but the daemon does not let this process.
    fn bridge_not_permitted(group: Option<&String>) -> Self {
        let remedy = match group {
            Some(group) => {
                format!("make user usbnet-dbus a member of group {group}, and start usbnet-dbus again")
            }
            None => "set control: (group: \"usbnet\") in /etc/usbnet/config.ron, and run usbnet restart"
                .to_owned(),
        };
        let message = format!("the usbnet daemon does not let its D-Bus bridge switch; {remedy}");
        Self::new("com.meego.usb_moded.Error.BridgeNotPermitted", message)
    }

    /// No mode is called that.
    #[must_use]
    pub fn unknown_mode(mode: &str) -> Self {
        let message = format!("mode {mode:?} is not one of usbnet's; get_modes lists them");
        Self::new("com.meego.usb_moded.Error.UnknownMode", message)
    }

    /// The whitelist is against it.
    #[must_use]
    pub fn not_whitelisted(mode: &str) -> Self {
        let message = format!("mode {mode:?} is not in the whitelist; set_whitelisted adds it");
        Self::new("com.meego.usb_moded.Error.NotWhitelisted", message)
    }

    /// The mode that is set has no network.
    #[must_use]
    pub fn no_link() -> Self {
        let message = "the mode that is set has no network; set one that has";
        Self::new("com.meego.usb_moded.Error.NoLink", message)
    }

    /// A refusal as the daemon gave it, so that the caller can make of it what it makes of the daemon's own.
    #[must_use]
    pub fn passed_on(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) if !matches!(refusal, Refusal::NotPermitted { .. }) => {
                let reply = refusal.reply();
                let name = Cow::Owned(reply.error.unwrap_or_default());
                Self { name, message: refusal.to_string(), parameters: Some(reply.parameters.to_string()) }
            }
            error => error.into(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotRunning(_) => Self::not_running(),
            ClientError::Refused(refusal) => refusal.into(),
            error => Self::failed(error.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let name = match &refusal {
            // The three about profiles are no answers to what the bridge asks for.
            Refusal::Failed { .. }
            | Refusal::UnknownHost { .. }
            | Refusal::NoProfile { .. }
            | Refusal::NoLink { .. } => "org.freedesktop.DBus.Error.Failed",
            Refusal::UnknownMode { .. } => "com.meego.usb_moded.Error.UnknownMode",
            Refusal::Switching { .. } => "com.meego.usb_moded.Error.Switching",
            Refusal::CardBusy { .. } => "com.meego.usb_moded.Error.CardBusy",
            Refusal::HostBusy { .. } => "com.meego.usb_moded.Error.HostBusy",
            Refusal::Cancelled {} => "com.meego.usb_moded.Error.Cancelled",
            Refusal::ReadOnlyConsole { .. } => "org.freedesktop.DBus.Error.AccessDenied",
            Refusal::NotPermitted { group } => return Self::bridge_not_permitted(group.as_ref()),
        };
        Self::new(name, refusal.to_string())
    }
}

impl zbus::DBusError for Failure {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let reply = Message::error(call, &*self.name)?;
        match &self.parameters {
            Some(parameters) => reply.build(&(&self.message, parameters)),
            None => reply.build(&(&self.message,)),
        }
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_str_unchecked(&self.name)
    }

    fn description(&self) -> Option<&str> {
        Some(&self.message)
    }
}
