use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::processes::MapLine;
use super::*;
use crate::cards::{Backing, DeviceNumber, Medium};
use crate::sys::cards::fake::Fake;

/// A card whose file system is the one that the fake system is really on.
fn cards(fake: &Fake, mounts: Vec<Mount>) -> Vec<ObservedCard> {
    let medium = Medium {
        path: fake.at("dev/card"),
        backing: Backing::Block { number: fake.number(), partitions: Vec::new() },
        size: 1,
        read_only: false,
        filesystem: None,
    };
    let name = "card".to_owned();
    vec![ObservedCard {
        name,
        lun: Some(0),
        medium: Some(medium),
        mounts,
        swaps: Vec::new(),
        record: None,
        held: false,
    }]
}

/// A process as `/proc` has it, with everything elsewhere than on the card, in the name space of `self`.
fn process(fake: &Fake, pid: u32) -> String {
    let dir = format!("proc/{pid}");
    for name in ["cwd", "root", "exe", "fd/0"] {
        fake.link(&format!("{dir}/{name}"), "/proc/version");
    }
    fake.write(&format!("{dir}/maps"), "");
    fs::create_dir_all(fake.at(&format!("{dir}/ns"))).expect("a directory");
    fs::hard_link(fake.at("proc/self/ns/mnt"), fake.at(&format!("{dir}/ns/mnt"))).expect("a name space");
    dir
}

