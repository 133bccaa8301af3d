//! The bridge on a private bus, between real D-Bus clients and a scripted daemon.

mod daemon;
mod flood;
mod installed;
mod own;
mod permissions;
mod polkit;
mod stage;

use daemon::{charging, network};
use serde_json::json;
use stage::{NAME, OWN, PATH, Stage, wait_until};
use usbnet::cards::{Holder, HolderKind};
use usbnet::control::{Held, Refusal};
use usbnet::exit::Exit;

/// The user is to choose a mode.
const ASKED: &str = "sig_usb_event_ind ('mode_requested_show_dialog',)";

/// usb-moded's interface, from its sources: `direction name type` of each argument, in the order of the calls.
const METHODS: [(&str, &str); 19] = [
    ("clear_config", "in uid u"),
    ("get_available_modes", "out modes s"),
    ("get_available_modes_for_user", "out modes s"),
    ("get_config", "out mode s"),
    ("get_hidden", "out modes s"),
    ("get_modes", "out modes s"),
    ("get_net_config", "in key s, out key s, out value s"),
    ("get_target_mode_config", "out config a{sv}"),
    ("get_target_state", "out mode s"),
    ("get_whitelisted_modes", "out modes s"),
    ("hide_mode", "in mode s, out mode s"),
    ("mode_request", "out mode s"),
    ("net_config", "in key s, in value s, out key s, out value s"),
    ("rescue_off", ""),
    ("set_config", "in config s, out config s"),
    ("set_mode", "in mode s, out mode s"),
    ("set_whitelisted", "in mode s, in whitelisted b"),
    ("set_whitelisted_modes", "in modes s"),
    ("unhide_mode", "in mode s, out mode s"),
];

/// usbnet's own interface beside it.
const OWN_METHODS: [(&str, &str); 2] = [("Cancel", ""), ("SetMode", "in name s, in parameters s")];

const SIGNALS: [(&str, &str); 11] = [
    ("sig_usb_available_modes_ind", "modes s"),
    ("sig_usb_config_ind", "section s, key s, value s"),
    ("sig_usb_current_state_ind", "mode s"),
    ("sig_usb_event_ind", "event s"),
    ("sig_usb_hidden_modes_ind", "modes s"),
    ("sig_usb_state_error_ind", "error s"),
    ("sig_usb_state_ind", "mode_or_event s"),
    ("sig_usb_supported_modes_ind", "modes s"),
    ("sig_usb_taget_mode_config_ind", "config a{sv}"),
    ("sig_usb_target_state_ind", "mode s"),
    ("sig_usb_whitelisted_modes_ind", "modes s"),
];

