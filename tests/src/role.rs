//! What decides the role of the device's port.
//!
//! No emulated controller has such a switch. The class is the kernel's; the switch in it is a file in memory, which takes
//! every role at once and does nothing. That the controller follows is for the kernel to see to, and is not shown here.

use std::fs;

use crate::run::sh;

const CLASS: &str = "/sys/class/usb_role";
const ROLE: &str = "/sys/class/usb_role/fake-role-switch/role";

/// The switch, until dropped.
#[derive(Debug)]
pub struct RoleSwitch(());

impl RoleSwitch {
    /// Puts one there that says `device`.
    #[must_use]
    pub fn fake() -> Self {
        sh(&format!(
            "modprobe roles; mount -t tmpfs none {CLASS}; mkdir {CLASS}/fake-role-switch; echo device > {ROLE}"
        ));
        Self(())
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
