//! Manual pages and shell completions: made from the command lines and the default configuration, and kept in the `doc`
//! of each program, so that a package needs no generator.
//!
//! `USBNET_GOLDEN=write cargo test -p usbnet-tests --test install` writes them anew.

use std::{env, fs, path::Path};

use clap::{Command, CommandFactory as _};
use clap_complete::{Generator, Shell, generate};
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use usbnet::{cli, config, control, exit::Exit};
use usbnet_tests::run::{run, sh};

use crate::ROOT;

#[path = "../../applet/src/args.rs"]
mod applet;
#[path = "../../dbus/src/args.rs"]
mod bridge;

/// What roff's renderer begins each part with; a page needs it once.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// When what is not made from the command line was last changed.
const REVISED: &str = "2026-11-22";

/// A part of a page as roff's source.
fn part(write: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    write(&mut roff);
    bare(roff.render())
}

fn bare(page: String) -> String {
    page.strip_prefix(PREAMBLE).map(str::to_owned).unwrap_or(page)
}

/// A page whose lines are as short as mandoc wants them, where a line's end is only a space.
fn folded(page: &str) -> String {
    let (mut text, mut filled) = (String::new(), true);
    for line in page.lines() {
        filled = (filled && line != ".nf") || line == ".fi";
        let mut width = 0;
        for (at, word) in line.split(' ').enumerate() {
            // At a line's beginning these two would make it a request.
            let folds =
                filled && !line.starts_with('.') && width + word.len() > 79 && !word.starts_with(['.', '\'']);
            width = if folds { 0 } else { width };
            text += if at == 0 {
                ""
            } else if folds {
                "\n"
            } else {
                " "
            };
            text += word;
            width += word.len() + 1;
        }
        text.push('\n');
    }
    text
}

fn head(page: &str, section: &str, purpose: &str) -> String {
    let manual = if section == "1" { "General Commands Manual" } else { "System Manager's Manual" };
    let title = part(|roff| {
        roff.control("TH", [&*page.to_uppercase(), section, REVISED, "usbnet", manual]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{page} - {purpose}"))]);
    });
    format!("{PREAMBLE}{title}")
}

/// `usbnet(8)`: all commands on one page.
fn commands() -> String {
    let command = cli::command();
    let mut built = command.clone();
    built.build();
    let mut page = head("usbnet", "8", "the device end of a USB cable");
    page += &part(|roff| {
        roff.control("SH", ["SYNOPSIS"]);
        roff.text([bold("usbnet"), roman(" "), italic("command"), roman(" [options]")]);
        roff.control("SH", ["DESCRIPTION"]);
        paragraphs(roff, DESCRIPTION);
        roff.control("SH", ["COMMANDS"]);
    });
    for (own, whole) in command.get_subcommands().zip(built.get_subcommands_mut()) {
        let usage = whole.render_usage().to_string();
        let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
        page += &part(|roff| {
            roff.control("SS", [own.get_name()]);
            roff.control("nf", []);
            for line in usage.lines() {
                roff.text([bold(line.trim())]);
            }
            roff.control("fi", []);
            roff.control("PP", []);
            roff.text([roman(format!("{}.", own.get_about().expect("what it does")))]);
        });
        page += &options(own.clone().disable_help_flag(true));
    }
    page += &part(|roff| {
        roff.control("SH", ["OPTIONS OF ALL COMMANDS"]);
    });
    let global = command.get_arguments().filter(|arg| arg.is_global_set()).cloned();
    page += &options(
        Command::new("usbnet").disable_help_flag(true).args(global.map(|arg| arg.hide_short_help(false))),
    );
    page += &part(|roff| {
        roff.control("SH", ["EXIT STATUS"]);
        for exit in Exit::ALL {
            roff.control("TP", []);
            roff.text([bold(u8::from(exit).to_string())]);
            roff.text([roman(exit.meaning())]);
        }
        table(roff, "FILES", FILES);
        table(roff, "ENVIRONMENT", ENVIRONMENT);
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("usbnet-config"), roman("(5), "), bold("usbnet-control"), roman("(7)")]);
    });
    page
}

/// A command's options, without a heading of their own.
fn options(command: Command) -> String {
    let mut section = Vec::new();
    Man::new(command.disable_version_flag(true))
        .render_options_section(&mut section)
        .expect("memory takes it");
    let section = bare(String::from_utf8(section).expect("text"));
    // What goes before a list of values is not how mandoc wants an empty line.
    section.replacen(".SH OPTIONS\n", "", 1).replace(".br\n\n.br\n", ".sp\n")
}

/// `usbnet-config(5)`: the default configuration explains itself.
fn configuration() -> String {
    let mut page = head("usbnet-config", "5", "configuration of the device end of a USB cable");
    page += &part(|roff| {
        roff.control("SH", ["SYNOPSIS"]);
        roff.text([bold("/etc/usbnet/config.ron")]);
        roff.control("SH", ["DESCRIPTION"]);
        paragraphs(roff, CONFIGURATION);
        roff.control("SH", ["EXAMPLE"]);
        literal(roff, EXAMPLE);
        roff.control("SH", ["DEFAULT CONFIGURATION"]);
        literal(roff, config::default_text());
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("usbnet-control"), roman("(7), "), bold("usbnet"), roman("(8)")]);
    });
    page
}

