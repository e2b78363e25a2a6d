//! `cargo verify`: checks everything and shows it; what CI gates on.

mod cli;
mod run;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::{Cli, Command, Format};

/// How a command ended; the exit codes are documented in `docs/verification.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Everything as expected.
    AsExpected = 0,
    /// A verdict differs from the expected one.
    Differs = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A search was cut off, so nothing is proved.
    Incomplete = 3,
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => dispatch(&cli),
        Err(error) => usage(&error),
    };
    ExitCode::from(outcome as u8)
}

/// Help and version go to the reader; anything else is one clear line.
fn usage(error: &clap::Error) -> Outcome {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        print!("{error}");
        return Outcome::AsExpected;
    }
    let text = error.to_string();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    eprintln!("{}; see `cargo verify --help`", lines.join(" "));
    Outcome::Usage
}

fn dispatch(cli: &Cli) -> Outcome {
    match &cli.command {
        Some(Command::Run {
            connections,
            threads,
        }) => run::command(
            run::Plan {
                connections: *connections,
                threads: *threads,
            },
            cli.format,
        ),
        _ => Outcome::Usage,
    }
}

/// Prints a result for scripts.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("error: the result cannot be written: {error}"),
    }
}
