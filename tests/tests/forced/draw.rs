//! Both sides of a course, drawn as lanes: the model's path, and where the threads of
//! the engine were after each of its steps.

use closesocket_models::lanes::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row};
use closesocket_models::state::WORKER;
use closesocket_models::{Action, CloseModel, Transition};

use super::seat::{At, Gate};

/// The two drawings.
pub(crate) fn both(model: &CloseModel, path: &[Transition], places: &[Vec<At>]) -> String {
    let of_model = Drawing::of_path(model, path).to_text(80);
    let threads = model.scenario().threads.len();
    let lane = |name: String| Lane {
        name,
        kind: LaneKind::Socket,
    };
    let mut lanes: Vec<Lane> = (1..=threads).map(|it| lane(format!("T{it}"))).collect();
    lanes.push(lane("transport".to_owned()));
    let seats: Vec<usize> = (0..threads).chain([WORKER]).collect();
    let mut before = vec![At::Idle; WORKER + 1];
    let mut rows = vec![row("the start", None, &seats, &before, &before)];
    for (transition, after) in path.iter().zip(places) {
        let Action { thread, .. } = transition.action;
        let actor = thread.and_then(|it| seats.iter().position(|seat| *seat == usize::from(it)));
        let sentence = transition.action.to_string();
        rows.push(row(&sentence, actor, &seats, &before, after));
        before.clone_from(after);
    }
    let of_engine = Drawing {
        title: "the engine: where each thread is, before which instruction or section".to_owned(),
        lanes,
        rows,
        notes: Vec::new(),
    };
    format!("{of_model}\n{}", of_engine.to_text(80))
}

fn row(sentence: &str, actor: Option<usize>, seats: &[usize], before: &[At], after: &[At]) -> Row {
    let cell = |(lane, seat): (usize, &usize)| {
        let at = after[*seat];
        let acts = actor == Some(lane);
        let moved = acts || at != before[*seat];
        Cell {
            line: match at {
                At::Idle => Line::Idle,
                At::Gate { inside: true, .. } => Line::Locked,
                At::Gate { .. } => Line::Active,
                At::Asleep { .. } | At::Barred | At::Panicked => Line::Waiting,
            },
            mark: moved.then_some(if acts { Mark::Step } else { Mark::Change }),
            texts: if moved {
                vec![in_words(at)]
            } else {
                Vec::new()
            },
        }
    };
    Row {
        sentence: sentence.to_owned(),
        actor,
        cells: seats.iter().enumerate().map(cell).collect(),
        violates: Vec::new(),
    }
}

fn in_words(at: At) -> String {
    match at {
        At::Idle => "in no call".to_owned(),
        At::Asleep { at_socket: true } => "waits".to_owned(),
        At::Asleep { at_socket: false } => "blocked".to_owned(),
        At::Barred => "wants a lock that another has".to_owned(),
        At::Panicked => "panicked".to_owned(),
        At::Gate { gate, .. } => match gate {
            Gate::Load { word } => format!("loads word {word}"),
            Gate::Enter { word, holders } => format!("enters word {word} + {holders}"),
            Gate::Leave { word, holders } => format!("leaves word {word} - {holders}"),
            Gate::Swap { word } => format!("swaps word {word}"),
            Gate::Section => "takes the lock".to_owned(),
            Gate::Queue => "posts".to_owned(),
            Gate::Answer { of } => format!("answers T{}", of + 1),
            Gate::Reserve => "reserves".to_owned(),
            Gate::LookAtProcess => "looks at its process".to_owned(),
            Gate::Upcall => "upcall".to_owned(),
            Gate::Startups => "startup or stop".to_owned(),
            Gate::Index => "looks what is left".to_owned(),
        },
    }
}
