//! A drawing of what was recorded of a real run, one record after the other.

use closesocket::engine::observe::Step;
use closesocket_trace::{Life, Problem, Record, Told, Touch, Touched, told};

use super::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, Violation};

impl Drawing {
    /// Draws what led to a record that was rejected, which is the last row, or what came
    /// last of that of which something is left at the end; `None` if the problem is about
    /// no record.
    #[must_use]
    pub fn of_problem(problem: &Problem) -> Option<Self> {
        let rejected = problem.around.last()?;
        let title = match (problem.thread, problem.number) {
            (Some(thread), Some(number)) => {
                format!("what led to event {number} of thread {thread}")
            }
            _ => "what came last of what is left".to_owned(),
        };
        let mut drawing = Self::of_records(title, &problem.around);
        let place = |name: &str| drawing.lanes.iter().position(|it| it.name == name);
        let last = told(&rejected.observation).touches.pop();
        let lane = last.and_then(|it| place(&lane(&it).name));
        if let Some(row) = drawing.rows.last_mut() {
            row.violates.push(Violation {
                invariant: "the protocol".to_owned(),
                witness: Some(problem.reason.clone()),
                lane,
            });
        }
        Some(drawing)
    }

    /// Draws records in an order that was found: threads, descriptors and sockets have
    /// a lane each.
    #[must_use]
    pub fn of_records(title: String, records: &[Record]) -> Self {
        let steps: Vec<_> = records
            .iter()
            .map(|it| (it, told(&it.observation)))
            .collect();
        let lanes = lanes(&steps);
        let mut lines = before(&lanes, &steps);
        let mut rows = vec![row("what came before".to_owned(), &lines)];
        for (record, told) in &steps {
            let place = |name: &str| lanes.iter().position(|it| it.name == name);
            let touched = told
                .touches
                .iter()
                .filter_map(|it| Some((place(&lane(it).name)?, it)));
            let touched: Vec<_> = touched.collect();
            for (index, touch) in &touched {
                lines[*index] = goes_on(lines[*index], touch.life);
            }
            let actor = place(&thread(record).name);
            if let Some(actor) = actor {
                lines[actor] = Line::Active;
            }
            let mut row = row(format!("{} {}", thread(record).name, told.sentence), &lines);
            for (index, touch) in touched {
                row.cells[index].mark = Some(mark(record));
                row.cells[index].texts = vec![touch.what.clone()];
            }
            if let Some(actor) = actor {
                let commits = matches!(record.observation.step, Step::Committed { .. });
                row.cells[actor].mark = Some(if commits { Mark::Commit } else { Mark::Step });
            }
            row.actor = actor;
            rows.push(row);
        }
        Self {
            title,
            lanes,
            rows,
            notes: Vec::new(),
        }
    }
}

/// A row in which nothing is touched.
fn row(sentence: String, lines: &[Line]) -> Row {
    let cells = lines.iter().map(|&line| Cell {
        line,
        ..Cell::default()
    });
    Row {
        sentence,
        actor: None,
        cells: cells.collect(),
        violates: Vec::new(),
    }
}

/// The lane of a thread, by its number in the trace.
fn thread(record: &Record) -> Lane {
    Lane {
        name: format!("T{}", record.thread),
        kind: LaneKind::Thread,
    }
}

/// The lane of something that a step touches.
fn lane(touch: &Touch) -> Lane {
    let (word, kind) = match touch.kind {
        Touched::Descriptor => ("descriptor", LaneKind::Descriptor),
        Touched::Socket => ("socket", LaneKind::Socket),
    };
    Lane {
        name: format!("{word} {}", touch.name),
        kind,
    }
}

/// The threads, then the descriptors, then the sockets, each as they come.
fn lanes(steps: &[(&Record, Told)]) -> Vec<Lane> {
    let touched = || steps.iter().flat_map(|it| &it.1.touches).map(lane);
    let of = |kind| touched().filter(move |it| it.kind == kind);
    let threads = steps.iter().map(|it| thread(it.0));
    let mut lanes = Vec::new();
    for lane in threads
        .chain(of(LaneKind::Descriptor))
        .chain(of(LaneKind::Socket))
    {
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    lanes
}

/// How the lanes come down to the first step: what begins later is not there, and of
/// a thread nothing is known.
fn before(lanes: &[Lane], steps: &[(&Record, Told)]) -> Vec<Line> {
    let line = |of: &Lane| {
        let mut touches = steps.iter().flat_map(|it| &it.1.touches);
        match touches.find(|it| lane(it) == *of).map(|it| it.life) {
            Some(Life::Begins) => Line::None,
            Some(_) => Line::Active,
            None => Line::Idle,
        }
    };
    lanes.iter().map(line).collect()
}

const fn goes_on(line: Line, life: Life) -> Line {
    match life {
        Life::Begins => Line::Active,
        Life::GoesOn => line,
        Life::Ending => Line::Waiting,
        Life::Over => Line::None,
    }
}

const fn mark(record: &Record) -> Mark {
    match record.observation.step {
        Step::Released => Mark::Release,
        Step::HandleReturned { succeeded: true } => Mark::HandleBack,
        Step::Taken {
            aborted: Some(_), ..
        } => Mark::Abort,
        _ => Mark::Change,
    }
}
