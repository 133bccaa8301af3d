//! What clients may do, and what they may not do to the others.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde_json::json;

use super::*;
use crate::control::{EventKind, MAX_MESSAGE, MAX_PENDING};

struct Bench {
    _directory: tempfile::TempDir,
    path: PathBuf,
    clients: Clients,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("control");
        let listener = UnixListener::bind(&path).expect("binds");
        let clients = Clients::new(listener, None, 0).expect("listens");
        Self { _directory: directory, path, clients }
    }

    fn connect(&mut self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).expect("connects");
        let before = self.clients.last;
        while self.clients.last == before {
            assert!(self.serve().is_empty());
        }
        stream
    }

    fn connect_as(&mut self, role: Role, uid: u32) -> UnixStream {
        let (stream, theirs) = UnixStream::pair().expect("a pair");
        self.clients.add_as(Caller { pid: 1, uid, role }, theirs).expect("is taken on");
        stream
    }

    /// One round of the loop, once there is something to do.
    fn serve(&mut self) -> Vec<Asked> {
        let limit = PollTimeout::from(60_000_u16);
        let ready = poll(&mut [PollFd::new(self.clients.as_fd(), PollFlags::POLLIN)], limit);
        assert_eq!(ready, Ok(1), "nothing happens");
        self.clients.serve().expect("serves")
    }

    /// Rounds of the loop until there is nothing to do.
    fn serve_all(&mut self) -> Vec<Asked> {
        let mut asked = Vec::new();
        while poll(&mut [PollFd::new(self.clients.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(1) {
            asked.extend(self.clients.serve().expect("serves"));
        }
        asked
    }

    fn asked(&mut self) -> Asked {
        loop {
            if let Some(asked) = self.serve().pop() {
                return asked;
            }
        }
    }

    fn roles(&self) -> Vec<(Role, u32)> {
        self.clients.list.values().map(|client| (client.caller.role, client.caller.uid)).collect()
    }
}

/// What was sent, as far as it was taken, and whether the other end has closed.
fn received(stream: &mut UnixStream) -> (Vec<u8>, bool) {
    stream.set_nonblocking(true).expect("a socket");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    let closed = end.as_ref().map_or_else(|error| error.kind() != io::ErrorKind::WouldBlock, |_| true);
    (bytes, closed)
}

const STATUS: &[u8] = b"{\"method\":\"org.usbnet.Control.Status\"}\0";
const MODES: &[u8] = b"{\"method\":\"org.usbnet.Control.Modes\"}\0";
const WATCH: &[u8] = b"{\"method\":\"org.usbnet.Control.Watch\",\"more\":true}\0";
const DESCRIBE: &[u8] = b"{\"method\":\"org.varlink.service.GetInterfaceDescription\",\
    \"parameters\":{\"interface\":\"org.usbnet.Control\"}}\0";

fn event() -> Event {
    Event { kind: EventKind::Cable, text: "x".repeat(100), mode: None, value: None, exit: None }
}

#[test]
fn a_client_that_only_listens_any_more_gets_its_answer() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    stream.write_all(STATUS).expect("sends");
    stream.shutdown(Shutdown::Write).expect("half closes");
    let asked = bench.asked();
    bench.clients.reply(asked.client, &Reply::done(json!({ "answer": 42 })));
    while !bench.clients.list.is_empty() {
        bench.serve();
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer, then the end");
    assert_eq!(text, "{\"parameters\":{\"answer\":42}}\0");
}

#[test]
fn calls_that_came_together_are_answered_in_order() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    stream.write_all(&[STATUS, DESCRIBE, MODES].concat()).expect("sends");
    stream.shutdown(Shutdown::Write).expect("half closes");
    for expected in [Call::Status, Call::Modes] {
        let asked = bench.asked();
        assert_eq!(asked.call, expected);
        bench.clients.reply(asked.client, &Reply::done(json!({})));
    }
    bench.serve_all();
    let (bytes, closed) = received(&mut stream);
    assert_eq!((bytes.iter().filter(|byte| **byte == 0).count(), closed), (3, true));
}

#[test]
fn a_oneway_call_is_heard_and_not_answered() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    let calls = [
        &b"{\"method\":\"org.usbnet.Control.Cancel\",\"oneway\":true}\0"[..],
        b"{\"method\":\"org.usbnet.Control.Fly\",\"oneway\":true}\0",
        STATUS,
    ];
    stream.write_all(&calls.concat()).expect("sends");
    let asked = bench.asked();
    assert_eq!((asked.client, &asked.call), (None, &Call::Cancel));
    bench.clients.reply(asked.client, &Reply::done(json!({})));
    let asked = bench.asked();
    assert_eq!((asked.client.is_some(), &asked.call), (true, &Call::Status));
    assert_eq!(received(&mut stream), (Vec::new(), false));
}

