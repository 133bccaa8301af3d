//! Unmounting and mounting as it was against the real kernel, each test in a mount name space of its own, with file
//! systems in memory. Needs root; without it these tests fail. Real cards are in the kernel scenarios.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use usbnet::cards::{Mount, MountRecord, mountinfo};
use usbnet::exit::Exit;
use usbnet::sys::cards;

/// Runs `test` on a thread in a new mount name space, whose mounts reach no other, with a directory that is a mount.
fn in_namespace(test: impl FnOnce(&Path) + Send + 'static) {
    let run = move || {
        unshare(CloneFlags::CLONE_NEWNS).expect("a mount name space of its own (run as root)");
        change(Path::new("/"), MsFlags::MS_PRIVATE | MsFlags::MS_REC);
        let directory = tempfile::tempdir().expect("a directory");
        let root = fs::canonicalize(directory.path()).expect("its path");
        memory(&root, MsFlags::empty(), "");
        test(&root);
        cards::unmount(&root).expect("nothing is left in it");
    };
    if let Err(panic) = thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

fn memory(point: &Path, flags: MsFlags, data: &str) {
    mount(Some("none"), point, Some("tmpfs"), flags, Some(data)).expect("a file system in memory");
}

fn change(point: &Path, flags: MsFlags) {
    mount::<Path, Path, Path, Path>(None, point, None, flags, None).expect("another propagation");
}

/// What is mounted there, as this thread sees it.
fn mounted(point: &Path) -> Option<Mount> {
    let text = fs::read("/proc/thread-self/mountinfo").expect("the list of mounts");
    let mounts = mountinfo::parse(&text).expect("a list of mounts");
    mounts.into_iter().rfind(|mount| mount.point == point)
}

fn point(root: &Path, name: &str) -> PathBuf {
    let point = root.join(name);
    fs::create_dir(&point).expect("a mount point");
    point
}

#[test]
fn a_mount_comes_back_as_it_was() {
    in_namespace(|root| {
        let rows = [
            ("plain", MsFlags::MS_RELATIME, "size=64k"),
            ("strict times", MsFlags::MS_STRICTATIME, ""),
            (
                "careful",
                MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME,
                "mode=700,uid=7",
            ),
            ("read-only", MsFlags::MS_RDONLY | MsFlags::MS_NODIRATIME, ""),
        ];
        let ways = [
            ("private", MsFlags::MS_PRIVATE),
            ("shared", MsFlags::MS_SHARED),
            ("unbindable", MsFlags::MS_UNBINDABLE),
        ];
        for (outside, parent) in &ways[..2] {
            change(root, *parent);
            for (what, flags, data) in rows {
                for (way, propagation) in ways {
                    let point = point(root, &format!("{what} {way} {outside}"));
                    memory(&point, flags, data);
                    change(&point, propagation);
                    let record = MountRecord::of(&mounted(&point).expect("the mount"));
                    cards::unmount(&point).expect("nobody uses it");
                    assert_eq!(mounted(&point), None);
                    cards::mount(&record).expect("mounted again");
                    let again = MountRecord::of(&mounted(&point).expect("the mount"));
                    assert_eq!(again, record, "{what}, {way} in {outside}");
                    cards::unmount(&point).expect("nobody uses it");
                }
            }
        }
    });
}

#[test]
fn a_mount_that_is_read_only_over_what_is_not_comes_back_so() {
    in_namespace(|root| {
        let point = point(root, "card");
        memory(&point, MsFlags::empty(), "");
        change(&point, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID);
        let record = MountRecord::of(&mounted(&point).expect("the mount"));
        assert!(
            record.options.starts_with("ro,nosuid") && record.super_options.starts_with("rw"),
            "{record:?}"
        );
        cards::unmount(&point).expect("nobody uses it");
        cards::mount(&record).expect("mounted again");
        assert_eq!(MountRecord::of(&mounted(&point).expect("the mount")), record);
        cards::unmount(&point).expect("nobody uses it");
    });
}

#[test]
fn what_is_in_use_stays() {
    in_namespace(|root| {
        let point = point(root, "card");
        memory(&point, MsFlags::empty(), "");
        let file = fs::File::create(point.join("file")).expect("a file");
        let error = cards::unmount(&point).expect_err("a file is open");
        assert_eq!(error.exit(), Exit::CardBusy, "{error}");
        assert!(error.to_string().contains(&point.display().to_string()), "{error}");
        drop(file);
        cards::sync(&point).expect("written back");
        cards::unmount(&point).expect("free");
        let error = cards::unmount(&point).expect_err("not mounted any more");
        assert_eq!(error.exit(), Exit::Failed, "{error}");
    });
}

#[test]
fn what_cannot_be_mounted_leaves_nothing() {
    in_namespace(|root| {
        let point = point(root, "card");
        let record = MountRecord {
            source: root.join("nothing"),
            point: point.clone(),
            kind: "vfat".to_owned(),
            options: "rw".to_owned(),
            super_options: "rw".to_owned(),
            shared: false,
            unbindable: false,
        };
        let error = cards::mount(&record).expect_err("there is no such device");
        assert!(error.to_string().contains(&point.display().to_string()), "{error}");
        assert_eq!(mounted(&point), None);
    });
}
