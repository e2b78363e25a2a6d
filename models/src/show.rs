//! A state in words, for Explorer and for counterexamples.

use std::fmt;

use closesocket::protocol::Phase;
use closesocket::protocol::invariant::{Invariant, OperationState};
use closesocket::protocol::word::WordPhase;

use crate::state::{At, PROCESSES, RECORDS, SLOTS, State, WORKER};
use crate::view::View;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self)
    }
}

/// Writes what differs from "nothing is going on here".
fn show(f: &mut fmt::Formatter<'_>, state: &State) -> fmt::Result {
    let mut map = f.debug_map();
    for (index, it) in state.threads().enumerate() {
        if it.at() == At::Ready && (it.call() == 0 || index == WORKER) {
            continue;
        }
        let name = if index == WORKER {
            "transport".to_owned()
        } else {
            format!("T{}", index + 1)
        };
        let mut text = format!("call {}, {:?}", it.call(), it.at());
        if it.at() != At::Ready {
            text += &format!(" slot {}.{}", it.slot(), it.generation());
        }
        if it.taken() != 0 {
            text += &format!(", took operations {:04b}", it.taken());
        }
        map.entry(&Plain(&name), &Plain(&text));
    }
    for (index, it) in (0..SLOTS).map(|it| state.slot(it)).enumerate() {
        if it.word().generation() == 1 && it.word().phase() == WordPhase::Free && !it.reserved() {
            continue;
        }
        let text = format!(
            "{:?} for socket {}{}{}",
            it.word(),
            it.socket(),
            if it.reserved() { ", reserved" } else { "" },
            if it.retired() { ", retired" } else { "" },
        );
        map.entry(&Plain(&format!("slot {index}")), &Plain(&text));
    }
    for index in 0..usize::from(state.rest().created()) {
        map.entry(
            &Plain(&format!("socket {index}")),
            &Plain(&socket(state, index)),
        );
    }
    for (index, it) in state.operations().enumerate() {
        if it.state() != OperationState::Idle {
            let text = format!("{:?} through {}.{}", it.state(), it.slot(), it.generation());
            map.entry(&Plain(&format!("operation {index}")), &Plain(&text));
        }
    }
    for (index, it) in (0..RECORDS).map(|it| state.record(it)).enumerate() {
        if let Some(record) = it.record() {
            let text = format!("{:?} for {}", record.state, record.target);
            map.entry(&Plain(&format!("record {index}")), &Plain(&text));
        }
    }
    for (index, it) in (0..PROCESSES).map(|it| state.process(it)).enumerate() {
        if let Some(cause) = it.gone() {
            map.entry(
                &Plain(&format!("process {index}")),
                &Plain(&format!("{cause:?}")),
            );
        }
    }
    let table = Invariant::<View<'static>>::TABLE;
    for (_, invariant) in table
        .iter()
        .enumerate()
        .filter(|(index, _)| state.violated().contains(*index))
    {
        map.entry(&Plain("VIOLATED"), &Plain(invariant.id));
    }
    map.finish()
}

fn socket(state: &State, index: usize) -> String {
    let it = &state.socket(index);
    let phase = match it.machine().phase {
        Phase::Open => "open".to_owned(),
        Phase::Draining { deadline: None } => "draining".to_owned(),
        Phase::Draining { deadline: Some(_) } => "draining against a deadline".to_owned(),
        Phase::Closed(ending) => format!("closed as {ending:?}"),
    };
    format!(
        "{phase}, {:?}, {} references, {} unsent, {} in flight, {} of {} acknowledged{}",
        it.machine().connection,
        it.machine().references,
        it.machine().unsent,
        it.machine().in_flight,
        it.acknowledged(),
        it.accepted(),
        if it.reset() { ", reset" } else { "" },
    )
}

/// Text without quotation marks.
struct Plain<'a>(&'a str);

impl fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
