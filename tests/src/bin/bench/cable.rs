//! Two network namespaces with a veth pair between them: the device's end `device0` for the servers, the
//! host's end `host0` for the load. They have no names and end with the processes in them, so that nothing is
//! left behind however the bench ends.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns, unshare};
use nix::unistd::Pid;

use crate::Failure;

/// The servers' address; its subnet is a /24.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 1);
/// The host's address, for DNS.
const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 2);
/// The device's interface.
pub const DEVICE_IF: &str = "device0";
/// The host's interface.
pub const HOST_IF: &str = "host0";

/// The device's namespace. This process is in the host's.
pub struct Cable {
    device: File,
}

impl Cable {
    /// Makes both namespaces and moves this process into the host's. Needs root.
    pub fn new() -> Result<Self, Failure> {
        new_namespace()?;
        let cable = Self { device: File::open("/proc/self/ns/net")? };
        ip(&mut Command::new("ip"), &["link", "add", DEVICE_IF, "type", "veth", "peer", "name", HOST_IF])?;
        new_namespace()?;
        let here = std::process::id().to_string();
        ip(&mut cable.on_device("ip"), &["link", "set", HOST_IF, "netns", &here])?;
        for (device, interface, address) in [(true, DEVICE_IF, SERVER), (false, HOST_IF, HOST)] {
            let command = || if device { cable.on_device("ip") } else { Command::new("ip") };
            ip(&mut command(), &["address", "add", &format!("{address}/24"), "dev", interface])?;
            ip(&mut command(), &["link", "set", interface, "up"])?;
            ip(&mut command(), &["link", "set", "lo", "up"])?;
        }
        Ok(cable)
    }

    /// A command that will run in the device's namespace, on the second processor if there is one: the load
    /// runs on the first, and neither is moved about.
    pub fn on_device(&self, program: &str) -> Command {
        let namespace = self.device.try_clone().expect("a descriptor to spare");
        let mut command = Command::new(program);
        let enter = move || {
            setns(&namespace, CloneFlags::CLONE_NEWNET)?;
            pin(1);
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes system calls only; it does not allocate.
        unsafe { command.pre_exec(enter) };
        command
    }
}

fn new_namespace() -> Result<(), Failure> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|source| Failure::Namespace { source })
}

/// Runs `ip` with these arguments.
fn ip(command: &mut Command, arguments: &[&str]) -> Result<(), Failure> {
    let status = command.args(arguments).status()?;
    status.success().then_some(()).ok_or_else(|| Failure::Ip { arguments: arguments.join(" ") })
}

/// Keeps this process on one processor; a machine with only one has nothing to choose.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    if set.set(processor).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}
