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
    use crate::gather::Gather;
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
            CALLS.iter().map(|call| (*call, Vec::new())).gather();
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    /// Filters a process of its own, makes it do `act`, and says how it ended.
    fn filtered(act: impl Fn()) -> WaitStatus {
        // SAFETY: the child only builds the filter (the C library's allocator survives a fork),
        // acts, and leaves without unwinding or running anybody's exit handlers.
        match unsafe { fork() }.unwrap() {
            ForkResult::Child => {
                let code = match filter() {
                    Ok(()) => {
                        act();
                        0
                    }
                    Err(_) => 1,
                };
                // SAFETY: ends this process.
                unsafe { libc::_exit(code) }
            }
            ForkResult::Parent { child } => waitpid(child, None).unwrap(),
        }
    }

    /// A system call with three arguments.
    fn call(number: libc::c_long, arguments: [libc::c_long; 3]) {
        let [a, b, c] = arguments;
        // SAFETY: the table below has only calls that are refused, or harmless with its arguments.
        unsafe { libc::syscall(number, a, b, c, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    }

    #[test]
    fn only_what_the_list_has_is_survived() {
        let pid = libc::c_long::from(std::process::id());
        let (read, exec) = (libc::c_long::from(libc::PROT_READ), libc::c_long::from(libc::PROT_EXEC));
        let rows = [
            ("opening a file", libc::SYS_openat, [0; 3], Some(Signal::SIGSYS)),
            ("another program", libc::SYS_execve, [0; 3], Some(Signal::SIGSYS)),
            ("another process", libc::SYS_clone, [0; 3], Some(Signal::SIGSYS)),
            ("a new socket", libc::SYS_socket, [0; 3], Some(Signal::SIGSYS)),
            ("a connection", libc::SYS_connect, [0; 3], Some(Signal::SIGSYS)),
            ("a terminal", libc::SYS_ioctl, [0; 3], Some(Signal::SIGSYS)),
            ("tracing", libc::SYS_ptrace, [0; 3], Some(Signal::SIGSYS)),
            ("memory to execute", libc::SYS_mmap, [0, 4096, read | exec], Some(Signal::SIGSYS)),
            ("execution of memory", libc::SYS_mprotect, [0, 0, exec], Some(Signal::SIGSYS)),
            ("a signal to others", libc::SYS_tgkill, [pid, pid, 0], Some(Signal::SIGSYS)),
            ("descriptor flags", libc::SYS_fcntl, [0, libc::F_SETFL.into(), 0], Some(Signal::SIGSYS)),
            ("memory", libc::SYS_mmap, [0, 4096, read], None),
            ("a descriptor's state", libc::SYS_fcntl, [0, libc::F_GETFD.into(), 0], None),
            ("time", libc::SYS_clock_gettime, [0; 3], None),
        ];
        for (name, number, arguments, end) in rows {
            match filtered(|| call(number, arguments)) {
                WaitStatus::Exited(_, code) => assert_eq!((code, None), (0, end), "{name}"),
                WaitStatus::Signaled(_, signal, _) => assert_eq!(Some(signal), end, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_abort_is_an_abort_and_memory_can_be_had() {
        let aborted = filtered(|| std::process::abort());
        assert!(matches!(aborted, WaitStatus::Signaled(_, Signal::SIGABRT, _)), "{aborted:?}");
        let grown = filtered(|| drop(std::hint::black_box(vec![1_u8; 1 << 22])));
        assert!(matches!(grown, WaitStatus::Exited(_, 0)), "{grown:?}");
    }
}
