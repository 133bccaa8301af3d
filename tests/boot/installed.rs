//! `scripts/install` on this machine itself, and `scripts/install uninstall` while the service runs.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use usbnet_tests::{
    daemon::processes,
    run::{Outcome, run},
    wait::wait_until,
};

use crate::{ROOT, timed};

/// Every path that the installation made.
const LIST: &str = "/usr/share/doc/usbnet/installed";

/// What is made after it, by the program and by enabling the service; for some init systems in directories below these.
const TRACES: [&str; 4] = ["/run/usbnet", "/var/lib/usbnet", "/etc/service/usbnet", "/var/service/usbnet"];
const ENABLED: [&str; 2] = ["/etc/runlevels", "/etc/systemd/system"];

/// What is there of `made`. A directory may be there for what others have in it, unless it is called like usbnet.
fn traces(made: &str) -> Vec<PathBuf> {
    let others = |path: &Path| {
        !path.to_string_lossy().contains("usbnet")
            && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
    };
    let enabled =
        ENABLED.into_iter().flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten());
    let enabled = enabled.flat_map(|level| ["usbnet", "usbnet.service"].map(|name| level.path().join(name)));
    let paths = made.lines().chain(TRACES).map(PathBuf::from).chain(enabled);
    paths.filter(|path| path.symlink_metadata().is_ok() && !others(path)).collect()
}

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
    let made = fs::read_to_string(LIST).expect("the list of what is installed");
    assert!(made.lines().count() > 10, "{made}");
    let outcome = timed("uninstall", || install(&["uninstall"]));
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    wait_until("the daemon to end", || processes().is_empty());
    assert_eq!(traces(&made), Vec::<PathBuf>::new(), "{}", outcome.out);
    // Without its module, there is no such directory.
    let gadgets = fs::read_dir("/sys/kernel/config/usb_gadget").into_iter().flatten().count();
    assert_eq!(gadgets, 0, "the gadget is gone too");
}
