//! A refutation: the way of views to what is wrong, drawn as lanes.

use closesocket::protocol::Phase;
use closesocket::protocol::invariant::Invariant;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::fixpoint::{By, Fixpoint, Wrong};
use super::view::View;
use crate::action::What;
use crate::lanes::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, Violation};
use crate::view;

/// Why a proof fails, and how that comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refutation {
    /// The invariants that the last step violates, by their names.
    pub violated: Vec<&'static str>,
    /// Or what nobody takes care of.
    pub leak: Option<&'static str>,
    /// Steps of the way.
    pub steps: usize,
    /// The way.
    pub drawing: Drawing,
}

const ACTOR: usize = 0;
const OTHERS: usize = 1;
const SURROUNDINGS: usize = 4;

impl Refutation {
    pub(super) fn of(fixpoint: &Fixpoint<'_>, wrong: &Wrong, title: String) -> Self {
        let table = Invariant::<view::View<'static>>::TABLE;
        let violated: Vec<&'static str> = table
            .iter()
            .enumerate()
            .filter(|(index, _)| wrong.violated.contains(*index))
            .map(|(_, it)| it.id)
            .collect();
        let mut way = Vec::new();
        let mut at = Some(wrong.view);
        while let Some(index) = at {
            let (view, from) = fixpoint.views[index as usize];
            way.push((view, from.map(|it| (it.by, it.what))));
            at = from.map(|it| it.from);
        }
        way.reverse();
        let mut rows: Vec<Row> = way.iter().map(|(view, step)| row(view, *step)).collect();
        if let (Some(step), Some((last, _))) = (wrong.what, way.last()) {
            let mut row = row(last, Some(step));
            row.violates = violated.iter().map(|it| violation(it)).collect();
            rows.push(row);
        }
        let lane = |name: &str, kind| Lane {
            name: name.to_owned(),
            kind,
        };
        let why = violated.iter().map(|it| format!("{it} does not hold."));
        Self {
            steps: rows.len().saturating_sub(1),
            drawing: Drawing {
                title,
                lanes: vec![
                    lane("actor", LaneKind::Thread),
                    lane("rest", LaneKind::Surroundings),
                    lane("the slot", LaneKind::Descriptor),
                    lane("its socket", LaneKind::Socket),
                    lane("surroundings", LaneKind::Surroundings),
                ],
                rows,
                notes: why
                    .chain(wrong.leak.map(|it| format!("It leaks: {it}.")))
                    .collect(),
            },
            violated,
            leak: wrong.leak,
        }
    }
}

/// A view stands for what it leaves out: there is no object to name.
fn violation(invariant: &str) -> Violation {
    Violation {
        invariant: invariant.to_owned(),
        witness: None,
        lane: None,
    }
}

fn row(view: &View, step: Option<(By, What)>) -> Row {
    let (sentence, actor) = match step {
        None => ("a slot that was never used".to_owned(), None),
        Some((By::Itself, what)) => (format!("the actor {what}"), Some(ACTOR)),
        Some((By::Another, what)) => (format!("another {what}"), Some(OTHERS)),
        Some((By::Elsewhere, what)) => (
            format!("at another descriptor, a thread {what}"),
            Some(OTHERS),
        ),
        Some((By::Surroundings, what)) => (what.to_string(), Some(SURROUNDINGS)),
    };
    let mut cells = vec![
        of_actor(view),
        of_rest(view),
        of_slot(view),
        of_socket(view),
    ];
    cells.push(Cell {
        line: Line::Idle,
        ..Cell::default()
    });
    if let Some(cell) = actor.and_then(|it| cells.get_mut(it)) {
        cell.mark = Some(Mark::Step);
    }
    Row {
        sentence,
        actor,
        cells,
        violates: Vec::new(),
    }
}

fn of_actor(view: &View) -> Cell {
    let line = match view.actor.next() {
        Next::Idle => Line::Idle,
        Next::Wait | Next::Sleep => Line::Waiting,
        Next::Commit => Line::Locked,
        _ => Line::Active,
    };
    let text = if view.actor.is_nobody() {
        "in no call".to_owned()
    } else {
        view.actor.call.name().to_owned()
    };
    Cell {
        line,
        mark: None,
        texts: vec![text],
    }
}

fn of_rest(view: &View) -> Cell {
    Cell {
        line: Line::Idle,
        mark: None,
        texts: view.rest.names().map(ToOwned::to_owned).collect(),
    }
}

fn of_slot(view: &View) -> Cell {
    let (line, text) = match view.key.phase() {
        _ if view.key.is_alone() => (Line::None, ""),
        WordPhase::Free => (Line::None, "free"),
        WordPhase::Open => (Line::Active, "open"),
        WordPhase::Sealed => (Line::Waiting, "closed"),
        WordPhase::Claimed => (Line::Idle, "claimed"),
    };
    let mut texts = vec![text.to_owned()];
    if view.key.is_over() {
        texts.push("its life is over".to_owned());
    }
    Cell {
        line,
        mark: None,
        texts,
    }
}

fn of_socket(view: &View) -> Cell {
    if !view.key.has_socket() {
        return Cell::default();
    }
    let machine = view.key.socket().machine();
    let line = match machine.phase {
        Phase::Open => Line::Active,
        Phase::Draining { .. } => Line::Waiting,
        Phase::Closed(_) => Line::Idle,
    };
    let phase = match machine.phase {
        Phase::Open => "open".to_owned(),
        Phase::Draining { .. } => "draining".to_owned(),
        Phase::Closed(ending) => format!("ended: {ending:?}"),
    };
    let mut texts = vec![phase];
    if machine.queued() > 0 {
        texts.push(format!("{} queued", machine.queued()));
    }
    if view.key.others() {
        texts.push("others refer".to_owned());
    }
    Cell {
        line,
        mark: None,
        texts,
    }
}
