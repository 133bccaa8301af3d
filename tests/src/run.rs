//! Running commands: bounded in time, and loud when they fail.

use std::process::{Command, Stdio};

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
    let output = Command::new("timeout")
        .args(["--verbose", "--kill-after=5", "120"])
        .args(program)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program:?}: {error}"));
    Outcome {
        code: output.status.code().unwrap_or(255),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
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