/// One line a method or signal: `name: arguments`.
fn described(xml: &str, kind: &str) -> Vec<String> {
    let attribute = |line: &str, name: &str| {
        let value = line.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split_once('"'));
        value.map(|(value, _)| value.to_owned()).unwrap_or_default()
    };
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in xml.lines().map(str::trim) {
        if line.starts_with("<method") || line.starts_with("<signal") {
            inside = line.starts_with(&format!("<{kind}"));
            if inside {
                found.push((attribute(line, "name"), Vec::new()));
            }
        }
        if let (true, true, Some((_, arguments))) = (inside, line.starts_with("<arg"), found.last_mut()) {
            let words = ["direction", "name", "type"].map(|name| attribute(line, name));
            let direction = if kind == "signal" { "" } else { &words[0] };
            arguments.push(format!("{direction} {} {}", words[1], words[2]).trim_start().to_owned());
        }
    }
    let mut lines: Vec<String> =
        found.into_iter().map(|(name, arguments)| format!("{name}: {}", arguments.join(", "))).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn the_object_has_usb_modeds_names_and_signatures() {
    let stage = Stage::new();
    let xml = stage.run(&["gdbus", "introspect", "--system", "--xml", "--dest", NAME, "--object-path", PATH]);
    let interface = |name: &str| {
        let start = xml.text.find(&format!("<interface name=\"{name}\">")).expect("the interface");
        let xml = &xml.text[start..];
        &xml[..xml.find("</interface>").expect("its end")]
    };
    let expected = |table: &[(&str, &str)]| {
        let mut lines: Vec<String> =
            table.iter().map(|(name, arguments)| format!("{name}: {arguments}")).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(described(interface(NAME), "method"), expected(&METHODS));
    assert_eq!(described(interface(NAME), "signal"), expected(&SIGNALS));
    assert_eq!(described(interface(OWN), "method"), expected(&OWN_METHODS));
    assert!(described(interface(OWN), "signal").is_empty());
    let listed = stage.run(&["busctl", "--no-pager", "introspect", NAME, PATH, NAME]).text;
    for (name, _) in METHODS.iter().chain(&SIGNALS) {
        assert!(listed.contains(&format!(".{name} ")), "busctl does not list {name}:\n{listed}");
    }
}

#[test]
fn every_method_answers() {
    let stage = Stage::new();
    let all = r#"s "developer_mode, network+storage, mass_storage, charging_only""#;
    // In this order: each row leaves what the next ones see.
    let table: &[(&str, &[&str], &str)] = &[
        ("mode_request", &[], r#"s "developer_mode""#),
        ("get_target_state", &[], r#"s "developer_mode""#),
        ("get_modes", &[], all),
        ("get_available_modes", &[], all),
        ("get_available_modes_for_user", &[], all),
        ("get_config", &[], r#"s "undefined""#),
        ("set_config", &["s", "ask"], r#"s "ask""#),
        ("get_config", &[], r#"s "ask""#),
        ("clear_config", &["u", "1000"], ""),
        ("get_config", &[], r#"s "ask""#),
        ("clear_config", &["u", "0"], ""),
        ("get_config", &[], r#"s "undefined""#),
        ("get_hidden", &[], r#"s """#),
        ("hide_mode", &["s", "network+storage"], r#"s "network+storage""#),
        ("get_hidden", &[], r#"s "network+storage""#),
        ("get_modes", &[], r#"s "developer_mode, mass_storage, charging_only""#),
        ("unhide_mode", &["s", "network+storage"], r#"s "network+storage""#),
        ("get_hidden", &[], r#"s """#),
        ("get_whitelisted_modes", &[], r#"s """#),
        ("set_whitelisted_modes", &["s", "mass_storage, network+storage"], ""),
        ("get_whitelisted_modes", &[], r#"s "mass_storage,network+storage""#),
        ("set_whitelisted", &["sb", "network+storage", "false"], ""),
        ("get_whitelisted_modes", &[], r#"s "mass_storage""#),
        ("get_available_modes", &[], r#"s "mass_storage, charging_only""#),
        ("get_modes", &[], all),
        ("set_config", &["s", "charging_only"], r#"s "charging_only""#),
        ("get_net_config", &["s", "ip"], r#"ss "ip" "192.168.2.15""#),
        ("get_net_config", &["s", "interface"], r#"ss "interface" "usb0""#),
        ("get_net_config", &["s", "netmask"], r#"ss "netmask" "255.255.255.224""#),
        ("net_config", &["ss", "ip", "192.168.2.15"], r#"ss "ip" "192.168.2.15""#),
        ("set_mode", &["s", "mass_storage"], r#"s "mass_storage""#),
    ];
    for (method, arguments, expected) in table {
        let answer = stage.call(method, arguments);
        assert!(answer.good, "{method} {arguments:?}: {}", answer.text);
        assert_eq!(answer.text, *expected, "{method} {arguments:?}");
    }
    let named = |method: &str| table.iter().any(|(called, ..)| *called == method);
    let elsewhere = ["get_target_mode_config", "rescue_off"];
    let missing = METHODS.iter().filter(|(name, _)| !named(name) && !elsewhere.contains(name));
    assert_eq!(missing.count(), 0, "methods that are not called");
    assert_eq!(stage.daemon.script().asked, ["storage"]);
    wait_until("mass_storage", || stage.call("mode_request", &[]).text == r#"s "mass_storage""#);
    assert_eq!(stage.call("set_mode", &["s", "mass_storage"]).text, r#"s "mass_storage""#);
    assert_eq!(stage.call("set_mode", &["s", "storage"]).text, r#"s "storage""#, "usbnet's name of it");
    assert_eq!(stage.daemon.script().asked.len(), 1, "what is set is not set again");

    // As in usb-moded's documentation.
    let service = format!("--dest={NAME}");
    let method = format!("{NAME}.mode_request");
    let documented =
        ["dbus-send", "--system", "--type=method_call", "--print-reply", &service, PATH, &method];
    assert!(stage.run(&documented).text.ends_with(r#"string "mass_storage""#));
}

#[test]
fn the_target_is_described() {
    let stage = Stage::new();
    let config = stage.call("get_target_mode_config", &[]).text;
    let entries = [
        r#""mode_name" s "developer_mode""#,
        r#""appsync" i 0"#,
        r#""network" i 1"#,
        r#""network_interface" s "usb0""#,
        r#""nat" i 0"#,
        r#""dhcp_server" i 1"#,
    ];
    assert!(config.starts_with("a{sv} 6 "), "{config}");
    for entry in entries {
        assert!(config.contains(entry), "{entry}: {config}");
    }
}

#[test]
fn every_signal_is_sent() {
    let stage = Stage::new();
    let signals = stage.listen();
    assert!(stage.call("set_mode", &["s", "mass_storage"]).good);
    let mut seen = signals.until("sig_usb_state_ind ('data_in_use',)");
    let busy = Refusal::CardBusy { holders: vec![held()] };
    stage.daemon.publish("failed", &format!("failed: {busy}"), None);
    seen.extend(signals.until("sig_usb_state_error_ind"));
    for (method, arguments) in [
        ("hide_mode", &["s", "network+storage"] as &[&str]),
        ("set_whitelisted_modes", &["s", "mass_storage"]),
        ("set_config", &["s", "mass_storage"]),
    ] {
        assert!(stage.call(method, arguments).good, "{method}");
    }
    seen.extend(signals.until("sig_usb_config_ind ('usbmode', 'mode', 'mass_storage')"));

    let name =
        |line: &String| line.split(['.', ' ']).find(|word| word.starts_with("sig_")).map(str::to_owned);
    let mut names: Vec<String> = seen.iter().filter_map(name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, SIGNALS.map(|(name, _)| name), "{seen:#?}");
    // Each after the one before it.
    let told = [
        "sig_usb_taget_mode_config_ind",
        "sig_usb_target_state_ind ('mass_storage',)",
        "sig_usb_current_state_ind ('busy',)",
        "sig_usb_state_ind ('busy',)",
        "sig_usb_event_ind ('pre-unmount',)",
        "sig_usb_state_ind ('pre-unmount',)",
        "sig_usb_current_state_ind ('mass_storage',)",
        "sig_usb_state_ind ('mass_storage',)",
        "sig_usb_event_ind ('data_in_use',)",
        "sig_usb_state_ind ('data_in_use',)",
        "sig_usb_state_error_ind ('Unmounting filesystem failed. Exporting impossible',)",
        "sig_usb_config_ind ('usbmode', 'hide', 'network+storage')",
        "sig_usb_hidden_modes_ind ('network+storage',)",
        "sig_usb_supported_modes_ind ('developer_mode, mass_storage, charging_only',)",
        "sig_usb_config_ind ('usbmode', 'whitelist', 'mass_storage')",
        "sig_usb_whitelisted_modes_ind ('mass_storage',)",
        "sig_usb_available_modes_ind ('mass_storage, charging_only',)",
    ];
    let mut rest = seen.iter();
    for part in told {
        assert!(rest.any(|line| line.contains(part)), "{part} does not come, or not in its turn: {seen:#?}");
    }
}

#[test]
fn a_cable_brings_the_chosen_mode() {
    let stage = Stage::new();
    let signals = stage.listen();
    assert!(stage.call("set_config", &["s", "mass_storage"]).good);
    for (state, event) in [("not attached", "USB disconnected"), ("configured", "USB connected")] {
        stage.daemon.script().status = network(state);
        stage.daemon.publish("cable", &format!("cable: {state}"), Some(state));
        signals.until(&format!("sig_usb_event_ind ('{event}',)"));
    }
    signals.until("sig_usb_current_state_ind ('mass_storage',)");
    assert_eq!(stage.daemon.script().asked, ["storage"]);

    // And asks, if that was chosen; but not for a host that was there before the daemon, and comes back a moment later.
    assert!(stage.call("set_config", &["s", "ask"]).good);
    stage.daemon.stop();
    signals.until("sig_usb_current_state_ind ('undefined',)");
    stage.daemon.script().status = network("not attached");
    stage.daemon.listen();
    let mut seen = Vec::new();
    for (state, event) in
        [("configured", "connected"), ("not attached", "disconnected"), ("configured", "connected")]
    {
        stage.daemon.wait_for_watcher();
        stage.daemon.script().status = network(state);
        stage.daemon.publish("cable", &format!("cable: {state}"), Some(state));
        seen.extend(signals.until(&format!("sig_usb_event_ind ('USB {event}',)")));
    }
    assert!(!seen.iter().any(|line| line.contains(ASKED)), "{seen:#?}");
    signals.until(ASKED);
}

#[test]
fn a_mode_that_was_just_chosen_is_not_replaced() {
    let mut stage = Stage::without_bridge();
    stage.daemon.script().status = charging();
    stage.start_bridge(&[], &[]);
    let signals = stage.listen();
    for chosen in ["mass_storage", "ask"] {
        assert!(stage.call("set_config", &["s", chosen]).good);
        assert!(stage.call("set_mode", &["s", "developer_mode"]).good);
        signals.until("sig_usb_current_state_ind ('developer_mode',)");
        // What a cable brings would come before what is asked for now.
        assert!(stage.call("set_mode", &["s", "charging_only"]).good);
        let seen = signals.until("sig_usb_current_state_ind ('charging_only',)");
        assert!(!seen.iter().any(|line| line.contains(ASKED)), "{chosen}: {seen:#?}");
    }
    assert_eq!(stage.daemon.script().asked, ["network", "charging", "network", "charging"]);
}

#[test]
fn what_cannot_be_done_is_a_typed_error() {
    let stage = Stage::new();
    let failed = Refusal::Failed { exit: Exit::NoKernelSupport, message: "no UDC".to_owned() };
    let to = |target: &str| Refusal::Switching { target: target.to_owned(), who: None };
    let host = Refusal::HostBusy { cards: vec!["/media/mmc1".to_owned()] };
    let own = |error: &str| format!("com.meego.usb_moded.Error.{error}");
    let standard = |error: &str| format!("org.freedesktop.DBus.Error.{error}");
    let storage: &[&str] = &["string:mass_storage"];
    let table: [(&str, &[&str], Option<Refusal>, String); 21] = [
        ("set_mode", &["string:mtp_mode"], None, own("UnknownMode")),
        ("set_mode", &["string:ask"], None, own("UnknownMode")),
        ("set_mode", storage, Some(Refusal::CardBusy { holders: vec![held()] }), own("CardBusy")),
        ("set_mode", storage, Some(host), own("HostBusy")),
        ("set_mode", storage, Some(to("network")), own("Switching")),
        ("set_mode", storage, Some(Refusal::Cancelled {}), own("Cancelled")),
        ("set_mode", storage, Some(failed), standard("Failed")),
        ("set_mode", storage, Some(Refusal::NotPermitted { group: None }), own("BridgeNotPermitted")),
        ("set_mode", &["int32:1"], None, standard("InvalidArgs")),
        ("set_config", &["string:mtp_mode"], None, own("UnknownMode")),
        ("hide_mode", &["string:mtp_mode"], None, own("UnknownMode")),
        ("unhide_mode", &["string:mtp_mode"], None, own("UnknownMode")),
        ("set_whitelisted", &["string:mtp_mode", "boolean:true"], None, own("UnknownMode")),
        ("set_whitelisted_modes", &["string:mass_storage,mtp_mode"], None, own("UnknownMode")),
        ("net_config", &["string:ip", "string:10.0.0.1"], None, standard("NotSupported")),
        ("net_config", &["string:gateway", "string:10.0.0.1"], None, standard("NotSupported")),
        ("net_config", &["string:color", "string:red"], None, standard("InvalidArgs")),
        ("get_net_config", &["string:nat_interface"], None, standard("NotSupported")),
        ("get_net_config", &["string:color"], None, standard("InvalidArgs")),
        ("rescue_off", &[], None, standard("NotSupported")),
        ("fly", &[], None, standard("UnknownMethod")),
    ];
    let refused = |method: &str, arguments: &[&str], error: &str| {
        let answer = stage.send(&[], method, arguments);
        assert!(!answer.good, "{method} {arguments:?}: {}", answer.text);
        assert!(
            answer.text.starts_with(&format!("Error {error}: ")),
            "{method} {arguments:?}: {}",
            answer.text
        );
        answer.text
    };
    for (method, arguments, refusal, error) in table {
        stage.daemon.script().refusals.extend(refusal);
        refused(method, arguments, &error);
    }
    assert!(stage.call("set_whitelisted_modes", &["s", "developer_mode"]).good);
    refused("set_mode", storage, &own("NotWhitelisted"));
    stage.daemon.script().status = charging();
    stage.daemon.publish("mode", "mode charging", Some("charging"));
    wait_until("charging_only", || stage.call("mode_request", &[]).text == r#"s "charging_only""#);
    refused("get_net_config", &["string:ip"], &own("NoLink"));

    stage.daemon.stop();
    wait_until("undefined", || stage.call("mode_request", &[]).text == r#"s "undefined""#);
    for (method, arguments) in
        [("set_mode", storage), ("get_modes", &[]), ("get_available_modes", &[]), ("hide_mode", storage)]
    {
        refused(method, arguments, &own("NotRunning"));
    }
}

#[test]
fn arguments_of_other_types_are_invalid() {
    let stage = Stage::new();
    let own = OWN_METHODS.map(|(name, arguments)| (format!("{OWN}.{name}"), arguments));
    let methods = METHODS.map(|(name, arguments)| (name.to_owned(), arguments));
    for (method, arguments) in methods.into_iter().chain(own) {
        let taken = arguments.split(", ").filter(|argument| argument.starts_with("in "));
        let types: String = taken.filter_map(|argument| argument.split(' ').next_back()).collect();
        let expected = if types.is_empty() { "nothing".to_owned() } else { format!("{types:?}") };
        let name = method.rsplit('.').next().expect("a name");
        let sentence =
            format!("{name} is called with \"x\"; call it with {expected}, as its description says");
        let answer = stage.send(&[], &method, &["int64:1"]);
        assert_eq!(
            answer.text,
            format!("Error org.freedesktop.DBus.Error.InvalidArgs: {sentence}"),
            "{method}"
        );
    }
    let answer = stage.send(&[], "set_mode", &[]).text;
    assert!(answer.contains("set_mode is called with nothing; call it with \"s\""), "{answer}");
}

#[test]
fn a_busy_card_is_named() {
    let stage = Stage::new();
    stage.daemon.script().refusals.push_back(Refusal::CardBusy { holders: vec![held()] });
    let answer = stage.send(&[], "set_mode", &["string:mass_storage"]).text;
    assert!(answer.contains("vi (pid 812, user) has /media/mmc1/notes.txt open"), "{answer}");
}

#[test]
fn a_long_switch_is_accepted_and_told_of() {
    let mut stage = Stage::without_bridge();
    stage.start_bridge(&[], &["--patience", "0"]);
    let signals = stage.listen();
    stage.daemon.script().stuck = true;
    assert_eq!(stage.call("set_mode", &["s", "mass_storage"]).text, r#"s "mass_storage""#);
    wait_until("the daemon to be asked", || stage.daemon.script().asked == ["storage"]);
    assert_eq!(stage.call("mode_request", &[]).text, r#"s "developer_mode""#);
    stage.daemon.release();
    signals.until("sig_usb_current_state_ind ('mass_storage',)");
}

#[test]
fn the_daemon_may_restart() {
    let stage = Stage::new();
    let signals = stage.listen();
    stage.daemon.stop();
    signals.until("sig_usb_current_state_ind ('undefined',)");
    stage.daemon.listen();
    signals.until("sig_usb_current_state_ind ('developer_mode',)");
    assert!(stage.call("set_mode", &["s", "mass_storage"]).good);
    signals.until("sig_usb_current_state_ind ('mass_storage',)");
}

#[test]
fn a_daemon_that_has_just_come_is_found() {
    let table: [(&str, &[&str]); 9] = [
        ("set_mode", &["string:developer_mode"]),
        ("set_config", &["string:mass_storage"]),
        ("hide_mode", &["string:mass_storage"]),
        ("unhide_mode", &["string:mass_storage"]),
        ("set_whitelisted", &["string:mass_storage", "boolean:true"]),
        ("set_whitelisted_modes", &["string:mass_storage"]),
        ("net_config", &["string:ip", "string:192.168.2.15"]),
        ("get_net_config", &["string:ip"]),
        ("org.usbnet.Bridge.SetMode", &["string:network", "string:{}"]),
    ];
    for (method, arguments) in table {
        let stage = Stage::new();
        stage.daemon.stop();
        wait_until("undefined", || stage.call("mode_request", &[]).text == r#"s "undefined""#);
        stage.daemon.script().unwatched = true;
        stage.daemon.listen();
        let answer = stage.send(&[], method, arguments);
        assert!(answer.good, "{method}: {}", answer.text);
    }
}

#[test]
fn a_service_takes_over_from_what_the_bus_has_started() {
    let mut stage = Stage::new();
    let signals = stage.listen();
    assert!(stage.call("hide_mode", &["s", "mass_storage"]).good);
    let mut first = stage.start_another();
    wait_until("the first one's end", || first.has_ended());
    assert_eq!(stage.call("get_hidden", &[]).text, r#"s "mass_storage""#);
    assert!(stage.call("set_mode", &["s", "storage"]).good);
    signals.until("sig_usb_current_state_ind ('mass_storage',)");
}

#[test]
fn the_log_says_why_it_ends() {
    let lost = "the connection to the bus is lost: the bus has ended or closed it; once there is a bus again, \
                start usbnet-dbus again";
    let taken =
        "another one has the name com.meego.usb_moded on the bus now; if that is no usbnet-dbus, remove it";
    for (bus_ends, said, other) in [(true, lost, taken), (false, taken, lost)] {
        let mut stage = Stage::without_bridge();
        let log = stage.directory().join("log");
        let keep = format!("exec \"$0\" \"$@\" 2>{}", log.display());
        stage.start_bridge(&["sh", "-c", &keep], &[]);
        if bus_ends {
            stage.end_bus();
        } else {
            let mut first = stage.start_another();
            wait_until("its end", || first.has_ended());
        }
        let logged = std::fs::read_to_string(&log).expect("the log");
        assert!(logged.contains(said) && !logged.contains(other), "{logged}");
    }
}

#[test]
fn settings_outlive_the_bridge() {
    let mut stage = Stage::new();
    assert!(stage.call("hide_mode", &["s", "mass_storage"]).good);
    assert!(stage.call("set_config", &["s", "ask"]).good);
    stage.start_bridge(&[], &[]);
    assert_eq!(stage.call("get_hidden", &[]).text, r#"s "mass_storage""#);
    assert_eq!(stage.call("get_config", &[]).text, r#"s "ask""#);
    let settings: serde_json::Value =
        serde_json::from_slice(&std::fs::read(stage.settings()).expect("settings")).expect("JSON");
    let expected = json!({"mode": {"mode": "ask", "uid": 0}, "hidden": ["mass_storage"], "whitelist": null});
    assert_eq!(settings, expected);

    // What nobody can read is no reason not to be there.
    std::fs::write(stage.settings(), "{").expect("settings");
    stage.start_bridge(&[], &[]);
    assert_eq!(stage.call("get_hidden", &[]).text, r#"s """#);
}

fn held() -> Held {
    let holder = Holder {
        kind: HolderKind::OpenFile,
        pid: Some(812),
        program: Some("vi".to_owned()),
        user: Some("user".to_owned()),
        path: "/media/mmc1/notes.txt".into(),
    };
    Held { card: "/media/mmc1".to_owned(), holder }
}
