//! The second way to a change: usbnet-dbus on the system bus, which lets whom polkit lets, such as the user at the device.

use serde_json::json;
use usbnet::control::{INTERFACE, Refusal};
use usbnet::exit::Exit;
use zbus::blocking::Connection;
use zbus::message::Message;

use crate::refused::Asked;

/// What the bridge's own errors begin with.
const OWN: &str = "com.meego.usb_moded.Error.";

/// Without a bound: a password may have to be typed, and a hand-over takes as long as whoever uses a card.
#[zbus::proxy(
    interface = "org.usbnet.Bridge",
    default_service = "com.meego.usb_moded",
    default_path = "/com/meego/usb_moded"
)]
trait Bridge {
    #[zbus(allow_interactive_auth)]
    fn set_mode(&self, name: &str, parameters: &str) -> zbus::Result<()>;

    #[zbus(allow_interactive_auth)]
    fn cancel(&self) -> zbus::Result<()>;
}

/// Asks the bridge for what the daemon refused, if another may do it.
///
/// # Errors
/// Why it is not done: the daemon's refusal, unless the bridge tried.
pub fn instead(asked: &Asked, refusal: Refusal) -> Result<(), Refusal> {
    where_not_permitted(refusal, || ask(asked))
}

fn where_not_permitted(refusal: Refusal, ask: impl FnOnce() -> zbus::Result<()>) -> Result<(), Refusal> {
    match refusal {
        Refusal::NotPermitted { .. } => ask().map_err(|error| told(&error).unwrap_or(refusal)),
        other => Err(other),
    }
}

fn ask(asked: &Asked) -> zbus::Result<()> {
    let bridge = BridgeProxyBlocking::new(&Connection::system()?)?;
    match asked {
        Asked::Mode(set) => bridge.set_mode(&set.name, &json!(set).to_string()),
        Asked::Cancel => bridge.cancel(),
    }
}

/// What the bridge says to a user who may switch; nothing if it is not there or does not let this one.
fn told(error: &zbus::Error) -> Option<Refusal> {
    let zbus::Error::MethodError(name, message, reply) = error else { return None };
    let tried = match name.as_str() {
        "org.freedesktop.DBus.Error.Failed"
        | "org.freedesktop.DBus.Error.InvalidArgs"
        | "org.freedesktop.DBus.Error.NoReply" => true,
        other => other.starts_with(OWN) || other.starts_with(INTERFACE),
    };
    let failed = || {
        let message = message.clone().unwrap_or_else(|| name.to_string());
        Refusal::Failed { exit: Exit::Failed, message }
    };
    tried.then(|| daemons(name, reply).unwrap_or_else(failed))
}

/// The daemon's refusal, which the bridge passes on: its sentence, and its parameters as JSON.
fn daemons(name: &str, reply: &Message) -> Option<Refusal> {
    let (_, parameters): (String, String) = reply.body().deserialize().ok()?;
    Some(Refusal::from_reply(name, &serde_json::from_str(&parameters).ok()?))
}

#[cfg(test)]
mod tests {
    use usbnet::cards::HolderKind;
    use zbus::names::ErrorName;

    use super::*;
    use crate::refused::tests::held;

    fn call() -> Message {
        Message::method_call("/", "SetMode").and_then(|call| call.build(&())).expect("a call")
    }

    fn error(name: &str, body: &(impl serde::Serialize + zbus::zvariant::DynamicType)) -> zbus::Error {
        let name = ErrorName::try_from(name).expect("a name");
        let reply = Message::error(&call().header(), name).and_then(|error| error.build(body));
        reply.expect("an error").into()
    }

    #[test]
    fn only_what_is_not_permitted_goes_that_way() {
        let denied = Refusal::NotPermitted { group: None };
        let busy = Refusal::HostBusy { cards: vec!["/media/mmc1".into()] };
        for (refusal, expected) in [(denied, Ok(())), (busy.clone(), Err(busy))] {
            assert_eq!(where_not_permitted(refusal, || Ok(())), expected);
        }
    }

    #[test]
    fn the_daemons_refusals_come_through_whole() {
        let table = [
            Refusal::CardBusy { holders: vec![held(HolderKind::OpenFile, Some(812))] },
            Refusal::HostBusy { cards: vec!["/media/mmc1".into()] },
            Refusal::Switching { target: "network".into(), who: None },
            Refusal::UnknownMode { name: "x".into(), modes: vec!["network".into()] },
            Refusal::Cancelled {},
            Refusal::Failed { exit: Exit::NoKernelSupport, message: "no UDC".into() },
        ];
        for refusal in table {
            let reply = refusal.reply();
            let body = (refusal.to_string(), reply.parameters.to_string());
            assert_eq!(told(&error(&reply.error.expect("an error"), &body)), Some(refusal));
        }
    }

    #[test]
    fn what_the_bridge_says_is_told_unless_it_did_not_try() {
        let failed = || Some(Refusal::Failed { exit: Exit::Failed, message: "why".into() });
        let table = [
            ("com.meego.usb_moded.Error.BridgeNotPermitted", failed()),
            ("com.meego.usb_moded.Error.NotRunning", failed()),
            ("com.meego.usb_moded.Error.NotWhitelisted", failed()),
            ("org.usbnet.Control.CardBusy", failed()),
            ("org.freedesktop.DBus.Error.Failed", failed()),
            ("org.freedesktop.DBus.Error.InvalidArgs", failed()),
            ("org.freedesktop.DBus.Error.NoReply", failed()),
            ("org.freedesktop.DBus.Error.AccessDenied", None),
            ("org.freedesktop.DBus.Error.ServiceUnknown", None),
            ("org.freedesktop.DBus.Error.UnknownMethod", None),
        ];
        for (name, expected) in table {
            assert_eq!(told(&error(name, &"why")), expected, "{name}");
        }
        assert_eq!(told(&zbus::Error::InvalidReply), None, "no bus");
    }
}
