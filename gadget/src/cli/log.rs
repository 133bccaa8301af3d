//! The log: one line a record, on standard error or in the kernel's log.

use std::io::Write;

use ::log::{Level, LevelFilter};
use env_logger::{Builder, Env, Target};

/// Sets the log up once; `USBNET_LOG` chooses the level (`error` to `trace`, default `info`).
pub fn init() {
    let kernel = std::env::var_os("USBNET_LOG_TARGET").is_some_and(|target| target == "kmsg");
    let mut builder = Builder::new();
    builder.filter_level(LevelFilter::Info).parse_env(Env::new().filter("USBNET_LOG")).target(Target::Stderr);
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
