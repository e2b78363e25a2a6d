//! `cargo verify prove`: worlds of any size, by the fixpoint of views, and the checks
//! of that check.

use std::time::Instant;

use closesocket_models::DefectSpec;
use closesocket_models::prove::{
    Family as Named, Ghosts, Worlds, needed, not_expressed, prove, refute,
};

use crate::found::Report;
use crate::found::prove::{Defect, Document, Family, Ghost, ProveReport};
use crate::interrupt::Part;
use crate::out::{errln, outln, text};
use crate::outcome::Outcome;
use crate::output::{Format, Output, json};
use crate::parallel::side_by_side;
use crate::report;
use crate::style::Style;
use crate::suite::suite;

/// Proves and prints.
pub(crate) fn command(output: &Output) -> Outcome {
    if suite().families.is_empty() {
        errln!("error: there are no families to prove anything of");
        return Outcome::Usage;
    }
    let proof = proof(output);
    if output.is_chatty() {
        text(format_args!("{}", proof.text(output.style.columns)));
    } else if output.is_text() {
        outln!("{}", proof.summary());
    }
    complain(&proof);
    let outcome = proof.outcome();
    let report = Report {
        prove: Some(&proof),
        ..Report::new("cargo verify prove", outcome)
    };
    let render = |format| match format {
        Format::Text => Some(proof.text(Style::PLAIN.columns)),
        Format::Json => json(&Document {
            schema: 1,
            prove: &proof,
        }),
        format => report::render(&report, format),
    };
    output.deliver(outcome, render, || Some(report::page(&report)))
}

/// Proves for the main job: one line, if it is for people.
pub(crate) fn summary(output: &Output) -> ProveReport {
    let proof = proof(output);
    if output.is_text() {
        outln!("{}", proof.summary());
    }
    complain(&proof);
    proof
}

fn complain(proof: &ProveReport) {
    for problem in proof.problems() {
        errln!("error: {problem}");
    }
}

/// One thing to do, of which many are done side by side.
enum Job {
    Family(&'static Named),
    Defect(&'static DefectSpec),
    Ghost(Ghosts, &'static str),
}

enum Done {
    Family(Box<Family>),
    Defect(Defect),
    Ghost(Ghost),
}

impl Done {
    /// Why a family is not proved.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Family(it) => it.problem(),
            Self::Defect(_) | Self::Ghost(_) => None,
        }
    }
}

impl Job {
    fn run(&self) -> Done {
        match self {
            Self::Family(it) => {
                Done::Family(Box::new(Family::new(prove(it, None, Worlds::OF_THE_GATE))))
            }
            Self::Defect(it) => {
                let excused = not_expressed(it.defect).is_some();
                let refuted = (!excused).then(|| refute(it.defect)).flatten();
                Done::Defect(Defect::new(it, refuted.as_ref()))
            }
            Self::Ghost(ghost, name) => {
                let failed = suite().families.first().and_then(|it| needed(it, *ghost));
                Done::Ghost(Ghost::new(name, failed.as_ref()))
            }
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Family(it) => it.name,
            Self::Defect(it) => it.name,
            Self::Ghost(_, name) => name,
        }
    }
}

fn proof(output: &Output) -> ProveReport {
    let begin = Instant::now();
    let jobs: Vec<Job> = suite()
        .families
        .iter()
        .map(Job::Family)
        .chain(suite().defects.iter().map(Job::Defect))
        .chain(Ghosts::ALL.map(|(ghost, name)| Job::Ghost(ghost, name)))
        .collect();
    let bar = output.progress(
        jobs.len() as u64,
        "proving for any number {pos}/{len} {wide_bar} {msg}",
    );
    let part = Part::begin("claim", "judged", Some(jobs.len()));
    let weight = |job: &Job| match job {
        Job::Family(it) => it.views,
        _ => 0,
    };
    let done = side_by_side(&jobs, weight, |job| {
        bar.set_message(job.name());
        let done = job.run();
        bar.inc(1);
        part.done(done.problem());
        done
    });
    bar.finish_and_clear();
    let (mut families, mut defects, mut ghosts) = (Vec::new(), Vec::new(), Vec::new());
    for it in done {
        match it {
            Done::Family(it) => families.push(*it),
            Done::Defect(it) => defects.push(it),
            Done::Ghost(it) => ghosts.push(it),
        }
    }
    ProveReport::new(families, defects, ghosts, begin.elapsed().as_secs_f64())
}
