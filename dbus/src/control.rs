//! usbnet's own interface beside usb-moded's: all that a switch can be asked for, and refusals that a program can take
//! apart, for who may not use the control socket.

use std::sync::Arc;

use blocking::unblock;
use serde_json::{Map, Value};
use usbnet::control::SetMode;
use zbus::Connection;
use zbus::message::Header;

use crate::bridge::{Bridge, cancel, set_mode};
use crate::failure::Failure;
use crate::permit::{Gate, quoted};

/// The object's other interface.
#[derive(Debug)]
pub struct Control {
    bridge: Arc<Bridge>,
    gate: Arc<Gate>,
}

impl Control {
    /// The interface of this bridge.
    #[must_use]
    pub const fn new(bridge: Arc<Bridge>, gate: Arc<Gate>) -> Self {
        Self { bridge, gate }
    }
}

#[zbus::interface(name = "org.usbnet.Bridge", introspection_docs = false)]
impl Control {
    /// Answers when the daemon does: a hand-over may take minutes.
    async fn set_mode(
        &self,
        name: String,
        parameters: String,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        let what = format!("mode {} with {}", quoted(&name), quoted(&parameters));
        self.gate.pass(bus, &call, &what).await?;
        let set = asked(name, &parameters)?;
        self.bridge.facts_now().await?;
        self.bridge.whitelisted(&set.name)?;
        let run = self.bridge.run.clone();
        unblock(move || set_mode(&run, &set)).await.map_err(Failure::passed_on)
    }

    async fn cancel(
        &self,
        #[zbus(connection)] bus: &Connection,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(), Failure> {
        self.gate.pass(bus, &call, "the switch to be cancelled").await?;
        let run = self.bridge.run.clone();
        unblock(move || cancel(&run)).await.map_err(Failure::passed_on)
    }
}

fn asked(name: String, parameters: &str) -> Result<SetMode, Failure> {
    let invalid = |why: &dyn std::fmt::Display| {
        let example = r#"{"on_busy": {"action": "wait", "seconds": 30}}"#;
        let parameters = quoted(parameters);
        Failure::invalid(format!("{parameters}: {why}; give a JSON object such as {example}, or {{}}"))
    };
    let mut object: Map<String, Value> = serde_json::from_str(parameters).map_err(|error| invalid(&error))?;
    object.insert("name".to_owned(), Value::String(name));
    let set = SetMode::of(Value::Object(object)).map_err(|error| invalid(&error))?;
    if set.plan {
        return Err(invalid(&"nothing is planned here, usbnet mode --plan does that"));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use usbnet::config::OnBusy;

    use super::*;

    #[test]
    fn parameters_are_those_of_the_control_socket() {
        let plain = SetMode { name: "storage".to_owned(), ..SetMode::default() };
        let on_busy = Some(OnBusy::Wait { seconds: 30 });
        let whole = SetMode { force: true, on_busy, wait: Some(600), ..plain.clone() };
        let other = SetMode { name: "network".to_owned(), ..whole.clone() };
        let table = [
            ("none", "{}".to_owned(), Ok(&plain)),
            ("null", r#"{"force":null,"on_busy":null,"wait":null}"#.to_owned(), Ok(&plain)),
            ("all", serde_json::to_string(&whole).unwrap(), Ok(&whole)),
            ("the name is the argument", serde_json::to_string(&other).unwrap(), Ok(&whole)),
            ("no JSON", String::new(), Err("\"\": EOF while parsing")),
            ("no object", "[]".to_owned(), Err("\"[]\": invalid type")),
            ("unknown", r#"{"speed":1}"#.to_owned(), Err("speed is missing, unknown")),
            (
                "of another type",
                r#"{"force":1}"#.to_owned(),
                Err("force is missing, unknown, of another type"),
            ),
            ("a plan", r#"{"plan":true}"#.to_owned(), Err("nothing is planned here")),
        ];
        for (name, parameters, expected) in table {
            match (asked("storage".to_owned(), &parameters), expected) {
                (Ok(set), Ok(expected)) => assert_eq!(set, *expected, "{name}"),
                (Err(failure), Err(part)) => {
                    let text = failure.to_string();
                    assert!(text.contains(part) && text.ends_with("or {}"), "{name}: {text}");
                }
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }
}
