//! What can go wrong with cards.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::cards::mountinfo::MountinfoError;
use crate::exit::Exit;

/// What can go wrong with cards.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// `/proc`, `/sys` or a medium cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The kernel's list of mounts is not as proc(5) has it.
    #[error("cannot understand {}: {cause}", path.display())]
    Mountinfo {
        /// The file.
        path: PathBuf,
        /// Where.
        cause: MountinfoError,
    },
    /// A configured path is something that no LUN can be given.
    #[error("card {card}: {} is neither a mount point, nor a block device, nor a regular file; name one of these", path.display())]
    NotACard {
        /// What the configuration calls it.
        card: String,
        /// What that leads to.
        path: PathBuf,
    },
    /// The root file system.
    #[error("card {card}: the root file system is on {}, which is never lent; take it out of `cards`", medium.display())]
    RootDisk {
        /// What the configuration calls it.
        card: String,
        /// The device.
        medium: PathBuf,
    },
    /// Another part of the disk that the root file system is on.
    #[error(
        "card {card}: {} is on the same disk as the root file system; take it out of `cards`, or allow it with Card(at: {card:?}, allow_system: true)",
        medium.display()
    )]
    SystemDisk {
        /// What the configuration calls it.
        card: String,
        /// The device.
        medium: PathBuf,
    },
    /// A disk that the system is on.
    #[error(
        "card {card}: the system has {} mounted on {}; take it out of `cards`, or allow it with Card(at: {card:?}, allow_system: true)",
        medium.display(), point.display()
    )]
    SystemPlace {
        /// What the configuration calls it.
        card: String,
        /// The device.
        medium: PathBuf,
        /// Where.
        point: PathBuf,
    },
    /// Two names, one medium (or one a part of the other).
    #[error("cards {one} and {other} are the same medium, {}; take one of them out of `cards`", medium.display())]
    SameMedium {
        /// One name.
        one: String,
        /// The other name.
        other: String,
        /// The device or file.
        medium: PathBuf,
    },
    /// Lending both would write one file system from two sides.
    #[error("card {card}: {} is a file on card {other}; only one of the two can be lent, take the other out of `cards`", image.display())]
    ImageOnLentCard {
        /// What the configuration calls the image.
        card: String,
        /// The image file.
        image: PathBuf,
        /// What it calls the card that the image is on.
        other: String,
    },
    /// umount(2).
    #[error("cannot unmount {}: {}; {}", point.display(), cause.desc(), unmount_hint(*cause))]
    Unmount {
        /// The mount point.
        point: PathBuf,
        /// Why.
        cause: Errno,
    },
    /// mount(2) or mount(8).
    #[error("cannot mount {} on {}: {cause}; mount it by hand once that is mended", medium.display(), point.display())]
    Mount {
        /// The device.
        medium: PathBuf,
        /// The mount point.
        point: PathBuf,
        /// Why.
        cause: MountFailure,
    },
    /// syncfs(2): what was written did not reach the medium.
    #[error("cannot write {} back: {cause}; the medium may be defective", point.display())]
    Sync {
        /// The mount point.
        point: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Something has the block device for itself: a mount, a device-mapper device, another program with `O_EXCL`.
    #[error(
        "{} is still in use (a mount, perhaps in a mount name space without a process, or a device over it); end that first",
        medium.display()
    )]
    Claimed {
        /// The device.
        medium: PathBuf,
    },
    /// Another program has locked the image file.
    #[error("{} is locked by another program (flock); end that first", medium.display())]
    Locked {
        /// The file.
        medium: PathBuf,
    },
    /// The medium cannot be opened or flushed.
    #[error("cannot take {}: {cause}", medium.display())]
    Take {
        /// The device or file.
        medium: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// swapoff(2) or swapon(2).
    #[error("cannot turn the swap area {} {what}: {}", path.display(), cause.desc())]
    Swap {
        /// The device or file.
        path: PathBuf,
        /// "off" or "on".
        what: &'static str,
        /// Why.
        cause: Errno,
    },
    /// A process cannot be told to end.
    #[error("cannot end process {pid}: {}", cause.desc())]
    Terminate {
        /// The process.
        pid: u32,
        /// Why.
        cause: Errno,
    },
}

/// Why a mount failed.
#[derive(Debug, thiserror::Error)]
pub enum MountFailure {
    /// mount(2) says so.
    #[error("{}", .0.desc())]
    Kernel(#[from] Errno),
    /// mount(8) cannot be run.
    #[error("cannot run mount(8): {0}")]
    Run(#[from] io::Error),
    /// mount(8) says so.
    #[error("{0}")]
    Said(String),
    /// The text has a zero byte in it, which no kernel would have written.
    #[error("its options contain a zero byte")]
    Zero(#[from] std::ffi::NulError),
}

const fn unmount_hint(cause: Errno) -> &'static str {
    match cause {
        Errno::EBUSY => "something began to use it just now, try again",
        Errno::EPERM | Errno::EACCES => "it needs root",
        _ => "look at `usbnet status`",
    }
}

impl CardError {
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NotACard { .. }
            | Self::RootDisk { .. }
            | Self::SystemDisk { .. }
            | Self::SystemPlace { .. }
            | Self::SameMedium { .. }
            | Self::ImageOnLentCard { .. } => Exit::ConfigInvalid,
            Self::Unmount { cause: Errno::EBUSY, .. } | Self::Claimed { .. } | Self::Locked { .. } => {
                Exit::CardBusy
            }
            Self::Unmount { .. }
            | Self::Read { .. }
            | Self::Mountinfo { .. }
            | Self::Mount { .. }
            | Self::Sync { .. }
            | Self::Take { .. }
            | Self::Swap { .. }
            | Self::Terminate { .. } => Exit::Failed,
        }
    }
}
