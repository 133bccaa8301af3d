//! From the options that `mountinfo` lists to what mount(2) wants: flags, a second call where one is not enough, and the
//! file system's own.
//!
//! Source: mount(2), `fs/proc_namespace.c` (`show_mnt_opts`, `show_sb_opts`).

use nix::mount::MsFlags;

/// What mount(2) is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The flags of the call that mounts.
    pub first: MsFlags,
    /// The flags of a second call, where mount and file system differ in being read-only.
    pub second: Option<MsFlags>,
    /// The file system's own options.
    pub data: String,
    /// All of it for mount(8).
    pub text: String,
}

/// Options of a mount. What is neither here nor in [`OF_SUPER`] is the file system's own.
const OF_MOUNT: [(&str, MsFlags); 7] = [
    ("ro", MsFlags::MS_RDONLY),
    ("nosuid", MsFlags::MS_NOSUID),
    ("nodev", MsFlags::MS_NODEV),
    ("noexec", MsFlags::MS_NOEXEC),
    ("noatime", MsFlags::MS_NOATIME),
    ("nodiratime", MsFlags::MS_NODIRATIME),
    ("relatime", MsFlags::MS_RELATIME),
];

/// `MS_NOSYMFOLLOW` of `include/uapi/linux/mount.h`.
const NOSYMFOLLOW: MsFlags = MsFlags::from_bits_retain(256);

/// Options of every file system.
const OF_SUPER: [(&str, MsFlags); 5] = [
    ("ro", MsFlags::MS_RDONLY),
    ("sync", MsFlags::MS_SYNCHRONOUS),
    ("dirsync", MsFlags::MS_DIRSYNC),
    ("mand", MsFlags::MS_MANDLOCK),
    ("lazytime", MsFlags::MS_LAZYTIME),
];

/// What the kernel prints and does not take back: how FUSE was opened, and that SELinux labels are kept.
const ONLY_PRINTED: [&str; 6] = ["user_id", "group_id", "fd", "rootmode", "blksize", "seclabel"];

impl Options {
    /// From the two lists of `mountinfo`.
    #[must_use]
    pub fn of(mount: &str, superblock: &str) -> Self {
        let mut on_mount = MsFlags::empty();
        for option in mount.split(',') {
            let known = OF_MOUNT.iter().find(|(name, _)| *name == option).map(|(_, flag)| *flag);
            on_mount |= known.unwrap_or(MsFlags::empty());
            if option == "nosymfollow" {
                on_mount |= NOSYMFOLLOW;
            }
        }
        // No word at all is the strict way, and the kernel has to be told.
        if !on_mount.intersects(MsFlags::MS_NOATIME | MsFlags::MS_RELATIME) {
            on_mount |= MsFlags::MS_STRICTATIME;
        }
        let mut on_super = MsFlags::empty();
        let mut data = Vec::new();
        for option in superblock.split(',') {
            let name = option.split('=').next().unwrap_or_default();
            match OF_SUPER.iter().find(|(known, _)| *known == option) {
                Some((_, flag)) => on_super |= *flag,
                None if option == "rw" || option.is_empty() || ONLY_PRINTED.contains(&name) => {}
                None => data.push(option),
            }
        }
        let read_only = MsFlags::MS_RDONLY;
        let differ = on_mount.contains(read_only) != on_super.contains(read_only);
        let second = differ.then_some(on_mount | MsFlags::MS_REMOUNT | MsFlags::MS_BIND);
        let words = mount.split(',').chain(data.iter().copied()).filter(|word| !word.is_empty());
        Self {
            first: on_mount.difference(read_only) | on_super,
            second,
            text: words.collect::<Vec<_>>().join(","),
            data: data.join(","),
        }
    }
}

/// Whether a kind of mount needs a program of its own beside the kernel.
#[must_use]
pub fn needs_helper(kind: &str) -> bool {
    kind.starts_with("fuse")
}

