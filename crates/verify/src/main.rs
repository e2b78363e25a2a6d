//! `cargo verify`: checks everything and shows it; what CI gates on.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod cli;
mod defects;
mod explore;
mod list;
mod out;
mod parallel;
mod replay;
mod run;
mod style;
mod sweep;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::out::{errln, outln};
use cli::{Cli, Command, Format, RunArguments};

/// How a command ended; the exit codes are documented in `docs/verification.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything as expected.
    AsExpected = 0,
    /// A verdict differs from the expected one.
    Differs = 1,
    /// The command line is wrong, or the file that it names.
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
        crate::out::text(format_args!("{error}"));
        return Outcome::AsExpected;
    }
    let text = error.to_string();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    errln!("{}; see `cargo verify --help`", lines.join(" "));
    Outcome::Usage
}

fn dispatch(cli: &Cli) -> Outcome {
    let format = cli.format;
    match &cli.command {
        None => everything(format),
        Some(Command::Check {
            scenarios,
            defect,
            svg,
        }) => check::command(scenarios, defect.as_deref(), svg.as_deref(), format),
        Some(Command::Defects) => defects::command(format),
        Some(Command::Sweep {
            limit_seconds,
            limit_states,
            up_to,
        }) => sweep::command(
            sweep::Plan::new(*limit_seconds, *limit_states, *up_to),
            format,
        ),
        Some(Command::Explore {
            scenario,
            defect,
            address,
            open,
        }) => explore::command(&explore::Options {
            scenario: scenario.as_deref(),
            defect: defect.as_deref(),
            address: *address,
            open: *open,
        }),
        Some(Command::Run(arguments)) => run_command(arguments, format),
        Some(Command::CrowdPeers { connections }) => run::crowd::be_peers(*connections),
        Some(Command::Replay { file }) => replay::command(file, format),
        Some(Command::List) => list::command(format),
    }
}

/// Which run is asked for.
fn run_command(arguments: &RunArguments, format: Format) -> Outcome {
    let trace = arguments.trace.as_deref();
    if let Some(connections) = arguments.crowd {
        let threads = arguments.threads.unwrap_or(run::crowd::Plan::THREADS);
        let plan = run::crowd::Plan {
            connections,
            threads,
        };
        return run::crowd::command(plan, trace, format);
    }
    let standard = run::Plan::STANDARD;
    let threads = arguments.threads.unwrap_or(standard.threads);
    let Some(seconds) = arguments.seconds else {
        let plan = run::Plan {
            connections: arguments.connections.unwrap_or(standard.connections),
            threads,
        };
        return run::command(plan, trace, format);
    };
    let plan = run::soak::Plan {
        seconds,
        open: arguments.connections.unwrap_or(run::soak::Plan::OPEN),
        threads,
        seed: arguments.seed.unwrap_or_else(run::soak::any_seed),
        sabotage: arguments.sabotage,
    };
    run::soak::command(plan, trace, format)
}

/// The documented JSON of the whole.
#[derive(serde::Serialize)]
struct Everything<'a> {
    #[serde(flatten)]
    check: &'a check::CheckReport,
    defects: &'a [defects::Entry],
    run: Option<&'a run::RunReport>,
}

/// The main job: the model, its defects, then real connections.
fn everything(format: Format) -> Outcome {
    let check = check::every_scenario(format);
    if format == Format::Text {
        check::print_summary(&check);
    }
    let defects = defects::summary(format);
    let run = run::with_progress(run::Plan::STANDARD, None);
    match (format, &run) {
        (Format::Json, run) => print_json(&Everything {
            check: &check,
            defects: &defects.json().defects,
            run: run.as_ref(),
        }),
        (Format::Text, Some(run)) => run::print_text(run),
        (Format::Text, None) => {}
    }
    let ran = run.as_ref().map_or(Outcome::Differs, run::verdict);
    [check.outcome(), defects.outcome(), ran]
        .into_iter()
        .find(|it| *it != Outcome::AsExpected)
        .unwrap_or(Outcome::AsExpected)
}

/// Prints a result for scripts.
fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => outln!("{text}"),
        Err(error) => errln!("error: the result cannot be written: {error}"),
    }
}
