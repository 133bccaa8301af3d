//! One daemon a run directory: the lock that says so, and the control socket behind it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};

use crate::exit::Exit;
use crate::sys::clock;

/// Whoever has just got the lock listens, or is done, within this time.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The note with the configuration file's path.
const CONFIG_NOTE: &str = "config";

/// Why this process cannot be the daemon.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// it is run by somebody else than root
    #[error("only root can run the daemon; use sudo, or the init script")]
    NotRoot,
    /// the run directory cannot be used
    #[error("{} cannot be made or written: {cause}; usbnet keeps its socket there, so mount a tmpfs on /run or use --run-dir", path.display())]
    RunDirectory {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the kernel said.
        cause: io::Error,
    },
    /// another daemon holds the lock
    #[error("another usbnet daemon{} holds {}; stop it with usbnet stop", pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(), path.display())]
    Running {
        /// Its process id, if it wrote it down.
        pid: Option<i32>,
        /// The lock file.
        path: PathBuf,
    },
    /// something else listens there
    #[error("{} is in use by another program; end it, or choose another directory with --run-dir", path.display())]
    SocketInUse {
        /// The control socket.
        path: PathBuf,
    },
}

impl InstanceError {
    /// What the command ends with.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NotRoot => Exit::NotPermitted,
            Self::RunDirectory { .. } | Self::Running { .. } | Self::SocketInUse { .. } => Exit::Failed,
        }
    }
}

/// The lock of a run directory; given back when dropped, even by SIGKILL.
#[derive(Debug)]
pub struct Instance {
    run: PathBuf,
    _lock: Flock<File>,
}

impl Instance {
    /// Makes the run directory and takes its lock, if need be after whoever is about to give it back. All that this process writes from then on can be read by everybody
    /// and written by nobody else, whatever the umask was: also the notes that the next daemon trusts.
    ///
    /// # Errors
    /// [`InstanceError::Running`] if another process has it: as soon as that can be asked for something over its socket.
    pub fn acquire(run: &Path) -> Result<Self, InstanceError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(InstanceError::NotRoot);
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| InstanceError::RunDirectory { path, cause }
        };
        umask(Mode::S_IWGRP | Mode::S_IWOTH);
        fs::create_dir_all(run).map_err(failed(run))?;
        let path = run.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed(&path))?;
        // Whoever can read it can lock it, and nobody else shall keep the service from starting.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed(&path))?;
        let until = clock::now() + SETTLED_WITHIN;
        let lock = loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => break lock,
                Err((unlocked, _)) => file = unlocked,
            }
            if listens(run) || clock::now() >= until {
                return Err(InstanceError::Running { pid: owner(&path), path });
            }
            thread::sleep(LOOK_AGAIN);
        };
        fs::write(&path, std::process::id().to_string()).map_err(failed(&path))?;
        Ok(Self { run: run.to_owned(), _lock: lock })
    }

    /// Notes the configuration file for whoever comes after a daemon that was killed; none for the defaults.
    ///
    /// # Errors
    /// The file system's.
    pub fn note_config(&self, file: Option<&Path>) -> Result<(), InstanceError> {
        let path = self.run.join(CONFIG_NOTE);
        let absolute = file.map(std::path::absolute).transpose();
        let noted = absolute.and_then(|file| match file {
            Some(file) => fs::write(&path, file.as_os_str().as_bytes()),
            None => remove(&path),
        });
        noted.map_err(|cause| InstanceError::RunDirectory { path, cause })
    }

    /// Everything is taken down: the next daemon may have another configuration.
    pub fn forget_config(&self) {
        let _ = fs::remove_file(self.run.join(CONFIG_NOTE));
    }

    /// Binds the control socket (0666: everybody may ask, the peer's credentials decide what).
    ///
    /// # Errors
    /// [`InstanceError::SocketInUse`] if somebody listens there without holding the lock.
    pub fn listen(&self) -> Result<UnixListener, InstanceError> {
        let path = self.run.join("control");
        if listens(&self.run) {
            return Err(InstanceError::SocketInUse { path });
        }
        let failed = |cause| InstanceError::RunDirectory { path: path.clone(), cause };
        remove(&path).map_err(failed)?;
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(0o666)).map_err(failed)?;
        Ok(listener)
    }
}

