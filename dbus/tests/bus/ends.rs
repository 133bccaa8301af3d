//! The daemon, the bus and the bridge come and go.

use serde_json::json;

use crate::stage::{Stage, wait_until};

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
