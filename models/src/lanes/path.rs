//! A drawing of a path of the model.

use closesocket::protocol::invariant::{Object, OperationState, Witness};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::{Cell, Drawing, Lane, LaneKind, Line, Mark, Row, Violation, words};
use crate::action::{Action, What};
use crate::breach::Breach;
use crate::model::{CloseModel, Transition};
use crate::scenario::Scenario;
use crate::state::{
    OPERATIONS, PROCESSES, RECORDS, Slot, SocketState, State, Thread, WORKER, small,
};

impl Drawing {
    /// Draws a path from the start of a model. Each transition must lead on
    /// from the one before it; whether it does is not checked.
    #[must_use]
    pub fn of_path(model: &CloseModel, path: &[Transition]) -> Self {
        let plan = Plan::new(model.scenario, path);
        let start = model.scenario.start();
        let mut rows = vec![plan.start(&start)];
        let mut before = start;
        let mut notes = Vec::new();
        for transition in path {
            let breaches = if transition.next.violated().is_empty() && model.own.is_empty() {
                Vec::new()
            } else {
                model.breaches(&before, transition)
            };
            rows.push(plan.step(&before, transition, &breaches));
            notes = breaches.iter().map(Breach::note).collect();
            before = transition.next;
        }
        Self {
            title: title(model),
            lanes: plan.lanes.iter().map(|it| it.1.clone()).collect(),
            rows,
            notes,
        }
    }
}

/// The name of a scenario, and of its defect if there is one.
fn title(model: &CloseModel) -> String {
    let defect = model
        .defect_name
        .map_or_else(String::new, |it| format!(" with {it}"));
    format!("{}{defect}", model.scenario.name)
}

/// What a lane is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Thread(usize),
    Descriptor { slot: usize, generation: u32 },
    Socket(usize),
    Surroundings,
}

/// The lanes of a path.
struct Plan {
    scenario: &'static Scenario,
    /// Whether processes must be named to tell threads apart.
    shared: bool,
    lanes: Vec<(Of, Lane)>,
}

impl Plan {
    fn new(scenario: &'static Scenario, path: &[Transition]) -> Self {
        let mut plan = Self {
            scenario,
            shared: scenario.is_shared(),
            lanes: Vec::new(),
        };
        let worker = Some(small(WORKER));
        let works = path.iter().any(|it| it.action.thread == worker);
        for thread in 0..scenario.threads.len() {
            plan.add(Of::Thread(thread));
        }
        if works {
            plan.add(Of::Thread(WORKER));
        }
        let start = scenario.start();
        let states = || std::iter::once(&start).chain(path.iter().map(|it| &it.next));
        for slot in 0..scenario.slots.len() {
            for state in states() {
                let generation = state.slot(slot).word().generation();
                if occupant(state, slot, generation).is_some() {
                    plan.add(Of::Descriptor { slot, generation });
                }
            }
        }
        let created = states().map(|it| it.rest().created()).max().unwrap_or(0);
        for socket in 0..usize::from(created) {
            plan.add(Of::Socket(socket));
        }
        plan.add(Of::Surroundings);
        plan
    }

    /// Adds a lane, unless it is there.
    fn add(&mut self, of: Of) {
        if self.place(of).is_none() {
            let lane = self.lane(of);
            self.lanes.push((of, lane));
        }
    }

    fn place(&self, of: Of) -> Option<usize> {
        self.lanes.iter().position(|it| it.0 == of)
    }

    /// The lane that shows what a witness is about.
    fn lane_of(&self, witness: &Witness, state: &State) -> Option<usize> {
        let of = |object| self.place(of_object(object, state));
        of(witness.object).or_else(|| of(witness.other?))
    }

    fn lane(&self, of: Of) -> Lane {
        let within = |process: Option<u8>| match process {
            Some(process) if self.shared => format!(" (P{process})"),
            _ => String::new(),
        };
        let (name, kind) = match of {
            Of::Thread(WORKER) => ("transport".to_owned(), LaneKind::Surroundings),
            Of::Thread(thread) => {
                let process = self.scenario.threads.get(thread).map(|it| it.process);
                let name = format!("T{}{}", thread + 1, within(process));
                (name, LaneKind::Thread)
            }
            Of::Descriptor { slot, generation } => {
                let process = self.scenario.slots.get(slot).map(|it| it.process);
                let name = format!("descriptor {slot}.{generation}{}", within(process));
                (name, LaneKind::Descriptor)
            }
            Of::Socket(socket) => (format!("socket {socket}"), LaneKind::Socket),
            Of::Surroundings => ("world".to_owned(), LaneKind::Surroundings),
        };
        Lane { name, kind }
    }

