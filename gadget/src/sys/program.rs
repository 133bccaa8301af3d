//! Other programs that the daemon runs.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::sys::signal::SigSet;

/// A program that hears the signals that the daemon blocks to read them: what mounts a file system in user space stays, and
/// has to write back when the system ends. A process group of its own, because Ctrl-C is for the daemon.
pub fn command(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.process_group(0);
    // SAFETY: pthread_sigmask(3) is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| SigSet::empty().thread_set_mask().map_err(io::Error::from));
    }
    command
}

#[cfg(test)]
mod tests {
    use std::thread;

    use nix::sys::signal::Signal;

    use super::*;

    #[test]
    fn programs_hear_every_signal() {
        let blocked = thread::spawn(|| {
            let mut mask = SigSet::empty();
            mask.add(Signal::SIGTERM);
            mask.add(Signal::SIGHUP);
            mask.thread_block().expect("blocked");
            command("sed")
                .args(["-n", "s/^SigBlk:[[:space:]]*//p", "/proc/self/status"])
                .output()
                .expect("sed")
        });
        let blocked = blocked.join().expect("a thread");
        assert_eq!(String::from_utf8_lossy(&blocked.stdout).trim().trim_matches('0'), "", "{blocked:?}");
        assert!(blocked.stdout.len() > 1, "{blocked:?}");
    }
}