#[test]
fn a_client_that_goes_is_forgotten() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    stream.write_all(STATUS).expect("sends");
    let asked = bench.asked();
    drop(stream);
    while !bench.clients.list.is_empty() {
        bench.serve();
    }
    bench.clients.reply(asked.client, &Reply::done(json!({})));
}

/// Each costs its own connection, and nothing is asked of the daemon. The loop sleeps afterwards.
#[test]
fn what_is_no_call_ends_the_connection() {
    let begin = b"{\"method\":\"a.b\",\"parameters\":".as_slice();
    let open = [begin, &[b'['; 4000], b"\0"].concat();
    let closed = [begin, &[b'['; 4000], &[b']'; 4000], b"}\0"].concat();
    let long = vec![b'x'; MAX_MESSAGE + CHUNK];
    let table: [(&str, &[u8]); 6] = [
        ("a flood of NULs", &[0; 20_000]),
        ("not JSON", b"GET / HTTP/1.1\r\n\r\n\0"),
        ("not UTF-8", b"\"\xff\xfe\"\0"),
        ("nested deeply", &open),
        ("nested deeply, and well", &closed),
        ("a message without end", &long),
    ];
    const CHUNK: usize = 4096;
    for (name, bytes) in table {
        let mut bench = Bench::new();
        let mut stream = bench.connect();
        stream.write_all(bytes).expect("sends");
        assert!(bench.serve_all().is_empty(), "{name}");
        assert!(bench.clients.list.is_empty(), "{name}");
        assert!(received(&mut stream).1, "{name}");
    }
}

#[test]
fn half_a_message_costs_its_length_and_no_time() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    stream.write_all(&STATUS[..20]).expect("sends");
    assert!(bench.serve_all().is_empty());
    assert_eq!(bench.clients.list.len(), 1);
    stream.write_all(&STATUS[20..]).expect("sends the rest");
    assert_eq!(bench.asked().call, Call::Status);
}

/// Backpressure: a client that does not read is not read from either. It has one reply waiting, however many it asks for.
#[test]
fn calls_without_reading_wait_in_the_callers_own_buffers() {
    let mut bench = Bench::new();
    let mut stream = bench.connect();
    stream.set_nonblocking(true).expect("a socket");
    let mut asked = 0;
    // Full, served, and still full.
    while stream.write(DESCRIBE).is_ok() || (bench.serve_all(), stream.write(DESCRIBE)).1.is_ok() {
        asked += 1;
    }
    let mut answered = 0;
    loop {
        bench.serve_all();
        let (bytes, closed) = received(&mut stream);
        assert!(!closed);
        if bytes.is_empty() {
            break;
        }
        answered += bytes.iter().filter(|byte| **byte == 0).count();
    }
    assert!(asked > 100);
    assert_eq!(answered, asked, "and when it reads, it is served");
}

