//! `/etc/init.d/usbnet`: each verb from each state, twice, with the exit codes of the Linux Standard Base. In place of
//! usbnet's there is a program that knows whether a daemon runs and what it would refuse.

use std::{
    fs,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use usbnet::exit::Exit;
use usbnet_tests::run::run;

use crate::{ROOT, SHELLS, program};

/// How it is before a verb.
#[derive(Clone, Copy)]
struct State {
    running: bool,
    /// The socket is there: of a daemon that runs, or of one that was killed.
    socket: bool,
    /// What `start` and `restart` end with before anything else, as with an invalid configuration.
    config: Exit,
    /// What starting a daemon ends with.
    start: Exit,
    /// What stopping one ends with.
    stop: Exit,
    /// What asking it ends with.
    status: Exit,
}

const STOPPED: State = State {
    running: false,
    socket: false,
    config: Exit::Done,
    start: Exit::Done,
    stop: Exit::Done,
    status: Exit::Done,
};
const RUNNING: State = State { running: true, socket: true, ..STOPPED };
const KILLED: State = State { socket: true, ..STOPPED };

/// A device in such a state.
struct Device {
    directory: TempDir,
}

impl Device {
    fn new(state: State) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        if state.running {
            fs::write(at("running"), "").expect("writable");
        }
        if state.socket {
            drop(UnixListener::bind(at("control")).expect("binds"));
        }
        let [config, start, stop, status] =
            [state.config, state.start, state.stop, state.status].map(u8::from);
        // As usbnet: start and stop are content with what is there already, and a daemon that finds a card in use on the
        // host stays to guard it.
        let body = format!(
            "#!/bin/sh\ncd '{}' || exit 99\n\
             case $1 in start | restart) [ {config} = 0 ] || exit {config} ;; esac\n\
             case $1 in\n\
             start) [ -e running ] && exit 0; case {start} in 0 | 5) : >running ;; esac; exit {start} ;;\n\
             stop) [ {stop} = 0 ] || exit {stop}; rm -f running control ;;\n\
             restart) \"$0\" stop || exit; \"$0\" start ;;\n\
             status) [ -e running ] || exit 7; exit {status} ;;\n\
             *) exit 99 ;;\n\
             esac\n",
            directory.path().display()
        );
        program(&at("usbnet"), &body);
        let script =
            fs::read_to_string(Path::new(ROOT).join("scripts/init/sysv/usbnet")).expect("the script");
        let here = |text: String, from: &str, to: PathBuf| {
            assert!(text.contains(from), "{from}");
            text.replace(from, &to.display().to_string())
        };
        let script = here(script, "/usr/bin/usbnet", at("usbnet"));
        program(&at("init"), &here(script, "/run/usbnet/control", at("control")));
        Self { directory }
    }

    fn without_program(self) -> Self {
        fs::remove_file(self.directory.path().join("usbnet")).expect("removed");
        self
    }

    fn does(&self, shell: &[&str], arguments: &[&str]) -> i32 {
        let script = self.directory.path().join("init");
        run(&[shell, &[script.to_str().expect("a path")], arguments].concat()).code
    }
}

/// What a verb ends with, the second time, and what `status` ends with afterwards.
type Codes = (i32, i32, i32);

/// One state, and what start, stop, restart, force-reload (as try-restart) and status end with in it.
type Row = (&'static str, State, [Codes; 5]);

const VERBS: [&str; 5] = ["start", "stop", "restart", "force-reload", "status"];

const ROWS: &[Row] = &[
    ("stopped", STOPPED, [(0, 0, 0), (0, 0, 3), (0, 0, 0), (0, 0, 3), (3, 3, 3)]),
    ("running", RUNNING, [(0, 0, 0), (0, 0, 3), (0, 0, 0), (0, 0, 0), (0, 0, 0)]),
    ("killed", KILLED, [(0, 0, 0), (0, 0, 3), (0, 0, 0), (0, 0, 1), (1, 1, 1)]),
    (
        "stopped, invalid configuration",
        State { config: Exit::ConfigInvalid, ..STOPPED },
        [(6, 6, 3), (0, 0, 3), (6, 6, 3), (0, 0, 3), (3, 3, 3)],
    ),
    (
        "running, invalid configuration since",
        State { config: Exit::ConfigInvalid, ..RUNNING },
        [(6, 6, 0), (0, 0, 3), (6, 6, 0), (6, 6, 0), (0, 0, 0)],
    ),
    (
        "stopped, no UDC",
        State { start: Exit::NoKernelSupport, ..STOPPED },
        [(1, 1, 3), (0, 0, 3), (1, 1, 3), (0, 0, 3), (3, 3, 3)],
    ),
    (
        "stopped, a card is in use",
        State { start: Exit::CardBusy, ..STOPPED },
        [(1, 1, 3), (0, 0, 3), (1, 1, 3), (0, 0, 3), (3, 3, 3)],
    ),
    (
        "running, the host uses a card",
        State { stop: Exit::HostBusy, ..RUNNING },
        [(0, 0, 0), (1, 1, 0), (1, 1, 0), (1, 1, 0), (0, 0, 0)],
    ),
    (
        "killed, the host uses a card",
        State { stop: Exit::HostBusy, start: Exit::HostBusy, ..KILLED },
        [(1, 0, 0), (1, 1, 1), (1, 1, 1), (0, 0, 1), (1, 1, 1)],
    ),
    (
        "stopped, not root",
        State { start: Exit::NotPermitted, stop: Exit::NotPermitted, ..STOPPED },
        [(4, 4, 3), (4, 4, 3), (4, 4, 3), (0, 0, 3), (3, 3, 3)],
    ),
    (
        "running, not root",
        State { start: Exit::NotPermitted, stop: Exit::NotPermitted, ..RUNNING },
        [(0, 0, 0), (4, 4, 0), (4, 4, 0), (4, 4, 0), (0, 0, 0)],
    ),
    (
        "running, does not answer",
        State { config: Exit::Failed, stop: Exit::Failed, status: Exit::Failed, ..RUNNING },
        [(1, 1, 4), (1, 1, 4), (1, 1, 4), (1, 1, 4), (4, 4, 4)],
    ),
];

#[test]
fn each_verb_from_each_state_twice() {
    for shell in SHELLS {
        for (name, state, expected) in ROWS {
            let verbs = VERBS.into_iter().zip(expected).chain([("try-restart", &expected[3])]);
            for (verb, expected) in verbs {
                let device = Device::new(*state);
                let does = |verb| device.does(shell, &[verb]);
                let codes: Codes = (does(verb), does(verb), does("status"));
                assert_eq!(codes, *expected, "{verb} when {name}, {shell:?}");
            }
        }
    }
}

#[test]
fn without_the_program_nothing_is_installed() {
    for shell in SHELLS {
        let device = Device::new(STOPPED).without_program();
        let codes = VERBS.map(|verb| device.does(shell, &[verb]));
        assert_eq!(codes, [5, 5, 5, 5, 4], "{shell:?}");
    }
}

#[test]
fn other_arguments_are_refused() {
    let table: [(&[&str], i32); 5] =
        [(&[], 2), (&["begin"], 2), (&["start", "now"], 2), (&["--help"], 2), (&["reload"], 3)];
    for shell in SHELLS {
        for (arguments, expected) in table {
            assert_eq!(Device::new(RUNNING).does(shell, arguments), expected, "{arguments:?}, {shell:?}");
        }
    }
}
