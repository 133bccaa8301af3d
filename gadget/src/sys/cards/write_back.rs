//! How much is still to be written: what a person sees while an unmount takes long.
//!
//! Sources: `mm/backing-dev.c` (`bdi_debug_stats_show`), proc(5) for `meminfo`.

use std::fs;

use super::CardSystem;
use crate::cards::DeviceNumber;

impl CardSystem {
    /// Bytes that wait to be written to a block device, where the kernel tells (debugfs), else to all of them.
    #[must_use]
    pub fn bytes_to_write(&self, device: Option<DeviceNumber>) -> Option<u64> {
        let of_device = || {
            // It is counted for whole disks.
            let disk = self.blocks.disk(device?);
            let path = self.sys.join("kernel/debug/bdi").join(disk.to_string()).join("stats");
            sum(&fs::read_to_string(path).ok()?, ["BdiWriteback:", "BdiReclaimable:"])
        };
        let of_all = || sum(&fs::read_to_string(self.proc.join("meminfo")).ok()?, ["Dirty:", "Writeback:"]);
        of_device().or_else(of_all)
    }
}

/// The sum of two lines in kB, as bytes; none if neither is there.
fn sum(text: &str, names: [&str; 2]) -> Option<u64> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok()
    };
    let [one, two] = names.map(value);
    (one.is_some() || two.is_some())
        .then(|| one.unwrap_or(0).saturating_add(two.unwrap_or(0)).saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_device_is_counted_by_itself_where_the_kernel_tells() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        };
        let at = |name: &str| root.path().join(name);
        let system = CardSystem::at(&at("proc"), &at("sys"), &at("dev"), &at("etc"));
        let card = Some(DeviceNumber { major: 8, minor: 1 });
        assert_eq!(system.bytes_to_write(card), None);

        write(
            "proc/meminfo",
            "MemTotal: 100 kB\nDirty:             8 kB\nWriteback:         4 kB\nWritebackTmp: 9 kB\n",
        );
        assert_eq!(system.bytes_to_write(card), Some(12 * 1024));

        let disk = "devices/block/sda";
        write(&format!("sys/{disk}/dev"), "8:0\n");
        write(&format!("sys/{disk}/sda1/dev"), "8:1\n");
        write(&format!("sys/{disk}/sda1/partition"), "1\n");
        fs::create_dir_all(at("sys/dev/block")).expect("directories");
        std::os::unix::fs::symlink(Path::new("../../").join(disk).join("sda1"), at("sys/dev/block/8:1"))
            .expect("a link");
        write(
            "sys/kernel/debug/bdi/8:0/stats",
            "BdiWriteback:            4 kB\nBdiReclaimable:         16 kB\nBdiDirtyThresh:         99 kB\n",
        );
        assert_eq!(system.bytes_to_write(card), Some(20 * 1024));
        assert_eq!(system.bytes_to_write(None), Some(12 * 1024));
    }
}