#[test]
fn a_watcher_that_does_not_read_is_given_up() {
    let mut bench = Bench::new();
    let (mut lazy, mut keen) = (bench.connect(), bench.connect());
    for stream in [&mut lazy, &mut keen] {
        stream.write_all(WATCH).expect("sends");
        let asked = bench.asked();
        bench.clients.watch(asked.client);
        bench.clients.reply(asked.client, &Reply::more(json!({})));
    }
    let mut told = 0;
    while bench.clients.list.len() == 2 {
        bench.clients.publish(&event());
        received(&mut keen);
        told += 1;
        assert!(told < 1_000_000, "it is kept for ever");
    }
    bench.clients.publish(&event());
    assert!(!received(&mut keen).0.is_empty(), "the other hears the rest");
    let (bytes, closed) = received(&mut lazy);
    assert!(closed);
    let one = serde_json::to_vec(&Reply::more(json!({ "event": event() }))).expect("JSON").len() + 1;
    assert!(told * one > MAX_PENDING + bytes.len(), "it was kept as long as there was room: {told}");
}

#[test]
fn descriptors_that_come_with_a_call_are_closed() {
    let mut bench = Bench::new();
    let stream = bench.connect();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let passed = [writer.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&passed)];
    sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(STATUS)], &rights, MsgFlags::empty(), None)
        .expect("sends");
    drop(writer);
    assert_eq!(bench.asked().call, Call::Status);
    assert_eq!(reader.read(&mut [0]).expect("the end of the pipe"), 0);
}

#[test]
fn whoever_may_only_read_makes_room_first() {
    use Role::{Console, Reader, Switcher};
    // name, the connections that are there, the newcomer; who loses one
    let table: [(&str, &[(usize, Role, u32)], (Role, u32), (Role, u32)); 6] = [
        ("one reader floods", &[(63, Reader, 1000), (1, Switcher, 0)], (Switcher, 0), (Reader, 1000)),
        ("and another comes", &[(63, Reader, 1000), (1, Reader, 1001)], (Reader, 1002), (Reader, 1000)),
        (
            "many switchers, one reader",
            &[(63, Switcher, 0), (1, Reader, 1000)],
            (Switcher, 0),
            (Reader, 1000),
        ),
        ("a reader comes last", &[(64, Switcher, 0)], (Reader, 1000), (Reader, 1000)),
        ("the group floods root", &[(60, Switcher, 1000), (4, Switcher, 0)], (Switcher, 0), (Switcher, 1000)),
        ("never the console", &[(1, Console, 0), (63, Switcher, 0)], (Switcher, 0), (Switcher, 0)),
    ];
    for (name, there, newcomer, loser) in table {
        let mut bench = Bench::new();
        let mut streams = Vec::new();
        for (count, role, uid) in there {
            streams.extend((0..*count).map(|_| bench.connect_as(*role, *uid)));
        }
        let mut expected = [bench.roles(), vec![newcomer]].concat();
        assert_eq!(expected.len(), MAX_CLIENTS + 1, "{name}");
        streams.push(bench.connect_as(newcomer.0, newcomer.1));
        while bench.clients.list.len() > MAX_CLIENTS {
            bench.clients.make_room(name);
        }
        expected.remove(expected.iter().position(|held| *held == loser).expect("one of them"));
        let mut roles = bench.roles();
        roles.sort_unstable_by_key(|(role, uid)| (*role as u8, *uid));
        expected.sort_unstable_by_key(|(role, uid)| (*role as u8, *uid));
        assert_eq!(roles, expected, "{name}");
    }
}

#[test]
fn a_thousand_connections_are_bounded_and_the_newest_is_served() {
    let mut bench = Bench::new();
    let held: Vec<UnixStream> = (0..1000).map(|_| bench.connect()).collect();
    assert_eq!(bench.clients.list.len(), MAX_CLIENTS);
    let mut newest = bench.connect();
    newest.write_all(STATUS).expect("sends");
    assert_eq!(bench.asked().call, Call::Status);
    drop((held, newest));
    bench.serve_all();
    assert!(bench.clients.list.is_empty(), "and nothing of them stays");
}

