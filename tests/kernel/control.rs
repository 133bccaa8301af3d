//! The control socket among many clients, most of them hostile, and with a client that is not ours.

use std::{
    io::{IoSlice, Read, Write},
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    socket::{ControlMessage, MsgFlags, sendmsg, setsockopt, sockopt::ReceiveTimeout},
    time::{TimeVal, TimeValLike},
};
use serde_json::{Value, json};
use usbnet::cli::client::Connection;
use usbnet_tests::{
    daemon::{configure, daemon_pid, descriptors, private_kb, processes, status, usbnet_ok, with_functions},
    lab::Lab,
    run::{run, sh},
    wait::{wait_for, wait_until},
};

const RUN: &str = "/run/usbnet";
const SOCKET: &str = "/run/usbnet/control";
const NOBODY: u32 = 65534;
/// One of the users who may read beside the hostile one.
const SOMEBODY: u32 = 1000;
/// In seconds. Nothing that is answered at all takes this long, so whoever waits longer is kept out.
const ANSWERED_WITHIN: i64 = 120;

#[test]
fn a_client_that_is_not_ours() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let client = format!(
        "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={root}/.vm/python /usr/bin/python3 {root}/tests/peers/varlink-client.py"
    );
    println!("{}", sh(&format!("{client} network charging")));
    println!("{}", sh(&format!("{client} charging network")));
    // The manual page's example.
    let example = format!("{root}/tests/install/varlink-example.py");
    let printed = sh(&client.replace(&format!("{root}/tests/peers/varlink-client.py"), &example));
    assert!(printed.starts_with("network\norg.usbnet.Control.UnknownMode"), "{printed}");
    assert_eq!(status().mode.as_deref(), Some("network"));
}

/// Every switch says in the log who asked for it.
#[test]
fn who_asked_is_logged() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    usbnet_ok(&["mode", "charging"]);
    let said = sh("dmesg | grep 'switching to charging' | tail -n 1");
    assert!(said.contains("as uid 0 (pid ") && said.ends_with("asked"), "{said}");
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "usbnet"];
    for _ in 0..20 {
        assert_eq!(run(&[&nobody[..], &["mode", "network"]].concat()).code, 8);
    }
    let refused = sh("dmesg | grep -c 'uid 65534 .* may not ask for SetMode'");
    assert!((1..20).contains(&refused.parse::<u32>().expect("a number")), "{refused} of 20 are logged");
}

/// What hostile clients do: each kind has a thread of its own and 100 connections, and makes a new one for each that the
/// daemon closes.
const KINDS: [(&str, Turn); 10] = [
    ("silent", |stream| !matches!(stream.read(&mut [0]), Ok(0))),
    ("half a message", |stream| write(stream, b"{\"method\":\"org.usbnet")),
    ("a message without end", |stream| write(stream, &[b'x'; 65536])),
    ("calls, never reading", |stream| write(stream, FLOOD)),
    ("calls and calls, reading the replies", |stream| write(stream, FLOOD) && read(stream)),
    ("watching, never reading", |stream| write(stream, WATCH)),
    ("gone before the answer", |stream| {
        write(stream, STATUS);
        false
    }),
    ("NULs and nesting", |stream| {
        write(stream, b"{\"method\":\"a.b\",\"parameters\":[[[[[[[[[[[[[[[[\0\0\0\0\0")
    }),
    ("nesting in a whole call", |stream| write(stream, &NESTED) && read(stream)),
    ("passing descriptors", pass),
];

/// Does it once, and says whether the connection is kept.
type Turn = fn(&mut UnixStream) -> bool;

const EACH: usize = 100;
const STATUS: &[u8] = b"{\"method\":\"org.usbnet.Control.Status\"}\0";
const WATCH: &[u8] = b"{\"method\":\"org.usbnet.Control.Watch\",\"more\":true}\0";
const FLOOD: &[u8] = b"{\"method\":\"org.usbnet.Control.Status\"}\0{\"method\":\"org.usbnet.Control.Modes\"}\0\
    {\"method\":\"org.usbnet.Control.SetMode\",\"parameters\":{\"name\":\"network\",\"plan\":true}}\0\
    {\"method\":\"org.usbnet.Control.Stop\"}\0\
    {\"method\":\"org.usbnet.Control.Profile\",\"parameters\":{\"host\":\"networkmanager\"}}\0\
    {\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"org.usbnet.Control\"}}\0";

/// As deep as the parser goes and as long as a call may be.
static NESTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let one = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let all = vec![one; 33].join(",");
    format!("{{\"method\":\"org.usbnet.Control.Status\",\"parameters\":{{\"a\":[{all}]}}}}\0").into_bytes()
});

