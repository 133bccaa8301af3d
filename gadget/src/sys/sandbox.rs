//! Giving everything away: what the responder does between opening its sockets and reading the
//! first byte.
//!
//! Afterwards the process is an unprivileged user in an empty directory, without capabilities,
//! held to a list of system calls and to small limits. [`Sandbox::enter`] succeeds completely or
//! fails; only the system call list may be missing, because some kernels do not have it, and
//! then [`Sandbox::enter`] says so.
//!
//! The empty root is a directory that is removed again before `chroot`: nothing can be created
//! in it, nothing is reachable from it, and without capabilities there is no way out. A mount
//! namespace would not be better here: `pivot_root` is refused on an initramfs, and a second
//! namespace holds on to every card that is mounted when it is made, so that the card would stay
//! busy after the device has unmounted it.

mod calls;
mod user;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, chroot, fchdir, getresgid, getresuid, setgroups, setresgid};
use nix::unistd::{setresuid, unlinkat};
use std::os::fd::RawFd;

pub use calls::SeccompError;
pub use user::{FALLBACK_ID, User, UserError};

/// What a process keeps when it enters.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox {
    /// Who it becomes.
    pub user: User,
    /// Private memory, in bytes (`RLIMIT_DATA`); the address space gets [`Sandbox::SHARED`] more.
    pub memory: u32,
    /// The largest file it can write, in bytes.
    pub file: u32,
    /// Descriptors, open ones included.
    pub descriptors: u32,
}

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
    /// Nowhere to make the empty directory.
    #[error("privileges cannot be dropped: no empty directory can be made in {places}: {source}")]
    NoRoot {
        /// Where it was tried.
        places: String,
        /// The last answer.
        source: Errno,
    },
    /// The kernel said yes, and still something is left.
    #[error("privileges cannot be dropped: {0} is still there afterwards; this kernel is not supported")]
    Left(&'static str),
}

impl SandboxError {
    /// Whether the caller lacked the privilege to drop privileges.
    #[must_use]
    pub const fn is_permission(&self) -> bool {
        matches!(self, Self::Step { source: Errno::EPERM | Errno::EACCES, .. })
    }
}

const fn step(step: &'static str) -> impl Fn(Errno) -> SandboxError {
    move |source| SandboxError::Step { step, source }
}

impl Sandbox {
    /// Address space for what is not private memory: program, libraries, stack, kernel pages.
    pub const SHARED: u32 = 32 * 1024 * 1024;
    /// The deepest the stack can grow, in bytes.
    const STACK: u32 = 512 * 1024;
    /// Where the empty directory may be made: the first that can be written, which on an
    /// initramfs may be the root itself.
    const PLACES: [&str; 5] = ["/run", "/dev/shm", "/tmp", "/dev", "/"];

    /// Enters, for ever. Whatever the process needs from the system must be open by now.
    ///
    /// `Ok(Some(_))`: everything is dropped, but system calls are not filtered, for this reason.
    ///
    /// # Errors
    /// When anything else could not be dropped; the caller must end then.
    pub fn enter(self) -> Result<Option<SeccompError>, SandboxError> {
        empty_root()?;
        drop_bounding_set()?;
        become_user(self.user)?;
        drop_capabilities()?;
        prctl::set_no_new_privs().map_err(step("no_new_privs"))?;
        prctl::set_dumpable(false).map_err(step("PR_SET_DUMPABLE"))?;
        self.check()?;
        self.limit()?;
        Ok(calls::filter().err())
    }

    /// Reads back what matters most.
    fn check(self) -> Result<(), SandboxError> {
        let (uids, gids) = (getresuid(), getresgid());
        let (uids, gids) = (uids.map_err(step("getresuid"))?, gids.map_err(step("getresgid"))?);
        let (uid, gid) = (Uid::from_raw(self.user.uid), Gid::from_raw(self.user.gid));
        if [uids.real, uids.effective, uids.saved] != [uid; 3] {
            return Err(SandboxError::Left("the old uid"));
        }
        if [gids.real, gids.effective, gids.saved] != [gid; 3] {
            return Err(SandboxError::Left("the old gid"));
        }
        if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
            return Err(SandboxError::Left("the way back to root"));
        }
        Ok(())
    }

    fn limit(self) -> Result<(), SandboxError> {
        // A write beyond RLIMIT_FSIZE is an error to handle, not the end.
        // SAFETY: installs no handler, only ignores the signal.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.map_err(step("ignoring SIGXFSZ"))?;
        let limits = [
            (Resource::RLIMIT_AS, self.memory + Self::SHARED),
            (Resource::RLIMIT_DATA, self.memory),
            (Resource::RLIMIT_STACK, Self::STACK),
            (Resource::RLIMIT_FSIZE, self.file),
            (Resource::RLIMIT_NOFILE, self.descriptors),
            (Resource::RLIMIT_NPROC, 0),
            (Resource::RLIMIT_CORE, 0),
            (Resource::RLIMIT_MEMLOCK, 0),
            (Resource::RLIMIT_MSGQUEUE, 0),
        ];
        for (resource, limit) in limits {
            let limit = libc::rlim_t::from(limit);
            setrlimit(resource, limit, limit).map_err(step("setrlimit"))?;
        }
        Ok(())
    }
}

