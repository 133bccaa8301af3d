//! Who may do what: decided from the peer's kernel credentials alone, and for the console from the configuration.

use std::fmt;

/// Who is at the other end of the control socket, as the kernel says (`SO_PEERCRED`, `SO_PEERGROUPS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Process id, for the log.
    pub pid: i32,
    /// Effective user id when it connected.
    pub uid: u32,
    /// Effective group id and supplementary groups when it connected.
    pub groups: Vec<u32>,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Process id, for the log.
    pub pid: i32,
    /// Effective user id.
    pub uid: u32,
    /// What that makes of it.
    pub role: Role,
}

/// What a caller is to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It may read.
    Reader,
    /// It may switch modes and stop the daemon.
    Switcher,
    /// The host, through the gadget's serial port; the configuration says what it may.
    Console,
}

impl Caller {
    /// Root and members of the configured group may switch; what the daemon itself connects is the console.
    #[must_use]
    pub fn new(peer: &Peer, group: Option<u32>, daemon: i32) -> Self {
        let may_switch = peer.uid == 0 || group.is_some_and(|gid| peer.groups.contains(&gid));
        let role = match may_switch {
            _ if peer.pid == daemon => Role::Console,
            true => Role::Switcher,
            false => Role::Reader,
        };
        Self { pid: peer.pid, uid: peer.uid, role }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Role::Console => f.write_str("the host's console"),
            Role::Reader | Role::Switcher => write!(f, "uid {} (pid {})", self.uid, self.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_group_may_switch() {
        use Role::{Console, Reader, Switcher};
        let table = [
            ("root without a group", 1, 0, vec![0], None, Switcher),
            ("root with a foreign group", 1, 0, vec![0], Some(44), Switcher),
            ("user, no group configured", 1, 1000, vec![1000], None, Reader),
            ("user outside the group", 1, 1000, vec![1000, 27], Some(44), Reader),
            ("user, supplementary group", 1, 1000, vec![1000, 44], Some(44), Switcher),
            ("user, primary group", 1, 1000, vec![44], Some(44), Switcher),
            ("group 0 is a group like another", 1, 1000, vec![0], None, Reader),
            ("the daemon itself", 7, 0, vec![0], None, Console),
        ];
        for (name, pid, uid, groups, group, role) in table {
            let caller = Caller::new(&Peer { pid, uid, groups }, group, 7);
            assert_eq!(caller, Caller { pid, uid, role }, "{name}");
            let who =
                if role == Console { "the host's console".into() } else { format!("uid {uid} (pid 1)") };
            assert_eq!(caller.to_string(), who, "{name}");
        }
    }
}
