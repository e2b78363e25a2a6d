//! `cargo verify check`: explores scenarios and compares every verdict with the
//! expected one.

mod as_test;
mod files;
mod job;
mod judge;
pub(crate) mod own;
mod print;
mod progress;
mod search;

use std::path::PathBuf;

use clap::Args;

use crate::found::Report;
use crate::found::check::CheckReport;
use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::{Format, Output};
use crate::report;
use files::{Files, graph_file};
pub(crate) use job::Job;
use job::Scope;
use judge::explore;
pub(crate) use judge::judge_plainly;
pub(crate) use print::text;
use search::{Search, SearchArguments};

/// What to check, and how to show it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CheckArguments {
    /// Only these scenarios.
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<String>,
    /// This scenario too; can be given several times.
    #[arg(long = "scenario", value_name = "NAME")]
    pub(crate) more: Vec<String>,
    /// Explore this defect in the scenario that shows it: its invariants
    /// must be violated.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["scenarios", "more"])]
    pub(crate) defect: Option<String>,
    /// Draw the shortest counterexample, if there is one, in this SVG file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the shortest counterexample, if there is one, into this file in the
    /// trace format of Apalache and Quint (ITF).
    #[arg(long, value_name = "FILE")]
    pub(crate) itf: Option<PathBuf>,
    /// Write the shortest counterexample, if there is one, into this file as what the
    /// engine would have recorded along it: a trace for `cargo verify replay`.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Write the whole state graph of the one scenario, or of the defect, into this
    /// file, which ends in .json or .dot.
    #[arg(long, value_name = "FILE", value_parser = graph_file, conflicts_with = "reduced")]
    pub(crate) graph: Option<PathBuf>,
    /// The most states of that graph: of a larger one nothing is written, and the
    /// exit code is 3.
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "graph")]
    pub(crate) graph_states: usize,
    /// Print the shortest counterexample of each scenario, or of the defect,
    /// as a Rust test that fails in the same way. The verdict stays.
    #[arg(long, conflicts_with_all = ["svg", "itf", "trace", "graph"])]
    pub(crate) as_test: bool,
    /// Explore only canonical states: one for all that differ in nothing that
    /// matters. A violation is then looked for again among all states.
    #[arg(long)]
    pub(crate) reduced: bool,
    /// Which scenarios there are: those of the catalogue, or deep ones, with several
    /// bounds raised at once, which take minutes.
    #[arg(long, value_enum, default_value_t, conflicts_with = "defect")]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) search: SearchArguments,
}

