//! What decides the role of the device's port.
//!
//! No emulated controller has such a switch. The class is the kernel's; the switch in it is a file in memory, which takes
//! every role at once and does nothing. That the controller follows is for the kernel to see to, and is not shown here.

use std::fs;

use crate::{cable, run::sh};

const CLASS: &str = "/sys/class/usb_role";
const SWITCH: &str = "/sys/class/usb_role/fake-role-switch";
const ROLE: &str = "/sys/class/usb_role/fake-role-switch/role";

/// The switch, until dropped.
#[derive(Debug)]
pub struct RoleSwitch(());

impl RoleSwitch {
    /// Puts one there that says `device`.
    #[must_use]
    pub fn fake() -> Self {
        Self::that_says("device")
    }

    /// Puts one there that says this, and belongs to the UDC.
    #[must_use]
    pub fn that_says(role: &str) -> Self {
        sh(&format!(
            "modprobe roles; mount -t tmpfs none {CLASS}; mkdir {SWITCH}; echo {role} > {ROLE}; \
             ln -s /sys/devices/platform/{} {SWITCH}/device",
            cable::UDC
        ));
        Self(())
    }

    /// Gives it a Type-C connector.
    pub fn has_a_connector(&self) {
        sh(&format!("mkdir {SWITCH}/connector"));
    }

    /// What a connector does when something is plugged in.
    pub fn decide(&self, role: &str) {
        sh(&format!("echo {role} > {ROLE}"));
    }

    /// What it says.
    ///
    /// # Panics
    ///
    /// If it is not there.
    #[must_use]
    pub fn role(&self) -> String {
        fs::read_to_string(ROLE).expect(ROLE).trim().to_owned()
    }

    /// Whether it takes another role.
    pub fn refuses(&self, refuses: bool) {
        sh(&format!("mount -o remount,{} {CLASS}", if refuses { "ro" } else { "rw" }));
    }
}

impl Drop for RoleSwitch {
    fn drop(&mut self) {
        clean();
    }
}

/// Takes it away.
pub fn clean() {
    sh(&format!("! mountpoint -q {CLASS} || umount {CLASS}"));
}
