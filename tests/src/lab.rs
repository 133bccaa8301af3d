//! One scenario's use of the machine: it begins and ends with the cable in and nothing of ours on it.

use std::{collections::BTreeSet, fs, thread};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    cards,
    daemon::{processes, usbnet},
    disk, role,
    run::sh_quietly,
    wait::wait_until,
};

/// The machine, until dropped.
#[derive(Debug)]
pub struct Lab(());

impl Lab {
    /// Takes the machine for one scenario.
    ///
    /// # Panics
    ///
    /// Anywhere but in the machine that `scripts/vm` boots: the scenarios unload modules and kill processes.
    #[must_use]
    pub fn begin() -> Self {
        let booted = fs::read_to_string("/proc/cmdline").unwrap_or_default();
        assert!(
            booted.split_whitespace().any(|word| word == "lab.cable=1"),
            "the kernel scenarios only run in the machine of scripts/vm; run scripts/kernel-tests"
        );
        // The one before has cleaned up behind itself, as a rule.
        if fs::remove_file(CLEAN).is_err() {
            clean();
        }
        Self(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the kernel's last words\n{}", sh_quietly("dmesg | tail -n 25").out);
            eprintln!("--- usbnet's status\n{}", usbnet(&["status"]).out);
            eprintln!("--- both ends of the cable\n{}", sh_quietly(BOTH_ENDS).out);
        }
        clean();
        let _ = fs::write(CLEAN, "");
    }
}

/// Shows the counters of both ends, what waits in the gadget's queue, and the transfers that the host has asked for.
const BOTH_ENDS: &str = "ip -s -s link; tc -s qdisc show; on-host ip -s -s link; on-host tc -s qdisc show
    cat /sys/devices/platform/dummy_hcd.0/urbs; cat /sys/class/udc/*/state";

/// There if a scenario has ended, and none has begun since.
const CLEAN: &str = "/run/lab.clean";

/// Takes away all that a scenario, or a failed one, may have left.
fn clean() {
    for pid in processes() {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    wait_until("the processes to end", || processes().is_empty());
    disk::clean();
    sh_quietly(
        r#"
        # All at the host's end but the process that keeps it.
        for pid in $(ip netns pids host); do grep -qx sleep /proc/$pid/comm || kill -9 $pid; done
        rm -rf /run/usbnet /var/lib/usbnet /etc/usbnet /run/systemd/network /run/dhclient.*
        mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
        for gadget in /sys/kernel/config/usb_gadget/*/; do
            cd "$gadget" || continue
            for lun in functions/*/lun.*; do [ ! -d "$lun" ] || echo 1 > "$lun/forced_eject"; done
            [ -z "$(cat UDC)" ] || echo > UDC
            for link in os_desc/* configs/*/*; do [ ! -L "$link" ] || rm "$link"; done
            rmdir configs/*/strings/* configs/* functions/*/lun.[1-9]* functions/* strings/*
            cd / && rmdir "$gadget"
        done
        # By rmmod: modprobe reads its index first, which takes longer than all the rest together.
        for module in g_ether g_serial g_mass_storage usb_f_ecm usb_f_ncm usb_f_rndis usb_f_eem usb_f_ecm_subset \
            usb_f_acm usb_f_mass_storage u_ether u_serial libcomposite; do
            [ ! -d /sys/module/$module ] || rmmod $module
        done
        # Never unloaded on the way: every other time, 6.1 then refuses the next gadget its network card ("error: -2
        # parent: net"), whoever makes it.
        [ -d /sys/module/dummy_hcd ] || modprobe dummy_hcd
        for port in /sys/devices/platform/dummy_hcd.0/usb*/*-0:1.0/*port*/disable; do echo 0 > "$port"; done
        "#,
    );
    cards::clean();
    role::clean();
    let gadgets = fs::read_dir("/sys/kernel/config/usb_gadget").into_iter().flatten().count();
    assert!(gadgets == 0 || thread::panicking(), "{gadgets} gadgets could not be taken away");
    wait_until("the UDC", || fs::exists(format!("/sys/class/udc/{}", crate::cable::UDC)).unwrap_or(false));
}

/// The loaded modules.
#[must_use]
pub fn modules() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/modules").unwrap_or_default();
    text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}
