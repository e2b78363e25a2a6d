//! The files that a check writes beside its result: the shortest counterexample as a
//! drawing, as a trace for other tools and as one for the replay, and the whole graph of a
//! scenario.

use std::path::{Path, PathBuf};

use closesocket_models::CloseModel;
use closesocket_models::lanes::Drawing;
use closesocket_trace::to_text;

use super::CheckArguments;
use super::job::Job;
use crate::file::Target;
use crate::found::check::{CheckReport, InvariantReport, ScenarioReport};
use crate::out::errln;
use crate::outcome::Outcome;
use crate::output;
use crate::report::{count, graph, itf};
use crate::suite::suite;

/// The files that are asked for.
#[derive(Debug, Default)]
pub(super) struct Files {
    svg: Option<Target>,
    itf: Option<Target>,
    trace: Option<Target>,
    graph: Option<(Target, usize)>,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Dot,
}

impl Form {
    /// The form that the name of a file asks for.
    fn of(name: &Path) -> Option<Self> {
        match name.extension()?.to_str()? {
            "json" => Some(Self::Json),
            "dot" => Some(Self::Dot),
            _ => None,
        }
    }
}

/// A file for a graph, whose name says in which form.
pub(crate) fn graph_file(text: &str) -> Result<PathBuf, String> {
    let name = PathBuf::from(text);
    match Form::of(&name) {
        Some(_) => Ok(name),
        None => Err("expected a file that ends in .json or .dot".to_owned()),
    }
}

impl Files {
    /// Tries whether they can be written.
    ///
    /// # Errors
    /// One line: which file cannot be, and why.
    pub(super) fn open(asked: &CheckArguments) -> Result<Self, String> {
        let open = |name: Option<&Path>| name.map(Target::at).transpose();
        let graph = open(asked.graph.as_deref())?;
        Ok(Self {
            svg: open(asked.svg.as_deref())?,
            itf: open(asked.itf.as_deref())?,
            trace: open(asked.trace.as_deref())?,
            graph: graph.map(|it| (it, asked.graph_states)),
        })
    }

    /// Writes them. Nothing is written of a graph that is too large: half of one would
    /// look like a whole.
    pub(super) fn write(&self, report: &CheckReport) -> Outcome {
        let svg = self.svg.as_ref().map(|file| {
            let drawn = report.shortest().map(|it| it.1.drawing.as_ref());
            written(file, "draw", drawn.flatten().map(Drawing::to_svg))
        });
        let itf = self.itf.as_ref().map(|file| {
            let states = report.shortest().and_then(|it| states(it.0, it.1));
            written(file, "write", states)
        });
        let trace = self.trace.as_ref().map(|file| write_trace(report, file));
        let graphs = report.scenarios.iter().zip(&self.graph);
        let graphs = graphs.map(|(scenario, (file, most))| write_graph(scenario, file, *most));
        let all = svg.into_iter().chain(itf).chain(trace).chain(graphs);
        all.fold(Outcome::AsExpected, Outcome::or)
    }
}

/// Writes a counterexample, if there is one.
fn written(file: &Target, how: &str, text: Option<String>) -> Outcome {
    let Some(text) = text else {
        let name = file.name().display();
        errln!("nothing is violated, so there is nothing to {how} in {name}");
        return Outcome::AsExpected;
    };
    outcome_of(file.write(&text))
}

const fn outcome_of(written: bool) -> Outcome {
    if written {
        Outcome::AsExpected
    } else {
        Outcome::Usage
    }
}

/// The model that a report is about.
fn model_of(report: &ScenarioReport) -> Option<CloseModel> {
    let job = Job {
        defect: report.defect.and_then(|name| suite().defect(name)),
        ..Job::plain(report.scenario)
    };
    job.model().ok()
}

fn states(scenario: &ScenarioReport, violated: &InvariantReport) -> Option<String> {
    let start = model_of(scenario)?.start();
    output::json(&itf::trace(&start, scenario, violated))
}

/// Writes the shortest counterexample as what the engine would have recorded along it.
fn write_trace(report: &CheckReport, file: &Target) -> Outcome {
    let path = report
        .shortest()
        .and_then(|it| Some((it.0, model_of(it.0)?, it.1.path.as_ref()?)));
    let Some((scenario, model, path)) = path else {
        return written(file, "write", None);
    };
    match model.recordings().of(&path.transitions()) {
        Ok(told) => written(file, "write", Some(to_text(&told.records))),
        Err(why) => {
            let (title, name) = (scenario.title(), file.name().display());
            errln!("error: {title}: {why}: {name} is not written");
            Outcome::Incomplete
        }
    }
}

fn write_graph(scenario: &ScenarioReport, file: &Target, most: usize) -> Outcome {
    // What does not fit has been said.
    let Some(model) = model_of(scenario) else {
        return Outcome::Incomplete;
    };
    let name = file.name();
    let Some(found) = model.graph(most) else {
        errln!(
            "error: {} has more than {}: {} is not written; --graph-states raises the limit",
            scenario.title(),
            count(most, "state"),
            name.display()
        );
        return Outcome::Incomplete;
    };
    let text = match Form::of(name) {
        Some(Form::Dot) => graph::to_dot(scenario, &found),
        _ => graph::to_json(scenario, &found),
    };
    outcome_of(file.write(&text))
}
