//! The manual page and the completions for shells, made from the command line's
//! own description.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command};
use clap_complete::Shell;

use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::{cli, names};

/// How cargo calls the program of its subcommand `verify`. The completions of cargo
/// for zsh ask the function of this name what may follow.
const PROGRAM: &str = "cargo-verify";

/// Its name for bash. The generator loses the commands of a program with a hyphen.
const BASH_PROGRAM: &str = "cargo_verify";

/// The completions of cargo for bash ask nobody: they have to be wrapped.
const AFTER_CARGO: &str = include_str!("cargo.bash");

/// Prints completions, of what help shows, and of the names that there are.
pub(crate) fn completions(shell: Shell, output: &Output) -> Outcome {
    let mut text = Vec::new();
    let bash = shell == Shell::Bash;
    let program = if bash { BASH_PROGRAM } else { PROGRAM };
    clap_complete::generate(shell, &mut completed(program), program, &mut text);
    if bash {
        text.extend(AFTER_CARGO.as_bytes());
    }
    deliver(&text, output)
}

/// The command line without what is hidden: the generators do not leave it out.
fn completed(program: &'static str) -> Command {
    let mut command = cli::command();
    command.build();
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
    let root = visible(Command::new(program), &command);
    let root = root.disable_help_subcommand(true).version("");
    root.subcommands(commands.map(|it| {
        // A command keeps its name for ever; these are few, and the end is near.
        let name: &'static str = it.get_name().to_owned().leak();
        let about = it.get_about().cloned().unwrap_or_default();
        visible(Command::new(name).about(about), it)
    }))
}

/// The options and operands of another command, if they are not hidden.
fn visible(to: Command, from: &Command) -> Command {
    let made = ["help", "version"];
    let shown = from.get_arguments().filter(|it| !it.is_hide_set());
    let shown = shown.filter(|it| !made.contains(&it.get_id().as_str()));
    // Each command has got its own copy of the options of all.
    to.args(shown.map(|it| named(it.clone().global(false))))
}

/// An argument that is a name can be one of those that there are.
fn named(argument: Arg) -> Arg {
    match argument.get_id().as_str() {
        "scenarios" | "more" | "scenario" => {
            argument.value_parser(PossibleValuesParser::new(names::scenarios()))
        }
        "defect" => argument.value_parser(PossibleValuesParser::new(names::defects())),
        _ => argument,
    }
}

/// Prints the manual: the page of the program, then those of its commands.
pub(crate) fn man(output: &Output) -> Outcome {
    let mut text = Vec::new();
    let mut command = cli::command().disable_help_flag(true);
    command.build();
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
    for page in std::iter::once(&command).chain(commands) {
        let page = clap_mangen::Man::new(page.clone()).manual("cargo verify");
        if let Err(error) = page.render(&mut text) {
            errln!("error: the manual cannot be written: {error}");
            return Outcome::Usage;
        }
    }
    deliver(&text, output)
}

fn deliver(text: &[u8], output: &Output) -> Outcome {
    let text = String::from_utf8_lossy(text);
    output.tell(Outcome::AsExpected, || text.to_string(), &())
}
