//! Running commands: bounded in time, and loud when they fail.

use std::{
    fs::File,
    os::unix::{
        fs::FileExt as _,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{Signal, killpg},
    },
    unistd::Pid,
};

/// How long a command may take.
const BOUND: Duration = Duration::from_secs(120);

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its exit code; 124 if it was ended because it took too long, 128 and more after a signal.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

/// Runs a program with at most two minutes to do so.
///
/// # Panics
///
/// If it cannot be started.
#[track_caller]
pub fn run(program: &[&str]) -> Outcome {
    // Files and not pipes: a pipe only ends with the last of the processes that a program leaves behind.
    let (out, err) = (memory_file(), memory_file());
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a descriptor"))
        .stderr(err.try_clone().expect("a descriptor"))
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {program:?}: {error}"));
    let code = bounded(&mut child);
    Outcome { code, out: whole(&out), err: whole(&err) }
}

/// Waits for the end. Here and not by `timeout`: a program more to start costs more than most of these take.
fn bounded(child: &mut Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("its end") {
            return status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(127));
        }
        if start.elapsed() > BOUND {
            // With all that it started; one that heeds no signal is beyond help.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
            return 124;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn memory_file() -> File {
    memfd_create(c"output", MFdFlags::MFD_CLOEXEC).expect("a file in memory").into()
}

/// The file's content, its offset left to whoever still writes.
fn whole(file: &File) -> String {
    let mut bytes = vec![0; file.metadata().expect("its size").len().try_into().expect("a size")];
    file.read_exact_at(&mut bytes, 0).expect("what was written");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs a shell line and returns what it printed, without the last line's end.
///
/// # Panics
///
/// If it fails, with what it printed.
#[track_caller]
pub fn sh(line: &str) -> String {
    let outcome = run(&["sh", "-c", line]);
    assert_eq!(outcome.code, 0, "`{line}` ended with {}:\n{}{}", outcome.code, outcome.out, outcome.err);
    outcome.out.trim_end().to_owned()
}

/// Runs a shell line whose failure means nothing, such as tidying what may not be there.
pub fn sh_quietly(line: &str) -> Outcome {
    run(&["sh", "-c", line])
}
