//! Who is at the other end of a Unix socket, as the kernel says.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::control::Peer;

const MAX_GROUPS: usize = 1024;

/// Reads `SO_PEERCRED` and `SO_PEERGROUPS` (socket(7), unix(7)).
///
/// # Errors
/// The kernel's; for instance on a socket that is not a Unix one.
pub fn credentials(socket: &impl AsFd) -> io::Result<Peer> {
    let credentials = getsockopt(&socket.as_fd(), PeerCredentials)?;
    // Kernels before 4.13 do not tell; then only the primary group counts.
    let mut groups = supplementary(socket).unwrap_or_default();
    groups.push(credentials.gid());
    Ok(Peer { pid: credentials.pid(), uid: credentials.uid(), groups })
}

fn supplementary(socket: &impl AsFd) -> io::Result<Vec<u32>> {
    let mut groups = vec![0_u32; MAX_GROUPS];
    let mut bytes =
        libc::socklen_t::try_from(groups.len() * size_of::<u32>()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the pointer and the length describe `groups`, which outlives the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut bytes,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    groups.truncate(bytes as usize / size_of::<u32>());
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_peer_is_who_it_is() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let peer = credentials(&ours).expect("credentials");
        assert_eq!(peer.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(peer.pid, nix::unistd::getpid().as_raw());
        assert!(peer.groups.contains(&nix::unistd::getegid().as_raw()));
    }
}
