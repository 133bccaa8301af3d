//! What the service cannot do: the exit code, and one line with the object, the cause and the next step.

use std::{fs, os::unix::net::UnixListener};

use usbnet_tests::{
    daemon::{configure, daemon_pid, processes, status, usbnet, usbnet_fails, usbnet_ok, with_functions},
    lab::Lab,
    run::{run, sh, sh_quietly},
    wait::wait_until,
};

const FAILED: i32 = 1;
const CONFIG_INVALID: i32 = 3;
const NO_KERNEL_SUPPORT: i32 = 6;
const NOT_RUNNING: i32 = 7;
const NOT_PERMITTED: i32 = 8;

/// Undoes a fault when the scenario ends, however it ends.
struct Undo(&'static str);

impl Drop for Undo {
    fn drop(&mut self) {
        sh_quietly(self.0);
    }
}

fn nothing_runs() {
    // It tells what it has to tell before it ends.
    wait_until("the daemon to end after a failed start", || processes().is_empty());
}

#[test]
fn no_configfs() {
    let _lab = Lab::begin();
    let _undo = Undo("mv /run/modules.away /lib/modules/$(uname -r)");
    sh("umount /sys/kernel/config; mv /lib/modules/$(uname -r) /run/modules.away");
    configure("Config(backend: Configfs)\n");
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["libcomposite"]);
    nothing_runs();
}

#[test]
fn function_module_missing() {
    let _lab = Lab::begin();
    let _undo = Undo("rm /etc/modprobe.d/away.conf");
    sh("mkdir -p /etc/modprobe.d; echo 'install usb_f_ncm /bin/false' > /etc/modprobe.d/away.conf");
    configure("Config(backend: Configfs)\n");
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["ncm"]);
    nothing_runs();
}

#[test]
fn udc_taken_by_a_legacy_module() {
    let _lab = Lab::begin();
    sh("modprobe g_ether");
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["dummy_udc.0", "g_ether"]);
    nothing_runs();
    assert_eq!(sh("lsmod | grep -c ^g_ether"), "1", "it is somebody else's");
}

#[test]
fn udc_taken_by_another_gadget() {
    let _lab = Lab::begin();
    let peer = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/switch.sh");
    let _undo = Undo(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/switch.sh down"));
    sh(&format!("{peer} up ecm"));
    usbnet_fails(&["start"], NO_KERNEL_SUPPORT, &["dummy_udc.0", "peer"]);
    nothing_runs();
    assert_eq!(sh("cat /sys/kernel/config/usb_gadget/peer/UDC"), "dummy_udc.0", "it is somebody else's");
}

#[test]
fn not_permitted() {
    let _lab = Lab::begin();
    let as_nobody = |arguments: &[&str]| {
        run(&[&["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "usbnet"], arguments]
            .concat())
    };
    let start = as_nobody(&["start"]);
    assert_eq!(start.code, NOT_PERMITTED, "{}{}", start.out, start.err);
    assert_eq!(start.err.trim_end().lines().count(), 1, "{}", start.err);
    usbnet_ok(&["start"]);
    for (arguments, code) in [(["mode", "charging"], NOT_PERMITTED), (["status", "--json"], 0)] {
        let outcome = as_nobody(&arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {}{}", outcome.out, outcome.err);
    }
    assert_eq!(as_nobody(&["stop"]).code, NOT_PERMITTED);
}

/// A member of the group may stop it, but not start it again: nothing is taken down for that.
#[test]
fn restart_by_a_member_of_the_group() {
    let _lab = Lab::begin();
    configure("Config(control: (group: Some(\"users\")))\n");
    usbnet_ok(&["start"]);
    let pid = daemon_pid();
    let as_member = |verb| {
        let member = ["setpriv", "--reuid", "65534", "--regid", "65534", "--groups", "users", "usbnet", verb];
        run(&member)
    };
    let restart = as_member("restart");
    assert_eq!(restart.code, NOT_PERMITTED, "{}{}", restart.out, restart.err);
    assert_eq!(restart.err.trim_end().lines().count(), 1, "{}", restart.err);
    assert_eq!((daemon_pid(), status().mode.as_deref()), (pid, Some("network")), "nothing has changed");
    assert_eq!(as_member("stop").code, 0);
    nothing_runs();
}

#[test]
fn control_socket_in_use() {
    let _lab = Lab::begin();
    sh("mkdir -p /run/usbnet");
    let _theirs = UnixListener::bind("/run/usbnet/control").expect("a socket");
    usbnet_fails(&["daemon"], FAILED, &["/run/usbnet/control"]);
    nothing_runs();
}

#[test]
fn run_is_read_only() {
    let _lab = Lab::begin();
    let _undo = Undo("umount /run/usbnet");
    sh("mkdir -p /run/usbnet; mount -t tmpfs -o ro none /run/usbnet");
    usbnet_fails(&["start"], FAILED, &["/run/usbnet"]);
    nothing_runs();
}

#[test]
fn invalid_configuration_changes_nothing() {
    let _lab = Lab::begin();
    configure("Config(modes: {\"network\": (functions: [Nmc])})\n");
    usbnet_fails(&["start"], CONFIG_INVALID, &["config.ron:1:", "Nmc", "Ncm"]);
    nothing_runs();
    // A valid one that is made invalid while it is in use.
    configure(&with_functions("Ecm"));
    usbnet_ok(&["start"]);
    configure("Config(");
    usbnet_fails(&["restart"], CONFIG_INVALID, &["config.ron:1:"]);
    assert_eq!(usbnet_ok(&["mode"]).trim(), "network", "the mode stays");
}

#[test]
fn not_running() {
    let _lab = Lab::begin();
    for arguments in [&["status"][..], &["mode"], &["mode", "network"], &["watch"], &["modes"]] {
        let outcome = usbnet(arguments);
        assert_eq!(outcome.code, NOT_RUNNING, "{arguments:?}: {}{}", outcome.out, outcome.err);
    }
}

/// A legacy module that comes while usbnet is silent is as much somebody else's as one that was there before.
#[test]
fn legacy_module_that_comes_later() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "charging"]);
    let _undo = Undo("modprobe -r g_ether");
    sh("modprobe g_ether && ip address add 10.9.9.1/24 dev usb0");
    usbnet_fails(&["mode", "network"], NO_KERNEL_SUPPORT, &["dummy_udc.0", "g_ether"]);
    assert!(usbnet_ok(&["modes"]).contains("rmmod g_ether"), "modes says why");
    assert_eq!(status().mode.as_deref(), Some("charging"));
    usbnet_ok(&["stop"]);
    assert!(sh("ip address show dev usb0").contains("10.9.9.1/24"), "it is somebody else's");
}

/// The kernel would keep whoever removes the function waiting, uninterruptibly, until the port is closed.
#[test]
fn held_serial_port() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm, Acm"));
    usbnet_ok(&["start"]);
    let port = fs::File::open("/dev/ttyGS0").expect("the gadget's serial port");
    let me = format!("(pid {})", std::process::id());
    usbnet_fails(&["mode", "charging"], FAILED, &["/dev/ttyGS0", &me]);
    assert_eq!(status().mode.as_deref(), Some("network"), "nothing was changed");
    drop(port);
    usbnet_ok(&["mode", "charging"]);
}