/// One that pipelines calls and reads the replies always has another; one that connects anew each time comes with it.
#[test]
fn a_reader_whose_calls_never_end_keeps_no_other_waiting() {
    // (name, the hog's connections, whether it makes new ones; the victim's user and how many come before it is served)
    let table = [
        ("another user", 1, false, 1000, 1),
        ("another user, many connections", 40, false, 1000, 1),
        ("another user, new connections", 3, true, 1000, 1),
        ("the same user", 1, false, 65534, 1),
        ("the same user, many connections", 40, false, 65534, 40),
    ];
    for (name, connections, renews, uid, most) in table {
        let mut bench = Bench::new();
        let mut hogs: Vec<UnixStream> =
            (0..connections).map(|_| bench.connect_as(Role::Reader, 65534)).collect();
        let mut victim = bench.connect_as(Role::Reader, uid);
        for round in 0..5 {
            victim.write_all(STATUS).expect("sends");
            let mut before = 0;
            loop {
                if renews {
                    hogs = (0..connections).map(|_| bench.connect_as(Role::Reader, 65534)).collect();
                }
                for hog in &mut hogs {
                    hog.write_all(MODES).expect("sends");
                    received(hog);
                }
                let Some(asked) = bench.serve().pop() else { continue };
                bench.clients.reply(asked.client, &Reply::done(json!({})));
                if asked.call == Call::Status {
                    break;
                }
                before += 1;
                assert!(before <= most, "{name}: {before} came before, in round {round}");
            }
            received(&mut victim);
        }
    }
}

/// However many ask at once, a round of the loop has one call of theirs, and all those of whoever may switch.
#[test]
fn readers_take_turns_and_switchers_do_not_wait_for_them() {
    let mut bench = Bench::new();
    let mut readers: Vec<UnixStream> = (0..20).map(|_| bench.connect_as(Role::Reader, 1000)).collect();
    let mut switchers: Vec<UnixStream> = (0..2).map(|_| bench.connect_as(Role::Switcher, 0)).collect();
    for stream in readers.iter_mut().chain(&mut switchers) {
        stream.write_all(STATUS).expect("sends");
    }
    let roles = |asked: Vec<Asked>| asked.iter().map(|asked| asked.caller.role).collect::<Vec<_>>();
    assert_eq!(roles(bench.serve()), [Role::Switcher, Role::Switcher, Role::Reader]);
    let rest = roles(bench.serve_all());
    assert_eq!(rest, vec![Role::Reader; 19], "none is forgotten");
}

#[test]
fn the_console_goes_on_after_what_is_no_call() {
    let mut bench = Bench::new();
    let mut host = bench.connect_as(Role::Console, 0);
    for garbage in [vec![b'x'; 3 * MAX_MESSAGE], vec![0; 3000], b"half a call, then another program".to_vec()]
    {
        for part in garbage.chunks(4096) {
            host.write_all(part).expect("sends");
            assert!(bench.serve_all().is_empty());
        }
        host.write_all(&[b"\0", STATUS].concat()).expect("sends");
        let asked = bench.asked();
        assert_eq!((asked.caller.role, &asked.call), (Role::Console, &Call::Status));
        bench.clients.reply(asked.client, &Reply::done(json!({})));
        assert_eq!(received(&mut host), (b"{\"parameters\":{}}\0".to_vec(), false));
        let client = bench.clients.list.values().next().expect("the console");
        assert!(!client.inbox.has_message(), "nothing is left of it");
    }
}

#[test]
fn the_console_is_told_its_port_once_and_closed_when_it_is_taken_back() {
    let mut bench = Bench::new();
    let mut other = bench.connect_as(Role::Switcher, 0);
    let mut console = bench.connect_as(Role::Console, 0);
    bench.clients.lend_port(|| None);
    bench.clients.close_port();
    assert_eq!(received(&mut console), (Vec::new(), false), "a mode without a port");
    for expected in [&b"/dev/ttyGS0\0"[..], b""] {
        bench.clients.lend_port(|| Some("/dev/ttyGS0".into()));
        assert_eq!(received(&mut console), (expected.to_vec(), false));
    }
    bench.clients.close_port();
    assert_eq!(received(&mut console), (Vec::new(), true));
    assert_eq!(received(&mut other), (Vec::new(), false), "nobody else");
}