/// Whether what the superblock says is what was mounted as `mounted`. A file system in user space can be of any kind.
#[must_use]
pub fn is_kind(mounted: &str, superblock: &str) -> bool {
    match mounted {
        "msdos" => superblock == "vfat",
        "ntfs3" => superblock == "ntfs",
        // The newest driver mounts the older two as well.
        "ext2" | "ext3" | "ext4" => matches!(superblock, "ext2" | "ext3" | "ext4"),
        mounted => mounted == superblock || needs_helper(mounted),
    }
}

/// Those of a file system's options that say the same to another kind: whose the files are and who may read them, for
/// the kinds that cannot keep that themselves.
#[must_use]
pub fn for_another_kind(superblock: &str, kind: &str) -> String {
    const SAME: [&str; 8] = ["ro", "rw", "sync", "dirsync", "uid", "gid", "fmask", "dmask"];
    let keeps_owners = !matches!(kind, "vfat" | "exfat" | "ntfs");
    let is_same = |option: &&str| {
        let name = option.split('=').next().unwrap_or_default();
        SAME.contains(&name) && !(keeps_owners && option.contains('='))
    };
    superblock.split(',').filter(is_same).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_flags_and_data() {
        let relatime = MsFlags::MS_RELATIME;
        let again = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        // (mount's, superblock's, first call, second call, data)
        let rows = [
            ("rw,relatime", "rw,fmask=0022,utf8", relatime, None, "fmask=0022,utf8"),
            (
                "rw,nosuid,nodev,noexec,noatime",
                "rw,sync,data=ordered",
                MsFlags::MS_NOSUID
                    | MsFlags::MS_NODEV
                    | MsFlags::MS_NOEXEC
                    | MsFlags::MS_NOATIME
                    | MsFlags::MS_SYNCHRONOUS,
                None,
                "data=ordered",
            ),
            ("rw", "rw", MsFlags::MS_STRICTATIME, None, ""),
            ("ro,relatime", "ro", relatime | MsFlags::MS_RDONLY, None, ""),
            ("ro,relatime", "rw", relatime, Some(relatime | MsFlags::MS_RDONLY | again), ""),
            ("rw,relatime", "ro", relatime | MsFlags::MS_RDONLY, Some(relatime | again), ""),
            ("rw,relatime,nosymfollow", "rw,seclabel", relatime | NOSYMFOLLOW, None, ""),
            (
                "rw,relatime",
                "rw,user_id=0,group_id=0,blksize=4096,allow_other",
                relatime,
                None,
                "allow_other",
            ),
        ];
        for (mount, superblock, first, second, data) in rows {
            let options = Options::of(mount, superblock);
            assert_eq!(options.first, first, "{mount} {superblock}");
            assert_eq!(options.second, second, "{mount} {superblock}");
            assert_eq!(options.data, data, "{mount} {superblock}");
        }
        assert_eq!(Options::of("rw,nosuid", "rw,blksize=1,allow_other").text, "rw,nosuid,allow_other");
    }

    #[test]
    fn a_card_that_was_formatted_keeps_its_owner() {
        let before =
            "rw,uid=1000,gid=1000,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,errors=remount-ro";
        let kept = "rw,uid=1000,gid=1000,fmask=0022,dmask=0022";
        for (kind, options) in [("exfat", kept), ("ntfs", kept), ("ext4", "rw")] {
            assert_eq!(for_another_kind(before, kind), options, "{kind}");
        }
    }

    #[test]
    fn what_was_mounted_is_known_again() {
        for (mounted, superblock, same) in [
            ("vfat", "vfat", true),
            ("msdos", "vfat", true),
            ("ext3", "ext4", true),
            ("fuseblk", "ntfs", true),
            ("ntfs3", "ntfs", true),
            ("vfat", "exfat", false),
            ("vfat", "ext4", false),
        ] {
            assert_eq!(is_kind(mounted, superblock), same, "{mounted} {superblock}");
        }
    }
}
