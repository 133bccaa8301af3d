//! Which processes have a file open: `/proc/PID/fd`, for lines that name who is in the way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::gather::Gather;

/// The programs that have a file open whose link in `/proc/PID/fd` satisfies `is`, as "agetty (pid 812)". Processes of
/// another process name space, or that may not be looked at, are left out.
#[must_use]
pub fn holding(proc: &Path, is: impl Fn(&Path) -> bool) -> Vec<String> {
    // Not "self" and "thread-self", which are this process again.
    let is_process = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
    };
    let entries = fs::read_dir(proc).into_iter().flatten().flatten().map(|entry| entry.path());
    let processes = entries.filter(is_process);
    let holds = |process: &Path| {
        let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| is(&target))
    };
    let named = processes.filter(|process| holds(process)).filter_map(|process| {
        let program = fs::read_to_string(process.join("comm")).ok()?;
        Some(format!("{} (pid {})", program.trim_end(), process.file_name()?.to_str()?))
    });
    named.sorted_by(Ord::cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_named_for_what_it_has_open() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let named = |path: &Path| holding(Path::new("/proc"), |target| target == path);
        let holders = named(file.path());
        assert_eq!(holders.len(), 1, "{holders:?}");
        assert!(holders[0].ends_with(&format!("(pid {})", std::process::id())), "{holders:?}");
        assert!(named(Path::new("/no/such/file")).is_empty());
    }
}
