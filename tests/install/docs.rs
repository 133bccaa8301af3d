//! Manual pages and shell completions: made from the command lines and the default configuration, and kept in the `doc`
//! of each program, so that a package needs no generator.
//!
//! `USBNET_GOLDEN=write cargo test -p usbnet-tests --test install` writes them anew.

use std::{env, fs, path::Path};

use clap::{Command, CommandFactory as _};
use clap_complete::{Generator, Shell, generate};
use usbnet::cli;
use usbnet_tests::run::{run, sh};

use crate::ROOT;
use pages::{commands, configuration, folded, interface, program};
use texts::{APPLET, APPLET_ENVIRONMENT, APPLET_FILES, BRIDGE, BRIDGE_ENVIRONMENT, BRIDGE_FILES};

#[path = "../../applet/src/args.rs"]
mod applet;
#[path = "../../dbus/src/args.rs"]
mod bridge;
mod pages;
mod texts;

fn completion(shell: impl Generator, mut command: Command) -> String {
    let (mut text, name) = (Vec::new(), command.get_name().to_owned());
    generate(shell, &mut command, name, &mut text);
    String::from_utf8(text).expect("text")
}

/// Each file, and what is in it.
fn files() -> Vec<(&'static str, String)> {
    let (usbnet, applet) = (cli::command, applet::Args::command);
    let bridge = bridge::Arguments::command();
    let purpose = "usb-moded's D-Bus interface for usbnet";
    let bridge = program(bridge, "8", purpose, BRIDGE, BRIDGE_FILES, BRIDGE_ENVIRONMENT);
    let purpose = "the USB mode in the status bar";
    let page = program(applet(), "1", purpose, APPLET, APPLET_FILES, APPLET_ENVIRONMENT);
    vec![
        ("gadget/doc/usbnet.8", folded(&commands())),
        ("gadget/doc/usbnet-config.5", folded(&configuration())),
        ("gadget/doc/usbnet-control.7", folded(&interface())),
        ("gadget/doc/usbnet.bash", completion(Shell::Bash, usbnet())),
        ("gadget/doc/_usbnet", completion(Shell::Zsh, usbnet())),
        ("gadget/doc/usbnet.fish", completion(Shell::Fish, usbnet())),
        ("dbus/doc/usbnet-dbus.8", folded(&bridge)),
        ("applet/doc/usbnet-applet.1", folded(&page)),
        ("applet/doc/usbnet-applet.bash", completion(Shell::Bash, applet())),
        ("applet/doc/_usbnet-applet", completion(Shell::Zsh, applet())),
        ("applet/doc/usbnet-applet.fish", completion(Shell::Fish, applet())),
    ]
}

#[test]
fn manual_pages_and_completions_are_current() {
    let (root, files) = (Path::new(ROOT), files());
    if env::var_os("USBNET_GOLDEN").is_some_and(|what| what == "write") {
        for (name, text) in &files {
            fs::create_dir_all(root.join(name).parent().expect("a directory")).expect("a directory");
            fs::write(root.join(name), text).expect("writable");
        }
    }
    for (name, text) in &files {
        let golden = fs::read_to_string(root.join(name)).unwrap_or_default();
        assert_eq!(*text, golden, "{name}; USBNET_GOLDEN=write writes it anew");
    }
    let directories = ["gadget/doc", "dbus/doc", "applet/doc"];
    let there = directories.map(|name| fs::read_dir(root.join(name)).expect("the directory").count());
    assert_eq!(there.iter().sum::<usize>(), files.len(), "files there that nothing makes");
}

#[test]
fn mandoc_finds_nothing_to_complain_about() {
    let pages = [
        "gadget/doc/usbnet.8",
        "gadget/doc/usbnet-config.5",
        "gadget/doc/usbnet-control.7",
        "dbus/doc/usbnet-dbus.8",
        "applet/doc/usbnet-applet.1",
    ];
    for page in pages {
        let found = run(&["mandoc", "-T", "lint", "-W", "style", &format!("{ROOT}/{page}")]);
        assert_eq!((found.code, found.out, found.err), (0, String::new(), String::new()), "{page}");
    }
}

/// Each shell loads its file, and is asked what could come next.
#[test]
fn the_completions_load_and_complete() {
    let table: [(&str, &str, &str, &str, &[&str]); 2] = [
        ("gadget/doc", "usbnet", "_usbnet", "st", &["start", "status", "stop"]),
        ("applet/doc", "usbnet-applet", "_usbnet__applet", "--r", &["--run-dir"]),
    ];
    let sorted = |text: String| {
        let mut words: Vec<String> = text.lines().map(str::to_owned).collect();
        words.sort();
        words
    };
    for (directory, program, in_bash, begun, expected) in table {
        let (directory, function) = (format!("{ROOT}/{directory}"), format!("_{program}"));
        let bash = format!(
            r#"bash --norc -euc '. {directory}/{program}.bash; COMP_WORDS=({program} {begun}); COMP_CWORD=1
            {in_bash} {program} {begun} {program}; printf "%s\n" "${{COMPREPLY[@]}}"; complete -p {program} >&2'"#
        );
        assert_eq!(sorted(sh(&bash)), expected, "bash");

        let fish = format!(
            "fish --no-config -c 'source {directory}/{program}.fish; complete -C \"{program} {begun}\" | cut -f 1'"
        );
        assert_eq!(sorted(sh(&fish)), expected, "fish");

        // What zsh completes needs its line editor; that the function is registered and can be loaded does not.
        let zsh = format!(
            "zsh -fec 'fpath=({directory} $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[{program}]; \
             autoload +X -Uz {function}; print ${{+functions[{function}]}}'"
        );
        assert_eq!(sh(&zsh), format!("{function}\n1"), "zsh");
    }
}
