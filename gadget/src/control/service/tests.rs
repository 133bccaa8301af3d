//! What is understood of a message, and what is answered to the rest.

use usbnet_host_profiles::Shape;

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
            "waiting as long as it goes",
            r#"{"method":"org.usbnet.Control.Stop","parameters":{"wait":86400}}"#,
            Call::Stop(Stop { wait: Some(86_400), ..Stop::default() }),
        ),
        (
            "profile",
            r#"{"method":"org.usbnet.Control.Profile","parameters":{"host":"ssh","shape":null}}"#,
            Call::Profile { host: "ssh".into(), shape: None },
        ),
        (
            "profile in a shape",
            r#"{"method":"org.usbnet.Control.Profile","parameters":{"host":"ssh","shape":"share-from-host"}}"#,
            Call::Profile { host: "ssh".into(), shape: Some(Shape::ShareFromHost) },
        ),
        (
            "optional fields of the message as null",
            r#"{"method":"org.usbnet.Control.Status","more":null,"oneway":null,"parameters":null}"#,
            Call::Status,
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
        let parameters = match *method {
            "SetMode" => json!({ "name": "network" }),
            "Profile" => json!({ "host": "networkmanager" }),
            _ => json!({}),
        };
        let message = json!({
            "method": format!("{INTERFACE}.{method}"),
            "parameters": parameters,
            "more": *method == "Watch",
        });
        let incoming = receive(message.to_string().as_bytes());
        assert!(matches!(incoming, Incoming::Call { .. }), "{method}: {incoming:?}");
    }
    assert_eq!(idl.method_keys.len(), 8);
    assert_eq!(
        idl.error_keys,
        [
            "Failed",
            "UnknownMode",
            "Switching",
            "CardBusy",
            "HostBusy",
            "Cancelled",
            "UnknownHost",
            "NoProfile",
            "NoLink",
            "NotPermitted",
            "ReadOnlyConsole"
        ]
    );
}

#[test]
fn the_parameter_that_is_wrong_is_named() {
    let busy = |on_busy: Value| json!({ "name": "a", "on_busy": on_busy });
    // (name, method, parameters, the one that is named)
    let table = [
        ("no object, and none wanted", "Status", json!([]), "parameters"),
        ("no object, and none needed", "Stop", json!([true, 5]), "parameters"),
        ("by position", "SetMode", json!(["a"]), "parameters"),
        ("a text", "Leases", json!("a"), "parameters"),
        ("unknown, and none wanted", "Status", json!({ "x": 1 }), "x"),
        ("unknown beside known ones", "SetMode", json!({ "name": "a", "fast": true }), "fast"),
        ("another method's", "Stop", json!({ "name": "a" }), "name"),
        ("missing", "SetMode", Value::Null, "name"),
        ("null is missing", "SetMode", json!({ "name": null }), "name"),
        ("of another type", "SetMode", json!({ "name": 1 }), "name"),
        ("an option of another type", "SetMode", json!({ "name": "a", "force": "yes" }), "force"),
        ("time below zero", "SetMode", json!({ "name": "a", "wait": -1 }), "wait"),
        ("no time", "SetMode", json!({ "name": "a", "wait": 0 }), "wait"),
        ("too much time", "SetMode", json!({ "name": "a", "wait": 86_401 }), "wait"),
        ("136 years", "Stop", json!({ "wait": u32::MAX }), "wait"),
        ("more than any", "Stop", json!({ "wait": 99_999_999_999_u64 }), "wait"),
        ("busy without its time", "SetMode", busy(json!({ "action": "wait" })), "on_busy"),
        ("busy for too long", "SetMode", busy(json!({ "action": "wait", "seconds": 3601 })), "on_busy"),
        ("busy for no time", "SetMode", busy(json!({ "action": "terminate", "seconds": 0 })), "on_busy"),
        ("busy with a word", "SetMode", busy(json!({ "action": "lazy" })), "on_busy"),
        ("busy with more", "SetMode", busy(json!({ "action": "refuse", "x": 1 })), "on_busy"),
        ("busy by position", "SetMode", busy(json!(["wait", 5])), "on_busy"),
        ("no host", "Profile", json!({ "shape": "link" }), "host"),
        ("no such shape", "Profile", json!({ "host": "ssh", "shape": "round" }), "shape"),
    ];
    for (name, method, parameters, expected) in table {
        let message = json!({ "method": format!("{INTERFACE}.{method}"), "parameters": parameters });
        let reply = service_error("InvalidParameter", "parameter", expected);
        assert_eq!(receive(message.to_string().as_bytes()), Incoming::Answer(reply), "{name}");
    }
    for (method, parameters, expected) in [
        ("GetInfo", json!([]), "parameters"),
        ("GetInfo", json!({ "x": 1 }), "x"),
        ("GetInterfaceDescription", Value::Null, "interface"),
        ("GetInterfaceDescription", json!({ "interface": 1 }), "interface"),
        ("GetInterfaceDescription", json!({ "interface": INTERFACE, "x": 1 }), "x"),
    ] {
        let message = json!({ "method": format!("{SERVICE}.{method}"), "parameters": parameters });
        let reply = service_error("InvalidParameter", "parameter", expected);
        assert_eq!(receive(message.to_string().as_bytes()), Incoming::Answer(reply), "{method} {expected}");
    }
}

#[test]
fn what_is_not_understood_is_answered_by_its_standard_error() {
    let table = [
        ("no interface", r#"{"method":"Status"}"#, "org.varlink.service.InterfaceNotFound"),
        ("foreign interface", r#"{"method":"org.example.Status"}"#, "org.varlink.service.InterfaceNotFound"),
        ("unknown method", r#"{"method":"org.usbnet.Control.Fly"}"#, "org.varlink.service.MethodNotFound"),
        ("watch once", r#"{"method":"org.usbnet.Control.Watch"}"#, "org.varlink.service.ExpectedMore"),
    ];
    for (name, message, expected) in table {
        assert_eq!(error(&receive(message.as_bytes())), expected, "{name}");
    }
    let by_position = r#"["org.usbnet.Control.Status",{},false,false]"#;
    for garbage in ["", "{", "[]", "null", "\u{1}", r#"{"method":5}"#, by_position] {
        assert_eq!(receive(garbage.as_bytes()), Incoming::Garbage, "{garbage}");
    }
    assert_eq!(receive(br#"{"method":"x.y","oneway":true}"#), Incoming::Silence);
}
