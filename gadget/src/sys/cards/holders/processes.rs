//! Which processes keep files of cards: open files, directories, programs, mapped files, sockets.
//!
//! Every open file of the machine is looked at, so the way is short: one statx(2) for each, and nothing is written down
//! or resolved before it is known to be on a card. Source: proc(5).

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use nix::dir::Dir;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use super::stat::{Stat, stat};
use super::targets::Targets;
use crate::cards::{DeviceNumber, HolderKind};

/// A process that holds a card.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub card: usize,
    pub pid: u32,
    pub kind: HolderKind,
    pub path: PathBuf,
}

/// `/proc`, opened once.
pub(super) struct Processes {
    proc: OwnedFd,
}

impl Processes {
    pub fn at(proc: &Path) -> io::Result<Self> {
        Ok(Self { proc: File::open(proc)?.into() })
    }

    /// Every process that there is now.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        numbers(openat(&self.proc, c".", DIRECTORY, Mode::empty())?)
    }

    /// The number of a name space of a process (`mnt`, `net`); none for a process that ends or has none.
    pub fn namespace(&self, process: &str, kind: &str) -> Option<u64> {
        self.stat(process, &Path::new("ns").join(kind)).map(|stat| stat.inode)
    }

    /// Whether a process sees the root of its mount name space.
    pub fn sees_root(&self, pid: u32) -> bool {
        let path = format!("{pid}/root");
        readlinkat(&self.proc, path.as_str()).is_ok_and(|root| root == "/")
    }

    /// What is at a path below a process's directory (`cwd/a`, `root/media`). `process` is a number or `self`.
    pub fn stat(&self, process: &str, path: &Path) -> Option<Stat> {
        let path = Path::new(process).join(path);
        stat(self.proc.as_fd(), &CString::new(path.into_os_string().into_vec()).ok()?).ok()
    }

    /// Everything by which these processes hold a card. A process that ends meanwhile holds nothing.
    ///
    /// `foreign` are those in other mount name spaces, `own` is the process whose own block devices and image files do not count: what usbnet itself holds.
    pub fn scan(&self, pids: &[u32], foreign: &BTreeSet<u32>, targets: &Targets, own: u32) -> Vec<Hit> {
        // The kernel answers as many questions at a time as it has processors.
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let share = pids.len().div_ceil(threads).max(ENOUGH_FOR_A_THREAD);
        let mut hits: Vec<Hit> = thread::scope(|scope| {
            let scan = |pids| self.scan_some(pids, foreign, targets);
            let threads: Vec<_> = pids
                .chunks(share)
                .map(|pids| thread::Builder::new().spawn_scoped(scope, move || scan(pids)).map_err(|_| pids))
                .collect();
            // Where there is no thread to be had, it is done here.
            let hits = |thread: Result<ScopedJoinHandle<'_, Vec<Hit>>, _>| match thread {
                Ok(thread) => thread.join().unwrap_or_default(),
                Err(pids) => scan(pids),
            };
            threads.into_iter().flat_map(hits).collect()
        });
        let is_own =
            |hit: &Hit| hit.pid == own && (hit.kind == HolderKind::Device || targets.is_image(hit.card));
        hits.retain(|hit| !is_own(hit));
        hits.sort_unstable();
        hits.dedup();
        hits
    }

    fn scan_some(&self, pids: &[u32], foreign: &BTreeSet<u32>, targets: &Targets) -> Vec<Hit> {
        let marks = targets.marks_in_maps();
        let mut hits = Vec::new();
        let mut buffer = Vec::new();
        for &pid in pids {
            let Ok(dir) = openat(&self.proc, pid.to_string().as_str(), OPATH, Mode::empty()) else {
                continue;
            };
            let is_foreign = foreign.contains(&pid);
            let mut look =
                Look { targets, marks: &marks, pid, is_foreign, buffer: &mut buffer, hits: &mut hits };
            if look.at(&dir) == Alive::No {
                look.threads(&dir);
            }
        }
        hits
    }
}

/// More would not be quicker: they meet at the same locks.
const MOST_THREADS: usize = 4;

/// So many processes are looked at in the time that a thread takes to start, and some.
const ENOUGH_FOR_A_THREAD: usize = 100;

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const OPATH: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Whether a process has the things that a process has: its first thread may have ended before the others, and then shows
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alive {
    Yes,
    No,
}

struct Look<'a> {
    targets: &'a Targets,
    marks: &'a [String],
    pid: u32,
    is_foreign: bool,
    buffer: &'a mut Vec<u8>,
    hits: &'a mut Vec<Hit>,
}

