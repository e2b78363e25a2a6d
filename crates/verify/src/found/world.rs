//! A state of the model in words, for other tools: records, lists, texts, numbers and
//! flags, and no packed bytes. Values of the protocol are written as they write
//! themselves (`docs/trace.md`).

use std::fmt;

use closesocket::protocol::invariant::{Invariant, OperationState};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket_models::state::{
    Operation, PROCESSES, RECORDS, Slot, SocketState, State, Thread, WORKER,
};
use closesocket_models::{OperationSpec, Scenario, View};
use serde_json::{Map, Value, json};

/// The parts of a state, each under its name, in the order of [`PARTS`]. A part is the
/// same kind of value in every state, as the readers of traces ask for.
pub(crate) fn world(scenario: &Scenario, state: &State) -> Map<String, Value> {
    let threads = scenario.threads.iter().enumerate();
    let mut threads: Vec<_> = threads
        .map(|(index, it)| thread(&format!("T{}", index + 1), it.process, state.thread(index)))
        .collect();
    threads.push(thread("transport", 0, state.thread(WORKER)));
    let slots = scenario.slots.iter().enumerate();
    let slots = slots.map(|(index, it)| slot(it.process, state.slot(index)));
    let sockets = 0..usize::from(state.rest().created());
    let operations = scenario.operations.iter().zip(state.operations());
    let violated = Invariant::<View<'static>>::TABLE.into_iter().enumerate();
    let violated = violated.filter(|(index, _)| state.violated().contains(*index));
    let parts = [
        json!(threads),
        slots.collect(),
        sockets.map(|it| socket(&state.socket(it))).collect(),
        operations.map(|(spec, it)| operation(*spec, it)).collect(),
        (0..RECORDS).map(|it| record(state, it)).collect(),
        (0..PROCESSES).map(|it| process(state, it)).collect(),
        json!(state.rest().rested()),
        violated.map(|(_, it)| it.id).collect(),
    ];
    PARTS.map(str::to_owned).into_iter().zip(parts).collect()
}

/// The names of the parts of a state. Threads are named, of the others a thing has the
/// place of its number; the world is at rest when nothing can happen any more.
pub(crate) const PARTS: [&str; 8] = [
    "threads",
    "slots",
    "sockets",
    "operations",
    "records",
    "processes",
    "at_rest",
    "violated",
];

/// What stands where there is nothing.
const NONE: &str = "none";

/// The number of a socket as a text, since there may be none.
fn of_socket(socket: u8, is: bool) -> String {
    if is {
        socket.to_string()
    } else {
        NONE.to_owned()
    }
}

/// A thread: which call of its script it is in, what it does next in it, and the local
/// variables of the call.
fn thread(name: &str, process: u8, it: Thread) -> Value {
    let descriptor = |slot, generation| match generation {
        0 => NONE.to_owned(),
        _ => format!("{slot}.{generation}"),
    };
    json!({
        "name": name,
        "process": process,
        "call": it.call(),
        "next": self::name(it.next()),
        "descriptor": descriptor(it.slot(), it.generation()),
        "socket": of_socket(it.socket(), it.next() != Next::Idle),
        "holders_seen": it.guess(),
        "taken_out": bits(it.taken()),
        "has_its_hold": it.holding(),
        "had_to_wait": it.waited(),
        "cancelled": it.cancelled(),
        "got": descriptor(it.own_slot(), it.own_generation()),
        "swept_up_to": it.cursor(),
    })
}

/// The name of a variant, with hyphens.
fn name(variant: impl fmt::Debug) -> String {
    let mut name = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The places of the bits that are set.
fn bits(mask: u8) -> Vec<u32> {
    (0..u8::BITS).filter(|it| mask >> it & 1 == 1).collect()
}

/// A descriptor slot: the word of its occupant, and what became of it.
fn slot(process: u8, it: Slot) -> Value {
    let word = it.word();
    let closed = matches!(word.phase(), WordPhase::Sealed | WordPhase::Claimed);
    let used = word.phase() != WordPhase::Free || it.reserved();
    json!({
        "process": process,
        "generation": word.generation(),
        "phase": word.phase().to_string(),
        "holders": word.holders(),
        "socket": of_socket(it.socket(), used),
        "closed_by": if closed { it.cause().to_string() } else { NONE.to_owned() },
        "handle_returns": it.returns(),
        "reserved": it.reserved(),
        "retired": it.retired(),
    })
}

/// A socket: its machine, and what has really happened.
fn socket(it: &SocketState) -> Value {
    let machine = it.machine();
    json!({
        "phase": machine.phase.to_string(),
        "connection": machine.connection.to_string(),
        "linger": machine.linger.to_string(),
        "nonblocking": machine.nonblocking,
        "abort_scope": machine.abort_scope.to_string(),
        "unread_input": machine.unread_input.to_string(),
        "references": machine.references,
        "window": machine.window,
        "unsent": machine.unsent,
        "in_flight": machine.in_flight,
        "send_side": machine.send_side.to_string(),
        "receive_shut": machine.receive_shut,
        "receive_lost": machine.receive_lost,
        "input_unread": machine.input_unread,
        "backlog": machine.backlog,
        "accepted_chunks": it.accepted(),
        "acknowledged_chunks": it.acknowledged(),
        "reset": it.reset(),
        "releases": it.releases(),
        "waiting_connections": it.waiting(),
        "locked_by_waiter": it.locked_by_waiter(),
        "inputs_to_come": it.inputs_left(),
        "connections_to_come": it.joins_left(),
    })
}

/// An operation: how far it has come, through which descriptor.
fn operation(spec: OperationSpec, it: Operation) -> Value {
    let (state, aborted) = match it.state() {
        OperationState::Idle => ("idle", None),
        OperationState::Pending => ("pending", None),
        OperationState::Ending(cause) => ("taken-out", cause),
        OperationState::Ended(cause) => ("ended", cause),
    };
    json!({
        "kind": spec.kind.to_string(),
        "waiting": spec.waiting.to_string(),
        "state": state,
        "aborted_by": aborted.map_or_else(|| NONE.to_owned(), |it| it.to_string()),
        "slot": it.slot(),
        "generation": it.generation(),
        "socket": of_socket(it.socket(), it.state() != OperationState::Idle),
        "chunks_left": it.remaining(),
        "succeeded": it.succeeded(),
        "silent": it.silent(),
        "behind": it.number(),
    })
}

fn record(state: &State, index: usize) -> Value {
    let it = state.record(index);
    let made = it.record();
    json!({
        "state": made.map_or_else(|| NONE.to_owned(), |it| name(it.state)),
        "target": made.map_or_else(|| NONE.to_owned(), |it| it.target.to_string()),
        "socket": of_socket(it.socket(), made.is_some()),
    })
}

fn process(state: &State, index: usize) -> Value {
    let it = state.process(index);
    json!({
        "started": it.startups().is_initialised(),
        "ended_by": it.gone().map_or_else(|| NONE.to_owned(), |it| it.to_string()),
        "slots_of_ended_lives": bits(it.old()),
    })
}
