//! The log: one line a record, on standard error or in the kernel's log.

use std::fs::OpenOptions;
use std::io::{self, Write};

use ::log::{Level, LevelFilter};
use env_logger::{Builder, Env, Target};

/// How a process that logs to the kernel reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// `/dev/kmsg` is opened for each record: the kernel counts its limit (10 in 5 s) for each opening.
    EachRecord,
    /// Standard error is `/dev/kmsg`, and nothing can be opened any more.
    Inherited,
}

/// Sets the log up once; `USBNET_LOG` chooses the level (`error` to `trace`, default `info`).
pub fn init(how: Kernel) {
    let kernel = std::env::var_os("USBNET_LOG_TARGET").is_some_and(|target| target == "kmsg");
    let target =
        if kernel && how == Kernel::EachRecord { Target::Pipe(Box::new(Kmsg)) } else { Target::Stderr };
    let mut builder = Builder::new();
    builder.filter_level(LevelFilter::Info).parse_env(Env::new().filter("USBNET_LOG")).target(target);
    builder.format(move |out, record| {
        let prefix = if kernel { format!("<{}>", priority(record.level())) } else { String::new() };
        writeln!(out, "{prefix}usbnet: {}", record.args())
    });
    builder.init();
}

/// The kernel's log level, facility "daemon" (Documentation/ABI/testing/dev-kmsg).
const fn priority(level: Level) -> u8 {
    const DAEMON: u8 = 3 << 3;
    DAEMON
        | match level {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        }
}

struct Kmsg;

impl Write for Kmsg {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        OpenOptions::new().write(true).open("/dev/kmsg")?.write_all(&record[..fitting(record)])?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much of a record the kernel takes: it refuses a longer one as a whole (`PRINTKRB_RECORD_MAX`).
fn fitting(record: &[u8]) -> usize {
    const LONGEST: usize = 960;
    if record.len() <= LONGEST {
        return record.len();
    }
    // Not in the middle of a character.
    (0..=LONGEST).rev().find(|at| record[*at] & 0xC0 != 0x80).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_record_is_cut_between_characters() {
        let table = [
            ("short", "x".repeat(10), 10),
            ("as long as it may be", "x".repeat(960), 960),
            ("too long", "x".repeat(2000), 960),
            ("a character across the end", "x".repeat(959) + "ä" + &"x".repeat(9), 959),
        ];
        for (name, record, expected) in table {
            assert_eq!(fitting(record.as_bytes()), expected, "{name}");
        }
    }
}