impl Look<'_> {
    fn at(&mut self, dir: &OwnedFd) -> Alive {
        // The names of things are asked for where that is enough: what they are may have to come from another machine.
        let name = |link: &CStr| readlinkat(dir, link).ok();
        let Some(program) = name(c"exe") else {
            // A thread of the kernel, which has no files, and there are many; or it has ended, and has no directory either.
            return if name(c"cwd").is_some() { Alive::Yes } else { Alive::No };
        };
        self.directory(dir, c"cwd", HolderKind::CurrentDirectory);
        if self.is_foreign || name(c"root").is_none_or(|root| root != "/") {
            self.directory(dir, c"root", HolderKind::RootDirectory);
        }
        self.mapped(dir, Path::new(&program));
        self.open(dir);
        Alive::Yes
    }

    fn directory(&mut self, dir: &OwnedFd, name: &CStr, kind: HolderKind) {
        let card = stat(dir.as_fd(), name).ok().and_then(|stat| self.targets.file(&stat));
        if let Some(card) = card {
            self.hit(card, kind, dir.as_fd(), name);
        }
    }

    fn threads(&mut self, dir: &OwnedFd) {
        let threads = openat(dir, c"task", DIRECTORY, Mode::empty()).map_err(io::Error::from);
        for thread in threads.and_then(numbers).unwrap_or_default() {
            let path = format!("task/{thread}");
            if let Ok(dir) = openat(dir, path.as_str(), OPATH, Mode::empty()) {
                self.at(&dir);
            }
        }
    }

    fn open(&mut self, dir: &OwnedFd) {
        let Ok(descriptors) = openat(dir, c"fd", DIRECTORY, Mode::empty()) else { return };
        let Ok(mut list) = Dir::from_fd(descriptors) else { return };
        // All names first: the stream and what is looked up below share the directory.
        self.buffer.clear();
        for entry in list.iter().flatten() {
            let name = entry.file_name().to_bytes_with_nul();
            if name[0] != b'.' {
                self.buffer.extend(name);
            }
        }
        let names = std::mem::take(self.buffer);
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            let Ok(stat) = stat(list.as_fd(), name) else { continue };
            if stat.kind == libc::S_IFSOCK {
                self.socket(stat.inode, dir);
            } else if let Some((card, kind)) = self.targets.open(&stat) {
                self.hit(card, kind, list.as_fd(), name);
            }
        }
        *self.buffer = names;
    }

    fn socket(&mut self, inode: u64, dir: &OwnedFd) {
        let (pid, kind) = (self.pid, HolderKind::Socket);
        if let Some((card, path)) = self.targets.socket(inode) {
            self.hits.push(Hit { card, pid, kind, path: path.clone() });
        }
        // It is where the process was when it made it, which is most likely where it is now.
        let Some(name) = self.targets.relative_socket(inode) else { return };
        let path = Path::new("cwd").join(name).into_os_string().into_vec();
        let found = CString::new(path).ok().and_then(|path| stat(dir.as_fd(), &path).ok());
        if let Some(card) = found.and_then(|found| self.targets.file(&found)) {
            let at = readlinkat(dir, c"cwd").map(PathBuf::from).unwrap_or_default();
            self.hits.push(Hit { card, pid, kind, path: at.join(name) });
        }
    }

    /// A running program is a file that is mapped, too.
    fn mapped(&mut self, dir: &OwnedFd, program: &Path) {
        let Ok(file) = openat(dir, c"maps", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) else {
            return;
        };
        // A process that ends while it is read leaves what was read so far.
        read_all(&file, self.buffer);
        if !self.marks.iter().any(|mark| has(self.buffer, mark.as_bytes())) {
            return;
        }
        for line in self.buffer.split(|byte| *byte == b'\n') {
            let Some(line) = MapLine::parse(line) else { continue };
            if let Some(card) = self.targets.mapped(line.device, line.inode) {
                let path = PathBuf::from(OsString::from_vec(line.path.to_vec()));
                let kind = if path == program { HolderKind::Executable } else { HolderKind::MappedFile };
                self.hits.push(Hit { card, pid: self.pid, kind, path });
            }
        }
    }

    /// The path behind a link is only asked for now that it is of use.
    fn hit(&mut self, card: usize, kind: HolderKind, dir: BorrowedFd<'_>, name: &CStr) {
        let path = readlinkat(dir, name).map(PathBuf::from).unwrap_or_default();
        self.hits.push(Hit { card, pid: self.pid, kind, path });
    }
}

/// Whether a text has another in it, at the speed of the C library: there are megabytes of maps on a machine.
fn has(text: &[u8], mark: &[u8]) -> bool {
    // SAFETY: both are valid for their lengths.
    let found = unsafe { libc::memmem(text.as_ptr().cast(), text.len(), mark.as_ptr().cast(), mark.len()) };
    !found.is_null()
}

/// All of a file of `/proc`, in as few calls as it allows: its length is not known before.
fn read_all(file: &OwnedFd, buffer: &mut Vec<u8>) {
    const PIECE: usize = 16 * 1024;
    let mut length = 0;
    loop {
        buffer.resize(buffer.len().max(length + PIECE), 0);
        match read(file, &mut buffer[length..]) {
            Ok(0) | Err(_) => break,
            Ok(more) => length += more,
        }
    }
    buffer.truncate(length);
}

/// The names of a directory that are numbers.
fn numbers(dir: OwnedFd) -> io::Result<Vec<u32>> {
    let mut dir = Dir::from_fd(dir)?;
    let entries = dir.iter().flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect())
}

/// What matters of a line of `/proc/PID/maps`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MapLine<'a> {
    pub device: DeviceNumber,
    pub inode: u64,
    pub path: &'a [u8],
}

impl<'a> MapLine<'a> {
    /// None for memory that is of no file, which most of it is.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let device = fields.nth(3)?;
        if device == b"00:00" {
            return None;
        }
        let inode = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let path = fields.next()?.trim_ascii_start();
        let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
        let part = |digits| u32::from_str_radix(digits, 16).ok();
        Some(Self { device: DeviceNumber { major: part(major)?, minor: part(minor)? }, inode, path })
    }
}
