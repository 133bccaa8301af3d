//! `usbnet mode NAME --plan` prints shell lines: run as shell, they make the same gadget.

use std::fs;

use usbnet_tests::{
    cable,
    daemon::{configure, daemon_pid, status, usbnet_ok, with_functions},
    host,
    lab::Lab,
    run::{run, sh},
    wait::wait_until,
};

/// Everything of the gadget that can be read, without what the kernel counts up by itself.
fn gadget() -> String {
    sh("cd /sys/kernel/config/usb_gadget/usbnet && find . | sort && \
        find . -type f -readable ! -name ifname -exec grep -H '' {} + 2>/dev/null | sort")
}

#[test]
fn plan_run_as_shell_makes_the_same_gadget() {
    let _lab = Lab::begin();
    for functions in ["Ncm", "Rndis, Acm"] {
        configure(&with_functions(functions));
        usbnet_ok(&["start"]);
        usbnet_ok(&["mode", "network"]); // the mode before the last stop was another
        let (wanted, address) = (gadget(), status().link.expect("a link").address);
        usbnet_ok(&["mode", "charging"]);
        let script = usbnet_ok(&["mode", "network", "--plan"]);
        assert_eq!(status().mode.as_deref(), Some("charging"), "--plan changes nothing");
        // From here the shell has it: the daemon may not put back what it sees changing.
        let daemon = daemon_pid();
        sh(&format!("kill -STOP {daemon}"));
        fs::write("/run/plan.sh", &script).expect("/run/plan.sh");
        let ran = run(&["setsid", "--wait", "sh", "-e", "/run/plan.sh"]);
        assert_eq!(ran.code, 0, "{}{}\n--- in\n{script}", ran.out, ran.err);
        assert_eq!(gadget(), wanted, "{functions}");
        wait_until("the host to configure the device", || cable::udc_state() == "configured");
        assert!(sh("ip -4 -oneline address").contains(&address));
        let interface = cable::hand_to_host();
        let _lease = host::Client::Udhcpc.lease(&interface);
        sh(&format!("kill -KILL {daemon}"));
        usbnet_ok(&["start"]);
        usbnet_ok(&["stop"]);
    }
}
