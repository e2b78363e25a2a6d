//! What a step changed, in the few words that fit into a lane.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::{
    Cause, CloseMode, Connection, Ending, Linger, Phase, RecordState, SendSide,
};
use closesocket_trace::words::count;

use crate::state::{Operation, Process, Record, Slot, SocketState, Thread};

/// What is new about a thread that is more than its line shows.
pub(super) fn thread(before: &Thread, after: &Thread) -> Vec<String> {
    let mut texts = Vec::new();
    if before.next() != Next::Sleep && after.next() == Next::Sleep {
        texts.push("blocks".to_owned());
    }
    if before.next() == Next::Sleep && after.next() != Next::Sleep {
        texts.push("woken".to_owned());
    }
    if before.next() != Next::Wait && after.next() == Next::Wait {
        texts.push("waits".to_owned());
    }
    texts
}

/// What is new about the occupant of a slot; `None` is no occupant.
pub(super) fn descriptor(before: Option<&Slot>, after: Option<&Slot>) -> Vec<String> {
    let Some(after) = after else {
        return before.map(|_| "freed".to_owned()).into_iter().collect();
    };
    let mut texts = Vec::new();
    if before.map(|it| it.word().phase()) != Some(after.word().phase()) {
        texts.push(after.word().phase().to_string());
    }
    if before.map_or(0, |it| it.word().holders()) != after.word().holders() {
        texts.push(format!("{} inside", after.word().holders()));
    }
    if before.map_or(0, |it| it.returns()) != after.returns() {
        texts.push("handle back".to_owned());
    }
    if !before.is_some_and(|it| it.retired()) && after.retired() {
        texts.push("retired".to_owned());
    }
    texts
}

/// What is new about an operation with this index.
pub(super) fn operation(index: usize, before: &Operation, after: &Operation) -> Vec<String> {
    let mut texts = Vec::new();
    if before.state() != after.state() {
        let state = match after.state() {
            OperationState::Idle => "idle",
            OperationState::Pending => "pending",
            OperationState::Ending(Some(_)) => "aborted",
            OperationState::Ending(None) => "taken out",
            OperationState::Ended(_) => "ended",
        };
        texts.push(format!("#{index} {state}"));
    }
    if before.state() != OperationState::Idle && before.remaining() != after.remaining() {
        texts.push(format!("#{index} {} left", after.remaining()));
    }
    texts
}

/// What is new about a socket; in its first row, what is not as usual.
pub(super) fn socket(before: Option<&SocketState>, after: &SocketState) -> Vec<String> {
    let mut texts = machine(before, after);
    texts.extend(data(before, after));
    let locked = before.is_some_and(|it| it.locked_by_waiter());
    if !locked && after.locked_by_waiter() {
        texts.push("stays locked".to_owned());
    }
    if !before.is_some_and(|it| it.reset()) && after.reset() {
        texts.push("reset".to_owned());
    }
    if before.map_or(0, |it| it.releases()) != after.releases() {
        texts.push(match after.releases() {
            1 => "released".to_owned(),
            count => format!("released {count} times"),
        });
    }
    texts
}

/// What is new about a socket's phase, references and options.
fn machine(before: Option<&SocketState>, after: &SocketState) -> Vec<String> {
    let (was, is) = (before.map(|it| it.machine()), after.machine());
    let mut texts = Vec::new();
    if was.map(|it| it.phase) != Some(is.phase) {
        texts.push(phase(is.phase));
    }
    if was.map_or(Connection::Connected, |it| it.connection) != is.connection {
        texts.push(is.connection.to_string());
    }
    if was.map(|it| it.references) != Some(is.references) {
        texts.push(count(is.references, "reference"));
    }
    if was.map_or(CloseMode::Background, |it| it.linger.close_mode()) != is.linger.close_mode() {
        texts.push(linger(is.linger));
    }
    if was.is_none() && is.nonblocking {
        texts.push("nonblocking".to_owned());
    }
    texts
}

/// What is new about a socket's data.
fn data(before: Option<&SocketState>, after: &SocketState) -> Vec<String> {
    let (was, is) = (before.map(|it| it.machine()), after.machine());
    let mut texts = Vec::new();
    if was.map_or(0, |it| it.unsent) != is.unsent {
        texts.push(format!("{} queued", is.unsent));
    }
    if was.map_or(0, |it| it.in_flight) != is.in_flight {
        texts.push(format!("{} in flight", is.in_flight));
    }
    if before.map_or(0, |it| it.acknowledged()) != after.acknowledged() {
        texts.push(format!("{} acked", after.acknowledged()));
    }
    if was.map_or(SendSide::Open, |it| it.send_side) != is.send_side {
        let side = match is.send_side {
            SendSide::Open => "send open",
            SendSide::ShuttingDown => "send shutting",
            SendSide::Closing => "send shut",
            SendSide::Finished => "FIN sent",
        };
        texts.push(side.to_owned());
    }
    if was.is_some_and(|it| it.input_unread) != is.input_unread {
        let input = if is.input_unread {
            "unread input"
        } else {
            "input read"
        };
        texts.push(input.to_owned());
    }
    if before.map_or(0, |it| it.waiting()) != after.waiting() {
        texts.push(format!("{} in backlog", after.waiting()));
    }
    texts
}

fn phase(phase: Phase) -> String {
    let how = match phase {
        Phase::Open => return "open".to_owned(),
        Phase::Draining { deadline: None } => return "draining".to_owned(),
        Phase::Draining { deadline: Some(_) } => return "draining, limited".to_owned(),
        Phase::Closed(ending) => match ending {
            Ending::Unconnected => "unconnected",
            Ending::Graceful => "gracefully",
            Ending::Hard => "hard",
            Ending::Expired => "out of time",
            Ending::Lost => "as lost",
            Ending::Unread => "with unread input",
            Ending::HandedOver => "handed over",
        },
    };
    format!("closed {how}")
}

fn linger(linger: Linger) -> String {
    match linger.close_mode() {
        CloseMode::Background => "no linger".to_owned(),
        CloseMode::Hard => "linger 0 s".to_owned(),
        CloseMode::Linger { seconds } => format!("linger {seconds} s"),
    }
}

/// What is new about a record with this index.
pub(super) fn record(index: usize, before: &Record, after: &Record) -> Option<String> {
    let now = after.record()?;
    if before.record().is_some_and(|it| it.state == now.state) {
        return None;
    }
    Some(match now.state {
        RecordState::Unredeemed => format!("record {index} for {}", now.target),
        RecordState::Redeemed => format!("record {index} redeemed"),
        RecordState::Reclaimed => format!("record {index} reclaimed"),
    })
}

/// What is new about a process with this index.
pub(super) fn process(index: usize, before: &Process, after: &Process) -> Option<String> {
    if before.gone() == after.gone() {
        return None;
    }
    after.gone().map(|cause| match cause {
        Cause::Death => format!("P{index} dead"),
        _ => format!("P{index} cleans up"),
    })
}
