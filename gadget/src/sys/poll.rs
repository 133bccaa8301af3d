//! `poll(2)`, also where the process may have fewer descriptors than are waited for.

use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollTimeout};

use super::clock;

/// How long is waited between two looks at descriptors that the kernel does not wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits until one of them is ready, or it has lasted too long; says how many are.
///
/// `RLIMIT_NOFILE` may be lowered at any time, and below what is open already. Then the kernel refuses to wait for so many,
/// with `EINVAL`, but nobody has to end for that: they are looked at one by one, again and again.
///
/// # Errors
/// The kernel's.
pub fn poll(fds: &mut [PollFd<'_>], timeout: PollTimeout) -> Result<usize, Errno> {
    match nix::poll::poll(fds, timeout) {
        Err(Errno::EINVAL) => one_by_one(fds, timeout),
        other => other.map(number),
    }
}

fn one_by_one(fds: &mut [PollFd<'_>], timeout: PollTimeout) -> Result<usize, Errno> {
    // No end is a negative one.
    let limit = u64::try_from(i32::from(timeout)).ok().map(Duration::from_millis);
    let end = limit.map(|limit| clock::now() + limit);
    loop {
        let mut ready = 0;
        for fd in fds.iter_mut() {
            match nix::poll::poll(std::slice::from_mut(fd), PollTimeout::ZERO) {
                Err(Errno::EINVAL) => {} // not even one
                other => ready += number(other?),
            }
        }
        let left = end.map_or(LOOK_AGAIN, |end| end.saturating_sub(clock::now()).min(LOOK_AGAIN));
        if ready > 0 || left.is_zero() {
            return Ok(ready);
        }
        thread::sleep(left);
    }
}

fn number(ready: i32) -> usize {
    ready.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{self, PipeReader, Write};
    use std::os::fd::AsFd;
    use std::process::Command;

    use nix::poll::PollFlags;
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::*;

    fn readable([first, second]: [&PipeReader; 2]) -> [PollFd<'_>; 2] {
        [first, second].map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN))
    }

    #[test]
    fn one_by_one_finds_what_is_ready() {
        let (first, _first) = io::pipe().expect("a pipe");
        let (second, mut writer) = io::pipe().expect("a pipe");
        let mut fds = readable([&first, &second]);
        for timeout in [PollTimeout::ZERO, PollTimeout::from(1_u8)] {
            assert_eq!(one_by_one(&mut fds, timeout), Ok(0));
        }
        writer.write_all(b"a").expect("written");
        assert_eq!(one_by_one(&mut fds, PollTimeout::NONE), Ok(1));
        assert_eq!(fds.map(|fd| fd.any()), [Some(false), Some(true)]);
    }

    /// In a process of its own: the limit is one of the whole process.
    #[test]
    fn the_limit_may_be_below_what_is_open() {
        const CHILD: &str = "USBNET_TEST_WITH_FEW_DESCRIPTORS";
        if std::env::var_os(CHILD).is_none() {
            let name = "sys::poll::tests::the_limit_may_be_below_what_is_open";
            let mut itself = Command::new(std::env::current_exe().expect("this program"));
            let ended = itself.args(["--exact", name]).env(CHILD, "1").output().expect("runs");
            let said = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let (first, _first) = io::pipe().expect("a pipe");
        let (second, mut writer) = io::pipe().expect("a pipe");
        let mut fds = readable([&first, &second]);
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
        for limit in [1, 0] {
            setrlimit(Resource::RLIMIT_NOFILE, limit, most).expect("fewer descriptors");
            assert_eq!(nix::poll::poll(&mut fds, PollTimeout::ZERO), Err(Errno::EINVAL), "{limit}");
            assert_eq!(poll(&mut fds, PollTimeout::from(1_u8)), Ok(0), "{limit}");
        }
        setrlimit(Resource::RLIMIT_NOFILE, 1, most).expect("one descriptor");
        writer.write_all(b"a").expect("written");
        assert_eq!(poll(&mut fds, PollTimeout::NONE), Ok(1));
    }
}
