//! The applet against a scripted daemon, on a private session bus with a tray and a notification daemon that only note
//! what they are told.

mod screenshots;
mod support;

use serde_json::json;
use support::{
    Call, Daemon, Desktop, Failure, next, refuse_busy, refuse_host_busy, refuse_nothing_to_cancel,
    refuse_user,
};

/// Whether a menu has it.
fn entry(label: &str) -> impl Fn(&[support::Entry]) -> bool + use<'_> {
    move |menu| menu.iter().any(|entry| entry.label == label)
}

#[test]
fn a_click_in_the_menu_switches_the_mode() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "en_GB.UTF-8");
    let menu = applet.menu_when(entry("network: connected"));
    let find = |label: &str| menu.iter().find(|entry| entry.label == label).expect("the entry");
    assert_eq!((find("network").checked, find("storage").checked), (true, false));
    assert!(find("storage").enabled && !find("network+storage: no card is there").enabled);
    let connected = applet.colour();

    applet.click_on("storage");
    assert_eq!(daemon.next_call("SetMode")["name"], "storage");
    applet.menu_when(entry("storage: no cable"));
    assert_ne!(applet.colour(), connected);
}

#[test]
fn the_question_about_a_card_in_use_is_answered_from_the_notification() {
    let holder = "/media/mmc1: vi (pid 812, user): /media/mmc1/a&lt;b&gt;.txt";
    let force = "Pakota: pyydä näitä ohjelmia lopettamaan";
    let table = [
        ("wait", Some(json!({"action": "wait", "seconds": 600}))),
        ("force", Some(json!({"action": "terminate", "seconds": 10}))),
        ("cancel", None),
    ];
    for (action, on_busy) in table {
        let (daemon, desktop) = (Daemon::start(), Desktop::start());
        let applet = desktop.applet(&daemon, "fi_FI.UTF-8");
        applet.menu_when(entry("network: yhdistetty"));
        daemon.answer_next("SetMode", refuse_busy());
        applet.click_on("storage");
        assert_eq!(daemon.next_call("SetMode")["on_busy"], json!(null), "{action}");

        let note = desktop.next_note();
        assert_eq!(note.actions, ["wait", "Odota", "cancel", "Peru", "force", "Pakota"], "{action}");
        assert!(note.body.contains(holder), "{action}: {}", note.body);
        applet.menu_when(entry(force));
        assert_eq!(applet.status(), "NeedsAttention", "{action}");
        desktop.invoke(note.id + 1, "force"); // somebody else's
        desktop.invoke(note.id, action);
        assert_eq!(desktop.next_closed(), note.id, "{action}");
        if let Some(on_busy) = on_busy {
            let call = daemon.next_call("SetMode");
            assert_eq!((&call["name"], &call["on_busy"]), (&json!("storage"), &on_busy), "{action}");
        }
        applet.menu_when(|menu| !entry(force)(menu));
        assert_eq!(daemon.calls("SetMode"), 0, "{action}: nothing else was asked for");
    }
}

/// The labels of a refusal that there is nothing to answer to.
const REFUSED: [&str; 2] =
    ["Not switched to storage", "Only root and members of the group usbnet may switch."];

#[test]
fn a_refusal_is_in_the_menu_of_a_desktop_without_notifications() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start().without_notifications());
    let applet = desktop.applet(&daemon, "C");
    applet.menu_when(entry("network: connected"));
    daemon.answer_next("SetMode", refuse_user());
    applet.click_on("storage");
    let menu = applet.menu_when(|menu| REFUSED.iter().all(|label| entry(label)(menu)));
    assert!(menu.iter().filter(|entry| REFUSED.contains(&&*entry.label)).all(|entry| !entry.enabled));
    assert_eq!(applet.status(), "Active", "there is no question");
    applet.click_on("storage");
    applet.menu_when(|menu| {
        entry("storage: no cable")(menu) && !REFUSED.iter().any(|label| entry(label)(menu))
    });
}

