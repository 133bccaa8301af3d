//! From one message's bytes to a typed call, and the part of Varlink that every service answers itself.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Call, DESCRIPTION, INTERFACE, Reply, Request, SetMode};
use crate::config::OnBusy;

const SERVICE: &str = "org.varlink.service";
const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");

/// What to do with one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// Do this, and reply unless `oneway`; reply repeatedly if `more`.
    Call {
        /// What.
        call: Call,
        /// The caller wants a reply for each event.
        more: bool,
        /// The caller wants no reply.
        oneway: bool,
    },
    /// Send this; nothing else is to be done.
    Answer(Reply),
    /// Nothing is to be sent either (a failed `oneway` call).
    Silence,
    /// It is not Varlink: close the connection.
    Garbage,
}

/// Understands one message (without its NUL).
#[must_use]
pub fn receive(message: &[u8]) -> Incoming {
    let Ok(request) = serde_json::from_slice::<Request>(message) else { return Incoming::Garbage };
    let (more, oneway) = (request.more, request.oneway);
    match understand(request) {
        Ok(call) => Incoming::Call { call, more, oneway },
        Err(_) if oneway => Incoming::Silence,
        Err(reply) => Incoming::Answer(reply),
    }
}

fn understand(request: Request) -> Result<Call, Reply> {
    let Some((interface, method)) = request.method.rsplit_once('.') else {
        return Err(service_error("InterfaceNotFound", "interface", &request.method));
    };
    match interface {
        INTERFACE => call(method, request.parameters, request.more),
        SERVICE => Err(introspect(method, &request.parameters)),
        other => Err(service_error("InterfaceNotFound", "interface", other)),
    }
}

fn call(method: &str, parameters: Value, more: bool) -> Result<Call, Reply> {
    Ok(match method {
        "Status" => Call::Status,
        "Modes" => Call::Modes,
        "SetMode" => Call::SetMode(set_mode(parameters)?),
        "Watch" if more => Call::Watch,
        "Watch" => return Err(Reply::error(&format!("{SERVICE}.ExpectedMore"), json!({}))),
        "Leases" => Call::Leases,
        "Stop" => Call::Stop(parameters_of(parameters, &[])?),
        "Cancel" => Call::Cancel,
        other => return Err(service_error("MethodNotFound", "method", other)),
    })
}

fn set_mode(parameters: Value) -> Result<SetMode, Reply> {
    let set: SetMode = parameters_of(parameters, &["name"])?;
    match set.on_busy.and_then(OnBusy::seconds) {
        Some(seconds) if !OnBusy::SECONDS.contains(&seconds) => {
            Err(service_error("InvalidParameter", "parameter", "on_busy"))
        }
        _ => Ok(set),
    }
}

/// Parameters by their type; `texts` are the ones that have to be there.
fn parameters_of<T: DeserializeOwned>(mut parameters: Value, texts: &[&str]) -> Result<T, Reply> {
    match &mut parameters {
        // Varlink writes an absent optional as `null` too, serde's `default` takes only an absent one.
        Value::Object(fields) => fields.retain(|_, value| !value.is_null()),
        // A call without parameters leaves them out.
        Value::Null => parameters = json!({}),
        _ => {}
    }
    let missing = texts.iter().find(|name| !parameters.get(**name).is_some_and(Value::is_string));
    let missing = missing.map(|name| (*name).to_owned());
    serde_json::from_value(parameters).map_err(|error| {
        let parameter = missing.unwrap_or_else(|| error.to_string());
        service_error("InvalidParameter", "parameter", &parameter)
    })
}

fn introspect(method: &str, parameters: &Value) -> Reply {
    match method {
        "GetInfo" => Reply::done(json!({
            "vendor": "usbnet",
            "product": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "url": "",
            "interfaces": [SERVICE, INTERFACE],
        })),
        "GetInterfaceDescription" => match parameters["interface"].as_str() {
            Some(INTERFACE) => description(DESCRIPTION),
            Some(SERVICE) => description(SERVICE_DESCRIPTION),
            Some(other) => service_error("InterfaceNotFound", "interface", other),
            None => service_error("InvalidParameter", "parameter", "interface"),
        },
        other => service_error("MethodNotFound", "method", other),
    }
}

fn description(text: &str) -> Reply {
    Reply::done(json!({ "description": text }))
}

fn service_error<T: Serialize + ?Sized>(name: &str, field: &str, value: &T) -> Reply {
    Reply::error(&format!("{SERVICE}.{name}"), json!({ field: value }))
}

#[cfg(test)]
mod tests {
    use super::super::Stop;
    use super::*;

    fn error(incoming: &Incoming) -> &str {
        match incoming {
            Incoming::Answer(reply) => reply.error.as_deref().unwrap_or("none"),
            _ => "not an answer",
        }
    }

