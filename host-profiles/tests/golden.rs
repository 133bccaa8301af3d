//! Golden files: every host in every shape, as it was when somebody last looked at it.
//!
//! `USBNET_GOLDEN=write cargo test -p usbnet-host-profiles --test golden` writes them anew; read the difference before
//! you commit it. `golden/dhcp` has everything for a device that answers DHCP, `golden/static` what differs for one
//! that does not, `golden/eem` for one whose function tells the host no hardware address.

use std::{collections::BTreeMap, fs, path::Path};

use usbnet_host_profiles::{ALL, Domain, Function, InterfaceName, Label, LinkFacts, Shape, tree};

fn facts() -> LinkFacts {
    LinkFacts {
        product: "N800".into(),
        manufacturer: "Nokia".into(),
        vendor_id: 0x1d6b,
        product_id: 0x0104,
        function: Function::Ncm,
        interface: None,
        host_mac: [0x1a, 0x36, 0x84, 0xf7, 0xcb, 0xb3],
        device: [192, 168, 2, 15].into(),
        host: [192, 168, 2, 14].into(),
        prefix: 27,
        name: Label::new("n800").unwrap(),
        domain: Domain::new("usbnet").unwrap(),
        dhcp: true,
        dns: true,
        mtu: None,
        bridge: InterfaceName::new("br0").unwrap(),
    }
}

/// The other branches of the templates: no services, RNDIS inside a composite, an MTU, names that need quoting.
fn other_facts() -> LinkFacts {
    LinkFacts {
        product: "Ann's \"N800\" $(touch /run/pwned) `id` 50%".into(),
        manufacturer: "Ünïted & Söns <x>".into(),
        function: Function::Rndis,
        interface: Some(2),
        dhcp: false,
        dns: false,
        mtu: Some(1420),
        ..facts()
    }
}

type Files = BTreeMap<String, String>;

fn made(facts: &LinkFacts) -> Files {
    // As text: a golden file is for reading. The stored form is checked beside `File::bytes`.
    let mut files = Files::new();
    for host in ALL {
        for shape in host.shapes().filter(|_| host.finds(facts)) {
            let profile = host.profile(facts, shape).unwrap();
            let folder = format!("{}/{shape}", host.name);
            for file in &profile.files {
                let known = files.insert(format!("{folder}/{}", file.relative()), file.text.clone());
                assert!(known.is_none(), "{} of {folder} is there twice", file.path);
            }
        }
    }
    for page in tree(facts).unwrap().drain(..2) {
        files.insert(page.path, String::from_utf8(page.bytes).unwrap());
    }
    files
}

fn read(root: &Path, below: &Path, files: &mut Files) {
    for entry in fs::read_dir(below).unwrap_or_else(|error| panic!("{}: {error}", below.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn write(root: &Path, files: &Files) {
    let _ = fs::remove_dir_all(root);
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn compare(name: &str, expected_here: Files) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("USBNET_GOLDEN").is_some_and(|what| what == "write") {
        return write(&root, &expected_here);
    }
    let mut golden = Files::new();
    read(&root, &root, &mut golden);
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&expected_here), names(&golden), "the files of golden/{name}");
    for (file, text) in expected_here {
        assert_eq!(text, golden[&file], "golden/{name}/{file}; USBNET_GOLDEN=write writes it anew");
    }
}

#[test]
fn a_device_that_answers_dhcp() {
    compare("dhcp", made(&facts()));
}

#[test]
fn a_device_that_does_not() {
    let usual = made(&facts());
    let mut other = made(&other_facts());
    other.retain(|name, text| usual.get(name) != Some(text));
    compare("static", other);
}

#[test]
fn a_makers_address_may_be_an_eth() {
    let facts = LinkFacts { host_mac: [0, 0x11, 0x22, 0x33, 0x44, 0x55], ..facts() };
    let interfaces = &made(&facts)["ifupdown/link/etc/network/interfaces.d/usbnet"];
    assert!(interfaces.contains("mapping enx001122334455 usb0 usb1 usb2 eth0 eth1 eth2\n"), "{interfaces}");
}

/// Those that find the link do so by its driver or USB id; the others say that they cannot.
#[test]
fn a_device_that_tells_no_hardware_address() {
    let (usual, facts) = (made(&facts()), LinkFacts { function: Function::Eem, ..facts() });
    let mut other = made(&facts);
    other.retain(|name, text| usual.get(name) != Some(text) && !name.starts_with("README"));
    let mac = |text: &str| text.to_lowercase().contains("1a:36:84:f7:cb:b3");
    assert_eq!(other.iter().find(|(_, text)| mac(text)), None);
    compare("eem", other);
    for host in ALL.iter().filter(|host| !host.finds(&facts)) {
        let error = host.profile(&facts, host.shapes().next().unwrap()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{} knows links by hardware address", host.name)), "{error}");
        assert!(error.contains(", or one of networkmanager, systemd-networkd, udev"), "{error}");
    }
    let index = tree(&facts).unwrap().swap_remove(0);
    let index = String::from_utf8(index.bytes).unwrap();
    assert!(index.contains("The other hosts know links by hardware address") && !index.contains("| macos |"));
}

#[test]
fn every_profile_says_what_to_do() {
    for host in ALL {
        assert!(host.shapes().next().is_some(), "{} has no shape", host.name);
        for shape in Shape::ALL {
            match (host.refusal(shape), host.profile(&facts(), shape)) {
                (Some(why), Err(error)) => {
                    assert_eq!(error.to_string(), format!("{} has no {shape}: {why}", host.name));
                    assert!(why.len() > 20 && !why.ends_with('.'), "{error}");
                }
                (None, Ok(profile)) => {
                    assert!(!profile.files.is_empty(), "{}, {shape}", host.name);
                    for section in ["### Set up\n", "### Undo\n", "### See that it works\n"] {
                        assert!(profile.guide.contains(section), "{}, {shape}: no {section}", host.name);
                    }
                    assert!(profile.readme().unwrap().contains(profile.files[0].path));
                }
                (refusal, profile) => panic!("{}, {shape}: {refusal:?}, {profile:?}", host.name),
            }
        }
    }
}

#[test]
fn what_is_asked_for_wrongly_is_named() {
    let error = usbnet_host_profiles::find("debian").unwrap_err().to_string();
    assert!(
        error.starts_with(
            "no host \"debian\"; did you mean ifupdown or networkmanager? Else use one of ifupdown, "
        ),
        "{error}"
    );
    for host in ALL {
        assert_eq!(usbnet_host_profiles::find(host.name).unwrap().name, host.name);
    }
}

#[test]
fn nothing_is_left_of_the_templates() {
    for (name, text) in made(&facts()).into_iter().chain(made(&other_facts())) {
        for rest in ["{{", "{%", "%}", "\n\n\n", " \n"] {
            let at = text.find(rest).map(|at| text[..at].lines().last());
            assert_eq!(at, None, "{name} has {rest:?}");
        }
    }
}
