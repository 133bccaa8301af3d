//! Whatever the daemon says has the types that the interface's description promises.

use serde_json::{Value, json};
use varlink_parser::{IDL, VStruct, VStructOrEnum, VType, VTypeExt};

use super::*;
use crate::cards::{Holder, HolderKind};
use crate::config::{FunctionKind, OnBusy};
use crate::exit::Exit;

/// Whether a value has a type: every field of a structure is one of its own, and only an optional one may be absent.
fn fits(idl: &IDL, value: &Value, vtype: &VTypeExt) -> Result<(), String> {
    let plain = match vtype {
        VTypeExt::Option(_) if value.is_null() => return Ok(()),
        VTypeExt::Option(inner) => return fits(idl, value, inner),
        VTypeExt::Array(inner) => {
            let items = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
            return items.iter().try_for_each(|item| fits(idl, item, inner));
        }
        VTypeExt::Dict(inner) => {
            let items = value.as_object().ok_or_else(|| format!("{value} is no dictionary"))?;
            return items.values().try_for_each(|item| fits(idl, item, inner));
        }
        VTypeExt::Plain(plain) => plain,
    };
    let is = |right: bool, what: &str| if right { Ok(()) } else { Err(format!("{value} is no {what}")) };
    let one_of = |words: &[&str]| is(value.as_str().is_some_and(|word| words.contains(&word)), "such word");
    match plain {
        VType::Bool => is(value.is_boolean(), "bool"),
        VType::Int => is(value.is_i64() || value.is_u64(), "int"),
        VType::Float => is(value.is_number(), "float"),
        VType::String => is(value.is_string(), "string"),
        VType::Object => Ok(()),
        VType::Struct(fields) => fields_fit(idl, value, fields),
        VType::Enum(words) => one_of(&words.elts),
        VType::Typename(name) => match &idl.typedefs[name].elt {
            VStructOrEnum::VStruct(fields) => fields_fit(idl, value, fields),
            VStructOrEnum::VEnum(words) => one_of(&words.elts),
        },
    }
}

fn fields_fit(idl: &IDL, value: &Value, fields: &VStruct) -> Result<(), String> {
    let there = value.as_object().ok_or_else(|| format!("{value} is no structure"))?;
    let known = |name: &String| fields.elts.iter().any(|field| field.name == name);
    if let Some(unknown) = there.keys().find(|name| !known(name)) {
        return Err(format!("{unknown} is not described"));
    }
    fields.elts.iter().try_for_each(|field| {
        let value = there.get(field.name).unwrap_or(&Value::Null);
        fits(idl, value, &field.vtype).map_err(|error| format!("{}: {error}", field.name))
    })
}

fn idl() -> IDL<'static> {
    IDL::try_from(DESCRIPTION).expect("the description parses")
}

#[test]
fn every_refusal_is_an_error_of_the_description() {
    let holder = |pid, text: Option<&str>| Holder {
        kind: HolderKind::MountNamespace,
        pid,
        program: text.map(Into::into),
        user: text.map(Into::into),
        path: "/media/mmc1".into(),
    };
    let held = |holder| Held { card: "/media/mmc1".into(), holder };
    let refusals = [
        Refusal::Failed { exit: Exit::Failed, message: "it did".into() },
        Refusal::UnknownMode { name: "a".into(), modes: vec!["b".into()] },
        Refusal::Switching { target: "a".into(), who: None },
        Refusal::Switching { target: "a".into(), who: Some("uid 0 (pid 1)".into()) },
        Refusal::CardBusy { holders: vec![held(holder(Some(1), Some("vi"))), held(holder(None, None))] },
        Refusal::HostBusy { cards: vec!["/media/mmc1".into()] },
        Refusal::Cancelled {},
        Refusal::UnknownHost { name: "a".into(), hosts: vec!["ssh".into()] },
        Refusal::NoProfile { host: "ssh".into(), why: "it has none".into() },
        Refusal::NoLink { mode: None },
        Refusal::NoLink { mode: Some("charging".into()) },
        Refusal::NotPermitted { group: None },
        Refusal::NotPermitted { group: Some("netdev".into()) },
        Refusal::ReadOnlyConsole { setting: "control: (console: Full)".into() },
    ];
    let idl = idl();
    let mut tried = std::collections::BTreeSet::new();
    for refusal in refusals {
        let reply = refusal.reply();
        let name = reply.error.expect("an error");
        let name = name.strip_prefix(INTERFACE).and_then(|name| name.strip_prefix('.')).expect("one of ours");
        let error = idl.errors.get(name).unwrap_or_else(|| panic!("{name} is not described"));
        fields_fit(&idl, &reply.parameters, &error.parm).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        tried.insert(name.to_owned());
    }
    let described: Vec<String> = idl.errors.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(tried.into_iter().collect::<Vec<_>>(), described, "none is described and never given");
}

