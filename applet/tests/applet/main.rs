//! The applet against a scripted daemon, on a private session bus with a tray and a notification daemon that only note
//! what they are told.

mod screenshots;
mod support;

use serde_json::json;
use support::{BOUND, Daemon, Desktop, refuse_busy, refuse_user};
use zbus::fdo::Error;

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

    applet.click(find("storage").id);
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
        let menu = applet.menu_when(entry("network: yhdistetty"));
        daemon.answer_next("SetMode", refuse_busy());
        applet.click(menu.iter().find(|entry| entry.label == "storage").expect("the mode").id);
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

#[test]
fn who_is_not_in_the_group_switches_by_the_bridge() {
    let (group, reason) = ("members of the group usbnet", "the bridge's reason");
    type Refuses = fn(String) -> Error;
    let table: [(&str, Option<Option<Refuses>>, Option<&str>); 4] = [
        ("it is permitted", Some(None), None),
        ("it fails", Some(Some(Error::Failed)), Some(reason)),
        ("it is not permitted", Some(Some(Error::AccessDenied)), Some(group)),
        ("there is no bridge", None, Some(group)),
    ];
    for (name, bridge, expected) in table {
        let (daemon, mut desktop) = (Daemon::start(), Desktop::start());
        let asked = bridge.map(|refuses| desktop.with_bridge(refuses));
        let applet = desktop.applet(&daemon, "C");
        let menu = applet.menu_when(entry("network: connected"));
        let storage = menu.iter().find(|entry| entry.label == "storage").expect("the mode").id;
        daemon.answer_next("SetMode", refuse_user());
        applet.click(storage);
        daemon.next_call("SetMode");
        if let Some(asked) = asked {
            assert_eq!(asked.recv_timeout(BOUND).as_deref(), Ok("storage"), "{name}");
        }
        if expected.is_none() {
            // What is told next is about the next switch.
            daemon.answer_next("SetMode", refuse_busy());
            applet.click(storage);
        }
        let body = desktop.next_note().body;
        assert!(body.contains(expected.unwrap_or("vi (pid 812, user)")), "{name}: {body}");
        assert!(expected == Some(group) || !body.contains(group), "{name}: {body}");
    }
}

#[test]
fn a_long_switch_can_be_cancelled() {
    let (daemon, desktop) = (Daemon::start(), Desktop::start());
    let applet = desktop.applet(&daemon, "de_DE.UTF-8");
    daemon.change(|status| {
        status["state"] = json!("switching");
        status["target"] = json!("storage");
        let what = "writing back";
        status["progress"] =
            json!({"card": "/media/mmc1", "what": what, "bytes_left": 12_300_000, "seconds": 4});
    });
    let menu = applet.menu_when(entry("/media/mmc1: writing back, 12.3 MB left, 4 s"));
    applet.click(menu.iter().find(|entry| entry.label == "Wechsel abbrechen").expect("the entry").id);
    daemon.next_call("Cancel");
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
}
