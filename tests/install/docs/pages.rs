//! The manual pages, from the command lines, the default configuration and the interface description.

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};
use usbnet::{cli, config, control, exit::Exit};

use super::texts::{
    CONFIGURATION, CONSOLE, DESCRIPTION, ENVIRONMENT, EXAMPLE, EXAMPLES, FILES, INTERFACE, LIMITS,
    PERMISSIONS,
};

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
pub fn folded(page: &str) -> String {
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
pub fn commands() -> String {
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
pub fn configuration() -> String {
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
pub fn program(
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
pub fn interface() -> String {
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
