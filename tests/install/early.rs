//! The early link of an initramfs: with busybox alone, it makes the gadget that the daemon would have made.

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
const APPLETS: [&str; 11] =
    ["basename", "cat", "cut", "grep", "ln", "mkdir", "rm", "sed", "sha256sum", "sleep", "tr"];

/// What stands in for them, as functions: a busybox may prefer its applets to whatever is in the path. The kernel makes
/// the attribute `ifname` by itself, and has everything built in.
const TOOLS: &str = r#"
log=$usbnet_root/log
function=$usbnet_root/sys/kernel/config/usb_gadget/usbnet/functions/ncm.usb0
modprobe() { return 1; }
sleep() { echo sleep >>"$log"; }
ip() { echo "ip $*" >>"$log"; }
mount() { echo mount >>"$log"; mkdir -p "$function"; echo usb0 >"$function/ifname"; }
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
        fs::write(initramfs.at("etc/machine-id"), format!("{MACHINE_ID}\n")).expect("writable");
        let busybox = sh("command -v busybox");
        for applet in APPLETS {
            symlink(&busybox, initramfs.at(&format!("bin/{applet}"))).expect("a link");
        }
        initramfs
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn gadget(&self) -> PathBuf {
        self.at("sys/kernel/config/usb_gadget").join(GADGET)
    }

    fn attribute(&self, path: &str) -> Option<String> {
        Some(fs::read_to_string(self.gadget().join(path)).ok()?.trim().to_owned())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.at("log")).unwrap_or_default()
    }

    /// Sources the functions with these programs only, and runs `lines`.
    fn runs(&self, lines: &str) -> Outcome {
        let functions =
            fs::read_to_string(Path::new(ROOT).join("scripts/init/initramfs/usbnet-early")).expect("it");
        assert!(functions.contains("/usr/sbin/usbnet "));
        let functions = functions.replace("/usr/sbin/usbnet ", "usbnet ");
        let (bin, root) = (self.at("bin"), self.directory.path());
        let text = format!(
            "PATH='{}'\n{functions}\nusbnet_root='{}'\n{TOOLS}\n{lines}",
            bin.display(),
            root.display()
        );
        run(&["busybox", "ash", "-c", &text])
    }
}

#[test]
fn the_early_link_is_the_daemons() {
    for (before, mounts) in [("", "mount\n"), ("mount; rm \"$log\"; ", "")] {
        let initramfs = Initramfs::new();
        let outcome = initramfs.runs(&format!(
            "{before}usbnet_early_start || exit\n\
             until grep -q ^usbnet \"$log\"; do :; done\n\
             usbnet_early_stop || exit\n\
             wait"
        ));
        assert_eq!((outcome.err.as_str(), outcome.code), ("", 0));

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

#[test]
fn a_board_without_a_machine_id_has_its_serial_number() {
    let initramfs = Initramfs::new();
    fs::remove_file(initramfs.at("etc/machine-id")).expect("removed");
    let serial = initramfs.at("sys/firmware/devicetree/base/serial-number");
    fs::create_dir_all(serial.parent().expect("a directory")).expect("a directory");
    fs::write(serial, "0000000012ab34cd\0").expect("writable");
    let outcome = initramfs.runs("usbnet_mac 3");
    let identity = Identity::from_seed("0000000012ab34cd");
    assert_eq!(
        outcome.out.trim(),
        identity.mac(FunctionKind::Ncm, Side::Host).to_string(),
        "{}",
        outcome.err
    );
}

#[test]
fn without_an_id_the_kernel_chooses() {
    let initramfs = Initramfs::new();
    fs::remove_file(initramfs.at("etc/machine-id")).expect("removed");
    let outcome = initramfs.runs("usbnet_early_start; usbnet_early_stop; wait");
    assert_eq!(outcome.code, 0, "{}", outcome.err);
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
