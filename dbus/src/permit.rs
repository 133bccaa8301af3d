//! Who may change something: root, whom polkit lets do `org.usbnet.switch`, and, where there is no polkit, whoever may
//! switch at the control socket too: the members of the group that lets this process do it.

use std::collections::HashMap;

use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::{Flags, Header};
use zbus::zvariant::Value;

use crate::failure::Failure;

/// polkit's action.
pub const ACTION: &str = "org.usbnet.switch";

const AUTHORITY: &str = "org.freedesktop.PolicyKit1";
const ALLOW_USER_INTERACTION: u32 = 1;

/// Answers with the caller's uid if the caller may switch.
///
/// # Errors
/// It may not, or that cannot be found out.
pub async fn caller(bus: &Connection, call: &Header<'_>) -> Result<u32, Failure> {
    let unknown = |error: &dyn std::fmt::Display| Failure::denied(format!("cannot tell who calls: {error}"));
    let sender = call.sender().ok_or_else(|| unknown(&"the call has no sender"))?.clone();
    let daemon = DBusProxy::new(bus).await.map_err(|error| unknown(&error))?;
    let credentials =
        daemon.get_connection_credentials(sender.clone().into()).await.map_err(|error| unknown(&error))?;
    let uid = credentials.unix_user_id().ok_or_else(|| unknown(&"the bus does not know its user"))?;
    if uid == 0 {
        return Ok(uid);
    }
    let groups = credentials.unix_group_ids().map(Vec::as_slice).unwrap_or_default();
    let permitted = match ask(bus, sender.as_str(), is_interactive(call)).await? {
        Some(verdict) => verdict,
        None => own_groups().iter().any(|group| groups.contains(group)),
    };
    match permitted {
        true => Ok(uid),
        false => Err(Failure::denied(format!("user {uid} may not switch; polkit's action {ACTION} decides"))),
    }
}

fn is_interactive(call: &Header<'_>) -> bool {
    call.primary().flags().contains(Flags::AllowInteractiveAuth)
}

/// polkit's verdict; none if there is no polkit.
async fn ask(bus: &Connection, sender: &str, interactive: bool) -> Result<Option<bool>, Failure> {
    let subject = ("system-bus-name", HashMap::from([("name", Value::from(sender))]));
    let flags = if interactive { ALLOW_USER_INTERACTION } else { 0 };
    let question = (subject, ACTION, HashMap::<&str, &str>::new(), flags, "");
    let path = "/org/freedesktop/PolicyKit1/Authority";
    let interface = Some("org.freedesktop.PolicyKit1.Authority");
    let failed = |error: zbus::Error| Failure::denied(format!("polkit does not answer: {error}"));
    let reply = match bus.call_method(Some(AUTHORITY), path, interface, "CheckAuthorization", &question).await
    {
        Err(zbus::Error::MethodError(name, ..)) if is_absent(name.as_str()) => return Ok(None),
        other => other.map_err(failed)?,
    };
    let (authorized, _challenge, _details): (bool, bool, HashMap<String, String>) =
        reply.body().deserialize().map_err(failed)?;
    Ok(Some(authorized))
}

/// The bus knows no polkit and cannot start one. Anything else that goes wrong with it permits nothing.
fn is_absent(error: &str) -> bool {
    matches!(error, "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner")
}

fn own_groups() -> Vec<u32> {
    nix::unistd::getgroups().unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect()
}
