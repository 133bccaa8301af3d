//! Lists and indexes of modules as they are found in the field.

use super::*;

const DEP: &str = "\
kernel/fs/configfs/configfs.ko:
kernel/drivers/usb/gadget/legacy/g_ether.ko.xz: kernel/drivers/usb/gadget/function/usb_f_rndis.ko.xz kernel/drivers/usb/gadget/libcomposite.ko kernel/fs/configfs/configfs.ko
kernel/drivers/usb/gadget/function/usb_f_rndis.ko.xz: kernel/drivers/usb/gadget/libcomposite.ko kernel/fs/configfs/configfs.ko
kernel/net/ipv4/ipip.ko:
";

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn observe(root: &Path, index: &str) -> Modules {
    Modules::observe(root, Index::read(&root.join(index)).expect("readable")).expect("readable")
}

#[test]
fn availability_comes_from_the_list_and_the_indexes() {
    let loaded = "usb_f_rndis 49152 2 - Live 0xffffffffc0a1\nlibcomposite 90112 10 usb_f_rndis,usb_f_ncm, Live 0x0\n\
                  u_ether 3 1 [permanent], Live 0x0\n";
    let dir = tree(&[
        ("modules", loaded),
        ("index/modules.dep", DEP),
        ("index/modules.builtin", "kernel/drivers/usb/gadget/function/usb-f-built.ko\n"),
    ]);
    let modules = observe(dir.path(), "index");
    let rows = [
        ("usb_f_rndis", Availability::Loaded),
        ("usb_f_built", Availability::BuiltIn),
        ("g_ether", Availability::Loadable),
        ("usb_f_ncm", Availability::Missing),
    ];
    for (module, expected) in rows {
        assert_eq!(modules.availability(module), expected, "{module}");
    }
    let users: Vec<_> = modules.loaded["libcomposite"].iter().map(String::as_str).collect();
    assert_eq!(users, ["usb_f_ncm", "usb_f_rndis"]);
    assert!(modules.loaded["u_ether"].is_empty() && modules.loaded["usb_f_rndis"].is_empty());
    assert_eq!(
        modules.index.loadable.as_ref().map(BTreeSet::len),
        Some(3),
        "only what makes gadgets is kept"
    );

    let bare = observe(&dir.path().join("none"), "none");
    assert_eq!(bare.availability("g_ether"), Availability::Unknown);
}

#[test]
fn files_are_found_in_the_order_of_loading() {
    let absolute = "/lib/modules/2.6.21/g_ether.ko: /lib/modules/2.6.21/usb/helper.ko\n";
    let dir = tree(&[
        ("5.1/modules.dep", DEP),
        ("2.6.21/modules.dep", absolute),
        ("2.6.17/g_ether.ko", ""),
        ("3.0/kernel/drivers/usb/gadget/legacy/g-ether.ko", ""),
    ]);
    let gadget = "kernel/drivers/usb/gadget";
    let rows = [
        (
            "by the index",
            "5.1",
            Some(vec![
                "kernel/fs/configfs/configfs.ko".to_owned(),
                format!("{gadget}/libcomposite.ko"),
                format!("{gadget}/function/usb_f_rndis.ko.xz"),
                format!("{gadget}/legacy/g_ether.ko.xz"),
            ]),
        ),
        ("absolute paths", "2.6.21", Some(vec!["usb/helper.ko".to_owned(), "g_ether.ko".to_owned()])),
        ("flat, without index", "2.6.17", Some(vec!["g_ether.ko".to_owned()])),
        ("nested, without index", "3.0", Some(vec![format!("{gadget}/legacy/g-ether.ko")])),
        ("another kernel", "4.0", None),
    ];
    for (name, release, expected) in rows {
        let found = resolve(dir.path(), release, "g_ether");
        let expected = expected
            .map(|files| files.iter().map(|file| dir.path().join(release).join(file)).collect::<Vec<_>>());
        assert_eq!(found.ok(), expected, "{name}");
    }
    let message = resolve(dir.path(), "4.0", "g_ether").expect_err("none").to_string();
    assert!(
        message.starts_with(&format!("there is no g_ether.ko for kernel 4.0 in {};", dir.path().display()))
    );
}

#[test]
fn parameters_with_blanks_are_quoted_for_the_kernel() {
    let rows = [
        ("plain", "1", "p=1"),
        ("blank", "My Phone", "p=\"My Phone\""),
        ("empty", "", "p=\"\""),
        ("apostrophe", "O'Neil", "p=O'Neil"),
    ];
    for (name, value, expected) in rows {
        let load = Load {
            module: "m".to_owned(),
            parameters: vec![("p".to_owned(), value.to_owned())],
            source: Source::Modprobe,
        };
        assert_eq!(load.arguments(), [expected], "{name}");
    }
}

#[test]
fn a_file_that_is_no_module_is_named_in_the_error() {
    let dir = tree(&[("m.ko", "not a module")]);
    let file = dir.path().join("m.ko");
    let load = |source| Load { module: "m".to_owned(), parameters: Vec::new(), source }.apply();
    let message = load(Source::File(file.clone())).expect_err("no module").to_string();
    assert!(message.starts_with(&format!("cannot load {}: ", file.display())), "{message}");
    let absent = dir.path().join("absent.ko");
    let message = load(Source::File(absent.clone())).expect_err("absent").to_string();
    assert!(message.starts_with(&format!("cannot read {}: ", absent.display())), "{message}");
}
