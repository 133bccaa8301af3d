//! What the service manager is told, if there is one that wants to know (sd_notify(3), sd_watchdog_enabled(3)).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Says that the daemon serves, and how it is.
pub fn ready(text: &str) {
    send(&format!("READY=1\n{}", assignment(text)));
}

/// Says how it is.
pub fn status(text: &str) {
    send(&assignment(text));
}

/// Only the first line: what follows a line break would be another assignment, and a status has names that others chose.
fn assignment(text: &str) -> String {
    let line = text.split_once('\n').map_or(text, |(line, _)| line);
    ["STATUS=", line].concat()
}

/// Says that the daemon's loop goes round.
pub fn alive() {
    send("WATCHDOG=1");
}

/// How often [`alive`] is to be said: twice as often as the service manager asks for, which is in microseconds, and
/// never if it does not.
#[must_use]
pub fn watchdog() -> Duration {
    env::var_os("WATCHDOG_USEC").map_or(Duration::MAX, |time| half(time.to_str().unwrap_or_default()))
}

fn half(microseconds: &str) -> Duration {
    let time = microseconds.parse().unwrap_or(0);
    if time < 2 { Duration::MAX } else { Duration::from_micros(time / 2) }
}

/// Nobody has to listen.
fn send(state: &str) {
    if let Some(name) = env::var_os("NOTIFY_SOCKET") {
        let _ = address(&name).and_then(|to| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &to));
    }
}

/// A path, or with `@` in front a name in the abstract namespace (unix(7)).
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_assigns_nothing_else() {
        let table = [("mode network", "mode network"), ("", ""), ("vi\nMAINPID=1\nx", "vi")];
        for (status, told) in table {
            assert_eq!(assignment(status), format!("STATUS={told}"));
        }
    }

    #[test]
    fn a_socket_may_have_a_path_or_an_abstract_name() {
        let named = address(OsStr::new("@/org/usbnet/notify")).expect("a name");
        assert_eq!(named.as_abstract_name(), Some(&b"/org/usbnet/notify"[..]));
        let path = "/run/systemd/notify";
        assert_eq!(address(OsStr::new(path)).expect("a path").as_pathname(), Some(path.as_ref()));
    }

    #[test]
    fn the_watchdog_is_fed_in_half_of_its_time() {
        let table = [
            ("300000000", Duration::from_secs(150)),
            ("2", Duration::from_micros(1)),
            ("1", Duration::MAX), // would be all the time
            ("0", Duration::MAX),
            ("-5", Duration::MAX),
            ("", Duration::MAX),
            ("soon", Duration::MAX),
        ];
        for (text, expected) in table {
            assert_eq!(half(text), expected, "{text:?}");
        }
    }
}
