//! The object has usb-moded's names and signatures.

use crate::stage::{NAME, OWN, PATH, Stage};

/// usb-moded's interface, from its sources: `direction name type` of each argument, in the order of the calls.
pub const METHODS: [(&str, &str); 19] = [
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
pub const OWN_METHODS: [(&str, &str); 2] = [("Cancel", ""), ("SetMode", "in name s, in parameters s")];

pub const SIGNALS: [(&str, &str); 11] = [
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