/// Closes every inherited descriptor but standard input, output, error and `keep`: whatever a
/// shell or an init system left open must not be in reach of what parses packets.
///
/// Nothing in this process may own one of those descriptors, so it is to be called first.
pub fn close_inherited(keep: Option<RawFd>) {
    let first = 3;
    match keep.and_then(|fd| u32::try_from(fd).ok()).filter(|fd| *fd >= first) {
        Some(keep) => {
            close_range(first, keep - 1);
            close_range(keep + 1, u32::MAX);
        }
        None => close_range(first, u32::MAX),
    }
}

fn close_range(first: u32, last: u32) {
    if first > last {
        return;
    }
    // SAFETY: closes descriptors that nothing owns, as the caller vouches.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return;
    }
    // Before Linux 5.9. The limit may be huge; nobody inherits thousands of descriptors.
    for fd in first..=last.min(4096) {
        // SAFETY: as above; a number that is not open gives EBADF.
        unsafe { libc::close(fd.cast_signed()) };
    }
}

/// Makes an empty directory that no longer exists the root and the working directory.
fn empty_root() -> Result<(), SandboxError> {
    let name = format!(".usbnet-empty-{}", std::process::id());
    let mut last = Errno::ENOENT;
    for place in Sandbox::PLACES {
        match removed_directory(place, &name) {
            Ok(directory) => {
                fchdir(&directory).map_err(step("fchdir"))?;
                return chroot(".").map_err(step("chroot"));
            }
            Err(errno) => last = errno,
        }
    }
    match last {
        Errno::EACCES | Errno::EPERM => Err(step("making an empty root directory")(last)),
        source => Err(SandboxError::NoRoot { places: Sandbox::PLACES.join(", "), source }),
    }
}

fn removed_directory(place: &str, name: &str) -> nix::Result<std::os::fd::OwnedFd> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let place = nix::fcntl::open(place, flags, Mode::empty())?;
    // One may be left by a process of the same number that was killed right here.
    let _ = unlinkat(&place, name, UnlinkatFlags::RemoveDir);
    mkdirat(&place, name, Mode::empty())?;
    let directory = openat(&place, name, flags | OFlag::O_NOFOLLOW, Mode::empty());
    unlinkat(&place, name, UnlinkatFlags::RemoveDir)?;
    directory
}

fn become_user(user: User) -> Result<(), SandboxError> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setgroups(&[]).map_err(step("setgroups"))?;
    setresgid(gid, gid, gid).map_err(step("setresgid"))?;
    setresuid(uid, uid, uid).map_err(step("setresuid"))
}

/// Capabilities are numbered without gaps; the kernel says where they end.
fn drop_bounding_set() -> Result<(), SandboxError> {
    // SAFETY: prctl with plain numbers.
    let ambient = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    match Errno::result(ambient) {
        // Linux before 4.3 has no ambient set.
        Ok(_) | Err(Errno::EINVAL) => {}
        Err(errno) => return Err(step("clearing the ambient capabilities")(errno)),
    }
    for capability in 0.. {
        // SAFETY: as above.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            Ok(_) => {}
            Err(Errno::EINVAL) if capability > 0 => break,
            Err(errno) => return Err(step("dropping the capability bounding set")(errno)),
        }
    }
    Ok(())
}

/// Leaving uid 0 has cleared these already, unless somebody set securebits.
fn drop_capabilities() -> Result<(), SandboxError> {
    // `struct __user_cap_header_struct`, version 3: two sets of data follow (capset(2)).
    let header: [u32; 2] = [0x2008_0522, 0];
    let mut sets = [[0_u32; 3]; 2];
    // SAFETY: both point to what version 3 says, and live through the call.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    Errno::result(set).map_err(step("capset"))?;
    // SAFETY: as above, and `sets` may be written.
    let get = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    Errno::result(get).map_err(step("capget"))?;
    if sets.as_flattened().iter().any(|bits| *bits != 0) {
        return Err(SandboxError::Left("a capability"));
    }
    Ok(())
}
