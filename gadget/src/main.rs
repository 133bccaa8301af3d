//! The `usbnet` command.

fn main() {}
