//! The system calls of a process that serves sockets it already has, and nothing else.
//!
//! Every other call ends the process: a responder that starts to do something else is no longer
//! ours, and the daemon starts a new one.

use std::io;

/// Why system calls are not filtered.
#[derive(Debug, thiserror::Error)]
pub enum SeccompError {
    /// The filter cannot be expressed for this processor.
    #[error("system call filters are not supported on {}", std::env::consts::ARCH)]
    Architecture,
    /// The kernel does not take it.
    #[error("the kernel takes no system call filter: {0}")]
    Kernel(#[source] io::Error),
}

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    target_arch = "riscv64"
))]
pub(super) use supported::filter;

/// The filter's compiler knows three processors; the others do without.
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    target_arch = "riscv64"
)))]
pub(super) fn filter() -> Result<(), SeccompError> {
    Err(SeccompError::Architecture)
}

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little"),
    target_arch = "riscv64"
))]
mod supported {
    use super::SeccompError;
    use seccompiler::{
        BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
        SeccompFilter, SeccompRule, apply_filter,
    };
    use std::collections::BTreeMap;

    /// Allowed whatever the arguments are.
    const CALLS: &[libc::c_long] = &[
        // What the loop does: wait, receive, send, take a connection.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
        libc::SYS_epoll_pwait,
        libc::SYS_epoll_ctl,
        libc::SYS_recvmmsg,
        libc::SYS_sendmmsg,
        libc::SYS_recvfrom,
        libc::SYS_sendto,
        libc::SYS_accept4,
        libc::SYS_close,
        // Signals come by descriptor; whether the interface is still there is a socket option.
        libc::SYS_read,
        libc::SYS_getsockopt,
        // The lease file and the log.
        libc::SYS_pwrite64,
        libc::SYS_ftruncate,
        libc::SYS_write,
        libc::SYS_writev,
        // Where the vdso cannot tell the time.
        libc::SYS_clock_gettime,
        // The allocators of glibc and musl (mmap and mprotect: see below), and locks.
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_futex,
        libc::SYS_getrandom,
        // A panic, an abort, and the end.
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    pub(in super::super) fn filter() -> Result<(), SeccompError> {
        let program = compile().map_err(|_| SeccompError::Architecture)?;
        apply_filter(&program).map_err(|error| match error {
            Error::Prctl(cause) | Error::Seccomp(cause) => SeccompError::Kernel(cause),
            _ => SeccompError::Architecture,
        })
    }

    fn compile() -> Result<BpfProgram, BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            CALLS.iter().map(|call| (*call, Vec::new())).collect();
        // Memory may be had, but never to be executed.
        let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        rules.insert(libc::SYS_mmap, only(2, executable.clone(), 0)?);
        rules.insert(libc::SYS_mprotect, only(2, executable, 0)?);
        // A debug build asks whether a descriptor is open before it closes it.
        rules.insert(libc::SYS_fcntl, only(1, SeccompCmpOp::Eq, libc::F_GETFD as u64)?);
        // abort() sends a signal to its own process; other processes may run as the same user.
        let own = u64::from(std::process::id());
        rules.insert(libc::SYS_tgkill, only(0, SeccompCmpOp::Eq, own)?);
        rules.insert(libc::SYS_tkill, only(0, SeccompCmpOp::Eq, own)?);
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
    }

    fn only(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, BackendError> {
        let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?;
        Ok(vec![SeccompRule::new(vec![condition])?])
    }
}
