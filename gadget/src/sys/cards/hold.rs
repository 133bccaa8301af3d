//! Keeping everything else on the device from using a medium while it is lent.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::CardError;
use crate::cards::{Backing, Medium};

/// A medium that nothing else can mount. Dropped, or ended with the process, it can be again.
///
/// A block device is open with `O_EXCL`, which to the kernel is what a mount is (`bd_prepare_to_claim`): mount(2), swapon(2) and
/// device-mapper get `EBUSY`, for a whole disk also on its partitions. An image file is locked with flock(2), which only
/// binds those who ask: loop devices do not.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Block(File),
    Image(Flock<File>),
}

impl Hold {
    /// Takes it.
    ///
    /// # Errors
    /// Something else has it, or it cannot be opened.
    pub fn take(medium: &Medium) -> Result<Self, CardError> {
        let path = medium.path.clone();
        let failed = |cause| CardError::Take { medium: path.clone(), cause };
        let kept = match medium.backing {
            Backing::Block { .. } => {
                let mut options = OpenOptions::new();
                let file =
                    options.read(true).custom_flags(libc::O_EXCL).open(&path).map_err(|cause| match cause
                        .raw_os_error()
                    {
                        Some(libc::EBUSY) => CardError::Claimed { medium: path.clone() },
                        _ => failed(cause),
                    })?;
                flush(&file).map_err(failed)?;
                Kept::Block(file)
            }
            Backing::Image { .. } => {
                let file = File::open(&path).map_err(failed)?;
                let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
                Kept::Image(locked.map_err(|(_, cause)| match cause {
                    Errno::EWOULDBLOCK => CardError::Locked { medium: path.clone() },
                    cause => failed(cause.into()),
                })?)
            }
        };
        Ok(Self { path, kept })
    }

    /// Whether what is held is not there any more: the node is gone or leads to another device, or the device is dead.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let Kept::Block(file) = &self.kept else { return !self.path.exists() };
        let number = |metadata: io::Result<Metadata>| metadata.map(|metadata| metadata.rdev()).ok();
        let there =
            number(file.metadata()).is_some_and(|held| number(fs::metadata(&self.path)) == Some(held));
        let mut end = file;
        !(there && end.seek(SeekFrom::End(0)).is_ok_and(|size| size > 0))
    }

    /// What is held.
    #[must_use]
    pub fn medium(&self) -> &Path {
        &self.path
    }

    /// Lets go of it, after everything that the host wrote has reached the medium, and its partitions are known as the host
    /// left them.
    ///
    /// # Errors
    /// It did not; the medium is free all the same.
    pub fn release(self) -> Result<(), CardError> {
        let written = match &self.kept {
            Kept::Block(file) => file.sync_all().and_then(|()| flush(file)).map(|()| read_partitions(file)),
            Kept::Image(file) => file.sync_all(),
        };
        written.map_err(|cause| CardError::Sync { point: self.path, cause })
    }
}

/// Writes back and forgets what is cached of a block device (`BLKFLSBUF`), so that both sides read what the medium has.
fn flush(file: &File) -> io::Result<()> {
    const BLKFLSBUF: libc::c_ulong = 0x1261;
    // SAFETY: takes no argument.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), BLKFLSBUF as _, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads the partition table anew (`BLKRRPART`): the host may have changed it, and udev could not read it while it was held.
/// Only a whole disk has one.
fn read_partitions(file: &File) {
    const BLKRRPART: libc::c_ulong = 0x125f;
    // SAFETY: takes no argument.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), BLKRRPART as _, 0) };
    if result != 0 {
        log::debug!("the partition table is not read anew: {}", io::Error::last_os_error());
    }
}