#[test]
fn a_question_goes_with_its_reason() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "C");
    applet.menu_when(entry("network: connected"));
    daemon.answer_next("SetMode", refuse_busy());
    applet.click_on("storage");
    let note = desktop.next_note();
    applet.menu_when(entry("A card is in use"));
    daemon.change(|status| status["mode"] = json!("storage"));
    assert_eq!(desktop.next_closed(), note.id);
    applet.menu_when(|menu| entry("storage: connected")(menu) && !entry("A card is in use")(menu));
    assert_eq!(applet.status(), "Active");
}

#[test]
fn who_is_not_in_the_group_switches_by_the_bridge() {
    let (group, reason) = (REFUSED[1], "the bridge's reason");
    let fails = |name: &str| Some(vec![Failure::own(name, reason)]);
    let table = [
        ("it is permitted", Some(vec![]), None),
        ("it fails", fails("org.freedesktop.DBus.Error.Failed"), Some(reason)),
        ("nor is the bridge", fails("com.meego.usb_moded.Error.BridgeNotPermitted"), Some(reason)),
        ("it is not permitted", fails("org.freedesktop.DBus.Error.AccessDenied"), Some(group)),
        ("there is no bridge", None, Some(group)),
    ];
    for (name, bridge, expected) in table {
        let (daemon, mut desktop) = (Daemon::start(), Desktop::start());
        let asked = bridge.map(|refusals| desktop.with_bridge(refusals));
        let applet = desktop.applet(&daemon, "C");
        applet.menu_when(entry("network: connected"));
        daemon.answer_next("SetMode", refuse_user());
        applet.click_on("storage");
        daemon.next_call("SetMode");
        if let Some(asked) = asked {
            let Call { method, name: mode, interactive, .. } = next(&asked, name);
            assert_eq!((method, mode.as_str(), interactive), ("SetMode", "storage", true), "{name}");
        }
        if expected.is_none() {
            // What is told next is about the next switch.
            daemon.answer_next("SetMode", refuse_busy());
            applet.click_on("storage");
        }
        let body = desktop.next_note().body;
        assert!(body.contains(expected.unwrap_or("vi (pid 812, user)")), "{name}: {body}");
        assert!(expected == Some(group) || !body.contains(group), "{name}: {body}");
    }
}

#[test]
fn the_question_about_a_card_in_use_comes_through_the_bridge() {
    let wait = json!({"on_busy": {"action": "wait", "seconds": 600}, "wait": null, "force": false});
    let terminate = json!({"on_busy": {"action": "terminate", "seconds": 10}, "wait": null, "force": false});
    let take = json!({"on_busy": null, "wait": null, "force": true});
    let table = [
        ("a program", refuse_busy(), "wait", wait),
        ("a program that is to end", refuse_busy(), "force", terminate),
        ("the host", refuse_host_busy(), "force", take),
    ];
    for (name, refusal, answer, expected) in table {
        let (daemon, mut desktop) = (Daemon::start(), Desktop::start());
        let asked = desktop.with_bridge(vec![Failure::daemons(refusal)]);
        let applet = desktop.applet(&daemon, "C");
        applet.menu_when(entry("network: connected"));
        daemon.answer_next("SetMode", refuse_user());
        applet.click_on("storage");
        next(&asked, "the first call");
        let note = desktop.next_note();
        assert_eq!(note.actions, ["wait", "Wait", "cancel", "Cancel", "force", "Force"], "{name}");
        applet.menu_when(entry("Cancel"));
        daemon.answer_next("SetMode", refuse_user());
        desktop.invoke(note.id, answer);
        let call = next(&asked, "the second call");
        assert_eq!((call.name.as_str(), call.interactive), ("storage", true), "{name}");
        for key in ["on_busy", "wait", "force"] {
            assert_eq!(call.parameters[key], expected[key], "{name}: {key}");
        }
    }
}

