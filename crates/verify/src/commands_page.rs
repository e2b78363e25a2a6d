//! `docs/commands.md`, compared with the command line: what it says about
//! commands and options is written from here, so that it cannot drift.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;
use crate::output::Format;

const FILE: &str = "../../docs/commands.md";
const BEGIN: &str =
    "<!-- written by `UPDATE=1 cargo test -p closesocket-verify commands_page` -->\n";
const END: &str = "<!-- end -->\n";

/// One option or operand as a row.
fn row(out: &mut String, argument: &Arg) {
    let mut name = match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("--{long}, -{short}"),
        (Some(long), None) => format!("--{long}"),
        (None, _) => String::new(),
    };
    if argument.get_action().takes_values() {
        for value in argument.get_value_names().unwrap_or_default() {
            let value = if name.is_empty() {
                value.to_string()
            } else {
                format!(" {value}")
            };
            name += &value;
        }
    }
    let mut help = argument
        .get_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    // A single sentence has no full stop; one that is followed needs it.
    if !help.ends_with('.') {
        help.push('.');
    }
    let values: Vec<_> = argument
        .get_possible_values()
        .iter()
        .filter(|it| !it.is_hide_set())
        .map(|it| format!("`{}`", it.get_name()))
        .collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        help += &format!(" One of {}.", values.join(", "));
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        help += &format!(" Default: `{}`.", defaults.join(", "));
    }
    let help = help.replace('|', "\\|").replace('\n', " ");
    let _ = writeln!(out, "| `{name}` | {help} |");
}

/// A command with its own options; those of every command come once.
fn section(out: &mut String, title: &str, command: &Command, global: bool) {
    let about = command.get_about().map(ToString::to_string);
    let _ = writeln!(out, "### `{title}`\n\n{}\n", about.unwrap_or_default());
    let arguments: Vec<_> = command
        .get_arguments()
        .filter(|it| !it.is_hide_set() && it.is_global_set() == global)
        .filter(|it| !matches!(it.get_id().as_str(), "help" | "version"))
        .collect();
    if arguments.is_empty() {
        return;
    }
    out.push_str("| option | meaning |\n|---|---|\n");
    arguments.into_iter().for_each(|it| row(out, it));
    out.push('\n');
}

fn expected() -> String {
    let command = Cli::command();
    let mut out = String::from("\n");
    section(&mut out, "cargo verify", &command, true);
    out.push_str("The options above are those of every command.\n\n");
    for command in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let title = format!("cargo verify {}", command.get_name());
        section(&mut out, &title, command, false);
    }
    out
}

#[test]
fn the_page_has_every_command_and_every_option() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let text = std::fs::read_to_string(&file).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("where it begins");
    let (written, after) = rest.split_once(END).expect("where it ends");
    let expected = expected();
    if std::env::var_os("UPDATE").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        std::fs::write(&file, text).expect("the page can be written");
    } else {
        assert_eq!(written, expected, "docs/commands.md is out of date");
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_format_is_called_what_the_command_line_calls_it() {
    use clap::ValueEnum as _;
    for format in Format::value_variants() {
        let value = format.to_possible_value().expect("a name");
        assert_eq!(value.get_name(), format.name());
    }
}
