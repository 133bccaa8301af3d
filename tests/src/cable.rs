//! The cable: dummy_hcd's two ends in one kernel, and what the host's end enumerated.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    run::sh,
    wait::{wait_for, wait_until},
};

/// The device's end.
pub const UDC: &str = "dummy_udc.0";
/// Where the host's end shows up in sysfs.
const HOST_CONTROLLER: &str = "/sys/devices/platform/dummy_hcd.0";

/// The state of the UDC, in the kernel's words (`Documentation/ABI/stable/sysfs-class-udc`).
#[must_use]
pub fn udc_state() -> String {
    fs::read_to_string(format!("/sys/class/udc/{UDC}/state")).unwrap_or_default().trim().to_owned()
}

/// Puts the cable in: the host's port is powered.
///
/// Not by `soft_connect`: dummy_hcd's host end never enumerates again after a `disconnect`.
pub fn plug() {
    set(true);
    wait_until("the host to enumerate the device", || usb_device().is_some());
}

/// Pulls the cable out: the host's port is not.
pub fn unplug() {
    set(false);
    wait_until("the host to see the device go", || usb_device().is_none());
}

/// Puts the cable in or pulls it out, and does not wait for anybody to notice.
pub fn set(plugged: bool) {
    sh(&format!("echo {} > {}", u8::from(!plugged), port_switch().display()));
}

/// `disable` of the root hub's one port (`Documentation/ABI/testing/sysfs-bus-usb`).
fn port_switch() -> PathBuf {
    let bus = entries(HOST_CONTROLLER).find(|path| name_of(path).starts_with("usb")).expect("a root hub");
    let hub = entries(bus).find(|path| name_of(path).ends_with("-0:1.0")).expect("its interface");
    entries(hub).find(|path| name_of(path).contains("-port")).expect("its port").join("disable")
}

/// The device as the host enumerated it: its sysfs directory.
#[must_use]
pub fn usb_device() -> Option<PathBuf> {
    let bus = entries(HOST_CONTROLLER).find(|path| name_of(path).starts_with("usb"))?;
    entries(bus).find(|path| path.join("bDeviceClass").exists())
}

/// The drivers that the host bound to the device's interfaces, in interface order.
#[must_use]
pub fn host_drivers() -> Vec<String> {
    let Some(device) = usb_device() else { return Vec::new() };
    let mut interfaces: Vec<_> =
        entries(device).filter(|path| path.join("bInterfaceNumber").exists()).collect();
    interfaces.sort();
    interfaces.iter().filter_map(|path| Some(name_of(&fs::read_link(path.join("driver")).ok()?))).collect()
}

/// The network interface of the host's end, while it is still in this name space: by its parent, since udev renames it.
#[must_use]
pub fn host_interface() -> Option<String> {
    entries("/sys/class/net").find_map(|path| {
        fs::canonicalize(path.join("device")).ok()?.starts_with(HOST_CONTROLLER).then(|| name_of(&path))
    })
}

/// Waits for the host's interface, lets udev finish with it and moves it into the name space `host`.
/// Returns its name, which stays as it is from then on.
pub fn hand_to_host() -> String {
    wait_until("the host to enumerate a network card", || host_interface().is_some());
    sh("udevadm settle --timeout=120");
    wait_for("the host's network card to settle", || {
        let name = host_interface()?;
        let moved = crate::run::sh_quietly(&format!("ip link set dev {name} netns host"));
        (moved.code == 0).then_some(name)
    })
}

fn entries(directory: impl AsRef<Path>) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
