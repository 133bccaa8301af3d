//! One client that calls and calls is no reason to answer nobody else.

use std::process::{Command, Stdio};

use zbus::blocking::{Connection, connection::Builder};
use zbus::message::{Flags, Message};

use crate::permissions::AS_NOBODY;
use crate::polkit::Polkit;
use crate::stage::{NAME, PATH, Running, Stage, wait_until};

const LIMIT: &str = "org.freedesktop.DBus.Error.LimitsExceeded";

fn client(stage: &Stage) -> Connection {
    Builder::address(stage.address()).and_then(Builder::build).expect("a connection to the bus")
}

/// Calls what waits for the daemon, and wants no reply, so that the bus does not count it.
fn flood(client: &Connection, calls: usize) {
    let call = || {
        Message::method_call(PATH, "get_modes")?
            .destination(NAME)?
            .interface(NAME)?
            .with_flags(Flags::NoReplyExpected)?
            .build(&())
    };
    for _ in 0..calls {
        client.send(&call().expect("a call")).expect("the bus takes it");
    }
}

/// The mode, or the error's name.
fn mode(client: &Connection) -> Result<String, String> {
    match client.call_method(Some(NAME), PATH, Some(NAME), "mode_request", &()) {
        Ok(reply) => Ok(reply.body().deserialize().expect("a mode")),
        Err(zbus::Error::MethodError(name, ..)) => Err(name.to_string()),
        Err(error) => panic!("mode_request: {error}"),
    }
}

#[test]
fn a_flood_is_bounded() {
    let stage = Stage::new();
    stage.daemon.script().silent = true;
    let (first, other) = (client(&stage), client(&stage));
    flood(&first, 1000);
    wait_until("the flood to be refused", || mode(&first) == Err(LIMIT.to_owned()));
    assert_eq!(mode(&other).as_deref(), Ok("developer_mode"), "another one is answered meanwhile");

    let more: Vec<Connection> = (0..8).map(|_| client(&stage)).collect();
    more.iter().for_each(|client| flood(client, 1000));
    wait_until("all to be refused", || mode(&other) == Err(LIMIT.to_owned()));
    let refused = stage.call("mode_request", &[]).text;
    assert!(refused.contains("all clients together have 256 calls under way; wait"), "{refused}");

    stage.daemon.release();
    for client in more.iter().chain([&first, &other]) {
        wait_until("an answer", || mode(client).as_deref() == Ok("developer_mode"));
    }
    assert!(stage.call("get_modes", &[]).good);
}

#[test]
fn a_property_that_is_not_there_keeps_nobody_waiting() {
    let stage = Stage::new();
    let looks = {
        let mut script = stage.daemon.script();
        script.silent = true;
        script.looks
    };
    flood(&client(&stage), 1);
    wait_until("the daemon to be asked", || stage.daemon.script().looks > looks);
    let set = "org.freedesktop.DBus.Properties.Set";
    let answer = stage.send(&[], set, &[&format!("string:{NAME}"), "string:x", "variant:string:y"]).text;
    assert!(answer.starts_with("Error org.freedesktop.DBus.Error.UnknownProperty: "), "{answer}");
    assert_eq!(stage.call("mode_request", &[]).text, r#"s "developer_mode""#);
    stage.daemon.release();
}

#[test]
fn a_user_whose_dialogs_stay_open_keeps_nobody_out() {
    let stage = Stage::new();
    let polkit = Polkit::waiting(stage.address());
    let ask =
        ["--timeout=1h", "--allow-interactive-authorization=yes", "call", NAME, PATH, NAME, "clear_config"];
    let start = |runner: &[&str]| {
        let mut command = Command::new(runner[0]);
        command.args(&runner[1..]).arg("busctl").args(ask).args(["u", "0"]).stderr(Stdio::null());
        Running::start(command.env("DBUS_SYSTEM_BUS_ADDRESS", stage.address()))
    };
    let _open: Vec<Running> = (0..32).map(|_| start(&AS_NOBODY)).collect();
    wait_until("32 dialogs", || polkit.asked().len() == 32);
    let refused = stage.send(&AS_NOBODY, "clear_config", &["uint32:0"]).text;
    let expected = "user 65534 has 32 calls under way; wait for an answer before the next one";
    assert_eq!(refused, format!("Error {LIMIT}: {expected}"));
    let other = ["setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups"];
    let _other = start(&other);
    wait_until("a dialog of another one's", || polkit.asked().len() == 33);
}
