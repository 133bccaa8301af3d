//! Leaves the unwind tables out of the release binary, a seventh of its size: it aborts on a panic (`panic = "abort"`),
//! so nothing ever reads them.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=no-unwind-tables.ld");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if release && linux {
        let directory = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr,-T,{directory}/no-unwind-tables.ld");
    }
}
