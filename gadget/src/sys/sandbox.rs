//! Giving everything away: what the responder does between opening its sockets and reading the
//! first byte. Works on an initramfs too.

use nix::errno::Errno;

/// The uid and gid that a responder takes when there is no user `usbnet`. Above the range of
/// systemd's dynamic users (61184–65519) and not `nobody`, whom others use too.
pub const FALLBACK_ID: u32 = 65529;

/// Which privilege could not be given away.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A step failed; going on would mean to read hostile packets with privileges.
    #[error("privileges cannot be dropped: {step} failed: {source}; run it as root")]
    Step {
        /// The step.
        step: &'static str,
        /// The kernel's answer.
        source: Errno,
    },
}

impl SandboxError {
    /// Whether the caller lacked the privilege to drop privileges.
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(self, Self::Step { source: Errno::EPERM | Errno::EACCES, .. })
    }
}
