use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use super::write::write;
use super::*;

fn entry(path: &str, content: &str) -> Entry {
    Entry { path: path.into(), mode: 0o640, bytes: content.into() }
}

/// Everything below a directory, sorted; of directories the empty ones.
fn below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(below(&path)),
            path => found.push(format!("{}={}", path.display(), fs::read_to_string(&path).expect("text"))),
        }
    }
    if found.is_empty() {
        found.push(format!("{}/", directory.display()));
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
fn a_failure_leaves_everything_as_it_was() {
    // No file system takes both: the directory that `b/x` needs is in the way of `b`.
    let conflict = || [entry("b", "new"), entry("b/x", "new")];
    // (name, files before, further entries in front)
    let table = [
        ("nothing there", vec![], vec![]),
        ("new directories", vec![], vec![entry("n/e/w", "new")]),
        ("a file is replaced before", vec!["a"], vec![entry("a", "new")]),
        ("two files in one directory", vec!["d/a", "d/b"], vec![entry("d/a", "new"), entry("d/b", "new")]),
        (
            "some replaced, some new",
            vec!["a"],
            vec![entry("a", "new"), entry("c", "new"), entry("d/e", "new")],
        ),
    ];
    for (name, there, mut entries) in table {
        let out = tempfile::tempdir().expect("a directory");
        let dir = out.path().join("out");
        for path in &there {
            write(&dir, &[entry(path, "old")], false).expect("written");
        }
        let before = below(out.path());
        entries.extend(conflict());
        let error = write(&dir, &entries, true).expect_err(name).to_string();
        let begin = format!("{} cannot be written: ", dir.join("b").display());
        assert!(error.starts_with(&begin) && error.ends_with("; write elsewhere"), "{name}: {error}");
        assert_eq!(below(out.path()), before, "{name}");
    }
}

#[test]
fn names_beside_are_somebodys() {
    // (name beside the file, whether it is a link)
    let table =
        [(".a.usbnet-new", true), (".a.usbnet-new", false), (".usbnet-0", true), (".usbnet-0", false)];
    for (name, is_link) in table {
        let out = tempfile::tempdir().expect("a directory");
        let (dir, mine) = (out.path().join("out"), out.path().join("mine"));
        fs::create_dir(&dir).expect("made");
        fs::write(&mine, "mine").expect("written");
        match is_link {
            true => symlink(&mine, dir.join(name)).expect("linked"),
            false => fs::write(dir.join(name), "mine").expect("written"),
        }
        let expected = |content: &str| {
            let at = |path: &Path, content: &str| format!("{}={content}", path.display());
            let mut all = vec![at(&dir.join("a"), content), at(&dir.join(name), "mine"), at(&mine, "mine")];
            all.sort();
            all
        };
        for content in ["1", "2"] {
            write(&dir, &[entry("a", content)], true).expect("written");
            assert_eq!(below(out.path()), expected(content), "{name}, link {is_link}");
            assert_eq!(dir.join(name).is_symlink(), is_link, "{name}");
        }
    }
}

#[test]
fn the_kernels_refusals_have_a_code_and_a_next_step() {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};

    // (refusal, code, message ends with)
    let table = [
        (PermissionDenied, Exit::NotPermitted, "; run it as root, or write elsewhere"),
        (StorageFull, Exit::Failed, "; make room there, or write elsewhere"),
        (ReadOnlyFilesystem, Exit::Failed, "; write elsewhere"),
        (NotFound, Exit::Failed, "; write elsewhere"),
    ];
    for (kind, exit, end) in table {
        let error = WriteError::Io { path: "/a/b".into(), cause: kind.into() };
        let said = error.to_string();
        assert!(said.starts_with("/a/b cannot be written: ") && said.ends_with(end), "{said}");
        assert_eq!(ProfileError::from(error).exit(), exit, "{kind}");
        let inner = Box::new(WriteError::Io { path: "/a/b".into(), cause: kind.into() });
        let cause = NotFound.into();
        let error =
            WriteError::NotPutBack { error: inner, path: "/a/c".into(), kept: "/a/.usbnet-0".into(), cause };
        let said = error.to_string();
        assert!(
            said.contains("/a/c cannot be put back: ") && said.ends_with("kept as /a/.usbnet-0"),
            "{said}"
        );
        assert_eq!(error.exit(), exit, "{kind}");
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
