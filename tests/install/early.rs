//! The early link of an initramfs: with busybox alone, it makes the gadget that the daemon would have made.

mod configured;
mod hooks;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use usbnet::{
    config::{Config, FunctionKind},
    identity::{Identity, Side},
    plan::GADGET,
};
use usbnet_tests::run::{Outcome, run, sh};

use crate::ROOT;

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
