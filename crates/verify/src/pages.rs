//! The manual page and the completions for shells, made from the command line's
//! own description.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::Output;

/// How the program is called where completions are loaded: cargo itself
/// completes only its own subcommands.
const PROGRAM: &str = "cargo-verify";

/// Prints completions.
pub(crate) fn completions(shell: Shell, output: &Output) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut text);
    deliver(&text, output)
}

/// Prints the manual: the page of the program, then those of its commands.
pub(crate) fn man(output: &Output) -> Outcome {
    let mut text = Vec::new();
    let mut command = Cli::command().disable_help_flag(true);
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