#[test]
fn every_result_is_as_described() {
    let text = || Some("text".to_owned());
    let counters = Counters { received: 1, answered: 1, dropped: [("bad".to_owned(), u64::MAX)].into() };
    let status = Status {
        mode: text(),
        target: text(),
        state: Phase::Confirmed,
        error: text(),
        backend: text(),
        udc: Some(Udc { name: "udc".into(), state: "configured".into(), speed: text() }),
        role: text(),
        link: Some(Link {
            interface: "usb0".into(),
            mac: "02:".into(),
            host_mac: text(),
            address: "192.168.2.15/27".into(),
            host: "192.168.2.14".into(),
            mtu: 1500,
            up: true,
            carrier: true,
            received_bytes: 1,
            sent_bytes: 1,
            moved: text(),
        }),
        responder: Some(Responder {
            pid: Some(1),
            dhcp: counters.clone(),
            dns: counters,
            ..Responder::default()
        }),
        leases: vec![Lease { address: "a".into(), mac: "m".into(), hostname: text(), seconds_left: 1 }],
        cards: [Place::Device, Place::Host, Place::Nobody, Place::Absent]
            .map(|place| Card {
                name: "/media/mmc1".into(),
                place,
                device: text(),
                size_bytes: Some(1),
                filesystem: text(),
                label: text(),
                read_only: true,
                mounted_on: vec!["/media/mmc1".into()],
                note: text(),
            })
            .into(),
        progress: Some(Progress { card: text(), what: "waiting".into(), bytes_left: Some(1), seconds: 1 }),
        system: System::default(),
    };
    let nothing = Status {
        mode: None,
        target: None,
        error: None,
        backend: None,
        udc: None,
        role: None,
        link: None,
        responder: None,
        progress: None,
        cards: Vec::new(),
        leases: Vec::new(),
        state: Phase::Stopped,
        system: System::default(),
    };
    let mode = Mode { name: "a".into(), functions: vec!["ncm".into()], current: true, why: text() };
    let event = Event {
        kind: EventKind::Cable,
        text: "cable".into(),
        mode: None,
        value: text(),
        exit: Some(Exit::CardBusy),
    };
    let results = [
        ("Status", json!({ "status": status })),
        ("Status", json!({ "status": nothing })),
        ("Modes", json!({ "modes": [mode] })),
        ("SetMode", json!(ModeReply { mode: "a".into(), steps: vec!["true".into()] })),
        ("Cancel", json!({})),
        ("Watch", json!({ "event": event })),
        ("Leases", json!({ "leases": status.leases })),
        ("Stop", json!(Stopped { restarts: true })),
    ];
    // All of them, for the words of what they have in common.
    let facts = profile::tests::facts(FunctionKind::Rndis);
    let profiles = usbnet_host_profiles::ALL
        .iter()
        .map(|host| ("Profile", json!(HostProfile::new("a", &facts, host.name, None).expect("a profile"))));
    let results: Vec<_> = results.into_iter().chain(profiles).collect();
    let idl = idl();
    for (method, result) in &results {
        let described = &idl.methods[method].output;
        fields_fit(&idl, result, described).unwrap_or_else(|wrong| panic!("{method}: {wrong}"));
    }
    assert!(idl.method_keys.iter().all(|key| results.iter().any(|(method, _)| method == key)));
    for wrong in [json!({ "status": { "mode": 1 } }), json!({ "status": status, "more": 1 }), json!({})] {
        assert!(fields_fit(&idl, &wrong, &idl.methods["Status"].output).is_err(), "{wrong}");
    }
}

#[test]
fn every_parameter_is_as_described() {
    let idl = idl();
    for on_busy in [OnBusy::Refuse, OnBusy::Wait { seconds: 1 }, OnBusy::Terminate { grace: 1 }] {
        let set =
            SetMode { name: "a".into(), force: true, plan: true, on_busy: Some(on_busy), wait: Some(1) };
        fields_fit(&idl, &json!(set), &idl.methods["SetMode"].input).expect("SetMode");
    }
    fields_fit(
        &idl,
        &json!(Stop { force: true, wait: Some(1), restart: true, config: Some("/a.ron".into()) }),
        &idl.methods["Stop"].input,
    )
    .expect("Stop");
}