fn kinds(fake: &Fake, mounts: &[&str]) -> Vec<(HolderKind, Option<u32>, PathBuf)> {
    let lines: Vec<String> =
        mounts.iter().map(|line| line.replace('#', &fake.number().to_string())).collect();
    fake.mounts(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let table = Table::of(&fake.at("proc/self"), &fake.system().blocks).expect("mounts");
    let own =
        table.mounts.iter().filter(|mount| mount.device == fake.number() && mount.root == Path::new("/"));
    let cards = cards(fake, own.take(1).cloned().collect());
    let holders = fake.system().holders(&cards).expect("holders");
    assert!(holders.iter().all(|(card, _)| card == "card"));
    holders.into_iter().map(|(_, holder)| (holder.kind, holder.pid, holder.path)).collect()
}

const ROOT: &str = "1 0 179:2 / / rw shared:1 - ext4 /dev/root rw";
const CARD: &str = "2 1 # / @/media rw - vfat /dev/card rw";

#[test]
fn processes_hold_a_card_in_each_of_their_ways() {
    const PID: u32 = 4_000_001;
    let fake = Fake::new();
    fake.write("proc/self/ns/mnt", "");
    fake.write("media/file", "x");
    let file = || fake.at("media/file");
    let number = fake.number();
    let mapped = format!(
        "7f00-7f01 r--p 00000000 {:02x}:{:02x} 77                         {}\n",
        number.major,
        number.minor,
        file().display()
    );
    let dir = process(&fake, PID);
    let free = kinds(&fake, &[ROOT, CARD]);
    assert_eq!(free, []);
    // (what of the process leads there, kind)
    let rows = [
        ("cwd", HolderKind::CurrentDirectory),
        ("root", HolderKind::RootDirectory),
        ("fd/0", HolderKind::OpenFile),
    ];
    for (name, kind) in rows {
        let path = fake.at(&format!("{dir}/{name}"));
        fs::remove_file(&path).expect("the link");
        fake.link(&format!("{dir}/{name}"), file());
        assert_eq!(kinds(&fake, &[ROOT, CARD]), [(kind, Some(PID), file())], "{name}");
        fs::remove_file(&path).expect("the link");
        fake.link(&format!("{dir}/{name}"), "/proc/version");
    }
    fake.write(&format!("{dir}/maps"), &mapped);
    assert_eq!(kinds(&fake, &[ROOT, CARD]), [(HolderKind::MappedFile, Some(PID), file())]);
    // The program that runs is mapped, and says so.
    fs::remove_file(fake.at(&format!("{dir}/exe"))).expect("the link");
    fake.link(&format!("{dir}/exe"), file());
    assert_eq!(kinds(&fake, &[ROOT, CARD]), [(HolderKind::Executable, Some(PID), file())]);
}

#[test]
fn a_process_whose_first_thread_has_ended_is_looked_at_by_its_others() {
    const PID: u32 = 4_000_002;
    let fake = Fake::new();
    fake.write("proc/self/ns/mnt", "");
    fake.write("media/file", "x");
    fake.link(&format!("proc/{PID}/task/{}/cwd", PID + 1), fake.at("media"));
    fake.link(&format!("proc/{PID}/task/{}/exe", PID + 1), "/proc/version");
    fake.link(&format!("proc/{PID}/task/{}/fd/7", PID + 1), fake.at("media/file"));
    let expected = [
        (HolderKind::OpenFile, Some(PID), fake.at("media/file")),
        (HolderKind::CurrentDirectory, Some(PID), fake.at("media")),
    ];
    assert_eq!(kinds(&fake, &[ROOT, CARD]), expected);
}

#[test]
fn mounts_hold_a_card_unless_they_go_with_it() {
    const PID: u32 = 4_000_003;
    let fake = Fake::new();
    fake.write("proc/self/ns/mnt", "");
    let bind = |path: &str| (HolderKind::BindMount, None, PathBuf::from(path));
    let nest = |path: &str| (HolderKind::NestedMount, None, fake.at(path));
    let rows: [(&str, &[&str], Vec<_>); 5] = [
        ("a bind mount", &["3 1 # /part /srv rw - vfat /dev/card rw"], vec![bind("/srv")]),
        (
            "one inside",
            &["3 2 0:9 / @/media/in rw - tmpfs none rw", "4 3 0:10 / @/media/in/in rw - tmpfs none rw"],
            vec![nest("media/in"), nest("media/in/in")],
        ),
        (
            "a bind mount inside",
            &["3 2 # /a @/media/b rw - vfat /dev/card rw"],
            vec![bind(&fake.at("media/b").display().to_string())],
        ),
        ("another elsewhere", &["3 1 0:9 / /tmp rw - tmpfs none rw"], vec![]),
        (
            "a copy that goes with it",
            &[
                "3 1 179:2 / /copy rw shared:1 - ext4 /dev/root rw",
                "4 3 # / /copy@/media rw - vfat /dev/card rw",
            ],
            vec![],
        ),
    ];
    for (what, more, expected) in rows {
        assert_eq!(kinds(&fake, &[&[ROOT, CARD], more].concat()), expected, "{what}");
    }

    // The same in another mount name space.
    let dir = process(&fake, PID);
    fs::remove_file(fake.at(&format!("{dir}/ns/mnt"))).expect("the name space");
    fake.write(&format!("{dir}/ns/mnt"), "");
    let card = CARD.replace('#', &fake.number().to_string()).replace("2 1", "12 11");
    for (what, root, stays) in [
        ("that receives", "11 0 179:2 / / rw master:1 - ext4 /dev/root rw", false),
        ("of its own", "11 0 179:2 / / rw - ext4 /dev/root rw", true),
    ] {
        fake.write(&format!("{dir}/mountinfo"), fake.lines(&[root, &card]));
        let holder = (HolderKind::MountNamespace, Some(PID), fake.at("media"));
        let expected = if stays { vec![holder] } else { vec![] };
        assert_eq!(kinds(&fake, &[ROOT, CARD]), expected, "{what}");
    }
}

#[test]
fn devices_over_a_card_hold_it() {
    let fake = Fake::new();
    fake.write("proc/self/ns/mnt", "");
    fake.disk("sda", &fake.number().to_string(), &[]);
    fake.write("sys/devices/sda/holders/dm-3/dm/name", "vault\n");
    fake.write("sys/devices/sda/holders/md0/x", "");
    fake.write("media/inner.img", "x");
    fake.disk("loop4", "7:4", &[]);
    fake.write("sys/devices/loop4/loop/backing_file", format!("{}\n", fake.at("media/inner.img").display()));
    let expected = [
        (HolderKind::Loop, None, fake.at("media/inner.img")),
        (HolderKind::Mapper, None, fake.at("dev/mapper/vault")),
        (HolderKind::Mapper, None, fake.at("dev/md0")),
    ];
    assert_eq!(kinds(&fake, &[ROOT, CARD]), expected);
}

/// A process that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What real processes have on the file system that the tests' directory is on; only those of the given process.
fn real(fake: &Fake, pid: u32) -> Vec<Holder> {
    let system = CardSystem::at(Path::new("/proc"), &fake.at("sys"), &fake.at("dev"), &fake.at("etc"));
    let holders = system.holders(&cards(fake, Vec::new())).expect("holders");
    holders.into_iter().map(|(_, holder)| holder).filter(|holder| holder.pid == Some(pid)).collect()
}

#[test]
fn a_real_process_is_named_with_program_user_and_path() {
    let fake = Fake::new();
    fake.write("media/file", "x");
    let child = Command::new("sleep")
        .arg("1000")
        .current_dir(fake.at("media"))
        .stdin(Stdio::null())
        .stdout(File::open(fake.at("media/file")).expect("the file"))
        .spawn();
    let child = Running(child.expect("a process"));
    let holders = real(&fake, child.0.id());
    let user = User::from_uid(nix::unistd::geteuid()).expect("users").expect("this user").name;
    for (kind, path) in
        [(HolderKind::CurrentDirectory, fake.at("media")), (HolderKind::OpenFile, fake.at("media/file"))]
    {
        let holder = Holder {
            kind,
            pid: Some(child.0.id()),
            program: Some("sleep".to_owned()),
            user: Some(user.clone()),
            path,
        };
        assert!(holders.contains(&holder), "{kind:?}: {holders:?}");
    }
}

#[test]
fn a_real_socket_is_named() {
    let fake = Fake::new();
    let path = fake.at("media/socket");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let holders = real(&fake, std::process::id());
    assert!(
        holders.iter().any(|holder| holder.kind == HolderKind::Socket && holder.path == path),
        "{holders:?}"
    );
}

#[test]
fn a_process_is_asked_to_end_but_never_the_first_or_this() {
    let mut child = Running(Command::new("sleep").arg("1000").spawn().expect("a process"));
    terminate(&[0, 1, std::process::id(), child.0.id()]).expect("asked");
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(child.0.wait().expect("its end").signal(), Some(libc::SIGTERM));
    terminate(&[child.0.id()]).expect("one that has ended is fine");
}

#[test]
fn lines_of_maps_that_are_of_a_file() {
    let rows: [(&str, Option<(u32, u32, u64, &str)>); 5] = [
        (
            "7f1c-7f2c r-xp 00000000 b3:09 1234                       /media/mmc1/lib.so",
            Some((179, 9, 1234, "/media/mmc1/lib.so")),
        ),
        ("7f1c-7f2c rw-s 00001000 08:01 5 /a b (deleted)", Some((8, 1, 5, "/a b (deleted)"))),
        ("7f1c-7f2c rw-p 00000000 00:00 0", None),
        ("7ffd-7ffe rw-p 00000000 00:00 0                          [stack]", None),
        ("", None),
    ];
    for (line, expected) in rows {
        let expected = expected.map(|(major, minor, inode, path)| MapLine {
            device: DeviceNumber { major, minor },
            inode,
            path: path.as_bytes(),
        });
        assert_eq!(MapLine::parse(line.as_bytes()), expected, "{line}");
    }
}
