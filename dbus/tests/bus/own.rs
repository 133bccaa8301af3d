//! usbnet's own interface: everything a switch can be asked for, and the daemon's refusals whole.

use std::thread;

use serde_json::json;
use usbnet::control::Refusal;
use usbnet::exit::Exit;
use zbus::blocking::connection::Builder;

use crate::held;
use crate::stage::{NAME, OWN, PATH, Stage, wait_until};

/// An error's name, and the texts in it.
type Refused = (String, Vec<String>);

/// As the applet calls it.
fn call<B: serde::Serialize + zbus::zvariant::DynamicType>(
    stage: &Stage,
    method: &str,
    arguments: &B,
) -> Result<(), Refused> {
    let bus = Builder::address(stage.address()).and_then(Builder::build).expect("a connection to the bus");
    match bus.call_method(Some(NAME), PATH, Some(OWN), method, arguments) {
        Ok(reply) => {
            assert!(reply.body().is_empty());
            Ok(())
        }
        Err(zbus::Error::MethodError(name, _, reply)) => {
            let body = reply.body();
            let two = body.deserialize().map(|(sentence, parameters)| vec![sentence, parameters]);
            let texts = two.or_else(|_| body.deserialize().map(|sentence| vec![sentence])).expect("texts");
            Err((name.to_string(), texts))
        }
        Err(error) => panic!("{method}: {error}"),
    }
}

fn set_mode(stage: &Stage, name: &str, parameters: &str) -> Result<(), Refused> {
    call(stage, "SetMode", &(name, parameters))
}

#[test]
fn a_switch_is_passed_on_whole() {
    let stage = Stage::new();
    let parameters = r#"{"force":true,"on_busy":{"action":"wait","seconds":30},"wait":600}"#;
    set_mode(&stage, "storage", parameters).expect("a mode");
    let asked = stage.daemon.script().last.clone();
    let on_busy = json!({"action": "wait", "seconds": 30});
    let expected = json!({"name": "storage", "force": true, "plan": false, "on_busy": on_busy, "wait": 600});
    assert_eq!(asked, expected);

    let as_documented = ["busctl", "call", NAME, PATH, OWN, "SetMode", "ss", "network", "{}"];
    let answer = stage.run(&as_documented);
    assert!(answer.good && answer.text.is_empty(), "{}", answer.text);
    assert_eq!(stage.daemon.script().asked, ["storage", "network"]);
}

#[test]
fn refusals_cross_the_bus_whole() {
    let stage = Stage::new();
    let refusals = [
        Refusal::Failed { exit: Exit::NoKernelSupport, message: "no UDC".to_owned() },
        Refusal::UnknownMode { name: "x".to_owned(), modes: vec!["network".to_owned()] },
        Refusal::Switching { target: "network".to_owned(), who: Some("uid 1000 (pid 812)".to_owned()) },
        Refusal::CardBusy { holders: vec![held(), held()] },
        Refusal::HostBusy { cards: vec!["/media/mmc1".to_owned()] },
        Refusal::Cancelled {},
    ];
    for refusal in refusals {
        stage.daemon.script().refusals.push_back(refusal.clone());
        let (name, texts) = set_mode(&stage, "storage", "{}").expect_err("a refusal");
        let [sentence, parameters] = &*texts else { panic!("{name}: {texts:?}") };
        assert_eq!(*sentence, refusal.to_string());
        let parameters = serde_json::from_str(parameters).expect("JSON");
        assert_eq!(Refusal::from_reply(&name, &parameters), refusal);
    }
}

#[test]
fn what_is_not_the_daemons_refusal_has_a_name_of_its_own() {
    let stage = Stage::new();
    let own = |name: &str| format!("com.meego.usb_moded.Error.{name}");
    let refused = |parameters: &str, name: &str, part: &str| {
        let (found, texts) = set_mode(&stage, "storage", parameters).expect_err("a refusal");
        assert_eq!(found, name);
        assert!(texts.len() == 1 && texts[0].contains(part), "{texts:?}");
    };
    refused(r#"{"speed":1}"#, "org.freedesktop.DBus.Error.InvalidArgs", "speed is missing, unknown");
    for (group, remedy) in
        [(None, "set control: (group: \"usbnet\")"), (Some("usb"), "a member of group usb")]
    {
        let group = group.map(str::to_owned);
        stage.daemon.script().refusals.push_back(Refusal::NotPermitted { group });
        refused("{}", &own("BridgeNotPermitted"), remedy);
    }
    stage.daemon.script().asked.clear();
    assert!(stage.call("set_whitelisted_modes", &["s", "developer_mode"]).good);
    refused("{}", &own("NotWhitelisted"), "\"mass_storage\"");
    assert!(stage.daemon.script().asked.is_empty());
    set_mode(&stage, "network", "{}").expect("it is in the whitelist");
    stage.daemon.stop();
    wait_until("undefined", || stage.call("mode_request", &[]).text == r#"s "undefined""#);
    refused("{}", &own("NotRunning"), "start it");
}

#[test]
fn a_long_switch_is_answered_at_its_end() {
    let mut stage = Stage::without_bridge();
    stage.start_bridge(&[], &["--patience", "0"]);
    stage.daemon.script().stuck = true;
    let stage = &stage;
    thread::scope(|scope| {
        let switch = scope.spawn(|| {
            set_mode(stage, "storage", "{}").expect("a mode");
            stage.daemon.script().status["mode"].clone()
        });
        wait_until("the daemon to be asked", || stage.daemon.script().asked == ["storage"]);
        assert_eq!(
            stage.call("mode_request", &[]).text,
            r#"s "developer_mode""#,
            "others are answered meanwhile"
        );
        stage.daemon.release();
        assert_eq!(switch.join().expect("an answer"), "storage");
    });
}

#[test]
fn a_switch_can_be_cancelled() {
    let stage = &Stage::new();
    stage.daemon.script().stuck = true;
    thread::scope(|scope| {
        let switch = scope.spawn(|| set_mode(stage, "storage", "{}").expect_err("it is cancelled"));
        wait_until("the daemon to be asked", || stage.daemon.script().asked == ["storage"]);
        call(stage, "Cancel", &()).expect("there is something to cancel");
        let (name, texts) = switch.join().expect("an answer");
        assert_eq!((name.as_str(), texts[1].as_str()), ("org.usbnet.Control.Cancelled", "{}"));
    });
    let (name, texts) = call(stage, "Cancel", &()).expect_err("there is nothing to cancel");
    assert_eq!(name, "org.usbnet.Control.Failed");
    assert!(texts[0].contains("no switch is under way"), "{texts:?}");
}