/// The page of a program that has no commands.
fn program(
    mut command: Command,
    section: &str,
    purpose: &str,
    text: &str,
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> String {
    let usage = command.render_usage().to_string();
    let mut page = head(command.get_name(), section, purpose);
    page += &part(|roff| {
        roff.control("SH", ["SYNOPSIS"]);
        roff.text([bold(usage.strip_prefix("Usage: ").unwrap_or(&usage))]);
        roff.control("SH", ["DESCRIPTION"]);
        paragraphs(roff, text);
        roff.control("SH", ["OPTIONS"]);
    });
    page += &options(command.mut_args(|arg| arg.hide_short_help(false)));
    page += &part(|roff| {
        table(roff, "FILES", files);
        table(roff, "ENVIRONMENT", environment);
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("usbnet"), roman("(8), "), bold("usbnet-config"), roman("(5)")]);
    });
    page
}

/// `usbnet-control(7)`: for programs; the interface's description explains itself.
fn interface() -> String {
    let mut page = head("usbnet-control", "7", "control interface of the device end of a USB cable");
    page += &part(|roff| {
        roff.control("SH", ["SYNOPSIS"]);
        roff.text([bold("/run/usbnet/control")]);
        roff.control("SH", ["DESCRIPTION"]);
        paragraphs(roff, INTERFACE);
        for (heading, text) in [("PERMISSIONS", PERMISSIONS), ("LIMITS", LIMITS), ("CONSOLE", CONSOLE)] {
            roff.control("SH", [heading]);
            paragraphs(roff, text);
        }
        roff.control("SH", ["EXAMPLES"]);
        for (at, (text, example)) in EXAMPLES.iter().enumerate() {
            if at > 0 {
                roff.control("PP", []);
            }
            paragraphs(roff, text);
            literal(roff, example);
        }
        roff.control("SH", ["INTERFACE"]);
        literal(roff, control::DESCRIPTION);
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold("usbnet-config"), roman("(5), "), bold("usbnet"), roman("(8)")]);
    });
    page
}

/// Lines as they are. An empty one is not one of a page's.
fn literal(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.trim_end().lines() {
        let _ = if line.is_empty() { roff.control("sp", []) } else { roff.text([roman(line)]) };
    }
    roff.control("fi", []);
}

fn paragraphs(roff: &mut Roff, text: &str) {
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        for line in paragraph.lines() {
            roff.text([roman(line)]);
        }
    }
}

fn table(roff: &mut Roff, heading: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [heading]);
    for (name, text) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*text)]);
    }
}

const DESCRIPTION: &str = "\
usbnet makes the computer at the other end of a USB cable, the host, see a network card, a card reader, or both.
It gives the host an address and a name to reach the device by, leaves its own network alone, and hands memory
cards over without losing a file.

One daemon does the work. The other commands ask it over its socket: everybody may read, root and the members of
control.group may switch.";

const FILES: &[(&str, &str)] = &[
    ("/etc/usbnet/config.ron", "The configuration; without it the defaults apply."),
    ("/run/usbnet/control", "The daemon's socket, see usbnet-control(7)."),
    ("/run/usbnet", "What a daemon that was killed has left for the next one."),
    ("/var/lib/usbnet/mode", "The last mode."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("USBNET_LOG", "What is logged: error, warn, info (the default), debug or trace."),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "Where and how often usbnet daemon tells a service manager that it is ready and alive, as with sd_notify(3).",
    ),
];

const BRIDGE: &str = "\
usbnet-dbus answers at com.meego.usb_moded on the system bus, with usb-moded's methods, signals and words, so that
front ends that were written for usb-moded find a service.

D-Bus starts it when it is first called. Who only listens for its signals calls nobody, and no stored mode is set for a cable
before it runs, so it is to be started at boot: with systemctl enable --now usbnet-dbus, rc-update add usbnet-dbus
default, a link to /etc/sv/usbnet-dbus where runit looks, or, elsewhere, a call of org.freedesktop.DBus.StartServiceByName
for com.meego.usb_moded.

