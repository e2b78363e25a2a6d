//! `cargo verify`, for this project's scenarios or for one's own.
//!
//! The program checks what this project has. Whoever has a [`Suite`] of their own
//! makes a program of it in a line, [`main`], and has all that the program has: every
//! command, lanes, the matrix of defects, the reports, the Explorer, the exit codes.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod cli;
#[cfg(test)]
mod commands_page;
mod defects;
mod explore;
mod file;
mod found;
mod interrupt;
mod list;
mod names;
mod out;
mod outcome;
mod output;
mod pages;
mod parallel;
mod places;
mod prove;
mod replay;
mod report;
#[cfg(connections)]
mod run;
mod sources;
mod style;
mod suite;
mod sweep;
mod usage;

pub use suite::Suite;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Cli, Command, RunArguments};
use found::{Report, check::CheckReport, defects::Entry, prove::ProveReport, run::RunReport};
use out::errln;
use outcome::Outcome;
use output::{Format, Output};
use suite::suite;

/// The main function of a program that checks this.
///
/// It understands what `cargo verify` understands, also when cargo has called it as
/// a subcommand, and ends with its exit codes.
#[must_use]
pub fn main(suite: Suite) -> ExitCode {
    main_with(suite, std::env::args_os())
}

/// As [`main`] does, with these arguments; the first names the program.
///
/// One process checks one suite: that of the first call.
#[must_use]
pub fn main_with(suite: Suite, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    suite.install();
    // Cargo names the subcommand once more.
    let named = |(at, it): &(usize, OsString)| *at == 1 && it == "verify";
    let arguments = arguments.into_iter().enumerate().filter(|it| !named(it));
    let arguments: Vec<OsString> = arguments.map(|(_, it)| it).collect();
    let command = cli::named(&arguments);
    let outcome = match cli::parse(arguments.into_iter()) {
        Ok(cli) => dispatch(&cli, &command),
        Err(error) => usage::usage(&error, &command),
    };
    ExitCode::from(outcome as u8)
}

/// `named` is how the command is called, as in `cargo verify check`.
fn dispatch(cli: &Cli, named: &str) -> Outcome {
    let offer = Command::offer(cli.command.as_ref());
    let output = match Output::open(&cli.presentation, offer) {
        Ok(output) => output,
        Err(wrong) => {
            errln!("error: {wrong}; see `{named} --help`");
            return Outcome::Usage;
        }
    };
    if cli.command.as_ref().is_none_or(Command::is_interrupted)
        && let Err(error) = interrupt::tell_on_signal()
    {
        errln!("note: Ctrl-C will say nothing: {error}");
    }
    match &cli.command {
        None => everything(&output),
        Some(Command::Check(asked)) => check::command(asked, &output),
        Some(Command::Prove) => prove::command(&output),
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
        #[cfg(connections)]
        Some(Command::CrowdPeers { connections }) => run::be_peers(*connections),
        Some(Command::Replay { file, prefix }) => replay::command(file, *prefix, &output),
        Some(Command::List) => list::command(&output),
        Some(Command::Completions { shell }) => pages::completions(*shell, &output),
        Some(Command::Man) => pages::man(&output),
    }
}

/// What is said where there are no real connections.
#[cfg(not(connections))]
const NO_CONNECTIONS: &str =
    "no real connections are closed here: that needs Linux, and the feature `tcp`";

#[cfg(not(connections))]
fn run_command(_: &RunArguments, _: &Output) -> Outcome {
    errln!("error: {NO_CONNECTIONS}");
    Outcome::Usage
}

/// Which run is asked for.
#[cfg(connections)]
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
    prove: Option<&'a ProveReport>,
    defects: &'a [Entry],
    run: Option<&'a RunReport>,
}

/// The main job: the model, worlds of any size, the defects, then real connections.
fn everything(output: &Output) -> Outcome {
    let check = check::every_scenario(output);
    if output.is_text() {
        check::print_summary(&check, output);
    }
    let proof = (!suite().families.is_empty()).then(|| prove::summary(output));
    let defects = defects::summary(output, check.broken() > 0);
    let run = close_connections(output);
    let ran = match &run {
        Some(Ok(run)) => run.outcome(),
        Some(Err(_)) => Outcome::Differs,
        None => Outcome::AsExpected,
    };
    let proved = proof
        .as_ref()
        .map_or(Outcome::AsExpected, ProveReport::outcome);
    let outcome = check.outcome().or(proved).or(defects.outcome()).or(ran);
    let report = Report {
        command: "cargo verify",
        outcome,
        check: Some(&check),
        prove: proof.as_ref(),
        defects: Some(&defects),
        run: run.as_ref().map(|it| it.as_ref().map_err(String::as_str)),
    };
    if output.is_text() {
        // Once more: what failed is not to be looked for above.
        out::text(format_args!("{}", report.closing()));
    }
    let render = |format| match format {
        Format::Text => {
            let run = run
                .iter()
                .flatten()
                .map(connections_text)
                .collect::<String>();
            let (check, defects) = (check::text(&check), defects.summary());
            let proof = proof.as_ref().map(|it| format!("{}\n", it.summary()));
            let proof = proof.unwrap_or_default();
            Some(format!("{check}{proof}{defects}\n{run}"))
        }
        Format::Json => output::json(&Everything {
            check: &check,
            prove: proof.as_ref(),
            defects: &defects.defects,
            run: run.iter().flatten().next(),
        }),
        format => report::render(&report, format),
    };
    output.deliver(outcome, render, || Some(report::page(&report)))
}

/// Real connections, closed in the fixed ways and shown, where there are some; or
/// why they could not be closed.
#[cfg(connections)]
fn close_connections(output: &Output) -> Option<Result<RunReport, String>> {
    let run = run::Traced::start(None)
        .inspect_err(|error| errln!("error: {error}"))
        .and_then(|traced| run::fixed_ways(run::Plan::fixed(None, None), &traced, output));
    if let Ok(run) = &run
        && output.is_text()
    {
        run::print(run, output);
    }
    Some(run)
}

#[cfg(not(connections))]
fn close_connections(_: &Output) -> Option<Result<RunReport, String>> {
    errln!("note: {NO_CONNECTIONS}");
    None
}

#[cfg(connections)]
fn connections_text(run: &RunReport) -> String {
    run::text(run)
}

#[cfg(not(connections))]
fn connections_text(_: &RunReport) -> String {
    String::new()
}
