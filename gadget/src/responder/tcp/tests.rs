use super::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

const START: Duration = Duration::from_secs(100);

/// A client and the connection that serves it.
fn pair() -> (TcpStream, Connection) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    (client, Connection::accept(listener.as_fd(), START).unwrap())
}

/// Answers with the message twice; drops empty ones.
fn twice(query: &[u8], output: &mut Vec<u8>) -> bool {
    output.extend_from_slice(query);
    output.extend_from_slice(query);
    !query.is_empty()
}

/// Serves until what was sent has arrived and brought something other than waiting for more.
fn serve(connection: &mut Connection, now: Duration, until: impl Fn(&Connection, Next) -> bool) -> Next {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let next = connection.serve(now, twice);
        if until(connection, next) {
            return next;
        }
        assert!(std::time::Instant::now() < deadline, "still {next:?}");
        std::thread::yield_now();
    }
}

#[test]
fn queries_are_answered_however_they_are_cut() {
    let (mut client, mut connection) = pair();
    // Two whole queries and the beginning of a third.
    client.write_all(b"\0\x02ab\0\x01c\0\x03d").unwrap();
    serve(&mut connection, START, |c, next| next == Next::Read && c.input == b"\0\x03d");
    let mut answers = [0; 10];
    client.read_exact(&mut answers).unwrap();
    assert_eq!(&answers, b"\0\x04abab\0\x02cc");
    client.write_all(b"ef").unwrap();
    serve(&mut connection, START, |c, next| next == Next::Read && c.input.is_empty());
    client.read_exact(&mut answers[..8]).unwrap();
    assert_eq!(&answers[..8], b"\0\x06defdef");
    client.shutdown(Shutdown::Write).unwrap();
    serve(&mut connection, START, |_, next| next == Next::End);
}

#[test]
fn what_is_no_query_ends_the_connection() {
    let too_long = u16::try_from(MAX_QUERY + 1).unwrap().to_be_bytes();
    let rows: [(&str, &[u8]); 3] =
        [("too long", &too_long), ("empty", &[0, 0]), ("after a good one", &[0, 1, b'a', 0xff, 0xff])];
    for (name, bytes) in rows {
        let (mut client, mut connection) = pair();
        client.write_all(bytes).unwrap();
        assert_eq!(serve(&mut connection, START, |_, next| next != Next::Read), Next::Cut, "{name}");
    }
}

#[test]
fn only_answers_move_the_deadline() {
    let (mut client, mut connection) = pair();
    assert_eq!(connection.deadline, START + PATIENCE);
    let later = START + Duration::from_secs(5);
    client.write_all(b"\0\x02a").unwrap();
    serve(&mut connection, later, |c, _| c.input.len() == 3);
    assert_eq!(connection.deadline, START + PATIENCE, "a part of a query");
    client.write_all(b"b").unwrap();
    serve(&mut connection, later, |c, _| c.input.is_empty());
    assert_eq!(connection.deadline, later + PATIENCE, "a whole one");
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let (mut client, mut connection) = pair();
    client.set_nonblocking(true).unwrap();
    let query = [&1000_u16.to_be_bytes()[..], &[7; 1000]].concat();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let mut offset = 0;
    while connection.serve(START, twice) != Next::Write {
        match client.write(&query[offset..]) {
            Ok(written) => offset = (offset + written) % query.len(),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        assert!(std::time::Instant::now() < deadline, "the kernel's buffers never filled");
    }
    let (input, output) = (connection.input.len(), connection.output.len());
    for _ in 0..10 {
        assert_eq!(connection.serve(START, twice), Next::Write);
    }
    assert_eq!((connection.input.len(), connection.output.len()), (input, output), "bounded");
}

/// Clients of a listener, and the places that serve them.
struct Crowd {
    listener: TcpListener,
    epoll: Epoll,
    places: Places,
}

impl Crowd {
    const FIRST: u64 = 6;

    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let epoll = Epoll::new(nix::sys::epoll::EpollCreateFlags::empty()).unwrap();
        Self { listener, epoll, places: Places::default() }
    }

    fn join(&mut self, now: Duration) -> TcpStream {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        self.places.accept(&self.epoll, Self::FIRST, self.listener.as_fd(), now);
        client
    }

    /// Serves what epoll reports until `done`.
    fn serve(&mut self, now: Duration, done: impl Fn(&Places) -> bool) {
        let mut events = [EpollEvent::empty(); 8];
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !done(&self.places) {
            let count = self.epoll.wait(&mut events, 1000_u16).unwrap();
            for event in &events[..count] {
                self.places.serve(&self.epoll, Self::FIRST, event.data(), now, twice);
            }
            assert!(std::time::Instant::now() < deadline, "{:?}", self.places);
        }
    }

    fn here(places: &Places) -> usize {
        places.list.iter().flatten().count()
    }
}

#[test]
fn a_full_house_lets_the_longest_waiting_go() {
    let mut crowd = Crowd::new();
    let mut clients: Vec<_> = (0..9).map(|i| crowd.join(START + Duration::from_secs(i))).collect();
    assert_eq!((crowd.places.cut, Crowd::here(&crowd.places)), (1, 8));
    assert_eq!(clients[0].read(&mut [0; 1]).unwrap(), 0, "the first one was cut");
    clients[8].write_all(b"\0\x01x").unwrap();
    crowd.serve(START, |places| places.list[0].as_ref().is_some_and(|c| c.deadline == START + PATIENCE));
    let mut answer = [0; 4];
    clients[8].read_exact(&mut answer).unwrap();
    assert_eq!(crowd.places.queries, 1);
    assert_eq!(&answer, b"\0\x02xx", "the newest one has its place and is served");
}

#[test]
fn the_silent_and_the_wrong_are_cut_and_the_gone_are_forgotten() {
    let mut crowd = Crowd::new();
    assert_eq!(crowd.places.deadline(), None);
    let silent = crowd.join(START);
    let mut wrong = crowd.join(START + Duration::from_secs(1));
    let gone = crowd.join(START + Duration::from_secs(2));
    assert_eq!(crowd.places.deadline(), Some(START + PATIENCE));
    wrong.write_all(&[0xff; 2]).unwrap();
    drop(gone);
    crowd.serve(START, |places| Crowd::here(places) == 1);
    assert_eq!(crowd.places.cut, 1, "the wrong one, not the one that left");
    crowd.places.expire(START + PATIENCE - Duration::from_nanos(1));
    assert_eq!(Crowd::here(&crowd.places), 1, "still within its time");
    crowd.places.expire(START + PATIENCE);
    assert_eq!((Crowd::here(&crowd.places), crowd.places.cut), (0, 2));
    drop(silent);
}
