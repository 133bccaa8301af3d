//! Who may do what on the control socket: decided from the peer's kernel credentials alone.

/// Who is at the other end, as the kernel says (`SO_PEERCRED`, `SO_PEERGROUPS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Process id, for the log.
    pub pid: i32,
    /// Effective user id when it connected.
    pub uid: u32,
    /// Effective group id and supplementary groups when it connected.
    pub groups: Vec<u32>,
}

/// Whether `peer` may switch modes and stop the daemon: root and members of the configured group.
#[must_use]
pub fn may_switch(peer: &Peer, group: Option<u32>) -> bool {
    peer.uid == 0 || group.is_some_and(|gid| peer.groups.contains(&gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_group_may_switch() {
        let table = [
            ("root without a group", 0, vec![0], None, true),
            ("root with a foreign group", 0, vec![0], Some(44), true),
            ("user, no group configured", 1000, vec![1000], None, false),
            ("user outside the group", 1000, vec![1000, 27], Some(44), false),
            ("user, supplementary group", 1000, vec![1000, 44], Some(44), true),
            ("user, primary group", 1000, vec![44], Some(44), true),
            ("group 0 is a group like another", 1000, vec![0], None, false),
        ];
        for (name, uid, groups, group, expected) in table {
            assert_eq!(may_switch(&Peer { pid: 1, uid, groups }, group), expected, "{name}");
        }
    }
}