fn write_back(daemon: &Daemon) {
    daemon.change(|status| {
        status["state"] = json!("switching");
        status["target"] = json!("storage");
        let what = "writing back";
        status["progress"] =
            json!({"card": "/media/mmc1", "what": what, "bytes_left": 12_300_000, "seconds": 4});
    });
}

#[test]
fn the_tooltip_follows_the_traffic() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "C");
    applet.tool_tip_when("12.3 MB received, 4.0 MB sent");
    for (bytes, says) in [(23_400_000, "23.4 MB received"), (34_500_000, "34.5 MB received")] {
        daemon.change_quietly(|status| status["link"]["received_bytes"] = json!(bytes));
        applet.tool_tip_when(says);
    }
}

#[test]
fn a_long_switch_can_be_cancelled() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "de_DE.UTF-8");
    write_back(&daemon);
    applet.menu_when(entry("/media/mmc1: writing back, 12.3 MB left, 4 s"));
    applet.click_on("Wechsel abbrechen");
    daemon.next_call("Cancel");
}

#[test]
fn who_may_not_cancel_is_told_or_does_it_by_the_bridge() {
    let denied = || vec![Failure::own("org.freedesktop.DBus.Error.AccessDenied", "not this one")];
    let title = "The switch is not cancelled";
    let table = [
        ("there is no bridge", refuse_user(), None, "switching", Some(title)),
        ("the bridge may not", refuse_user(), Some(denied()), "switching", Some(title)),
        ("the bridge does it", refuse_user(), Some(vec![]), "switching", None),
        ("it is over already", refuse_nothing_to_cancel(), None, "confirmed", None),
        ("it cannot be cancelled any more", refuse_nothing_to_cancel(), None, "switching", Some(title)),
    ];
    for (name, refusal, bridge, state, expected) in table {
        let (daemon, mut desktop) = (Daemon::start(), Desktop::start());
        let asked = bridge.map(|refusals| desktop.with_bridge(refusals));
        let applet = desktop.applet(&daemon, "C");
        write_back(&daemon);
        applet.menu_when(entry("Cancel the switch"));
        daemon.answer_next("Cancel", refusal);
        daemon.change_quietly(|status| status["state"] = json!(state));
        applet.click_on("Cancel the switch");
        daemon.next_call("Cancel");
        if let Some(asked) = asked {
            let call = next(&asked, name);
            assert_eq!((call.method, call.interactive), ("Cancel", true), "{name}");
        }
        if expected.is_none() {
            daemon.answer_next("SetMode", refuse_busy());
            applet.click_on("charging");
        }
        assert_eq!(desktop.next_note().summary, expected.unwrap_or("A card is in use"), "{name}");
    }
}

#[test]
fn one_is_enough_for_a_session() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "C");
    let (status, said) = desktop.second_applet(&daemon);
    assert_eq!((status.code(), said.as_str()), (Some(0), "usbnet-applet: it runs in this session already\n"));
    applet.menu_when(entry("network: connected"));
    drop(applet);
    let applet = desktop.applet(&daemon, "C");
    applet.menu_when(entry("network: connected"));
}

#[test]
fn it_survives_a_restart_of_the_daemon_and_of_the_tray() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "C");
    applet.menu_when(entry("network: connected"));
    let connected = applet.colour();
    let directory = daemon.stop();
    applet.menu_when(entry("usbnet is not running"));
    assert_ne!(applet.colour(), connected);
    let daemon = Daemon::start_in(directory);
    applet.menu_when(entry("network: connected"));
    assert_eq!(applet.colour(), connected);

    desktop.restart_tray();
    assert_eq!(desktop.next_item(), applet.name(), "it comes back to the tray");
    daemon.change(|status| status["udc"]["state"] = json!("not attached"));
    applet.menu_when(entry("network: no cable"));
    daemon.change(|status| status["udc"]["state"] = json!("configured"));
    applet.menu_when(entry("network: connected"));
    daemon.change_quietly(|status| status["link"]["received_bytes"] = json!(45_600_000));
    applet.tool_tip_when("45.6 MB received");
}