It has no privileges: what it is asked for, it asks the daemon of usbnet(8) for, whose configuration must let its
group switch, with control: (group: \"usbnet\"). Everybody may ask. To change something, polkit's action
org.usbnet.switch is needed; without polkit, a supplementary group of usbnet-dbus.

On the same object, org.usbnet.Bridge has SetMode and Cancel of usbnet-control(7), with all that they can be asked for: the
mode's name, and the other parameters as a JSON object. A refusal has its name there, and its parameters as JSON after
the sentence for people.

In the modes charging and host, and stopped, usbnet sees no cable: unlike with usb-moded, plugging one asks nobody and
sets no stored mode then.";

const BRIDGE_FILES: &[(&str, &str)] = &[
    ("/run/usbnet/control", "The daemon's socket."),
    (
        "/var/lib/usbnet-dbus/settings.json",
        "What usb-moded's clients have set: mode, hidden modes, whitelist.",
    ),
];

const BRIDGE_ENVIRONMENT: &[(&str, &str)] = &[
    ("USBNET_LOG", "What is logged: error, warn, info (the default), debug or trace."),
    ("DBUS_SYSTEM_BUS_ADDRESS", "Another bus than the system's."),
];

const APPLET: &str = "\
usbnet-applet shows in the status bar what the device is to the computer at its USB cable, and switches to another
mode from its menu. When a card is in use, a notification names what holds it, and asks whether to wait, to cancel,
or to force the switch.

It needs the daemon of usbnet(8), a session bus, and a panel that hosts a StatusNotifierItem. It may start before
any of them but the bus. A second one in the same session says so and ends.

To switch, the user has to be a member of control.group, or to be permitted polkit's action org.usbnet.switch, as whoever
sits at the device is by default; for that, usbnet-dbus(8) has to be installed. Whom polkit wants a password from is asked
for it.

What is refused is told in a notification, and in the menu until the next choice or success.";

const APPLET_FILES: &[(&str, &str)] = &[
    ("/run/usbnet/control", "The daemon's socket."),
    ("/etc/xdg/autostart/usbnet-applet.desktop", "Starts it with the desktop."),
];

const APPLET_ENVIRONMENT: &[(&str, &str)] = &[
    ("LC_ALL, LC_MESSAGES, LANG", "Its language: English, Finnish or German."),
    (
        "LANGUAGE",
        "The first known language of this colon-separated list goes before those, unless they say C or POSIX.",
    ),
];

const CONFIGURATION: &str = "\
The file is in RON, a notation like Rust's. Whatever it leaves out has its default; unknown fields are errors.
Nothing is touched until the whole file is valid.

usbnet config FILE says what a file amounts to, or which line and column is wrong and what is allowed there.
A daemon keeps the file that it was started with; usbnet restart reads it again.";

const EXAMPLE: &str = r#"Config(
    link: (address: "10.66.0.1/29", host: "10.66.0.2"),
    cards: ["/media/mmc1", "UUID=1234-ABCD"],
)"#;

const INTERFACE: &str = "\
The daemon speaks Varlink (https://varlink.org): each message is a JSON object and ends with a NUL byte. A call names
its method and has parameters; its reply has parameters too, or the name of an error and what there is to say about it.

The interface is org.usbnet.Control, described below; org.varlink.service describes it to clients that ask. The command
usbnet is one client among others. Optional parameters may be left out or null. What is wrong about parameters is answered
with org.varlink.service.InvalidParameter, whose parameter is the name of the one that is missing, unknown or out of range.

With \"more\": true, Watch goes on to reply: first with the mode that is set, then with each event. A client that was too
slow to read them is disconnected, and asks again for what there is. With \"oneway\": true, a call is carried out and not
answered.

SetMode answers once the mode is confirmed, which can take as long as whoever uses a card; the events say what it waits
for. One switch is under way at a time, and others are refused with Switching. Calls on one connection are answered in
order, so whoever wants to ask something meanwhile opens another one.

An error is typed: its name says what happened, and its parameters what a program needs to tell or to act. Failed
stands for everything else, with the line that the command would print and the code that it would end with.";

const PERMISSIONS: &str = "\
Everybody may connect and read. SetMode (but for its plan), Cancel and Stop are for root and the members of the group
control.group in the configuration, as the kernel knows them when they connect; others are answered NotPermitted. Every
switch is logged with who asked for it.";

const LIMITS: &str = "\
A call has at most 8192 bytes. What is no call ends the connection.

There are at most 64 connections. One more, and one has to go: first of those who may only read, and of whoever has most
of them the oldest. So nobody can keep root, the group or others out. A connection may be silent as long as it likes.

Those who may only read take turns, one user after the other, and one connection of a user after the other: many calls keep
nobody else waiting.

Whoever does not read its replies is not read from either. Events wait for a watcher up to 16384 bytes beyond what the
kernel keeps; then it is disconnected.";

const CONSOLE: &str = "\
With control: (console: ReadOnly), or Full, in the configuration, the host speaks the same protocol over the gadget's
serial port, in every mode with the function Acm: /dev/ttyACM0 on Linux, a COM port on Windows. The port is raw, and its speed
is of no importance. Nobody else on the device can use it meanwhile.

A host may look with ReadOnly, and is answered ReadOnlyConsole to the rest. With Full it may do what root may: whoever can
plug in a cable. So it is off by default.

What is no call is ignored here instead of ending anything, so a program on the host begins with a NUL byte: that ends
whatever the one before it has left. A switch takes the port away and brings it back, if the new mode has one; its answer is
the mode that Status then shows.";

const EXAMPLES: &[(&str, &str)] = &[
    ("With Python's package varlink:", include_str!("varlink-example.py")),
    ("On the host, over the serial port, with bash:", include_str!("console-example.sh")),
];

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
