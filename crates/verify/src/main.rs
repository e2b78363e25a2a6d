//! `cargo verify`: checks everything and shows it; what CI gates on.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod cli;
#[cfg(test)]
mod commands_page;
mod defects;
mod explore;
mod found;
mod list;
mod out;
mod outcome;
mod output;
mod pages;
mod parallel;
mod replay;
mod report;
mod run;
mod style;
mod sweep;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::{Cli, Command, RunArguments};
use found::{Report, check::CheckReport, defects::Entry, run::RunReport};
use out::errln;
use outcome::Outcome;
use output::{Format, Output};

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
        out::text(format_args!("{error}"));
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
    let offer = Command::offer(cli.command.as_ref());
    let output = match Output::open(&cli.presentation, offer) {
        Ok(output) => output,
        Err(wrong) => {
            errln!("error: {wrong}; see `cargo verify --help`");
            return Outcome::Usage;
        }
    };
    match &cli.command {
        None => everything(&output),
        Some(Command::Check {
            scenarios,
            defect,
            svg,
            as_test,
        }) => {
            let plan = check::Plan {
                scenarios,
                defect: defect.as_deref(),
                svg: svg.as_deref(),
                as_test: *as_test,
            };
            check::command(plan, &output)
        }
        Some(Command::Defects) => defects::command(&output),
        Some(Command::Sweep {
            limit_seconds,
            limit_states,
            up_to,
        }) => sweep::command(
            sweep::Plan::new(*limit_seconds, *limit_states, *up_to),
            &output,
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
        Some(Command::Run(arguments)) => run_command(arguments, &output),
        Some(Command::CrowdPeers { connections }) => run::be_peers(*connections),
        Some(Command::Replay { file, prefix }) => replay::command(file, *prefix, &output),
        Some(Command::List) => list::command(&output),
        Some(Command::Completions { shell }) => pages::completions(*shell, &output),
        Some(Command::Man) => pages::man(&output),
    }
}

/// Which run is asked for.
fn run_command(arguments: &RunArguments, output: &Output) -> Outcome {
    // Before anything runs, as every file that is to be written.
    let traced = match run::Traced::start(arguments.trace.as_deref()) {
        Ok(traced) => traced,
        Err(error) => {
            errln!("error: {error}");
            return Outcome::Usage;
        }
    };
    let RunArguments {
        connections,
        threads,
        ..
    } = *arguments;
    let plan = match (arguments.crowd, arguments.seconds) {
        (Some(crowd), _) => run::Plan::crowd(crowd, threads),
        (None, Some(seconds)) => run::Plan::random(seconds, arguments.seed, connections, threads),
        (None, None) => run::Plan::fixed(connections, threads),
    };
    let sabotage = arguments.sabotage;
    run::command(run::Plan { sabotage, ..plan }, &traced, output)
}

/// The documented JSON of the whole.
#[derive(serde::Serialize)]
struct Everything<'a> {
    #[serde(flatten)]
    check: &'a CheckReport,
    defects: &'a [Entry],
    run: Option<&'a RunReport>,
}

/// The main job: the model, its defects, then real connections.
fn everything(output: &Output) -> Outcome {
    let check = check::every_scenario(output);
    if output.is_text() {
        check::print_summary(&check, output);
    }
    let defects = defects::summary(output);
    let run = run::Traced::start(None)
        .inspect_err(|error| errln!("error: {error}"))
        .and_then(|traced| run::fixed_ways(run::Plan::fixed(None, None), &traced, output));
    if let Ok(run) = &run
        && output.is_text()
    {
        run::print(run, output);
    }
    let ran = run.as_ref().map_or(Outcome::Differs, RunReport::outcome);
    let outcome = check.outcome().or(defects.outcome()).or(ran);
    let report = Report {
        command: "cargo verify",
        outcome,
        check: Some(&check),
        defects: Some(&defects),
        run: Some(run.as_ref().map_err(String::as_str)),
    };
    let render = |format| match format {
        Format::Text => {
            let run = run.as_ref().map(run::text).unwrap_or_default();
            let (check, defects) = (check::text(&check), defects.summary());
            Some(format!("{check}{defects}\n{run}"))
        }
        Format::Json => output::json(&Everything {
            check: &check,
            defects: &defects.defects,
            run: run.as_ref().ok(),
        }),
        format => report::render(&report, format),
    };
    output.deliver(outcome, render, || Some(report::page(&report)))
}