    /// The row above the first step.
    fn start(&self, state: &State) -> Row {
        let cells = self.lanes.iter().map(|(of, _)| {
            let texts = match *of {
                Of::Descriptor { slot, generation } => {
                    words::descriptor(None, occupant(state, slot, generation).as_ref())
                }
                Of::Socket(socket) if socket < usize::from(state.rest().created()) => {
                    words::socket(None, &state.socket(socket))
                }
                _ => Vec::new(),
            };
            Cell {
                line: self.line(*of, state),
                mark: (!texts.is_empty()).then_some(Mark::Change),
                texts,
            }
        });
        Row {
            sentence: "the start".to_owned(),
            actor: None,
            cells: cells.collect(),
            violates: Vec::new(),
        }
    }

    fn step(&self, before: &State, transition: &Transition, breaches: &[Breach]) -> Row {
        let (action, after) = (transition.action, &transition.next);
        let actor = match (action.thread, action.what) {
            (None, What::Rest) => None,
            (Some(thread), _) => self.place(Of::Thread(usize::from(thread))),
            (None, _) => self.place(Of::Surroundings),
        };
        let cells = self.lanes.iter().enumerate().map(|(index, (of, _))| {
            let (texts, changed) = self.change(*of, before, after);
            let mark = if actor == Some(index) {
                Some(mark_of(action.what))
            } else {
                changed.or((!texts.is_empty()).then_some(Mark::Change))
            };
            Cell {
                line: self.line(*of, after),
                mark,
                texts,
            }
        });
        let violates = breaches.iter().map(|it| Violation {
            invariant: it.id.to_owned(),
            witness: it.what(),
            lane: it.witness.and_then(|it| self.lane_of(&it, after)),
        });
        Row {
            sentence: self.sentence(action, after),
            actor,
            cells: cells.collect(),
            violates: violates.collect(),
        }
    }

    /// What a step does to a lane, and its mark if that is a special one.
    fn change(&self, of: Of, before: &State, after: &State) -> (Vec<String>, Option<Mark>) {
        match of {
            Of::Thread(thread) => {
                let texts = words::thread(&before.thread(thread), &after.thread(thread));
                (texts, None)
            }
            Of::Descriptor { slot, generation } => change_of_descriptor(
                slot,
                generation,
                self.scenario.operations.len(),
                before,
                after,
            ),
            Of::Socket(socket) => change_of_socket(socket, before, after),
            Of::Surroundings => {
                let texts = (0..PROCESSES).filter_map(|index| {
                    words::process(index, &before.process(index), &after.process(index))
                });
                (texts.collect(), None)
            }
        }
    }

    /// How a lane goes on from a state.
    fn line(&self, of: Of, state: &State) -> Line {
        match of {
            Of::Thread(thread) => self.line_of_thread(thread, &state.thread(thread)),
            Of::Descriptor { slot, generation } => {
                occupant(state, slot, generation).map_or(Line::None, |it| match it.word().phase() {
                    WordPhase::Open => Line::Active,
                    WordPhase::Sealed => Line::Waiting,
                    WordPhase::Claimed | WordPhase::Free => Line::Idle,
                })
            }
            Of::Socket(socket) if socket < usize::from(state.rest().created()) => {
                let machine = state.socket(socket).machine();
                if machine.is_closed() {
                    Line::Idle
                } else if machine.is_draining() {
                    Line::Waiting
                } else {
                    Line::Active
                }
            }
            Of::Socket(_) => Line::None,
            Of::Surroundings => Line::Idle,
        }
    }

    fn line_of_thread(&self, index: usize, thread: &Thread) -> Line {
        let calls = self.scenario.threads.get(index);
        match thread.next() {
            Next::Idle if calls.is_some_and(|it| usize::from(thread.call()) >= it.calls.len()) => {
                Line::None
            }
            Next::Idle => Line::Idle,
            Next::Sleep | Next::Wait => Line::Waiting,
            Next::Commit => Line::Locked,
            _ => Line::Active,
        }
    }

