//! How the first switch ended, told to `usbnet start` over a pipe: one line, then the pipe closes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crate::exit::Exit;
use crate::sys::notify;

/// What `usbnet start` prints and ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to end with.
    pub exit: Exit,
    /// The line to print.
    pub message: String,
    /// There is another daemon already: it can be asked.
    pub elsewhere: bool,
}

/// Instead of an exit code.
const ELSEWHERE: &str = "elsewhere";

/// The daemon's end of the pipe, if it was started with one; says it once.
#[derive(Debug)]
pub struct Reporter {
    pipe: Option<File>,
    reported: bool,
}

impl Reporter {
    /// `fd` is the descriptor that `usbnet start` handed over, if one did.
    #[must_use]
    pub fn new(fd: Option<OwnedFd>) -> Self {
        Self { pipe: fd.map(File::from), reported: false }
    }

    /// Whether the first switch's outcome is still open.
    #[must_use]
    pub const fn is_expected(&self) -> bool {
        !self.reported
    }

    /// Whether somebody waits for it to try again by themselves if it is bad: `usbnet start`. A supervisor does not know
    /// when.
    #[must_use]
    pub const fn has_starter(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reports how a switch ended after which the daemon goes on: also the service manager has a daemon then.
    pub fn goes_on(&mut self, exit: Exit, message: &str) {
        self.report(exit, message);
        notify::ready(message);
    }

    /// Reports that the daemon goes on without a mode, which the service manager waits for.
    pub fn waits(&mut self, exit: Exit, message: &str) {
        self.report(exit, message);
        notify::status(message);
    }

    /// Reports, the first time it is called. A starter that is gone is no error.
    pub fn report(&mut self, exit: Exit, message: &str) {
        self.write(&u8::from(exit).to_string(), message);
    }

    /// Reports that another daemon is in the way.
    pub fn report_elsewhere(&mut self, message: &str) {
        self.write(ELSEWHERE, message);
    }

    fn write(&mut self, how: &str, message: &str) {
        self.reported = true;
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(format!("{how}\n{message}").as_bytes());
        }
    }
}

impl Outcome {
    /// Reads what the daemon reported; [`None`] if it ended without a word.
    ///
    /// # Errors
    /// The pipe's.
    pub fn read(pipe: &mut impl Read) -> io::Result<Option<Self>> {
        let mut text = String::new();
        pipe.read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Option<Self> {
        let (how, message) = text.split_once('\n')?;
        let elsewhere = how == ELSEWHERE;
        let code = || how.parse::<u8>().ok().and_then(|code| Exit::try_from(code).ok());
        let exit = if elsewhere { Exit::Failed } else { code()? };
        Some(Self { exit, message: message.to_owned(), elsewhere })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_crosses_the_pipe_once() {
        let (mut read, write) = io::pipe().expect("a pipe");
        let mut reporter = Reporter::new(Some(write.into()));
        reporter.report(Exit::NoKernelSupport, "no UDC\nat all");
        reporter.report(Exit::Done, "too late");
        let outcome =
            Outcome { exit: Exit::NoKernelSupport, message: "no UDC\nat all".into(), elsewhere: false };
        assert_eq!(Outcome::read(&mut read).expect("readable"), Some(outcome));

        let (mut read, write) = io::pipe().expect("a pipe");
        Reporter::new(Some(write.into())).report_elsewhere("pid 1");
        let outcome = Outcome { exit: Exit::Failed, message: "pid 1".into(), elsewhere: true };
        assert_eq!(Outcome::read(&mut read).expect("readable"), Some(outcome));
    }

    #[test]
    fn half_an_outcome_is_none() {
        for text in ["", "6", "x\nmessage", "99\nmessage"] {
            assert_eq!(Outcome::parse(text), None, "{text:?}");
        }
    }
}
