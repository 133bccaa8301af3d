//! The early link of an initramfs: with busybox alone, it makes the gadget that the daemon would have made.

mod hooks;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use usbnet::{
    config::{self, Config, FunctionKind, Gadget, Link, MacChoice, SerialChoice, Switch, UdcChoice},
    identity::{Identity, Side},
    plan::GADGET,
};
use usbnet_tests::run::{Outcome, run, sh};

use crate::{ROOT, SHELLS, program};

const MACHINE_ID: &str = "6d2f1c0a9be8475d8c3b5a0f7e1d9c24";

/// All that the functions may call beside what stands in for the kernel's tools.
const APPLETS: [&str; 10] = ["cat", "cut", "grep", "ln", "mkdir", "rm", "sed", "sha256sum", "sleep", "tr"];

/// What stands in for them, as functions: a busybox may prefer its applets to whatever is in the path. The kernel makes
/// the attribute `ifname` by itself, and has everything built in. Of a gadget, it takes a directory away with its
/// attributes, and only if no link and nothing else is in it or leads to it.
const TOOLS: &str = r#"
log=$usbnet_root/log
gadgets=$usbnet_root/sys/kernel/config/usb_gadget
function=$gadgets/usbnet/functions/ncm.usb0
modprobe() { return 1; }
sleep() { echo sleep >>"$log"; }
killall() { echo "killall $*" >>"$log"; }
ip() { echo "ip $*" >>"$log"; }
mount() { echo mount >>"$log"; mkdir -p "$function"; echo usb0 >"$function/ifname"; }
rmdir() {
    gadget=${1#"$gadgets/"}
    bound=$(cat "$gadgets/${gadget%%/*}/UDC" 2>/dev/null)
    case $1 in
    */functions/*) inside=$("$busybox" find "${1%/functions/*}/configs" -type l) ;;
    *) inside=$("$busybox" find "$1" -type l; "$busybox" find "$1" -mindepth 2 -type d) ;;
    esac
    echo "rmdir $gadget${bound:+, bound}${inside:+, not empty}" >>"$log"
    [ -z "$bound$inside" ] && rm -r "$1"
}
usbnet() {
    trap 'echo ended >>"$log"; exit' TERM
    echo "usbnet $*" >>"$log"
    while :; do command sleep 1; done
}
"#;

/// An initramfs with a directory in place of configfs.
struct Initramfs {
    directory: TempDir,
}

impl Initramfs {
    fn new() -> Self {
        let initramfs = Self { directory: tempfile::tempdir().expect("a directory") };
        for place in ["bin", "run", "etc", "sys/class/udc/dummy_udc.0", "sys/kernel/config"] {
            fs::create_dir_all(initramfs.at(place)).expect("a directory");
        }
        initramfs.write("etc/machine-id", &format!("{MACHINE_ID}\n"));
        let busybox = sh("command -v busybox");
        for applet in APPLETS {
            symlink(&busybox, initramfs.at(&format!("bin/{applet}"))).expect("a link");
        }
        initramfs
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.at(path).parent().expect("a directory")).expect("a directory");
        fs::write(self.at(path), text).expect("writable");
    }

    fn gadget(&self) -> PathBuf {
        self.at(GADGETS).join(GADGET)
    }

    fn attribute(&self, path: &str) -> Option<String> {
        Some(fs::read_to_string(self.gadget().join(path)).ok()?.trim().to_owned())
    }

    fn udc_of(&self, gadget: &str) -> Option<String> {
        Some(fs::read_to_string(self.at(GADGETS).join(gadget).join("UDC")).ok()?.trim().to_owned())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// Sources the functions with these programs only, and runs `lines`.
    fn runs(&self, lines: &str) -> Outcome {
        let functions = fs::read_to_string(early("usbnet-early")).expect("it");
        assert!(functions.contains("/usr/bin/usbnet "));
        let functions = functions.replace("/usr/bin/usbnet ", "usbnet ");
        let (bin, root) = (self.at("bin"), self.directory.path());
        let text = format!(
            "busybox=$(command -v busybox)\nPATH='{}'\n{functions}\nusbnet_root='{}'\n{TOOLS}\n{lines}",
            bin.display(),
            root.display()
        );
        run(&["busybox", "ash", "-c", &text])
    }

    /// Starts the link by `start`, waits for the responder, and ends it.
    #[track_caller]
    fn starts(&self, start: &str) {
        let outcome = self.runs(&format!(
            "sleep() {{ :; }}\n{start} || exit\n\
             until grep -q ^usbnet \"$log\"; do :; done\n\
             usbnet_early_stop || exit\n\
             wait"
        ));
        assert_eq!((outcome.err.as_str(), outcome.code), ("", 0));
    }
}

const GADGETS: &str = "sys/kernel/config/usb_gadget";

fn early(file: &str) -> PathBuf {
    Path::new(ROOT).join("scripts/init/initramfs").join(file)
}

#[test]
fn the_early_link_is_the_daemons() {
    for (before, mounts) in [("", "mount\n"), ("mount; rm \"$log\"; ", "")] {
        let initramfs = Initramfs::new();
        initramfs.starts(&format!("{before}usbnet_early_start"));

        let identity = Identity::from_machine_id(MACHINE_ID).expect("an id");
        let mac = |side| Some(identity.mac(FunctionKind::Ncm, side).to_string());
        assert_eq!(initramfs.attribute("functions/ncm.usb0/dev_addr"), mac(Side::Device));
        assert_eq!(initramfs.attribute("functions/ncm.usb0/host_addr"), mac(Side::Host));
        assert_eq!(initramfs.attribute("strings/0x409/serialnumber"), Some(identity.serial()));
        let Config { gadget, link, .. } = Config::default();
        assert_eq!(initramfs.attribute("strings/0x409/manufacturer"), Some(gadget.manufacturer));
        assert_eq!(initramfs.attribute("strings/0x409/product"), Some(gadget.product));
        assert_eq!(initramfs.attribute("idVendor"), Some(format!("{:#06x}", gadget.vendor_id)));
        assert_eq!(initramfs.attribute("idProduct"), Some(format!("{:#06x}", gadget.product_id)));
        assert_eq!(initramfs.attribute("UDC").as_deref(), Some("dummy_udc.0"));
        let function = fs::read_link(initramfs.gadget().join("configs/c.1/ncm.usb0")).expect("a link");
        assert_eq!(function, initramfs.gadget().join("functions/ncm.usb0"));

        let expected = format!(
            "{mounts}ip address add {0} broadcast + dev usb0\nip link set dev usb0 up\n\
             usbnet responder --interface usb0 --address {0} --host {1}\nended\n",
            link.address, link.host
        );
        assert_eq!(initramfs.log(), expected);
        assert!(!initramfs.at("run/usbnet-early.pid").exists());
    }
}

const RECEIVED: &str = "sys/class/net/usb0/statistics/rx_packets";

/// A host that says nothing may not know of the carrier: it is told again, ten times at most.
#[test]
fn a_silent_host_is_told_of_the_carrier_again() {
    // It speaks during this sleep; the second one is right behind the first telling.
    for (name, received, during, times) in [
        ("silent", 0, 0, 10),
        ("heard before", 3, 0, 0),
        ("heard across a telling", 0, 2, 10),
        ("heard after it", 0, 3, 1),
    ] {
        let initramfs = Initramfs::new();
        initramfs.write("sys/class/udc/dummy_udc.0/state", "configured\n");
        initramfs.write(RECEIVED, &format!("{received}\n"));
        let outcome = initramfs.runs(&format!(
            "usbnet_udc=dummy_udc.0 usbnet_interface=usb0 slept=0
             sleep() {{
                 slept=$((slept + 1))
                 [ $slept -ne {during} ] || echo 9 >$usbnet_root/{RECEIVED}
             }}
             usbnet_early_carrier"
        ));
        assert_eq!((outcome.err.as_str(), outcome.code), ("", 0), "{name}");
        let told = "ip link set dev usb0 down\nip link set dev usb0 up\n".repeat(times);
        assert_eq!(initramfs.log(), told, "{name}");
    }
}

#[test]
fn the_identity_is_the_daemons_whatever_the_files_hold() {
    const ID: (&str, &str) = ("etc/machine-id", MACHINE_ID);
    const SERIAL: &str = "sys/firmware/devicetree/base/serial-number";
    const DBUS: (&str, &str) = ("var/lib/dbus/machine-id", "0f1e2d3c4b5a69788796a5b4c3d2e1f0\n");
    const OTHER: (&str, &str) = ("proc/device-tree/serial-number", "1c8a\0");
    let cpu =
        ("proc/cpuinfo", "processor\t: 0\nSerial number: 7\nSerial\t\t: 00000000a1b2c3d4\nSerial : 8\n");
    let table: &[(&str, &[(&str, &str)])] = &[
        ("nothing", &[]),
        ("machine-id first", &[ID, DBUS, (SERIAL, "12ab\0"), cpu]),
        ("without a line end", &[(ID.0, "6d2f1c0a9be8475d8c3b5a0f7e1d9c24")]),
        ("upper case", &[(ID.0, "6D2F1C0A9BE8475D8C3B5A0F7E1D9C24\n"), OTHER]),
        ("empty machine-id", &[(ID.0, ""), (SERIAL, "0000000012ab34cd\0")]),
        ("empty, then D-Bus's", &[(ID.0, "\n"), DBUS, cpu]),
        ("uninitialized", &[(ID.0, "uninitialized\n"), (SERIAL, "0000000012ab34cd\0")]),
        ("uninitialized, and nothing else", &[(ID.0, "uninitialized\n")]),
        ("too short", &[(ID.0, "6d2f1c0a9be8475d8c3b5a0f7e1d9c2\n"), cpu]),
        ("too long", &[(ID.0, "6d2f1c0a9be8475d8c3b5a0f7e1d9c245\n"), cpu]),
        ("not hexadecimal", &[(ID.0, "zd2f1c0a9be8475d8c3b5a0f7e1d9c24\n"), cpu]),
        ("all zeros", &[(ID.0, "00000000000000000000000000000000\n"), (SERIAL, "x1\0")]),
        ("a UUID", &[(ID.0, "6d2f1c0a-9be8-475d-8c3b-5a0f7e1d9c24\n")]),
        ("spaces in it", &[(SERIAL, " RX-34 007 \0")]),
        ("serial of zeros", &[(SERIAL, "0000000000000000\0")]),
        ("serial of zeros, then another", &[(SERIAL, "0000000000000000\0"), OTHER]),
        ("serial of zeros and dashes", &[(SERIAL, "00-00 00\0"), cpu]),
        ("placeholder", &[(SERIAL, "0123456789ABCDEF\0"), cpu]),
        ("ten digits", &[(SERIAL, "1234567890")]),
        ("unknown", &[(SERIAL, "Unknown\0")]),
        ("none", &[(SERIAL, "NONE\0")]),
        ("nonesuch", &[(SERIAL, "nonesuch\0")]),
        ("not printable", &[(SERIAL, "12\u{7f}ab\0"), OTHER]),
        ("no ASCII", &[(SERIAL, "12äb\0")]),
        ("two texts", &[(SERIAL, "12\0ab\0")]),
        ("shell's characters", &[(SERIAL, "$(id) `id` * \\n '\" %s\0")]),
        ("only the processor's", &[cpu]),
        ("a processor without", &[("proc/cpuinfo", "processor\t: 0\nmodel name\t: x\n")]),
    ];
    for (name, files) in table {
        let initramfs = Initramfs::new();
        fs::remove_file(initramfs.at(ID.0)).expect("removed");
        for (path, text) in *files {
            initramfs.write(path, text);
        }
        let expected = Identity::read(initramfs.directory.path()).map_or_else(
            |_| String::new(),
            |identity| {
                format!(
                    "{}\n{}\n",
                    identity.mac(FunctionKind::Ncm, Side::Host),
                    identity.serial().to_lowercase()
                )
            },
        );
        let outcome = initramfs.runs("usbnet_mac 3; usbnet_derived serial");
        assert_eq!((&*outcome.out, &*outcome.err), (&*expected, ""), "{name}");
    }
}

/// A configuration in which nothing is the default, with what a shell would take for its own.
fn configured(product: &str) -> Config {
    let mac = |text: &str| text.parse().expect("an address");
    Config {
        gadget: Gadget {
            vendor_id: 0x0525,
            product_id: 0xa4a2,
            manufacturer: r#"it's "$(touch /nowhere)" `x` \ \'"#.to_owned(),
            product: product.to_owned(),
            serial: SerialChoice::Fixed("A'B\\\"C".to_owned()),
            mac: MacChoice::Fixed { device: mac("02:1a:2b:3c:4d:5e"), host: mac("02:1a:2b:3c:4d:5f") },
        },
        udc: UdcChoice::Named("other_udc.1".to_owned()),
        link: Link {
            address: "192.168.7.1/24".parse().expect("an address"),
            host: "192.168.7.2".parse().expect("an address"),
            dns: Switch::Off,
            name: Some("n800".to_owned()),
            domain: "cable".to_owned(),
            pool: Some("192.168.7.10-192.168.7.20".parse().expect("a pool")),
            mtu: Some(1400),
            lease_seconds: 600,
            ..Link::default()
        },
        ..Config::default()
    }
}

/// What `usbnet-early-config` writes in this shell on a device of that name, where `usbnet config` says `effective` and ends
/// with `code`.
fn settings(shell: &[&str], hostname: &str, effective: &str, code: u8) -> Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("effective"), effective).expect("writable");
    fs::create_dir(at("etc")).expect("a directory");
    fs::write(at("etc/hostname"), hostname).expect("writable");
    let body = format!("#!/bin/sh\n[ $1 = config ] && cat '{}'\nexit {code}\n", at("effective").display());
    program(&at("usbnet"), &body);
    let script = fs::read_to_string(early("usbnet-early-config")).expect("the script");
    assert!(script.contains("/usr/bin/usbnet"));
    let script = script.replace("/usr/bin/usbnet", &at("usbnet").display().to_string());
    let script = format!("usbnet_root='{}'\n{script}", directory.path().display());
    run(&[shell, &["-c", &script, "usbnet-early-config"]].concat())
}

#[test]
fn the_early_link_is_as_configured() {
    let config = configured("a, \"b\", \\");
    for shell in SHELLS {
        let initramfs = Initramfs::new();
        fs::create_dir(initramfs.at("sys/class/udc/other_udc.1")).expect("a directory");
        let written = settings(shell, "other\n", &config::render(&config), 0);
        assert_eq!((written.code, &*written.err), (0, ""), "{shell:?}");
        initramfs.write("etc/usbnet/early.conf", &written.out);
        initramfs.starts("usbnet_early_start");
        let attributes = [
            ("idVendor", "0x0525"),
            ("idProduct", "0xa4a2"),
            ("strings/0x409/manufacturer", &config.gadget.manufacturer),
            ("strings/0x409/product", &config.gadget.product),
            ("strings/0x409/serialnumber", "A'B\\\"C"),
            ("functions/ncm.usb0/dev_addr", "02:1a:2b:3c:4d:5e"),
            ("functions/ncm.usb0/host_addr", "02:1a:2b:3c:4d:5f"),
            ("UDC", "other_udc.1"),
        ];
        for (attribute, expected) in attributes {
            assert_eq!(initramfs.attribute(attribute).as_deref(), Some(expected), "{attribute}, {shell:?}");
        }
        let said = initramfs.log();
        let line = "usbnet responder --interface usb0 --address 192.168.7.1/24 --host 192.168.7.2 --no-dns \
                    --name n800 --domain cable --pool 192.168.7.10-192.168.7.20 --lease 600 --mtu 1400\n";
        assert!(said.contains("ip address add 192.168.7.1/24 ") && said.contains(line), "{said}");
        assert!(said.starts_with("mount\nip link set dev usb0 mtu 1400\n"), "{said}");
    }
}

/// An initramfs is called nothing; whoever asks for the device by its name should not notice.
#[test]
fn the_early_link_has_the_devices_name() {
    let table = [
        ("of the device", "n900\n", "usbnet_name='n900'\n"),
        ("without a line end", "n900", "usbnet_name='n900'\n"),
        ("with its domain", "n900.example\n", "usbnet_name='n900'\n"),
        ("below a comment", "# the name\n\nn900 \n", "usbnet_name='n900'\n"),
        ("a shell's characters", "n9'$(touch /nowhere)\n", "usbnet_name='n9'\n"),
        ("none", "", ""),
    ];
    for (name, hostname, expected) in table {
        for shell in SHELLS {
            let written = settings(shell, hostname, &config::render(&Config::default()), 0);
            assert_eq!((written.code, &*written.err), (0, ""), "{name}, {shell:?}");
            let found: String =
                written.out.split_inclusive('\n').filter(|line| line.contains("_name")).collect();
            assert_eq!(found, expected, "{name}, {shell:?}");
        }
    }
}

#[test]
fn what_is_default_derived_or_not_printable_stays_so() {
    for config in [
        Config::default(),
        Config { gadget: Gadget { product: "a\u{200b}b".into(), ..Gadget::default() }, ..Config::default() },
    ] {
        let initramfs = Initramfs::new();
        initramfs.write("etc/usbnet/early.conf", &settings(SHELLS[0], "", &config::render(&config), 0).out);
        initramfs.starts("usbnet_early_start");
        let identity = Identity::from_machine_id(MACHINE_ID).expect("an id");
        assert_eq!(initramfs.attribute("strings/0x409/serialnumber"), Some(identity.serial()));
        assert_eq!(initramfs.attribute("strings/0x409/product"), Some(Gadget::default().product));
        assert_eq!(initramfs.attribute("UDC").as_deref(), Some("dummy_udc.0"));
    }
    for shell in SHELLS {
        let refused = settings(shell, "", "", 3);
        assert_eq!((refused.code, &*refused.out), (1, ""), "{shell:?}");
        assert!(refused.err.ends_with("the early link has the defaults\n"), "{}", refused.err);
    }
}

#[test]
fn without_an_id_the_kernel_chooses() {
    let initramfs = Initramfs::new();
    fs::remove_file(initramfs.at("etc/machine-id")).expect("removed");
    initramfs.starts("usbnet_early_start");
    assert_eq!(initramfs.attribute("functions/ncm.usb0/dev_addr"), None);
    assert_eq!(initramfs.attribute("strings/0x409/serialnumber"), None);
    assert_eq!(initramfs.attribute("UDC").as_deref(), Some("dummy_udc.0"));
}

#[test]
fn no_udc_is_waited_for_and_said() {
    let initramfs = Initramfs::new();
    fs::remove_dir(initramfs.at("sys/class/udc/dummy_udc.0")).expect("removed");
    let outcome = initramfs.runs("usbnet_early_start");
    assert_eq!((outcome.code, &*outcome.err), (1, "usbnet: no UDC, so no early link; load its driver\n"));
    assert_eq!(initramfs.log(), "mount\n".to_owned() + &"sleep\n".repeat(5));
    assert_eq!(initramfs.attribute("UDC"), None);
}

/// A kernel that has no such function, and a UDC that it does not give.
const NO_NCM: &str = r#"
mount() { echo mount >>"$log"; mkdir -p "$gadgets"; }
mkdir() { command mkdir "$@"; case $* in *ncm.usb0*) rm -r "$function"; return 1 ;; esac; }
"#;
const UDC_TAKEN: &str = "usbnet_write() { [ \"$1\" != UDC ]; }\n";

#[test]
fn what_fails_half_way_leaves_nothing() {
    let started = "mount\nrmdir usbnet/configs/c.1\n";
    let rest = "rmdir usbnet/strings/0x409\nrmdir usbnet\n";
    let table = [
        ("no NCM", NO_NCM, format!("{started}{rest}")),
        ("UDC taken", UDC_TAKEN, format!("{started}rmdir usbnet/functions/ncm.usb0\n{rest}")),
    ];
    for (name, fault, expected) in table {
        let initramfs = Initramfs::new();
        let outcome = initramfs.runs(&format!("{fault}usbnet_early_start"));
        assert_eq!((outcome.code, &*outcome.err, initramfs.log()), (1, "", expected), "{name}");
        assert!(!initramfs.gadget().exists(), "{name}");
    }
}
