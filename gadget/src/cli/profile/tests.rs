use std::fs;

use super::write::write;
use super::*;

fn entry(path: &str, content: &str) -> Entry {
    Entry { path: path.into(), mode: 0o640, bytes: content.into() }
}

/// Everything below a directory, sorted.
fn below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(below(&path)),
            path => found.push(format!("{}={}", path.display(), fs::read_to_string(&path).expect("text"))),
        }
    }
    found.sort();
    found
}

#[test]
fn all_or_nothing() {
    use std::os::unix::fs::PermissionsExt;

    let out = tempfile::tempdir().expect("a directory");
    let dir = out.path().join("new/out");
    let at = |path: &str, content: &str| format!("{}={content}", dir.join(path).display());
    write(&dir, &[entry("etc/a", "1"), entry("b", "2")], false).expect("written");
    let mode = fs::metadata(dir.join("etc/a")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // (name, entries, force, error or "", what is there afterwards)
    let both = vec![at("b", "2"), at("etc/a", "1")];
    let table = [
        ("the same again", vec![entry("b", "2")], false, "", both.clone()),
        (
            "another content",
            vec![entry("c", "3"), entry("b", "4")],
            false,
            "b is there already",
            both.clone(),
        ),
        (
            "two others",
            vec![entry("b", "4"), entry("etc/a", "4")],
            false,
            "(and 1 more); use --force to replace it",
            both.clone(),
        ),
        ("a directory", vec![entry("c", "3"), entry("etc", "3")], true, "etc is in the way", both.clone()),
        ("below a file", vec![entry("c", "3"), entry("b/x", "3")], true, "cannot be written", both),
        ("forced", vec![entry("b", "5")], true, "", vec![at("b", "5"), at("etc/a", "1")]),
    ];
    for (name, entries, force, expected, there) in table {
        let said = write(&dir, &entries, force).map_or_else(|error| error.to_string(), |()| String::new());
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{name}: {said}");
        assert_eq!(below(&dir), there, "{name}");
    }
}

#[test]
fn a_profile_is_printed_under_its_paths() {
    // Only RNDIS needs an INF file.
    let config =
        crate::config::parse("Config(modes: {\"network\": (host_preset: Windows7)})", "a").expect("valid");
    let identity = Ok(Identity::from_seed("a"));
    let facts = profile::link_facts(&config, "network", &identity, &profile::configured(&config), "n800")
        .expect("facts");
    let (host, shape) = known("networkmanager", None).expect("a host");
    let text = printed(&made(host, &facts, shape).expect("a profile")).expect("a page");
    let header = "==> /etc/NetworkManager/system-connections/usbnet.nmconnection (0600, root) <==\n";
    assert!(text.starts_with(header), "{text}");
    assert!(text.contains("\n==> README.md <==\n"), "{text}");
    // What Windows wants in another encoding is text on a terminal.
    let inf = every(&facts, Some(Shape::Link)).expect("all");
    let inf = inf.iter().find(|entry| entry.path.ends_with(".inf")).expect("an INF file");
    assert!(shown(inf).contains("\n[Version]\nSignature"), "{}", shown(inf));
}