/// Checks the named scenarios, or all, or the scenario of a defect; prints.
pub(crate) fn command(asked: &CheckArguments, output: &Output) -> Outcome {
    let scenarios = [&asked.scenarios[..], &asked.more].concat();
    let mut jobs = match job::asked_for(asked.scope, &scenarios, asked.defect.as_deref()) {
        Ok(jobs) => jobs,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    jobs.iter_mut().for_each(|job| job.reduced = asked.reduced);
    let opened = if asked.graph.is_some() && jobs.len() != 1 {
        Err("--graph is for one scenario: name it".to_owned())
    } else {
        Search::of(&asked.search, &jobs).and_then(|it| Ok((it, Files::open(asked)?)))
    };
    let (search, files) = match opened {
        Ok(opened) => opened,
        Err(wrong) => {
            errln!("error: {wrong}; see `cargo verify check --help`");
            return Outcome::Usage;
        }
    };
    let lines = output.is_text() && !asked.as_test;
    let check = explore(&jobs, &search, output, lines);
    let outcome = show(asked, &check, &files, output);
    if check.scenarios.iter().any(|it| it.misasked) {
        return Outcome::Usage;
    }
    outcome
}

/// Shows what was found. How it is shown changes nothing of the verdict: the
/// outcome is that of the report, which only a file that cannot be written can
/// spoil.
fn show(asked: &CheckArguments, check: &CheckReport, files: &Files, output: &Output) -> Outcome {
    let mut outcome = check.outcome();
    if asked.as_test {
        let code = as_test::code(check);
        if output.is_text() {
            crate::out::text(format_args!("{code}"));
        }
        // The code says nothing of what was expected.
        for problem in check.problems() {
            errln!("error: {problem}");
        }
        return output.deliver(outcome, |_| Some(code.clone()), || None);
    }
    if output.is_text() {
        print_summary(check, output);
        crate::out::text(format_args!("{}", check.closing()));
    }
    outcome = outcome.or(files.write(check));
    let report = Report {
        check: Some(check),
        ..Report::new("cargo verify check", outcome)
    };
    let render = |format| match format {
        Format::Text => Some(text(check)),
        Format::Json => crate::output::json(check),
        format => report::render(&report, format),
    };
    output.deliver(outcome, render, || Some(report::page(&report)))
}

/// Explores every scenario.
pub(crate) fn every_scenario(output: &Output) -> CheckReport {
    let jobs = job::every();
    explore(&jobs, &Search::plain(&jobs), output, output.is_text())
}

/// Prints the summary of a report for people.
pub(crate) fn print_summary(report: &CheckReport, output: &Output) {
    let summary = print::summary(report, output.style);
    let brief = !output.is_chatty() && report.outcome() == Outcome::AsExpected;
    let lines = summary.lines().take(if brief { 1 } else { usize::MAX });
    let lines: Vec<_> = lines.collect();
    crate::out::text(format_args!("{}\n", lines.join("\n")));
}

#[cfg(test)]
mod tests {
    use closesocket_models::{
        Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, Surroundings, ThreadSpec,
    };
    use closesocket_models::{CloseModel, Outcome as Found, check};

    use super::{CheckArguments, CheckReport, show};
    use crate::found::check::ScenarioReport;
    use crate::outcome::Outcome;
    use crate::output::{Format, Offer, Output, Presentation};
    use crate::style::Color;

    /// A world that ends badly: its one thread blocks in a receive that nothing
    /// ends, and never gets to its close.
    static STUCK: Scenario = STUCK_WORLD;

    const STUCK_WORLD: Scenario = Scenario {
        name: "stuck",
        summary: "A receive that nothing ends.",
        sockets: &[SocketSpec::CONNECTED],
        slots: &[SlotSpec {
            process: 0,
            socket: Some(0),
        }],
        operations: &[OperationSpec::blocking(
            closesocket::protocol::OperationKind::Recv,
        )],
        threads: &[ThreadSpec {
            process: 0,
            calls: &[
                Call::Start {
                    operation: 0,
                    through: Handle::First(0),
                },
                Call::Close(Handle::First(0)),
            ],
        }],
        surroundings: Surroundings::PLAIN,
        states: 4,
    };

    fn stuck(spoil: impl FnOnce(&mut Found)) -> CheckReport {
        let model = CloseModel::new(&STUCK, None).expect("it fits");
        let mut found = check(&model);
        spoil(&mut found);
        CheckReport::new(vec![ScenarioReport::new(&model, None, found)])
    }

    const FORMATS: [Format; 5] = [
        Format::Text,
        Format::Json,
        Format::Junit,
        Format::Markdown,
        Format::Sarif,
    ];

    fn output(format: Format) -> Output {
        let wanted = Presentation {
            formats: vec![format],
            output: vec!["/dev/null".into()],
            report: None,
            quiet: true,
            color: Color::Auto,
        };
        let offer = Offer {
            command: "cargo verify check",
            formats: &FORMATS,
            page: true,
        };
        Output::open(&wanted, offer).expect("an output")
    }

    #[test]
    fn no_way_to_show_a_verdict_changes_it() {
        let drawn = std::env::temp_dir().join(format!("verify-{}.svg", std::process::id()));
        let graph = drawn.with_extension("json");
        let plans = [
            CheckArguments::default(),
            CheckArguments {
                as_test: true,
                ..CheckArguments::default()
            },
            CheckArguments {
                svg: Some(drawn.clone()),
                ..CheckArguments::default()
            },
            // A graph that is too large, and a disk that is full.
            CheckArguments {
                itf: Some("/dev/full".into()),
                graph: Some(graph.clone()),
                ..CheckArguments::default()
            },
        ];
        for plan in plans {
            let files = super::Files::open(&plan).expect("they can be written");
            for format in FORMATS {
                let output = output(format);
                let shown = show(&plan, &stuck(|_| {}), &files, &output);
                assert_eq!(shown, Outcome::Differs, "{plan:?}, {format:?}");
                let cut = stuck(|found| {
                    found.complete = false;
                    for it in &mut found.verdicts {
                        it.1 = closesocket_models::Verdict::Holds;
                    }
                });
                let shown = show(&plan, &cut, &files, &output);
                assert_eq!(shown, Outcome::Incomplete, "{plan:?}, {format:?}");
            }
        }
        assert!(std::fs::remove_file(&drawn).is_ok(), "it was drawn");
        assert!(!graph.exists(), "half a graph is none");
    }

    #[test]
    fn the_summary_says_how_many_are_violated_and_proves_only_what_holds() {
        let summary = |spoil: fn(&mut Found)| {
            let text = super::print::summary(&stuck(spoil), crate::style::Style::PLAIN);
            let proved = text.contains("  proved: each of ");
            let first = text.lines().next().map(str::to_owned);
            (first.expect("a line"), proved)
        };
        let model = "model: 1 scenario, 1 explored completely, 4 unique states: ";
        assert_eq!(summary(|_| {}), (format!("{model}VIOLATED, 1 time"), false));
        let hold = |found: &mut Found| {
            for it in &mut found.verdicts {
                it.1 = closesocket_models::Verdict::Holds;
            }
        };
        assert_eq!(summary(hold), (format!("{model}as expected"), true));
    }

    #[test]
    fn a_scenario_that_does_not_fit_is_not_proved() {
        static UNFIT: Scenario = Scenario {
            slots: &[],
            ..STUCK_WORLD
        };
        let job = super::Job::plain(&UNFIT);
        let report = CheckReport::new(vec![super::judge_plainly(&job, &|_| {})]);
        assert_eq!(report.outcome(), Outcome::Incomplete);
    }

    #[test]
    fn a_violation_without_a_defect_is_printed_as_a_test() {
        let code = super::as_test::code(&stuck(|_| {}));
        assert!(code.contains("fn stuck()"), "{code}");
        assert!(code.contains("CloseModel::new(scenario, None)"), "{code}");
        assert!(code.contains("What::Register"), "{code}");
    }
}
