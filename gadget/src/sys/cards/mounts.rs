//! Unmounting cards, mounting them again as they were, swap, and writing back.
//!
//! Nothing here is lazy or forced: what is busy stays.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};

use super::error::{CardError, MountFailure};
use super::find::read_superblock;
use crate::cards::options::{self, Options};
use crate::cards::{MountRecord, SwapRecord};
use crate::sys::program;

/// Unmounts what is uppermost on a mount point, which must be no symbolic link.
///
/// # Errors
/// It is busy, or not mounted.
pub fn unmount(point: &Path) -> Result<(), CardError> {
    umount2(point, MntFlags::UMOUNT_NOFOLLOW)
        .map_err(|cause| CardError::Unmount { point: point.to_owned(), cause })
}

/// Writes everything back that is written to the file system there. Takes as long as the medium does.
///
/// # Errors
/// The medium does not take it.
pub fn sync(point: &Path) -> Result<(), CardError> {
    let synced = File::open(point).and_then(|root| {
        // SAFETY: a descriptor that is open.
        let result = unsafe { libc::syncfs(root.as_raw_fd()) };
        if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    });
    synced.map_err(|cause| CardError::Sync { point: point.to_owned(), cause })
}

/// Mounts a card as it was: the same type, options and propagation.
///
/// When the host has put another file system on it, that one is mounted, with those of the options that say the same to it.
///
/// # Errors
/// The kernel does not mount it; nothing is mounted then.
pub fn mount(record: &MountRecord) -> Result<(), CardError> {
    let failed =
        |cause| CardError::Mount { medium: record.source.clone(), point: record.point.clone(), cause };
    let now = read_superblock(&record.source);
    let other = now.filter(|now| !options::is_kind(&record.kind, &now.kind));
    let (kind, super_options) = match &other {
        None => (record.kind.clone(), record.super_options.clone()),
        Some(now) => {
            log::warn!(
                "{} was {} and is {} now: the host has formatted it",
                record.source.display(),
                record.kind,
                now.kind
            );
            (kernel_kind(&now.kind), options::for_another_kind(&record.super_options, &now.kind))
        }
    };
    let options = Options::of(&record.options, &super_options);
    if options::needs_helper(&kind) {
        with_helper(record, &options).map_err(failed)?;
    } else {
        with_kernel(record, &kind, &options).map_err(failed)?;
    }
    let done = propagate(record);
    if let Err(cause) = done {
        // Half a mount would be one that nobody takes away again.
        let _ = unmount(&record.point);
        return Err(failed(cause.into()));
    }
    Ok(())
}

fn with_kernel(record: &MountRecord, kind: &str, options: &Options) -> Result<(), MountFailure> {
    let source = c_text(record.source.as_os_str().as_bytes())?;
    let point = c_text(record.point.as_os_str().as_bytes())?;
    let (kind, data) = (CString::new(kind)?, CString::new(options.data.as_str())?);
    let call = |flags: MsFlags| {
        nix::mount::mount(
            Some(source.as_c_str()),
            point.as_c_str(),
            Some(kind.as_c_str()),
            flags,
            Some(data.as_c_str()),
        )
    };
    call(options.first)?;
    if let Some(flags) = options.second {
        let second = nix::mount::mount::<Path, _, Path, Path>(None, point.as_c_str(), None, flags, None);
        if let Err(cause) = second {
            let _ = unmount(&record.point);
            return Err(cause.into());
        }
    }
    Ok(())
}

fn c_text(bytes: &[u8]) -> Result<CString, std::ffi::NulError> {
    CString::new(bytes)
}

/// A file system in user space is mounted by its own program, which mount(8) finds.
fn with_helper(record: &MountRecord, options: &Options) -> Result<(), MountFailure> {
    let output = program::command("mount")
        .arg("-o")
        .arg(&options.text)
        .arg(&record.source)
        .arg(&record.point)
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(MountFailure::Said(said.lines().map(str::trim).collect::<Vec<_>>().join("; ")))
}

/// What mounts its kind of file system: for NTFS that depends on the kernel.
fn kernel_kind(kind: &str) -> String {
    let known = || fs::read_to_string("/proc/filesystems").unwrap_or_default();
    match kind {
        "ntfs" if known().lines().any(|line| line.trim() == "ntfs3") => "ntfs3".to_owned(),
        "ntfs" => "fuseblk".to_owned(),
        kind => kind.to_owned(),
    }
}

/// Makes the new mount hand on what the old one did. Where its parent is shared it was made shared by the kernel.
fn propagate(record: &MountRecord) -> Result<(), Errno> {
    let change = |flag| nix::mount::mount::<Path, Path, Path, Path>(None, &record.point, None, flag, None);
    match (record.shared, record.unbindable) {
        (true, _) => change(MsFlags::MS_SHARED),
        (false, true) => change(MsFlags::MS_UNBINDABLE),
        (false, false) => change(MsFlags::MS_PRIVATE),
    }
}

/// Turns a swap area off: what is in it moves to memory.
///
/// # Errors
/// There is not enough memory, or it is none.
pub fn swap_off(area: &SwapRecord) -> Result<(), CardError> {
    swap(area, "off", |path| {
        // SAFETY: ends in a zero byte.
        unsafe { libc::swapoff(path) }
    })
}

/// Turns a swap area on with the priority that it had.
///
/// # Errors
/// It is none any more, or is on already.
pub fn swap_on(area: &SwapRecord) -> Result<(), CardError> {
    /// `SWAP_FLAG_PREFER` of `include/linux/swap.h`: the low 15 bits are a priority.
    const PREFER: i32 = 0x8000;
    let flags = if area.priority >= 0 { PREFER | area.priority & 0x7fff } else { 0 };
    swap(area, "on", |path| {
        // SAFETY: ends in a zero byte.
        unsafe { libc::swapon(path, flags) }
    })
}

fn swap(
    area: &SwapRecord,
    what: &'static str,
    call: impl Fn(*const libc::c_char) -> i32,
) -> Result<(), CardError> {
    let failed = |cause| CardError::Swap { path: area.path.clone(), what, cause };
    let path = CString::new(area.path.as_os_str().as_bytes()).map_err(|_| failed(Errno::EINVAL))?;
    if call(path.as_ptr()) == 0 { Ok(()) } else { Err(failed(Errno::last())) }
}
