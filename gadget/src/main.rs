//! The `usbnet` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    usbnet::cli::main()
}
