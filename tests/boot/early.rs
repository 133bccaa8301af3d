//! The early link of an initramfs, in a root file system that has busybox and usbnet and nothing else; then the daemon,
//! which takes the link over.

use usbnet_tests::{
    cable,
    daemon::{status, usbnet_ok},
    host::{self, Client},
    lab::Lab,
    run::sh,
};

use crate::ROOT;

const ENTER: &str = "mkdir -p /run/early && cd /run/early";

#[test]
fn busybox_alone_brings_the_link_that_the_daemon_keeps() {
    let _lab = Lab::begin();
    // Modules are what the initramfs-tools hook copies; here they are loaded already.
    sh(&format!(
        r"modprobe libcomposite; modprobe usb_f_ncm
        {ENTER}
        mkdir -p bin sbin usr/sbin usr/lib lib64 etc proc sys dev run tmp scripts
        cp {ROOT}/.vm/busybox/bin/busybox bin/busybox
        for applet in $(bin/busybox --list); do [ $applet = busybox ] || ln -s busybox bin/$applet; done
        cp /run/bin/usbnet usr/sbin/
        ldd /run/bin/usbnet | grep -o '/[^ ]*' | while read -r library; do cp -L --parents $library .; done
        cp {ROOT}/scripts/init/initramfs/usbnet-early scripts/
        cp /etc/machine-id etc/
        for top in proc sys dev run; do mount --rbind /$top $top; done"
    ));
    sh("chroot /run/early /bin/sh -c '. /scripts/usbnet-early; usbnet_early_start' </dev/null");
    let interface = cable::hand_to_host();
    let mac = host::mac(&interface);
    let lease = Client::Udhcpc.lease(&interface);
    sh("on-host ping -c 1 -W 20 192.168.2.15");
    let address = lease.address;
    drop(lease);

    sh("chroot /run/early /bin/sh -c '. /scripts/usbnet-early; usbnet_early_stop' </dev/null");
    sh("umount -l /run/early/proc /run/early/sys /run/early/dev /run/early/run; rm -rf /run/early");
    usbnet_ok(&["start"]);
    let link = status().link.expect("a link");
    assert_eq!(link.host_mac.as_ref(), Some(&mac), "the host sees the same network card");
    assert_eq!(link.host, address.to_string());
}