static SENT: AtomicUsize = AtomicUsize::new(0);
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// Whether the daemon still has it; that its buffer is full is no end.
fn write(stream: &mut UnixStream, bytes: &[u8]) -> bool {
    match stream.write(bytes) {
        Ok(sent) => {
            SENT.fetch_add(sent, Ordering::Relaxed);
            true
        }
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}

/// Takes what there is of replies; whether the daemon still has it.
fn read(stream: &mut UnixStream) -> bool {
    let mut replies = [0; 65536];
    loop {
        match stream.read(&mut replies) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

fn pass(stream: &mut UnixStream) -> bool {
    let passed = [stream.as_raw_fd(); 16];
    let rights = [ControlMessage::ScmRights(&passed)];
    let sent =
        sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(STATUS)], &rights, MsgFlags::MSG_DONTWAIT, None);
    sent.is_ok() || sent == Err(nix::errno::Errno::EAGAIN)
}

/// Makes this thread another user's: the kernel keeps a thread's own credentials, the C library's `setresuid` changes all.
fn become_user(uid: u32) {
    // SAFETY: only numbers go in.
    let done = unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
    assert_eq!(done, 0, "cannot become uid {uid}");
}

/// What the daemon lets them have is to be seen, not how the kernel shares two processors among so many threads.
fn become_nice() {
    // SAFETY: only numbers go in; 0 is this thread.
    let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
    assert_eq!(done, 0, "cannot be nice");
}

fn connect() -> UnixStream {
    let stream = UnixStream::connect(SOCKET).expect("the daemon listens");
    stream.set_nonblocking(true).expect("a socket");
    CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    stream
}

fn attack(turn: Turn, ready: &AtomicUsize, over: &AtomicBool) {
    become_user(NOBODY);
    become_nice();
    let mut streams: Vec<UnixStream> = (0..EACH).map(|_| connect()).collect();
    ready.fetch_add(1, Ordering::Relaxed);
    while !over.load(Ordering::Relaxed) {
        for stream in &mut streams {
            if !turn(stream) {
                *stream = connect();
            }
        }
        thread::yield_now();
    }
}

/// Fails if there is no answer: whoever is kept out would wait for ever.
fn call(method: &str, parameters: Value) -> Value {
    let mut connection = Connection::open(Path::new(RUN)).expect("everybody is heard");
    setsockopt(&connection, ReceiveTimeout, &TimeVal::seconds(ANSWERED_WITHIN)).expect("a socket");
    connection.call(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// How long calls take, in ms: the middle one and the longest.
fn latency(count: usize, mut call: impl FnMut(usize)) -> String {
    let mut times: Vec<u128> = (0..count)
        .map(|turn| {
            let start = Instant::now();
            call(turn);
            start.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    let ms = |time: u128| format!("{}.{}", time / 1000, time % 1000 / 100);
    format!("{} / {}", ms(times[count / 2]), ms(times[count - 1]))
}

/// One row of the table; also what is to be bounded.
fn measure(when: &str) -> (usize, usize) {
    let ask = || latency(5, |_| assert!(call("Status", Value::Null)["status"]["system"].is_object()));
    let status = ask();
    let of_user = thread::scope(|scope| {
        let asks = move || {
            become_user(SOMEBODY);
            ask()
        };
        scope.spawn(asks).join().expect("an answer to whoever may only read")
    });
    let switch = latency(2, |turn| {
        let mode = ["charging", "network"][turn % 2];
        assert_eq!(call("SetMode", json!({ "name": mode }))["mode"], mode);
    });
    let (memory, open) = (private_kb(), descriptors());
    println!(
        "{when:8} Status {status:>16} ms   of uid {SOMEBODY} {of_user:>16} ms   switch {switch:>18} ms   {memory:6} kB \
         private   {open:3} descriptors"
    );
    (memory, open)
}

/// Ends the attack, however the scenario ends: its threads are waited for.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_hostile_clients() {
    let _lab = Lab::begin();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most.min(8192), most).expect("more descriptors");
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    // So that what is needed once is there: a thread's stack, the allocator's arenas.
    measure("first");
    let (before, open) = measure("before");

    let (ready, over) = (&AtomicUsize::new(0), &AtomicBool::new(false));
    thread::scope(|scope| {
        let _end = AtEnd(over);
        for (_, turn) in KINDS {
            scope.spawn(move || attack(turn, ready, over));
        }
        wait_until("a thousand connections", || ready.load(Ordering::Relaxed) == KINDS.len());
        let (during, held) = measure("during");
        assert!(during < before + 4096, "{before} kB became {during} kB");
        assert!(held <= open + 64 + 8, "{open} descriptors became {held}");
    });
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    println!(
        "hostile: {EACH} each of {}: {} connections, {} MB sent",
        kinds.join(", "),
        CONNECTIONS.load(Ordering::Relaxed),
        SENT.load(Ordering::Relaxed) / 1_000_000
    );
    wait_until("all of them to be forgotten", || descriptors() <= open);
    let (after, _) = measure("after");
    assert!(after < before + 2048, "{before} kB became {after} kB for good");
    assert_eq!(usbnet_ok(&["mode"]).trim(), "network");
}

/// With every descriptor in use and nobody who could make room, newcomers wait, and the loop sleeps; with somebody, the
/// newcomer is served. With fewer than the loop waits for, the daemon is there all the same.
#[test]
fn out_of_descriptors() {
    let _lab = Lab::begin();
    configure(&with_functions("Ncm"));
    usbnet_ok(&["start"]);
    let pid = daemon_pid();
    let limit = |number: usize| sh(&format!("prlimit --pid {pid} --nofile={number}:4096"));
    // The limit is one of numbers: this is the lowest that is free, perhaps in a gap below others.
    let lowest = (0..).find(|fd| !Path::new(&format!("/proc/{pid}/fd/{fd}")).exists()).expect("one");
    limit(lowest);
    let hostile: Vec<UnixStream> = (0..5).map(|_| connect()).collect();
    let asleep = || sh(&format!("cut -d ' ' -f 3 /proc/{pid}/stat")) == "S";
    wait_until("the daemon to sleep", || (0..20).all(|_| asleep()));
    limit(lowest + 1);
    for _ in 0..5 {
        call("Status", Value::Null);
    }
    limit(1);
    // It hears of this one and cannot take it.
    let early = connect();
    wait_until("the daemon to sleep", || (0..20).all(|_| asleep()));
    assert_eq!(daemon_pid(), pid);
    limit(1024);
    drop(early);
    drop(hostile);
    usbnet_ok(&["mode", "charging"]);
    assert_eq!(status().mode.as_deref(), Some("charging"));
    let pids = wait_for("no process but the daemon", || Some(processes()).filter(|all| all.len() == 1));
    assert_eq!(pids, [pid]);
}
