//! The hooks that bring the early link into an initramfs, and up in it.

use std::{fs, os::unix::fs::symlink, path::Path};

use usbnet_tests::run::{Outcome, run, sh};

use super::{GADGETS, Initramfs, NO_NCM, early};
use crate::program;

/// What postmarketOS has before its hooks run, and a gadget of somebody else.
fn postmarketos() -> Initramfs {
    let initramfs = Initramfs::new();
    let g1 = format!("{GADGETS}/g1");
    for place in ["strings/0x409", "configs/c.1/strings/0x409", "os_desc"] {
        fs::create_dir_all(initramfs.at(&format!("{g1}/{place}"))).expect("a directory");
    }
    initramfs.write(&format!("{g1}/UDC"), "dummy_udc.0\n");
    initramfs.write(&format!("{g1}/configs/c.1/MaxPower"), "2\n");
    for function in ["ncm.usb0", "acm.usb0"] {
        initramfs.write(&format!("{g1}/functions/{function}/ifname"), "usb0\n");
        let link = initramfs.at(&format!("{g1}/configs/c.1/{function}"));
        symlink(initramfs.at(&format!("{g1}/functions/{function}")), link).expect("a link");
    }
    symlink(initramfs.at(&format!("{g1}/configs/c.1")), initramfs.at(&format!("{g1}/os_desc/c.1")))
        .expect("a link");
    initramfs.write(&format!("{GADGETS}/other/UDC"), "dummy_udc.1\n");
    initramfs.write(&format!("{GADGETS}/idle/UDC"), "\n");
    initramfs
}

fn hook() -> String {
    let hook = fs::read_to_string(early("mkinitfs/hooks/50-usbnet.sh")).expect("the hook");
    let sourcing = ". /usr/share/usbnet/usbnet-early\n";
    assert!(hook.contains(sourcing));
    hook.replace(sourcing, "")
}

#[test]
fn the_hook_takes_the_udc_from_the_distributions_gadget() {
    let initramfs = postmarketos();
    // The kernel refuses a UDC that is still taken.
    let lines = format!(
        "mount; rm \"$log\"\nusbnet_early_up_unless_taken() {{ ! grep -q . \"$gadgets\"/*/UDC && usbnet_early_up; }}\n{}",
        hook().replace("\nusbnet_early_up\n", "\nusbnet_early_up_unless_taken\n")
    );
    initramfs.starts(&format!("{{ {lines}\n}}"));
    let log = initramfs.log();
    let (taken, link) = log.split_at(log.find("ip ").expect("the link"));
    assert_eq!(
        taken,
        "killall unudhcpd\nrmdir g1/configs/c.1/strings/0x409\nrmdir g1/configs/c.1\n\
         rmdir g1/functions/acm.usb0\nrmdir g1/functions/ncm.usb0\nrmdir g1/strings/0x409\nrmdir g1\n"
    );
    assert!(link.contains("usbnet responder --interface usb0 "), "{link}");
    assert!(!initramfs.at(&format!("{GADGETS}/g1")).exists());
    assert_eq!(initramfs.attribute("UDC").as_deref(), Some("dummy_udc.0"));
    // Somebody else's is there still, and has no UDC.
    assert_eq!(initramfs.udc_of("other").as_deref(), Some(""));
}

#[test]
fn the_hook_leaves_the_distributions_link_when_it_has_no_better_one() {
    let initramfs = postmarketos();
    let outcome = initramfs.runs(&format!("{NO_NCM}{}", hook()));
    assert_eq!((outcome.code, &*outcome.err), (1, ""));
    assert!(!initramfs.gadget().exists());
    assert_eq!(initramfs.udc_of("g1").as_deref(), Some("dummy_udc.0"));
    assert!(!initramfs.log().contains("killall"), "{}", initramfs.log());
}

/// Runs the initramfs-tools hook with these variables of `mkinitramfs`; returns what it did, and every file in the image.
fn copies(variables: &str) -> (Outcome, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    fs::write(at("hook-functions"), "copy_exec() { echo \"copies $1\"; }; manual_add_modules() { :; }\n")
        .expect("writable");
    fs::write(at("usbnet-early"), "functions").expect("writable");
    program(Path::new(&at("usbnet-early-config")), "#!/bin/sh\necho usbnet_dns=--no-dns\nexit 1\n");
    let mut hook = fs::read_to_string(early("initramfs-tools/hooks/usbnet")).expect("the hook");
    for (from, to) in [
        ("/usr/share/initramfs-tools/hook-functions", "hook-functions"),
        ("/usr/share/usbnet/usbnet-early-config", "usbnet-early-config"),
        ("/usr/share/usbnet/usbnet-early ", "usbnet-early "),
    ] {
        assert!(hook.contains(from), "{from}");
        hook = hook.replace(from, &at(to));
    }
    let text = format!("set -e\nDESTDIR='{}' {variables}\n{hook}", at("image"));
    let outcome = run(&["dash", "-c", &text]);
    let list = format!("[ ! -d '{0}' ] || {{ cd '{0}' && find . -type f | sort; }}", at("image"));
    (outcome, sh(&list).lines().map(str::to_owned).collect())
}

#[test]
fn initramfs_tools_gets_what_the_link_needs() {
    let (outcome, files) = copies("BUSYBOX=auto BUSYBOXDIR=/bin");
    assert_eq!((outcome.code, &*outcome.out, &*outcome.err), (0, "copies /usr/bin/usbnet\n", ""));
    for file in ["./scripts/usbnet-early", "./etc/usbnet/early.conf"] {
        assert!(files.iter().any(|found| found == file), "{file} is not among {files:?}");
    }
}

#[test]
fn initramfs_tools_without_busybox_has_no_early_link_and_says_so() {
    for variables in ["BUSYBOX=n BUSYBOXDIR=/bin", "BUSYBOX=auto BUSYBOXDIR=", "BUSYBOX=y"] {
        let (outcome, files) = copies(variables);
        assert_eq!((outcome.code, &*outcome.out, files), (0, "", Vec::new()), "{variables}");
        assert!(outcome.err.starts_with("W: usbnet: no busybox in the initramfs"), "{}", outcome.err);
        assert_eq!(outcome.err.lines().count(), 1, "{}", outcome.err);
    }
    for script in ["init-premount", "init-bottom"] {
        let script = early("initramfs-tools/scripts").join(script).join("usbnet");
        let outcome = run(&["dash", script.to_str().expect("a path")]);
        assert_eq!((outcome.code, &*outcome.out, &*outcome.err), (0, "", ""), "{}", script.display());
    }
}