impl Drop for Instance {
    /// The socket is ours alone while the lock is held. The lock file stays: removing it would race with a start.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.run.join("control"));
    }
}

/// Whether somebody takes connections there.
fn listens(run: &Path) -> bool {
    UnixStream::connect(run.join("control")).is_ok()
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The configuration file of the daemon that runs, or was killed; none for the defaults.
#[must_use]
pub fn noted_config(run: &Path) -> Option<PathBuf> {
    let path = fs::read(run.join(CONFIG_NOTE)).ok().filter(|path| !path.is_empty())?;
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// Whether a daemon that was started with `running`, or the defaults, has `asked`.
#[must_use]
pub fn same_file(running: Option<&Path>, asked: &Path) -> bool {
    let real = |file: &Path| file.canonicalize().ok().or_else(|| std::path::absolute(file).ok());
    running.is_some_and(|running| real(running) == real(asked))
}

/// The process id the daemon wrote into its lock file.
#[must_use]
pub fn owner(lock: &Path) -> Option<i32> {
    fs::read_to_string(lock).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_daemon_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let run = dir.path().join("run/usbnet");
        let first = Instance::acquire(&run).expect("free");
        let listener = first.listen().expect("binds");
        assert!(matches!(Instance::acquire(&run), Err(InstanceError::Running { pid: Some(_), .. })));
        assert_eq!(fs::metadata(run.join("control")).expect("socket").permissions().mode() & 0o777, 0o666);
        drop((first, listener));
        assert!(!run.join("control").exists());
        drop(Instance::acquire(&run).expect("free again"));
    }

    /// Another process has the lock and does not listen: it has only begun, or tidies up.
    #[test]
    fn whoever_comes_second_waits_until_the_first_listens_or_is_done() {
        let dir = tempfile::tempdir().expect("a directory");
        let lock = dir.path().join("lock");
        for listening in [true, false] {
            let first = Instance::acquire(dir.path()).expect("free");
            let run = dir.path().to_owned();
            let second = thread::spawn(move || Instance::acquire(&run).map(drop));
            while descriptors(&lock) < 2 && !second.is_finished() {
                thread::yield_now();
            }
            assert!(!second.is_finished(), "it waits");
            let listener = listening.then(|| first.listen().expect("binds"));
            let first = listening.then_some(first);
            let outcome = second.join().expect("no panic");
            assert_eq!(outcome.is_err(), listening, "{outcome:?}");
            drop((first, listener));
        }
    }

    /// How often this process has the file open.
    fn descriptors(file: &Path) -> usize {
        let open = fs::read_dir("/proc/self/fd").expect("procfs");
        open.filter(|entry| {
            fs::read_link(entry.as_ref().expect("an entry").path()).is_ok_and(|path| path == file)
        })
        .count()
    }

    #[test]
    fn the_configuration_is_noted_until_it_is_forgotten() {
        let dir = tempfile::tempdir().expect("a directory");
        let instance = Instance::acquire(dir.path()).expect("free");
        assert_eq!(noted_config(dir.path()), None);
        for file in [Some(Path::new("/etc/usb net.ron")), None, Some(Path::new("/tmp/n\u{f6}kia.ron"))] {
            instance.note_config(file).expect("writable");
            assert_eq!(noted_config(dir.path()).as_deref(), file);
        }
        drop(instance);
        assert!(noted_config(dir.path()).is_some(), "a killed daemon leaves it behind");
        Instance::acquire(dir.path()).expect("free").forget_config();
        assert_eq!(noted_config(dir.path()), None);
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let instance = Instance::acquire(dir.path()).expect("free");
        drop(UnixListener::bind(dir.path().join("control")).expect("a daemon that died"));
        let ours = instance.listen().expect("replaces it");
        drop(ours);
        fs::remove_file(dir.path().join("control")).expect("removed");
        let _foreign = UnixListener::bind(dir.path().join("control")).expect("another program");
        assert!(matches!(instance.listen(), Err(InstanceError::SocketInUse { .. })));
    }

    #[test]
    fn a_run_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        fs::write(&file, "").expect("a file");
        let error = Instance::acquire(&file.join("usbnet")).expect_err("not a directory");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}