    #[test]
    fn calls_are_understood() {
        let set = |name: &str, force, plan| {
            Call::SetMode(SetMode { name: name.into(), force, plan, ..SetMode::default() })
        };
        let busy = |on_busy, wait| {
            Call::SetMode(SetMode { name: "a".into(), on_busy: Some(on_busy), wait, ..SetMode::default() })
        };
        let table: &[(&str, &str, Call)] = &[
            ("status", r#"{"method":"org.usbnet.Control.Status"}"#, Call::Status),
            ("empty parameters", r#"{"method":"org.usbnet.Control.Modes","parameters":{}}"#, Call::Modes),
            ("null parameters", r#"{"method":"org.usbnet.Control.Leases","parameters":null}"#, Call::Leases),
            ("stop", r#"{"method":"org.usbnet.Control.Stop"}"#, Call::Stop(Stop::default())),
            (
                "stop, waiting",
                r#"{"method":"org.usbnet.Control.Stop","parameters":{"force":null,"wait":60}}"#,
                Call::Stop(Stop { wait: Some(60), ..Stop::default() }),
            ),
            ("cancel", r#"{"method":"org.usbnet.Control.Cancel","parameters":{}}"#, Call::Cancel),
            (
                "refuse",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"action":"refuse","seconds":null}}}"#,
                busy(OnBusy::Refuse, None),
            ),
            (
                "wait for holders and host",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"action":"wait","seconds":30},"wait":600}}"#,
                busy(OnBusy::Wait { seconds: 30 }, Some(600)),
            ),
            (
                "terminate",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"seconds":5,"action":"terminate"}}}"#,
                busy(OnBusy::Terminate { grace: 5 }, None),
            ),
            (
                "set mode",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a"}}"#,
                set("a", false, false),
            ),
            (
                "set mode, options absent as null",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","force":null,"plan":true}}"#,
                set("a", false, true),
            ),
        ];
        for (name, message, expected) in table {
            let Incoming::Call { call, more: false, oneway: false } = receive(message.as_bytes()) else {
                panic!("{name}: no call");
            };
            assert_eq!(call, *expected, "{name}");
        }
        assert_eq!(
            receive(br#"{"method":"org.usbnet.Control.Watch","more":true}"#),
            Incoming::Call { call: Call::Watch, more: true, oneway: false }
        );
    }

    /// Varlink's own parser reads the description, and every method in it is one that is understood.
    #[test]
    fn the_description_is_varlink_and_says_what_is_there() {
        for text in [DESCRIPTION, SERVICE_DESCRIPTION] {
            varlink_parser::IDL::try_from(text).expect("the description parses");
        }
        let idl = varlink_parser::IDL::try_from(DESCRIPTION).expect("the description parses");
        assert_eq!(idl.name, INTERFACE);
        for method in &idl.method_keys {
            let parameters = if *method == "SetMode" { json!({ "name": "network" }) } else { json!({}) };
            let message = json!({
                "method": format!("{INTERFACE}.{method}"),
                "parameters": parameters,
                "more": *method == "Watch",
            });
            let incoming = receive(message.to_string().as_bytes());
            assert!(matches!(incoming, Incoming::Call { .. }), "{method}: {incoming:?}");
        }
        assert_eq!(idl.method_keys.len(), 7);
        assert_eq!(
            idl.error_keys,
            [
                "Failed",
                "UnknownMode",
                "Switching",
                "CardBusy",
                "HostBusy",
                "Cancelled",
                "NotPermitted",
                "ReadOnlyConsole"
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_answered_by_its_standard_error() {
        let table = [
            ("no interface", r#"{"method":"Status"}"#, "org.varlink.service.InterfaceNotFound"),
            (
                "foreign interface",
                r#"{"method":"org.example.Status"}"#,
                "org.varlink.service.InterfaceNotFound",
            ),
            (
                "unknown method",
                r#"{"method":"org.usbnet.Control.Fly"}"#,
                "org.varlink.service.MethodNotFound",
            ),
            ("watch once", r#"{"method":"org.usbnet.Control.Watch"}"#, "org.varlink.service.ExpectedMore"),
            ("no name", r#"{"method":"org.usbnet.Control.SetMode"}"#, "org.varlink.service.InvalidParameter"),
            (
                "name of another type",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":1}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "unknown parameter",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","fast":true}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "busy without its time",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"action":"wait"}}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "busy for too long",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"action":"wait","seconds":3601}}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "busy for no time",
                r#"{"method":"org.usbnet.Control.SetMode","parameters":{"name":"a","on_busy":{"action":"terminate","seconds":0}}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "stop with a name",
                r#"{"method":"org.usbnet.Control.Stop","parameters":{"name":"a"}}"#,
                "org.varlink.service.InvalidParameter",
            ),
            (
                "description of nothing",
                r#"{"method":"org.varlink.service.GetInterfaceDescription"}"#,
                "org.varlink.service.InvalidParameter",
            ),
        ];
        for (name, message, expected) in table {
            assert_eq!(error(&receive(message.as_bytes())), expected, "{name}");
        }
        for garbage in ["", "{", "[]", "null", "\u{1}", r#"{"method":5}"#] {
            assert_eq!(receive(garbage.as_bytes()), Incoming::Garbage, "{garbage}");
        }
        assert_eq!(receive(br#"{"method":"x.y","oneway":true}"#), Incoming::Silence);
    }
}
