//! The early link of an initramfs, in a root file system that has busybox and usbnet and nothing else; then the daemon,
//! which takes the link over.

use usbnet_tests::{
    cable,
    daemon::{status, usbnet_ok},
    host::{self, Client},
    lab::Lab,
    run::{sh, sh_quietly},
};

use crate::ROOT;

const ENTER: &str = "mkdir -p /run/early && cd /run/early";

#[test]
fn busybox_alone_brings_the_link_that_the_daemon_keeps() {
    let _lab = Lab::begin();
    let root = Root::begin();
    sh("chroot /run/early /bin/sh -c '. /usr/share/usbnet/usbnet-early; usbnet_early_start' </dev/null");
    daemon_keeps_the_link(root);
}

/// As postmarketOS's init leaves it for the hooks, but for the DHCP server.
const G1: &str = "mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
    cd /sys/kernel/config/usb_gadget
    mkdir -p g1/strings/0x409 g1/functions/ncm.usb0 g1/configs/c.1/strings/0x409
    echo 'USB network' >g1/configs/c.1/strings/0x409/configuration
    ln -s $PWD/g1/functions/ncm.usb0 g1/configs/c.1
    ls /sys/class/udc | head -n 1 >g1/UDC";

#[test]
fn the_distributions_own_gadget_gives_way() {
    let _lab = Lab::begin();
    let root = Root::begin();
    sh(G1);
    sh(&format!("cp {ROOT}/scripts/init/initramfs/mkinitfs/hooks/50-usbnet.sh /run/early/"));
    sh("chroot /run/early /bin/sh /50-usbnet.sh </dev/null");
    assert_eq!(sh("ls /sys/kernel/config/usb_gadget"), "usbnet");
    daemon_keeps_the_link(root);
}

/// A root file system of an initramfs, until dropped.
struct Root(());

impl Root {
    fn begin() -> Self {
        // Modules are what the initramfs-tools hook copies; here they are loaded already.
        sh(&format!(
            r"modprobe libcomposite; modprobe usb_f_ncm
        {ENTER}
        mkdir -p bin sbin usr/bin usr/sbin usr/lib usr/share/usbnet lib64 etc proc sys dev run tmp
        cp {ROOT}/.vm/busybox/bin/busybox bin/busybox
        for applet in $(bin/busybox --list); do [ $applet = busybox ] || ln -s busybox bin/$applet; done
        cp /run/bin/usbnet usr/bin/
        ldd /run/bin/usbnet | grep -o '/[^ ]*' | while read -r library; do cp -L --parents $library .; done
        cp {ROOT}/scripts/init/initramfs/usbnet-early {ROOT}/scripts/init/initramfs/usbnet-early-config usr/share/usbnet/
        cp /etc/machine-id etc/
        # As slaves: what is unmounted there is not unmounted here, as the name space of the host would be.
        for top in proc sys dev run; do mount --rbind --make-rslave /$top $top; done
        mkdir etc/usbnet; echo n800 >etc/hostname
        chroot . /bin/sh -c '/usr/share/usbnet/usbnet-early-config >/etc/usbnet/early.conf' </dev/null"
        ));
        Self(())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let tops = "/run/early/proc /run/early/sys /run/early/dev /run/early/run";
        sh_quietly(&format!("umount -l {tops} && rm -rf /run/early"));
    }
}

/// The host has a lease from it; and the daemon takes over what it finds.
fn daemon_keeps_the_link(root: Root) {
    let interface = cable::hand_to_host();
    let mac = host::mac(&interface);
    let lease = Client::Udhcpc.lease(&interface);
    sh("on-host ping -c 1 -W 20 192.168.2.15");
    assert_eq!(host::dig("192.168.2.15".parse().expect("an address"), &["n800"]), "192.168.2.15");
    let address = lease.address;
    drop(lease);

    sh("chroot /run/early /bin/sh -c '. /usr/share/usbnet/usbnet-early; usbnet_early_stop' </dev/null");
    drop(root);
    usbnet_ok(&["start"]);
    let link = status().link.expect("a link");
    assert_eq!(link.host_mac.as_ref(), Some(&mac), "the host sees the same network card");
    assert_eq!(link.host, address.to_string());
}
