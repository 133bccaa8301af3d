//! Who has a port: `/proc/net/*` has the socket's number, `/proc/PID/fd` the process.
//!
//! For an error line only: what cannot be read is left out.

use std::fs;
use std::path::Path;

use crate::sys::holders::holding;

/// Programs with a socket on `port`, as "dnsmasq (pid 812)"; "another program" if none can be
/// found, which is so when it is in another process namespace.
pub(super) fn of_port(proc: &Path, transport: &str, port: u16) -> String {
    let table = fs::read_to_string(proc.join("net").join(transport)).unwrap_or_default();
    let links: Vec<String> = inodes(&table, port).map(|inode| format!("socket:[{inode}]")).collect();
    let holders = holding(proc, |target| links.iter().any(|link| target == Path::new(link)));
    if holders.is_empty() { "another program".to_owned() } else { holders.join(", ") }
}

/// Socket numbers of the lines with this local port (proc(5): `/proc/net/udp`).
fn inodes(table: &str, port: u16) -> impl Iterator<Item = &str> {
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, local) = fields.nth(1)?.rsplit_once(':')?;
        (u16::from_str_radix(local, 16) == Ok(port)).then(|| fields.nth(7))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};

    #[test]
    fn sockets_are_found_by_their_local_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref\n\
            101: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n\
            102: 0100007F:0035 00000000:0043 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n\
            103: 0202A8C0:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0 0\n\
            cut: 00000000:0043\n";
        assert_eq!(inodes(table, 67).collect::<Vec<_>>(), ["4711", "4713"]);
        assert_eq!(inodes(table, 53).collect::<Vec<_>>(), ["4712"]);
        assert_eq!(inodes("", 53).count(), 0);
    }

    #[test]
    fn this_process_is_named_for_its_own_socket() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let holder = of_port(Path::new("/proc"), "udp", port);
        assert!(holder.contains(&format!("(pid {})", std::process::id())), "{holder}");
        drop(socket);
        assert_eq!(of_port(Path::new("/nonexistent"), "udp", port), "another program");
    }
}
