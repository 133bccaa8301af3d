//! The host's end of a lent card: the disk that its kernel makes of a LUN, mounted in the host's own name space.
//!
//! Both ends are one kernel, but the disk is another block device than the card behind it: a mount of `/dev/sdX` is
//! the host's business and no mount of the card.

use std::{
    fs,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::{
    cable::usb_device,
    cards::{Kind, Sums, sums},
    host::on_host,
    run::{Outcome, sh, sh_quietly},
    wait::wait_for,
};

/// Where the host mounts what it finds.
const MEDIA: &str = "/run/host-media";

mod scsi {
    // All are older than the convention of _IO (`scsi/scsi_ioctl.h`, `linux/cdrom.h`).
    nix::ioctl_none_bad!(unlock_door, 0x5381);
    nix::ioctl_write_int_bad!(lock_cdrom, 0x5329);
    nix::ioctl_none_bad!(eject, 0x5309);
}

/// What the host made of one LUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its LUN, from 0.
    pub lun: usize,
    /// Its directory in `/sys/class/block` (or `scsi_device` for one without a driver).
    pub sysfs: PathBuf,
    /// Its node.
    pub node: PathBuf,
}

/// Every disk of the device now, in the order of their LUNs.
#[must_use]
pub fn disks() -> Vec<Disk> {
    let Some(device) = usb_device() else { return Vec::new() };
    let root = device.to_str().expect("a plain path");
    // usb device / interface / hostN / targetH:C:T / H:C:T:L / block / sdX
    let found = sh_quietly(&format!("ls -d {root}/*/host*/target*/*:*:*:*/block/* 2>/dev/null")).out;
    let mut all: Vec<_> = found
        .lines()
        .filter_map(|line| {
            let lun = line.rsplit('/').nth(2)?.rsplit(':').next()?.parse().ok()?;
            Some(Disk { lun, sysfs: line.into(), node: Path::new("/dev").join(line.rsplit('/').next()?) })
        })
        .collect();
    all.sort_by_key(|disk| disk.lun);
    all
}

/// Waits until the host has a disk of LUN `lun` with a medium in it and has finished looking at it.
#[must_use]
pub fn disk(lun: usize) -> Disk {
    let disk = found(lun);
    sh("udevadm settle --timeout=120");
    disk
}

fn found(lun: usize) -> Disk {
    wait_for(&format!("the host's disk of LUN {lun}"), || {
        disks().into_iter().find(|disk| disk.lun == lun && disk.node.exists() && disk.size() > 0)
    })
}

/// Waits until the host has as many disks and has finished looking at them: it locks a medium for as long as it looks.
pub fn settled(count: usize) {
    for lun in 0..count {
        found(lun);
    }
    sh("udevadm settle --timeout=120");
}

impl Disk {
    fn attribute(&self, name: &str) -> String {
        fs::read_to_string(self.sysfs.join(name)).unwrap_or_default().trim().to_owned()
    }

    /// In sectors of 512 bytes; 0 without a medium.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.attribute("size").parse().unwrap_or(0)
    }

    /// Whether the host may not write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.attribute("ro") == "1"
    }

    /// Vendor, product and revision, as the LUN's inquiry string gives them.
    #[must_use]
    pub fn inquiry(&self) -> String {
        ["device/vendor", "device/model", "device/rev"].map(|name| self.attribute(name)).join(" ")
    }

    /// Mounts it at the host's end.
    #[track_caller]
    #[must_use]
    pub fn mount(&self, kind: Kind) -> HostMount {
        let (mount, outcome) = self.try_mount(kind.name(), "rw");
        assert_eq!(outcome.code, 0, "the host cannot mount {}: {}", self.node.display(), outcome.err);
        mount
    }

    /// Tries to mount it with another type or options.
    #[must_use]
    pub fn try_mount(&self, kind: &str, options: &str) -> (HostMount, Outcome) {
        let point = format!("{MEDIA}/{}", self.lun);
        fs::create_dir_all(&point).expect("a mount point for the host");
        let node = self.node.to_str().expect("a plain path");
        let outcome = on_host(&["mount", "-t", kind, "-o", options, node, &point]);
        (HostMount { point, mounted: outcome.code == 0 }, outcome)
    }

    /// Ejects it as `eject` does: unlocks the door and sends START STOP UNIT.
    #[track_caller]
    pub fn eject(&self) {
        let node = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&self.node);
        let node = node.expect("the host's disk");
        // SAFETY: none of the requests has a pointer as its argument, and the descriptor is open.
        unsafe {
            // A drive for discs has one lock more; a disk does not know that request.
            let _ = scsi::lock_cdrom(node.as_raw_fd(), 0);
            scsi::unlock_door(node.as_raw_fd()).and_then(|_| scsi::eject(node.as_raw_fd()))
        }
        .unwrap_or_else(|error| panic!("the host cannot eject {}: {error}", self.node.display()));
    }
}

/// A disk mounted at the host's end, until dropped.
#[derive(Debug)]
pub struct HostMount {
    point: String,
    mounted: bool,
}

impl HostMount {
    /// Where its files are, as seen from here.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let keeper = sh("sed -n 's/.*--target \\([0-9]*\\).*/\\1/p' /run/bin/on-host");
        PathBuf::from(format!("/proc/{keeper}/root{}", self.point))
    }

    /// Writes a file and leaves it in the host's memory, as a person does.
    #[track_caller]
    pub fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path().join(name), content).expect("a file on the host's disk");
    }

    /// Every regular file at its top with its checksum.
    #[must_use]
    pub fn sums(&self) -> Sums {
        sums(&self.path())
    }

    /// Unmounts it.
    #[track_caller]
    pub fn unmount(mut self) {
        sh(&format!("on-host umount {}", self.point));
        self.mounted = false;
    }
}

impl Drop for HostMount {
    fn drop(&mut self) {
        if self.mounted {
            sh_quietly(&format!("on-host umount {0} || on-host umount -l {0}", self.point));
        }
    }
}

/// Takes all mounts of the host's away, also of a disk that is gone.
pub(crate) fn clean() {
    sh_quietly(&format!(
        "for point in {MEDIA}/*; do on-host umount $point 2>/dev/null || on-host umount -l $point; done; rm -rf {MEDIA}"
    ));
}