    /// The sentence of an action, with what can be told from the state.
    pub(super) fn sentence(&self, action: Action, after: &State) -> String {
        let mut text = action.to_string();
        let thread = action.thread.map(usize::from);
        if let Some(thread) = thread.filter(|&it| it != WORKER && self.shared) {
            let process = self.scenario.threads.get(thread).map_or(0, |it| it.process);
            let (who, what) = text.split_once(' ').unwrap_or((&text, ""));
            text = format!("{who} in P{process} {what}");
        }
        let operation = match action.what {
            What::Register { operation, .. }
            | What::CompleteAtOnce { operation, .. }
            | What::RegisterAccept { operation, .. }
            | What::AcceptAtOnce { operation, .. }
            | What::DeliverAborted { operation, .. }
            | What::DeliverCompleted { operation, .. }
            | What::Complete { operation, .. } => operation,
            _ => return text,
        };
        let operation = after.operation(operation);
        text + &format!(
            " of descriptor {}.{}",
            operation.slot(),
            operation.generation()
        )
    }
}

/// The lane that an object is in: an operation in that of its descriptor, a record in
/// that of its socket.
fn of_object(object: Object, state: &State) -> Of {
    match object {
        Object::Socket(socket) => Of::Socket(socket),
        Object::Descriptor {
            slot, generation, ..
        } => Of::Descriptor { slot, generation },
        Object::Operation(index) => {
            let operation = state.operation(index);
            Of::Descriptor {
                slot: usize::from(operation.slot()),
                generation: u32::from(operation.generation()),
            }
        }
        Object::Record(index) => Of::Socket(usize::from(state.record(index).socket())),
        Object::Thread(thread) => Of::Thread(thread),
        Object::Process(_) => Of::Surroundings,
    }
}

/// The mark of who takes a step.
const fn mark_of(what: What) -> Mark {
    match what {
        What::Commit { .. }
        | What::Reclaim {
            reclaimed: true, ..
        } => Mark::Commit,
        What::DeliverAborted { .. } => Mark::Abort,
        _ => Mark::Step,
    }
}

/// The slot, if its present occupant is this one. A free slot has none.
fn occupant(state: &State, slot: usize, generation: u32) -> Option<Slot> {
    let it = state.slot(slot);
    let here = it.word().generation() == generation && it.word().phase() != WordPhase::Free;
    here.then_some(it)
}

fn change_of_descriptor(
    slot: usize,
    generation: u32,
    operations: usize,
    before: &State,
    after: &State,
) -> (Vec<String>, Option<Mark>) {
    let was = occupant(before, slot, generation);
    let is = occupant(after, slot, generation);
    let mut texts = words::descriptor(was.as_ref(), is.as_ref());
    let returns = |it: Option<Slot>| it.map_or(0, Slot::returns);
    let mut mark = (returns(is) > returns(was)).then_some(Mark::HandleBack);
    for index in 0..operations.min(OPERATIONS) {
        let (was, is) = (before.operation(index), after.operation(index));
        let here = usize::from(is.slot()) == slot && u32::from(is.generation()) == generation;
        if !here {
            continue;
        }
        texts.extend(words::operation(index, &was, &is));
        let aborted = matches!(is.state(), OperationState::Ending(Some(_)));
        if aborted && was.state() != is.state() {
            mark = Some(Mark::Abort);
        }
    }
    (texts, mark)
}

fn change_of_socket(socket: usize, before: &State, after: &State) -> (Vec<String>, Option<Mark>) {
    if socket >= usize::from(after.rest().created()) {
        return (Vec::new(), None);
    }
    let is = after.socket(socket);
    let was = (socket < usize::from(before.rest().created())).then(|| before.socket(socket));
    let mut texts = words::socket(was.as_ref(), &is);
    for index in 0..RECORDS {
        let record = after.record(index);
        if usize::from(record.socket()) == socket {
            texts.extend(words::record(index, &before.record(index), &record));
        }
    }
    let released = is.releases() > was.map_or(0, SocketState::releases);
    (texts, released.then_some(Mark::Release))
}
