//! The bridge as it is installed: started by the bus, as its own user, with the real polkit.

use crate::permissions::{AS_NOBODY, tried};
use crate::stage::{NAME, Stage, wait_until};

const BUS: [&str; 5] =
    ["busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"];

const POLKIT: &str = "org.freedesktop.PolicyKit1";

/// A number that the bus knows about whoever has the name.
fn of_owner(stage: &Stage, name: &str, method: &str) -> String {
    let answer = stage.run(&[&BUS as &[&str], &[method, "s", name]].concat());
    assert!(answer.good, "{method}: {}", answer.text);
    answer.text.trim_start_matches("u ").to_owned()
}

/// The bus starts it again when it is called.
fn kill(stage: &Stage, name: &str) {
    assert!(stage.run(&["kill", "-KILL", &of_owner(stage, name, "GetConnectionUnixProcessID")]).good);
    wait_until("its end", || !stage.has_owner(name));
}

#[test]
fn the_bus_starts_it_and_polkit_is_asked() {
    let stage = Stage::installed();
    assert!(!stage.has_owner(NAME));
    assert_eq!(stage.send(&AS_NOBODY, "mode_request", &[]).text, "developer_mode");
    assert_eq!(of_owner(&stage, NAME, "GetConnectionUnixUser"), stage.run(&["id", "-u", "usbnet-dbus"]).text);

    let action = stage.run(&["pkaction", "--verbose", "--action-id", "org.usbnet.switch"]).text;
    for line in ["Switch the USB mode", "implicit any:      auth_admin", "implicit active:   yes"] {
        assert!(action.contains(line), "{line}: {action}");
    }
    tried(&stage, &AS_NOBODY, "nobody, without a session", false);
    let denied = stage.send(&AS_NOBODY, "set_config", &["string:ask"]).text;
    assert!(
        denied.contains("user 65534 may not switch; polkit's action org.usbnet.switch decides"),
        "{denied}"
    );
    assert!(stage.daemon.script().asked.is_empty());

    let rule = r#"polkit.addRule(function(action, subject) {
        if (action.id == "org.usbnet.switch" && subject.user == "nobody") return polkit.Result.YES;
    });"#;
    let write = format!("cat >/etc/polkit-1/rules.d/50-test.rules <<'END'\n{rule}\nEND");
    assert!(stage.run(&["sh", "-c", &write]).good);
    kill(&stage, POLKIT);
    tried(&stage, &AS_NOBODY, "nobody, by a site's rule", true);
    let settings = stage.run(&["stat", "-c", "%U", "/var/lib/usbnet-dbus/settings.json"]);
    assert_eq!(settings.text, "usbnet-dbus");

    kill(&stage, NAME);
    assert_eq!(stage.send(&AS_NOBODY, "get_whitelisted_modes", &[]).text, "developer_mode,mass_storage");
}

#[test]
fn what_the_readme_says_for_other_init_systems_starts_it() {
    let readme = include_str!("../../README.md");
    let line = readme.lines().find(|line| line.contains("StartServiceByName")).expect("the line").trim();
    let stage = Stage::installed();
    assert!(!stage.has_owner(NAME));
    let answer = stage.run(&["sh", "-c", line]);
    assert!(answer.good, "{}", answer.text);
    assert!(stage.has_owner(NAME));
}
