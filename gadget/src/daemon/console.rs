//! The host's console: carries bytes between the gadget's serial port and the control socket.
//!
//! A thread of its own, since opening, closing and writing the port can take the kernel as long as the host likes. To the
//! loop it is a client like every other, with the same limits: it says which port to open, and closes the connection
//! when the port is to be closed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use embedded_io::{Read, ReadReady, Write, WriteReady};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::control::Inbox;
use crate::sys::serial;
use crate::sys::stream::Stream;

/// Between two sessions: a host that resets the port all the time shall not keep the device busy.
const REST: Duration = Duration::from_secs(1);

const CHUNK: usize = 4096;

/// The device node of a serial function, `ttyGS0`.
#[must_use]
pub fn device(function: &Path) -> Option<String> {
    let number = fs::read_to_string(function.join("port_num")).ok()?;
    Some(format!("ttyGS{}", number.trim()))
}

/// Serves the host until nobody listens on the control socket any more.
///
/// # Errors
/// The kernel's, out of threads.
pub fn start(control: PathBuf) -> io::Result<()> {
    let serve = move || {
        let mut last = None;
        loop {
            let failed = match UnixStream::connect(&control) {
                Ok(socket) => session(Stream::new(socket.into())).err(),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
                Err(error) => Some(format!("console: {error}")),
            };
            // Tried again every second, and told once.
            if let Some(why) = failed.as_ref().filter(|why| last.as_ref() != Some(*why)) {
                log::warn!("{why}; it is tried again");
            }
            last = failed;
            thread::sleep(REST);
        }
    };
    thread::Builder::new().name("console".to_owned()).spawn(serve).map(drop)
}

/// From when the daemon says which port to open, until the port hangs up (the cable was pulled, the mode changed) or
/// the daemon does. Half a message that is left on the way ends with the session. An error says why there was none.
fn session(mut daemon: Stream) -> Result<(), String> {
    let Ok(told) = Inbox::default().wait(&mut daemon) else { return Ok(()) };
    let path = Path::new(OsStr::from_bytes(&told));
    let port = serial::open(path).map_err(|error| format!("console {}: {error}", path.display()))?;
    let mut host = Stream::new(port);
    log::debug!("console {} is open", path.display());
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    while wait(&host, &daemon, &asked, &answered).is_ok_and(|open| open)
        && carry(&mut host, &mut daemon, &mut asked).is_ok()
        && carry(&mut daemon, &mut host, &mut answered).is_ok()
    {}
    log::debug!("console {} is closed", path.display());
    Ok(())
}

/// Until something can be carried; false once one of the ends is gone.
fn wait(host: &Stream, daemon: &Stream, asked: &[u8], answered: &[u8]) -> nix::Result<bool> {
    let wanted = |held: &[u8], other: &[u8]| {
        let reads = if held.is_empty() { PollFlags::POLLIN } else { PollFlags::empty() };
        if other.is_empty() { reads } else { reads | PollFlags::POLLOUT }
    };
    let mut fds = [
        PollFd::new(host.as_fd(), wanted(asked, answered)),
        PollFd::new(daemon.as_fd(), wanted(answered, asked)),
    ];
    match poll(&mut fds, PollTimeout::NONE) {
        Err(Errno::EINTR) => return Ok(true),
        other => other?,
    };
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    Ok(fds.iter().all(|fd| !fd.revents().is_some_and(|events| events.intersects(gone))))
}

/// Carries what can be carried without waiting; reads no more while something is held.
fn carry<E, F, T>(from: &mut F, to: &mut T, held: &mut Vec<u8>) -> Result<(), E>
where
    F: Read<Error = E> + ReadReady,
    T: Write<Error = E> + WriteReady,
{
    if held.is_empty() && from.read_ready()? {
        held.resize(CHUNK, 0);
        let length = from.read(held)?;
        held.truncate(length);
    }
    if !held.is_empty() && to.write_ready()? {
        let written = to.write(held)?;
        held.drain(..written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::time::Instant;

    use nix::pty::openpty;
    use nix::sys::termios::{LocalFlags, tcgetattr};

    use super::*;

    /// Which of the two ends hangs up.
    #[derive(Clone, Copy, PartialEq)]
    enum End {
        Daemon,
        Host,
    }

    #[test]
    fn every_byte_goes_both_ways_until_one_end_hangs_up() {
        for end in [End::Daemon, End::Host] {
            let pty = openpty(None, None).expect("a terminal");
            let port = fs::read_link(format!("/proc/self/fd/{}", pty.slave.as_raw_fd())).expect("its name");
            let (mut daemon, console) = UnixStream::pair().expect("a pair");
            let console = thread::spawn(move || session(Stream::new(console.into())));
            daemon.write_all(&[port.as_os_str().as_bytes(), b"\0"].concat()).expect("tells the port");
            let begun = Instant::now();
            while tcgetattr(&pty.slave).expect("settings").local_flags.contains(LocalFlags::ECHO) {
                assert!(begun.elapsed() < Duration::from_secs(60), "it is never opened");
                thread::yield_now();
            }
            let mut host = File::from(pty.master);
            for bytes in [&b"{\"a\":1}\0\n\r\x03\x04\x11\x13\x1a\xff"[..], &[b'x'; 3000]] {
                let mut heard = vec![0; bytes.len()];
                host.write_all(bytes).expect("the host says it");
                daemon.read_exact(&mut heard).expect("the daemon hears it");
                assert_eq!(heard, bytes);
                daemon.write_all(bytes).expect("the daemon says it");
                host.read_exact(&mut heard).expect("the host hears it");
                assert_eq!(heard, bytes);
            }
            if end == End::Daemon {
                drop(daemon);
            } else {
                drop((host, pty.slave));
                assert_eq!(daemon.read(&mut [0]).expect("the end"), 0);
            }
            assert_eq!(console.join().expect("the session ends"), Ok(()));
        }
    }
}
