//! `scripts/install` on this machine itself, and `scripts/install uninstall` while the service runs.

use std::{env, fs, path::Path};

use usbnet_tests::{
    daemon::processes,
    run::{Outcome, run},
};

use crate::{ROOT, timed};

/// What must be gone after an uninstall, whichever the init system was.
const TRACES: [&str; 8] = [
    "/usr/sbin/usbnet",
    "/etc/usbnet",
    "/etc/init.d/usbnet",
    "/etc/sv/usbnet",
    "/etc/service/usbnet",
    "/etc/runlevels/default/usbnet",
    "/usr/lib/systemd/system/usbnet.service",
    "/usr/share/doc/usbnet",
];

/// Runs `scripts/install` for this machine.
#[must_use]
pub fn install(arguments: &[&str]) -> Outcome {
    // What the build gives with it, since the machine's environment is its own.
    let target = env::var("USBNET_TARGET").expect("scripts/boot-tests sets it");
    let target = format!("CARGO_TARGET_DIR={target}");
    let script = format!("{ROOT}/scripts/install");
    run(&[&["env", &target, &script], arguments, &["PREFIX=/usr"]].concat())
}

/// The files for one init system, until [`Self::uninstall`].
#[derive(Debug)]
pub struct Installed(());

impl Installed {
    /// Installs them, and expects to be told how it goes on.
    #[must_use]
    pub fn with(init: &str) -> Self {
        let outcome = timed("install", || install(&["--init", init]));
        assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
        assert!(outcome.out.contains("next: "), "{}", outcome.out);
        Self(())
    }

    /// Takes them away from a service that runs: it is stopped first, and nothing is left.
    pub fn uninstall(self) {
        assert_ne!(processes(), Vec::<i32>::new(), "it is taken away while it runs");
        uninstalls();
    }
}

/// Expects an uninstall to succeed and to leave neither a process nor a file.
pub fn uninstalls() {
    let outcome = timed("uninstall", || install(&["uninstall"]));
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    assert_eq!(processes(), Vec::<i32>::new(), "{}{}", outcome.out, outcome.err);
    let left: Vec<_> = TRACES.into_iter().filter(|path| Path::new(path).symlink_metadata().is_ok()).collect();
    assert_eq!(left, Vec::<&str>::new(), "{}", outcome.out);
    // Without its module, there is no such directory.
    let gadgets = fs::read_dir("/sys/kernel/config/usb_gadget").into_iter().flatten().count();
    assert_eq!(gadgets, 0, "the gadget is gone too");
}
