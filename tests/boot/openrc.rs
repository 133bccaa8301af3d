//! The init script under OpenRC, which has its supervise-daemon keep the daemon.

use usbnet_tests::{
    daemon::{configure, daemon_pid, usbnet_ok},
    lab::Lab,
    run::{Outcome, run, sh, sh_quietly},
};

use crate::{ROOT, crash, installed::Installed, mode, nothing_runs, timed, wait_for_mode};

/// OpenRC with nothing to start but what is installed here, until dropped.
struct OpenRc(());

impl OpenRc {
    fn begin() -> Self {
        sh(&format!(
            r"cp -a {ROOT}/.vm/inits/lib/. /usr/lib/
            cp -a {ROOT}/.vm/inits/sbin/openrc* {ROOT}/.vm/inits/sbin/rc-* {ROOT}/.vm/inits/sbin/supervise-daemon /usr/sbin/
            cp {ROOT}/.vm/inits/etc/rc.conf /etc/
            mkdir -p /etc/init.d /etc/runlevels/sysinit /etc/runlevels/boot /etc/runlevels/default /run/openrc
            mount -t tmpfs init.d /etc/init.d
            printf '#!/sbin/openrc-run\nstart() {{ :; }}\n' >/etc/init.d/localmount
            chmod 755 /etc/init.d/localmount
            ldconfig
            echo sysinit >/run/openrc/softlevel"
        ));
        Self(())
    }
}

impl Drop for OpenRc {
    fn drop(&mut self) {
        sh_quietly("rc-service usbnet stop; umount /etc/init.d; rm -rf /etc/runlevels /run/openrc");
    }
}

fn service(verb: &str) -> Outcome {
    timed(&format!("rc-service usbnet {verb}"), || run(&["rc-service", "usbnet", verb]))
}

#[track_caller]
fn service_ok(verb: &str) {
    let outcome = service(verb);
    assert_eq!(outcome.code, 0, "{verb}: {}{}", outcome.out, outcome.err);
}

#[test]
fn starts_at_boot_and_again_and_stops() {
    let _lab = Lab::begin();
    let _openrc = OpenRc::begin();
    let installed = Installed::with("openrc");
    assert_eq!(service("status").code, 3, "it is stopped");
    sh("rc-update add usbnet default");
    timed("openrc default", || sh("openrc default"));
    wait_for_mode("network", 0);
    service_ok("status");
    service_ok("start");
    wait_for_mode("network", crash());
    service_ok("status");
    let before = daemon_pid();
    service_ok("restart");
    wait_for_mode("network", before);

    // What could not start again is not stopped.
    let before = daemon_pid();
    configure("Config(");
    assert_ne!(service("restart").code, 0);
    assert_eq!((daemon_pid(), mode().as_str()), (before, "network"));
    service_ok("status");
    sh("cp /usr/share/doc/usbnet/config.ron /etc/usbnet/config.ron");

    // By hand, it is as any other end: its supervisor starts it again.
    let before = daemon_pid();
    usbnet_ok(&["stop"]);
    wait_for_mode("network", before);

    service_ok("stop");
    nothing_runs();
    assert_eq!(service("status").code, 3, "it is stopped");
    service_ok("stop");
    service_ok("start");
    wait_for_mode("network", 0);
    assert_eq!(mode(), "network");
    sh("rc-update add usbnet boot");
    installed.uninstall();
}
