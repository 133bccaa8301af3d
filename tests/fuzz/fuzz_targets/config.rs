//! One configuration file: whatever it holds, reading it ends, without a panic, in a place that exists or in a
//! configuration that prints and reads back as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usbnet::config::{parse, render};

fuzz_target!(|text: &str| {
    match parse(text, "fuzz.ron") {
        Ok(config) => {
            let printed = render(&config);
            assert_eq!(parse(&printed, "printed.ron").expect("what is printed is valid"), config);
        }
        Err(error) => {
            let Some((line, column)) = error.position() else { return };
            let at = text.split('\n').nth(line - 1).expect("the line exists");
            assert!(column <= at.chars().count() + 1, "{error} is behind the end of its line");
            assert!(!error.to_string().is_empty());
        }
    }
});
