//! What a kernel can do, and why it cannot.

use super::*;

#[test]
fn auto_takes_configfs_where_the_kernel_has_it() {
    use Presence::{Missing, NoGadgets, NotMounted, Ready};
    let ether = |insmod_from: Option<&str>| Backend::Legacy {
        ether: "g_ether".to_owned(),
        storage: "g_mass_storage".to_owned(),
        insmod_from: insmod_from.map(PathBuf::from),
    };
    let (auto, forced) = (Backend::Auto, Backend::Configfs);
    let no_index = Modules::default();
    let rows: [(&str, &Backend, Presence, Modules, &str); 12] = [
        ("ready", &auto, Ready, no_index.clone(), "configfs"),
        ("loaded", &auto, NotMounted, modules(&["libcomposite"], &[]), "configfs"),
        ("loadable", &auto, Missing, modules(&[], &["libcomposite", "g_ether"]), "configfs"),
        ("no index, configfs there", &auto, NotMounted, no_index.clone(), "configfs"),
        ("no index, no configfs", &auto, Missing, no_index.clone(), "fallback"),
        ("only g_ether", &auto, Missing, modules(&[], &["g_ether"]), "fallback"),
        ("configfs of others", &auto, NoGadgets, modules(&[], &["g_ether"]), "fallback"),
        ("nothing", &auto, Missing, modules(&[], &[]), "the kernel has neither libcomposite nor g_ether"),
        (
            "configfs asked for",
            &forced,
            NotMounted,
            modules(&[], &["g_ether"]),
            "the kernel has no USB gadgets in configfs",
        ),
        ("legacy asked for", &ether(None), Ready, modules(&[], &["g_ether"]), "legacy"),
        ("legacy missing", &ether(None), Ready, modules(&[], &[]), "the kernel has no module g_ether"),
        ("legacy elsewhere", &ether(Some("/mnt")), Ready, modules(&[], &[]), "legacy"),
    ];
    for (name, backend, presence, modules, expected) in rows {
        let got = match choose_backend(backend, presence, &modules) {
            Ok(BackendChoice::Configfs) => "configfs".to_owned(),
            Ok(BackendChoice::Legacy { fallback: true, .. }) => "fallback".to_owned(),
            Ok(BackendChoice::Legacy { fallback: false, .. }) => "legacy".to_owned(),
            Err(obstacle) => obstacle.to_string(),
        };
        assert!(got.starts_with(expected), "{name}: {got}");
    }
}

#[test]
fn modes_that_cannot_be_used_say_why() {
    let configfs = BackendChoice::Configfs;
    let by_module = |fallback| BackendChoice::Legacy {
        ether: "g_ether".to_owned(),
        storage: "g_mass_storage".to_owned(),
        insmod_from: None,
        fallback,
    };
    let some = modules(&["usb_f_ncm"], &["usb_f_rndis"]);
    let rows: [(&str, BackendChoice, &[FunctionKind], &Modules, Option<&str>); 10] = [
        ("loaded", configfs.clone(), &[Ncm], &some, None),
        ("loadable", configfs.clone(), &[Rndis], &some, None),
        ("missing", configfs.clone(), &[Eem], &some, Some("the kernel has no usb_f_eem for Eem")),
        ("second missing", configfs.clone(), &[Ncm, Acm], &some, Some("the kernel has no usb_f_acm for Acm")),
        ("unknown", configfs.clone(), &[Eem], &Modules::default(), None),
        ("nothing", configfs, &[], &some, None),
        ("legacy", by_module(false), &[Rndis], &some, None),
        ("legacy ncm", by_module(false), &[Ncm], &some, Some("Ncm is not available with the legacy backend")),
        ("fallback for ncm", by_module(true), &[Ncm], &some, None),
        ("fallback for acm", by_module(true), &[Ncm, Acm], &some, Some("Acm is not available")),
    ];
    for (name, choice, functions, modules, expected) in rows {
        let found = obstacle(&choice, &mode(functions), 1, modules).map(|obstacle| obstacle.to_string());
        match (found, expected) {
            (None, None) => {}
            (Some(message), Some(start)) => assert!(message.starts_with(start), "{name}: {message}"),
            (found, _) => panic!("{name}: {found:?}"),
        }
    }
}
