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

use std::path::Path;

use crate::found::Report;
use crate::found::check::CheckReport;
use crate::out::errln;
use crate::outcome::Outcome;
use crate::output::{Format, Output};
use crate::report;
use files::Files;
pub(crate) use files::graph_file;
pub(crate) use job::{Job, Scope};
use judge::explore;
pub(crate) use judge::judge_plainly;
pub(crate) use print::text;
use search::Search;
pub(crate) use search::SearchArguments;

/// What to check, and how to show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// The scenarios; all of them if it is empty.
    pub(crate) scenarios: &'a [String],
    /// A defect, in the scenario that shows it.
    pub(crate) defect: Option<&'a str>,
    /// Draw the shortest counterexample in this file.
    pub(crate) svg: Option<&'a Path>,
    /// Write the shortest counterexample as ITF into this file.
    pub(crate) itf: Option<&'a Path>,
    /// Write the graph of the one scenario into this file.
    pub(crate) graph: Option<&'a Path>,
    /// The most states of that graph.
    pub(crate) graph_states: usize,
    /// Print the shortest counterexample as a test.
    pub(crate) as_test: bool,
    /// Explore canonical states only.
    pub(crate) reduced: bool,
    /// Which scenarios there are.
    pub(crate) scope: Scope,
    /// How to search.
    pub(crate) search: &'a SearchArguments,
}

/// Checks the named scenarios, or all, or the scenario of a defect; prints.
pub(crate) fn command(plan: Plan<'_>, output: &Output) -> Outcome {
    let mut jobs = match job::asked_for(plan.scope, plan.scenarios, plan.defect) {
        Ok(jobs) => jobs,
        Err(unknown) => {
            errln!("error: {unknown}; see `cargo verify list`");
            return Outcome::Usage;
        }
    };
    jobs.iter_mut().for_each(|job| job.reduced = plan.reduced);
    let asked = if plan.graph.is_some() && jobs.len() != 1 {
        Err("--graph is for one scenario: name it".to_owned())
    } else {
        Search::of(plan.search, &jobs).and_then(|it| Ok((it, Files::open(&plan)?)))
    };
    let (search, files) = match asked {
        Ok(asked) => asked,
        Err(wrong) => {
            errln!("error: {wrong}; see `cargo verify check --help`");
            return Outcome::Usage;
        }
    };
    let lines = output.is_text() && !plan.as_test;
    let check = explore(&jobs, &search, output, lines);
    let outcome = show(plan, &check, &files, output);
    if check.scenarios.iter().any(|it| it.misasked) {
        return Outcome::Usage;
    }
    outcome
}

/// Shows what was found. How it is shown changes nothing of the verdict: the
/// outcome is that of the report, which only a file that cannot be written can
/// spoil.
fn show(plan: Plan<'_>, check: &CheckReport, files: &Files, output: &Output) -> Outcome {
    let mut outcome = check.outcome();
    if plan.as_test {
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
        command: "cargo verify check",
        outcome,
        check: Some(check),
        prove: None,
        defects: None,
        run: None,
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
    use std::path::Path;

    use closesocket_models::{
        Call, Handle, OperationSpec, Scenario, SlotSpec, SocketSpec, Surroundings, ThreadSpec,
    };
    use closesocket_models::{CloseModel, Outcome as Found, check};

    use super::{CheckReport, Plan, Scope, SearchArguments, show};
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

    const PLAN: Plan<'static> = Plan {
        scenarios: &[],
        defect: None,
        svg: None,
        itf: None,
        graph: None,
        graph_states: 0,
        as_test: false,
        reduced: false,
        scope: Scope::Catalogue,
        search: &ASKED,
    };

    static ASKED: SearchArguments = SearchArguments {
        checker: super::search::CheckerName::Frontier,
        workers: None,
        memory: None,
        checkpoint: None,
        checkpoint_seconds: 60,
        hosts: None,
        process: None,
    };

    #[test]
    fn no_way_to_show_a_verdict_changes_it() {
        let drawn = std::env::temp_dir().join(format!("verify-{}.svg", std::process::id()));
        let graph = drawn.with_extension("json");
        let plans = [
            PLAN,
            Plan {
                as_test: true,
                ..PLAN
            },
            Plan {
                svg: Some(&drawn),
                ..PLAN
            },
            // A graph that is too large, and a disk that is full.
            Plan {
                itf: Some(Path::new("/dev/full")),
                graph: Some(&graph),
                ..PLAN
            },
        ];
        for plan in plans {
            let files = super::Files::open(&plan).expect("they can be written");
            for format in FORMATS {
                let output = output(format);
                let shown = show(plan, &stuck(|_| {}), &files, &output);
                assert_eq!(shown, Outcome::Differs, "{plan:?}, {format:?}");
                let cut = stuck(|found| {
                    found.complete = false;
                    for it in &mut found.verdicts {
                        it.1 = closesocket_models::Verdict::Holds;
                    }
                });
                let shown = show(plan, &cut, &files, &output);
                assert_eq!(shown, Outcome::Incomplete, "{plan:?}, {format:?}");
            }
        }
        assert!(std::fs::remove_file(&drawn).is_ok(), "it was drawn");
        assert!(!graph.exists(), "half a graph is none");
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
