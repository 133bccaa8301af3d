//! The bridge on a private bus, between real D-Bus clients and a scripted daemon.

mod daemon;
mod ends;
mod flood;
mod installed;
mod names;
mod own;
mod permissions;
mod polkit;
mod stage;

use daemon::{charging, network};
use names::{METHODS, OWN_METHODS, SIGNALS};
use stage::{NAME, OWN, PATH, Stage, wait_until};
use usbnet::cards::{Holder, HolderKind};
use usbnet::control::{Held, Refusal};
use usbnet::exit::Exit;

/// The user is to choose a mode.
const ASKED: &str = "sig_usb_event_ind ('mode_requested_show_dialog',)";

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
