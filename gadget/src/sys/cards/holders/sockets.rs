//! Unix sockets bound to a path on a card: the kernel keeps the file system busy for as long as the socket lives.
//!
//! Source: `net/unix/af_unix.c` (`unix_seq_show`): `Num RefCount Protocol Flags Type St Inode Path`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::card_of;
use super::processes::Processes;
use super::spaces::Space;
use super::targets::Targets;
use crate::cards::ObservedCard;
use crate::sys::cards::table::Table;

/// Adds the sockets of this network name space, and of those of the processes that other mount name spaces are seen
/// through.
pub(super) fn add(
    targets: &mut Targets,
    cards: &[ObservedCard],
    (proc, processes): (&Path, &Processes),
    own: &Table,
    spaces: &[Space],
) {
    let mut seen = BTreeSet::new();
    let own = ("self".to_owned(), own);
    let others = spaces.iter().map(|space| (space.pid.to_string(), &space.table));
    for (process, table) in std::iter::once(own).chain(others) {
        if !seen.insert(processes.namespace(&process, "net")) {
            continue;
        }
        let text = fs::read(proc.join(&process).join("net/unix")).unwrap_or_default();
        for (inode, path) in parse(&text) {
            if !path.is_absolute() {
                targets.add_relative_socket(inode, path);
                continue;
            }
            let at = Path::new("root").join(path.strip_prefix("/").unwrap_or(&path));
            let card = match processes.stat(&process, &at) {
                Some(stat) => targets.file(&stat),
                // Its name was removed, the socket lives.
                None => table.around(&path).and_then(|mount| card_of(cards, table, mount)),
            };
            if let Some(card) = card {
                targets.add_socket(inode, card, path);
            }
        }
    }
}

/// The sockets that have a path, by inode. An abstract name begins with an at sign and is none.
fn parse(text: &[u8]) -> impl Iterator<Item = (u64, PathBuf)> + '_ {
    text.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
        // `Num` is padded to the right, `Inode` to the left.
        let mut rest = line;
        let mut next = || {
            rest = rest.trim_ascii_start();
            let end = rest.iter().position(|byte| *byte == b' ')?;
            let (field, after) = rest.split_at(end);
            rest = after;
            Some(field)
        };
        for _ in 0..6 {
            next()?;
        }
        let inode = std::str::from_utf8(next()?).ok()?.parse().ok()?;
        let path = rest.strip_prefix(b" ").filter(|path| !path.is_empty() && path[0] != b'@')?;
        Some((inode, OsString::from_vec(path.to_vec()).into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_with_a_path_are_found() {
        let text = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            ffff8880: 00000002 00000000 00010000 0001 01  1234 /media/mmc1/a socket\n\
            ffff8881: 00000003 00000000 00000000 0001 03 56789\n\
            ffff8882: 00000002 00000000 00010000 0001 01    77 @/tmp/.X11-unix/X0\n\
            ffff8883: 00000002 00000000 00000000 0002 01 99 relative\n";
        let found: Vec<_> = parse(text.as_bytes()).collect();
        assert_eq!(found, [(1234, "/media/mmc1/a socket".into()), (99, "relative".into())]);
    }
}
