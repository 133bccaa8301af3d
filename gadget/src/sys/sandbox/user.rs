//! Who an unprivileged process becomes: reads `/etc/passwd` and nothing else, because a name
//! service would cost more memory than the whole responder.

use std::path::Path;

/// The uid and gid that a responder takes when there is no user `usbnet`. Above the range of
/// systemd's dynamic users (61184–65519) and not `nobody`, whom others use too.
pub const FALLBACK_ID: u32 = 65529;

/// The user that is taken when there is one.
const OWN: &str = "usbnet";

/// A user to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// Its uid, never 0.
    pub uid: u32,
    /// Its only group, never 0.
    pub gid: u32,
}

/// Why a user cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Not in the file.
    #[error("user {0} is not in /etc/passwd; give one that is, or a number")]
    Unknown(String),
    /// What is to be given up.
    #[error("user {0} is root or in root's group, which is what is to be given up; give another one")]
    Root(String),
}

impl User {
    /// The user of this name or number in the system whose root is `root`; without a name the
    /// user `usbnet`, or [`FALLBACK_ID`] where that does not exist.
    ///
    /// # Errors
    /// When there is no such user, or it is root.
    pub fn find(root: &Path, wanted: Option<&str>) -> Result<Self, UserError> {
        // No file is no user: an initramfs often has none.
        let passwd = std::fs::read(root.join("etc/passwd")).unwrap_or_default();
        Self::choose(&String::from_utf8_lossy(&passwd), wanted)
    }

    fn choose(passwd: &str, wanted: Option<&str>) -> Result<Self, UserError> {
        let Some(wanted) = wanted else {
            let own = entry(passwd, |name, _| name == OWN).filter(|user| !user.is_root());
            return Ok(own.unwrap_or(Self { uid: FALLBACK_ID, gid: FALLBACK_ID }));
        };
        let user = match wanted.parse() {
            Ok(number) => entry(passwd, |_, uid| uid == number).unwrap_or(Self { uid: number, gid: number }),
            Err(_) => entry(passwd, |name, _| name == wanted)
                .ok_or_else(|| UserError::Unknown(wanted.to_owned()))?,
        };
        // u32::MAX means "leave it as it is" to setresuid(2).
        if user.is_root() || user.uid == u32::MAX || user.gid == u32::MAX {
            return Err(UserError::Root(wanted.to_owned()));
        }
        Ok(user)
    }

    const fn is_root(self) -> bool {
        self.uid == 0 || self.gid == 0
    }
}

/// The first line that fits, as passwd(5) has them: `name:password:uid:gid:…`.
fn entry(passwd: &str, fits: impl Fn(&str, u32) -> bool) -> Option<User> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let user = User { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
        fits(name, user.uid).then_some(user)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken line\n# comment\n\
        usbnet:x:110:120::/nonexistent:/usr/sbin/nologin\nwheel:x:50:0::/:/bin/sh\nnobody:*:65534:65533:::\n";

    #[test]
    fn the_user_that_is_meant() {
        let fallback = Ok(User { uid: FALLBACK_ID, gid: FALLBACK_ID });
        let root = |name: &str| Err(UserError::Root(name.to_owned()));
        let rows = [
            ("its own user", PASSWD, None, Ok(User { uid: 110, gid: 120 })),
            ("no such user", "root:x:0:0::/:/bin/sh", None, fallback.clone()),
            ("no passwd", "", None, fallback.clone()),
            ("its own user is root", "usbnet:x:0:0:::", None, fallback),
            ("a name", PASSWD, Some("nobody"), Ok(User { uid: 65534, gid: 65533 })),
            ("a number with a line", PASSWD, Some("110"), Ok(User { uid: 110, gid: 120 })),
            ("a number without", PASSWD, Some("4000"), Ok(User { uid: 4000, gid: 4000 })),
            ("a name that is not there", PASSWD, Some("joe"), Err(UserError::Unknown("joe".into()))),
            ("root", PASSWD, Some("root"), root("root")),
            ("root by number", "", Some("0"), root("0")),
            ("root's group", PASSWD, Some("wheel"), root("wheel")),
            ("the number that changes nothing", "", Some("4294967295"), root("4294967295")),
        ];
        for (name, passwd, wanted, expected) in rows {
            assert_eq!(User::choose(passwd, wanted), expected, "{name}");
        }
    }
}
