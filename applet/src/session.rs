//! The user's session: its bus, and that one applet is enough for it.

use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo::RequestNameFlags;

const NAME: &str = "org.usbnet.Applet";

/// How long anybody on it may take to answer, such as a notification daemon; the tray stands still meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connection that makes this applet the one of the session, as long as it lasts; nothing if there is one already.
///
/// # Errors
/// The session bus's.
pub fn enter() -> zbus::Result<Option<Connection>> {
    let session = Builder::session()?.method_timeout(PATIENCE).build()?;
    match session.request_name_with_flags(NAME, RequestNameFlags::DoNotQueue.into()) {
        Ok(_) => Ok(Some(session)),
        Err(zbus::Error::NameTaken) => Ok(None),
        Err(error) => Err(error),
    }
}
