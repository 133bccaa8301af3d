//! Why a method has no result, as D-Bus errors: usb-moded's clients show the text, and tell the cases by the name.

use usbnet::cli::client::ClientError;
use usbnet::control::Refusal;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

/// An error's name and what it says to a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    name: &'static str,
    message: String,
}

impl Failure {
    /// The caller may not do this.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        Self { name: "org.freedesktop.DBus.Error.AccessDenied", message: message.into() }
    }

    /// An argument is not what it has to be.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { name: "org.freedesktop.DBus.Error.InvalidArgs", message: message.into() }
    }

    /// usbnet has nothing like it.
    #[must_use]
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self { name: "org.freedesktop.DBus.Error.NotSupported", message: message.into() }
    }

    /// Anything else.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self { name: "org.freedesktop.DBus.Error.Failed", message: message.into() }
    }

    /// Nobody answers on the control socket.
    #[must_use]
    pub fn not_running() -> Self {
        let message = "the usbnet daemon is not running; start it";
        Self { name: "com.meego.usb_moded.Error.NotRunning", message: message.to_owned() }
    }

    /// No mode is called that.
    #[must_use]
    pub fn unknown_mode(mode: &str) -> Self {
        let message = format!("mode {mode:?} is not one of usbnet's; get_modes lists them");
        Self { name: "com.meego.usb_moded.Error.UnknownMode", message }
    }

    /// The whitelist is against it.
    #[must_use]
    pub fn not_whitelisted(mode: &str) -> Self {
        let message = format!("mode {mode:?} is not in the whitelist; set_whitelisted adds it");
        Self { name: "com.meego.usb_moded.Error.NotWhitelisted", message }
    }

    /// The mode that is set has no network.
    #[must_use]
    pub fn no_link() -> Self {
        let message = "the mode that is set has no network; set one that has";
        Self { name: "com.meego.usb_moded.Error.NoLink", message: message.to_owned() }
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
            Refusal::Failed { .. } => "org.freedesktop.DBus.Error.Failed",
            Refusal::UnknownMode { .. } => "com.meego.usb_moded.Error.UnknownMode",
            Refusal::Switching { .. } => "com.meego.usb_moded.Error.Switching",
            Refusal::CardBusy { .. } => "com.meego.usb_moded.Error.CardBusy",
            Refusal::HostBusy { .. } => "com.meego.usb_moded.Error.HostBusy",
            Refusal::Cancelled {} => "com.meego.usb_moded.Error.Cancelled",
            Refusal::ReadOnlyConsole { .. } => "org.freedesktop.DBus.Error.AccessDenied",
            Refusal::NotPermitted { .. } => {
                return Self::denied(format!(
                    "usbnet refuses its D-Bus bridge: {refusal}; make user usbnet-dbus a member of control.group"
                ));
            }
        };
        Self { name, message: refusal.to_string() }
    }
}

impl zbus::DBusError for Failure {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name)?.build(&(&self.message,))
    }

    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(self.name)
    }

    fn description(&self) -> Option<&str> {
        Some(&self.message)
    }
}
