//! A state in words, for Explorer and for counterexamples.

use std::fmt;

use closesocket::protocol::invariant::{Invariant, OperationState};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Cause, CloseMode, Phase, SendSide};
use closesocket_trace::words::count;

use crate::state::{PROCESSES, RECORDS, SLOTS, State, Thread, WORKER};
use crate::view::View;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, text) in entries(self) {
            map.entry(&Plain(&name), &Plain(&text));
        }
        map.finish()
    }
}

/// What a step changed, one line each: what it is now, and what it was.
pub(crate) fn changes(before: &State, after: &State) -> Vec<String> {
    let (before, after) = (entries(before), entries(after));
    let find = |entries: &[Entry], name: &str| {
        let found = entries.iter().find(|it| it.0 == name);
        found.map_or_else(|| "nothing".to_owned(), |it| it.1.clone())
    };
    let gone = before
        .iter()
        .filter(|it| !after.iter().any(|other| it.0 == other.0));
    let names = after.iter().chain(gone).map(|it| &it.0);
    names
        .map(|name| (name, find(&before, name), find(&after, name)))
        .filter(|(_, was, is)| was != is)
        .map(|(name, was, is)| format!("{name}: {is}\n    was {was}"))
        .collect()
}

/// The name of a part of the world, and how it stands.
type Entry = (String, String);

/// What differs from "nothing is going on here".
fn entries(state: &State) -> Vec<Entry> {
    let mut entries = threads(state);
    entries.extend(slots(state));
    for index in 0..usize::from(state.rest().created()) {
        entries.push((format!("socket {index}"), socket(state, index)));
    }
    for (index, it) in state.operations().enumerate() {
        if it.state() != OperationState::Idle || it.generation() != 0 || it.succeeded() {
            let mut text = format!("{:?} through {}.{}", it.state(), it.slot(), it.generation());
            if it.remaining() != 0 {
                text += &format!(", {} left", count(it.remaining(), "chunk"));
            }
            if it.succeeded() {
                text += ", succeeded";
            }
            if it.silent() {
                text += ", silently";
            }
            if it.number() != 0 {
                text += &format!(", behind {} of its direction", it.number());
            }
            entries.push((format!("operation {index}"), text));
        }
    }
    for (index, it) in (0..RECORDS).map(|it| state.record(it)).enumerate() {
        if let Some(record) = it.record() {
            let text = format!("{:?} for {}", record.state, record.target);
            entries.push((format!("record {index}"), text));
        }
    }
    for (index, it) in (0..PROCESSES).map(|it| state.process(it)).enumerate() {
        if let Some(cause) = it.gone() {
            entries.push((format!("process {index}"), format!("{cause:?}")));
        }
    }
    if state.rest().rested() {
        entries.push(("world".to_owned(), "at rest".to_owned()));
    }
    let table = Invariant::<View<'static>>::TABLE;
    let table = table.iter().enumerate();
    let violated = table.filter(|(index, _)| state.violated().contains(*index));
    let violated: Vec<_> = violated.map(|(_, it)| it.id).collect();
    if !violated.is_empty() {
        entries.push(("VIOLATED".to_owned(), violated.join(", ")));
    }
    entries
}

fn threads(state: &State) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (index, it) in state.threads().enumerate() {
        if it == Thread::default() {
            continue;
        }
        let name = if index == WORKER {
            "transport".to_owned()
        } else {
            format!("T{}", index + 1)
        };
        entries.push((name, thread(&it)));
    }
    entries
}

/// Where a thread is, and those of its variables that are set.
fn thread(it: &Thread) -> String {
    let mut text = format!("call {}, next {:?}", it.call(), it.next());
    let mut note = |set: bool, part: String| {
        if set {
            text += &part;
        }
    };
    let place = format!(", slot {}.{}", it.slot(), it.generation());
    note(it.next() != Next::Idle, place);
    note(it.socket() != 0, format!(" of socket {}", it.socket()));
    note(
        it.guess() != 0,
        format!(", saw {}", count(it.guess(), "holder")),
    );
    let taken = format!(", took operations {:04b}", it.taken());
    note(it.taken() != 0, taken);
    note(it.holding(), ", has its own hold".to_owned());
    note(it.waited(), ", had to wait".to_owned());
    note(it.cancelled(), ", was cancelled".to_owned());
    let own = format!(", got {}.{}", it.own_slot(), it.own_generation());
    note(it.own_generation() != 0, own);
    note(
        it.cursor() != 0,
        format!(", at {} of its process", it.cursor()),
    );
    text
}

fn slots(state: &State) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (index, it) in (0..SLOTS).map(|it| state.slot(it)).enumerate() {
        if it.word().generation() == 1 && it.word().phase() == WordPhase::Free && !it.reserved() {
            continue;
        }
        let mut text = format!("{:?} for socket {}", it.word(), it.socket());
        let mut note = |set: bool, part: String| {
            if set {
                text += &part;
            }
        };
        note(it.reserved(), ", reserved".to_owned());
        note(it.retired(), ", retired".to_owned());
        note(
            it.returns() != 0,
            format!(", handle back {}", count(it.returns(), "time")),
        );
        note(it.cause() != Cause::Call, format!(", by {:?}", it.cause()));
        entries.push((format!("slot {index}"), text));
    }
    entries
}

fn socket(state: &State, index: usize) -> String {
    let it = &state.socket(index);
    let phase = match it.machine().phase {
        Phase::Open => "open".to_owned(),
        Phase::Draining { deadline: None } => "draining".to_owned(),
        Phase::Draining { deadline: Some(_) } => "draining against a deadline".to_owned(),
        Phase::Closed(ending) => format!("closed as {ending:?}"),
    };
    let mut text = format!(
        "{phase}, {:?}, {}, {} unsent, {} in flight, {} of {} acknowledged",
        it.machine().connection,
        count(it.machine().references, "reference"),
        it.machine().unsent,
        it.machine().in_flight,
        it.acknowledged(),
        it.accepted(),
    );
    let mut note = |set: bool, part: String| {
        if set {
            text += &part;
        }
    };
    let side = it.machine().send_side;
    note(side != SendSide::Open, format!(", send side {side:?}"));
    let close_mode = it.machine().linger.close_mode();
    let lingers = close_mode != CloseMode::Background;
    note(lingers, format!(", linger {close_mode:?}"));
    note(it.machine().input_unread, ", unread input".to_owned());
    note(it.machine().receive_lost, ", receive side lost".to_owned());
    note(
        it.waiting() != 0,
        format!(", {} in the backlog", it.waiting()),
    );
    note(it.reset(), ", reset".to_owned());
    let released = format!(", released {}", count(it.releases(), "time"));
    note(it.releases() != 0, released);
    note(it.locked_by_waiter(), ", locked by who waits".to_owned());
    let inputs = format!(", {} to come", count(it.inputs_left(), "input"));
    note(it.inputs_left() != 0, inputs);
    let joins = format!(", {} to come", count(it.joins_left(), "connection"));
    note(it.joins_left() != 0, joins);
    text
}

/// Text without quotation marks.
struct Plain<'a>(&'a str);

impl fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
