//! The second way to a switch: usbnet-dbus on the system bus, which lets whom polkit lets, such as the user at the device.

use std::time::Duration;

use usbnet::control::{Refusal, SetMode};
use usbnet::exit::Exit;
use zbus::blocking::connection::Builder;

const NAME: &str = "com.meego.usb_moded";
const PATH: &str = "/com/meego/usb_moded";

/// The bridge answers within 20 seconds by itself, done or not.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the bridge for what the daemon refused, if another may do it and the bridge can be asked for it.
///
/// # Errors
/// Why it is not done: the daemon's refusal, unless the bridge tried.
pub fn instead(set: &SetMode, refusal: Refusal) -> Result<(), Refusal> {
    match mode(set, &refusal) {
        Some(mode) => switch(mode).map_err(|error| told(&error).unwrap_or(refusal)),
        None => Err(refusal),
    }
}

/// The bridge takes a name and nothing else.
fn mode<'a>(set: &'a SetMode, refusal: &Refusal) -> Option<&'a str> {
    let plain = SetMode { name: set.name.clone(), ..SetMode::default() };
    (matches!(refusal, Refusal::NotPermitted { .. }) && *set == plain).then_some(&set.name)
}

fn switch(mode: &str) -> zbus::Result<()> {
    let bus = Builder::system()?.method_timeout(PATIENCE).build()?;
    bus.call_method(Some(NAME), PATH, Some(NAME), "set_mode", &(mode,)).map(|_| ())
}

/// What the bridge says to a user who may switch; nothing if it is not there or does not let this one.
fn told(error: &zbus::Error) -> Option<Refusal> {
    let zbus::Error::MethodError(name, message, _) = error else { return None };
    let own = name.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(".Error."));
    match own {
        Some("Cancelled") => return Some(Refusal::Cancelled {}),
        None if name.as_str() != "org.freedesktop.DBus.Error.Failed" => return None,
        _ => {}
    }
    let message = message.clone().unwrap_or_else(|| name.to_string());
    Some(Refusal::Failed { exit: Exit::Failed, message })
}

#[cfg(test)]
mod tests {
    use usbnet::config::OnBusy;
    use zbus::message::Message;
    use zbus::names::OwnedErrorName;

    use super::*;

    #[test]
    fn only_a_plain_switch_that_is_not_permitted_goes_that_way() {
        let plain = || SetMode { name: "storage".into(), ..SetMode::default() };
        let denied = || Refusal::NotPermitted { group: Some("usbnet".into()) };
        let busy = Refusal::HostBusy { cards: vec!["/media/mmc1".into()] };
        let table = [
            ("plain", plain(), denied(), Some("storage")),
            ("another refusal", plain(), busy, None),
            ("force", SetMode { force: true, ..plain() }, denied(), None),
            ("wait", SetMode { wait: Some(600), ..plain() }, denied(), None),
            ("on_busy", SetMode { on_busy: Some(OnBusy::Wait { seconds: 600 }), ..plain() }, denied(), None),
        ];
        for (name, set, refusal, expected) in table {
            assert_eq!(mode(&set, &refusal), expected, "{name}");
        }
    }

    #[test]
    fn what_the_bridge_says_is_told_unless_it_did_not_try() {
        let failed = || Some(Refusal::Failed { exit: Exit::Failed, message: "why".into() });
        let table = [
            ("com.meego.usb_moded.Error.CardBusy", failed()),
            ("com.meego.usb_moded.Error.NotWhitelisted", failed()),
            ("com.meego.usb_moded.Error.Cancelled", Some(Refusal::Cancelled {})),
            ("org.freedesktop.DBus.Error.Failed", failed()),
            ("org.freedesktop.DBus.Error.AccessDenied", None),
            ("org.freedesktop.DBus.Error.ServiceUnknown", None),
            ("org.freedesktop.DBus.Error.NoReply", None),
        ];
        let call = Message::method_call(PATH, "set_mode").and_then(|call| call.build(&())).expect("a call");
        for (name, expected) in table {
            let error = OwnedErrorName::try_from(name).expect("a name");
            let error = zbus::Error::MethodError(error, Some("why".into()), call.clone());
            assert_eq!(told(&error), expected, "{name}");
        }
        assert_eq!(told(&zbus::Error::InvalidReply), None, "no bus");
    }
}
