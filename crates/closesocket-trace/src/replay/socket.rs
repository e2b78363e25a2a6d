//! The replay of one socket: its machine is run by the shipped protocol, and
//! every step of its world is judged by the invariants.

use std::collections::{HashMap, VecDeque};

use closesocket::engine::observe::Order;
use closesocket::engine::{Descriptor, ProcessId, SocketId};
use closesocket::protocol::invariant::{
    Event, Invariant, OperationState, SocketView, Step, violations,
};
use closesocket::protocol::{
    Actions, Cause, Connection, Cut, DuplicationRecord, Error, OperationKind, PendingOperations,
    Socket, Take, Waiting, cut_off, may_cancel,
};

use super::Verdict;
use super::must::{Due, must, told_otherwise};
use super::thread::{Name, Sweep};
use super::world::{Local, state_of_descriptor, state_of_machine, state_of_operation};
use crate::words::{a, by, count};

/// A critical section that has decided and not carried out everything yet.
struct Section {
    thread: u32,
    before: Local,
    event: Event,
    /// Operations that are still to be taken out.
    taking: usize,
    /// Why they are aborted.
    abort: Option<Cause>,
    due: VecDeque<Due>,
}

impl Section {
    /// What it has still to do.
    fn must(&self, machine: &Socket) -> String {
        let orders = self.due.iter().map(|it| it.what().to_owned());
        let take =
            (self.taking > 0).then(|| format!("take {} out", count(self.taking, "operation")));
        let all: Vec<_> = take.into_iter().chain(orders).collect();
        let words = must(self.due.front().copied(), machine);
        let why = words.split_once(": ").map(|it| it.1);
        why.map_or_else(
            || all.join(" and "),
            |why| format!("{}: {why}", all.join(" and ")),
        )
    }
}

/// What is known of a registered operation besides the invariants' view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) name: Name,
    pub(super) kind: OperationKind,
    pub(super) waiting: Waiting,
    /// The thread that took it out, and the failure it took it out with.
    pub(super) taken: Option<(u32, Option<Error>)>,
    /// The process that may cancel it, and takes it out next.
    pub(super) cancelled_by: Option<(ProcessId, Option<Descriptor>)>,
}

/// One socket.
pub(super) struct Replayed {
    pub(super) id: SocketId,
    pub(super) local: Local,
    section: Option<Section>,
    pub(super) operations: HashMap<u64, Known>,
    pub(super) records: HashMap<u64, (usize, DuplicationRecord)>,
    pub(super) last_number: u64,
    pub(super) was_connected: bool,
}

/// Tells a close which operations there are, and learns which it takes.
pub(super) struct Scope(pub(super) Option<Take>);

impl PendingOperations for Scope {
    type Taken = ();
    fn take(&mut self, take: Take) {
        self.0 = Some(take);
    }
}

impl Replayed {
    pub(super) fn new(id: SocketId, machine: Socket) -> Self {
        Self {
            id,
            local: Local::new(SocketView {
                machine,
                releases: 0,
                accepted: 0,
                acknowledged: 0,
                reset: false,
                waiting_connections: 0,
                input_waits: false,
                locked_by_waiter: false,
            }),
            section: None,
            operations: HashMap::new(),
            records: HashMap::new(),
            last_number: 0,
            was_connected: machine.connection == Connection::Connected,
        }
    }

    pub(super) const fn machine(&self) -> Socket {
        self.local.socket.machine
    }

    /// Forgets a descriptor whose slot is another's now.
    pub(super) fn forget_descriptor(&mut self, slot: usize) {
        if let Some(section) = &mut self.section {
            section.before.forget_descriptor(slot);
        }
        self.local.forget_descriptor(slot);
    }

    /// Forgets an operation that has ended.
    pub(super) fn forget_operation(&mut self, number: u64) {
        if let Some(section) = &mut self.section {
            section.before.forget_operation(number);
        }
        self.local.forget_operation(number);
        self.operations.remove(&number);
    }

    /// Whether nothing of it is left.
    pub(super) fn is_finished(&self) -> bool {
        self.local.socket.releases > 0
            && self.local.names.is_empty()
            && self.operations.is_empty()
            && self.section.is_none()
    }

    /// Makes a step that nothing has to follow.
    pub(super) fn step(&mut self, event: Event, make: impl Fn(&mut Local)) -> Verdict {
        let before = match &mut self.section {
            // Somebody else's step outside the lock: as if it came before the
            // section, with which it has nothing to do.
            Some(section) => {
                let before = section.before.clone();
                make(&mut section.before);
                make(&mut self.local);
                return judge(before, event, &section.before);
            }
            None => self.local.clone(),
        };
        make(&mut self.local);
        let verdict = judge(before, event, &self.local);
        self.local.rebase();
        verdict
    }

    /// Makes the deciding step of a critical section, after which this many
    /// operations are taken out and these orders carried out.
    pub(super) fn decide(
        &mut self,
        thread: u32,
        event: Event,
        (taking, abort): (usize, Option<Cause>),
        actions: Actions,
        make: impl FnOnce(&mut Local),
    ) -> Verdict {
        let before = self.local.clone();
        make(&mut self.local);
        self.section = Some(Section {
            thread,
            before,
            event,
            taking,
            abort,
            due: Due::of(actions).collect(),
        });
        self.end_section()
    }

    /// Judges the section if everything of it is done.
    fn end_section(&mut self) -> Verdict {
        let done = |it: &mut Section| it.taking == 0 && it.due.is_empty();
        let Some(section) = self.section.take_if(done) else {
            return Ok(());
        };
        let verdict = judge(section.before, section.event, &self.local);
        self.local.rebase();
        verdict
    }

    /// Fails while a critical section has not carried out what it decided.
    pub(super) fn require_settled(&self) -> Verdict {
        match &self.section {
            None => Ok(()),
            Some(it) => Err(format!(
                "the section before has not done what it decided: it must {}",
                it.must(&self.machine())
            )),
        }
    }

    /// The same of a critical section of this thread.
    pub(super) fn require_settled_by(&self, thread: u32) -> Verdict {
        match &self.section {
            Some(section) if section.thread == thread => self.require_settled(),
            _ => Ok(()),
        }
    }

    /// An order was carried out.
    pub(super) fn ordered(&mut self, thread: u32, done: Due) -> Verdict {
        let due = match &mut self.section {
            Some(section) if section.thread == thread => section.due.pop_front(),
            _ => None,
        };
        if due != Some(done) {
            let machine = self.machine();
            return Err(format!("{}, {}", done.did(), must(due, &machine)));
        }
        let socket = &mut self.local.socket;
        match done {
            Due::Order(Order::Reset) => socket.reset = true,
            Due::Order(Order::ResetBacklog) => socket.waiting_connections = 0,
            Due::Release => socket.releases = socket.releases.saturating_add(1),
            Due::Order(_) => {}
        }
        self.end_section()
    }

    /// A cancel looked for an operation.
    pub(super) fn cancelled(
        &mut self,
        by: (ProcessId, Option<Descriptor>),
        number: u64,
        error: Option<Error>,
    ) -> Verdict {
        self.require_settled()?;
        let known = self.operations.get_mut(&number);
        let own = known.as_ref().is_some_and(|it| {
            let through = by.1.is_none_or(|through| through == it.name.1);
            it.name.0 == by.0 && through
        });
        let pending = known.as_ref().is_some_and(|it| it.taken.is_none());
        let may = may_cancel(pending, own).err();
        if may != error {
            return Err(told_otherwise(error, may));
        }
        if let (None, Some(known)) = (may, known) {
            known.cancelled_by = Some(by);
        }
        Ok(())
    }

    /// An operation was taken out: aborted, failed or completed; silently, if this
    /// life of its process is over.
    pub(super) fn taken(
        &mut self,
        thread: u32,
        number: u64,
        (aborted, error): (Option<Cause>, Option<Error>),
        silent: Option<(ProcessId, u64)>,
        sweep: Option<Sweep>,
    ) -> Verdict {
        let known = self.operations.get_mut(&number);
        let known = known.ok_or("an operation was taken out that is not pending")?;
        if known.taken.is_some() {
            return Err("an operation was taken out twice".to_owned());
        }
        known.taken = Some((thread, error));
        let known = *known;
        self.life_is_over(known.name, silent)?;
        let operation = self.local.place_of(number).ok_or("unknown operation")?;
        let state = OperationState::Ending(aborted);
        match &mut self.section {
            Some(section) if section.thread == thread && section.taking > 0 => {
                if aborted != section.abort || error.is_some() {
                    let expected = section.abort;
                    let why = |it: Option<Cause>| {
                        it.map_or("not aborted".to_owned(), |it| {
                            format!("aborted by {}", by(it))
                        })
                    };
                    let (found, expected) = (why(aborted), why(expected));
                    return Err(format!("it is {found}, and must be {expected}"));
                }
                section.taking -= 1;
                self.local.operations[operation].state = state;
                self.local.operations[operation].silent = silent.is_some();
                self.end_section()
            }
            _ => {
                self.require_settled()?;
                if aborted.is_some() {
                    self.outlived(known.name, aborted, sweep)?;
                }
                known.require_cancel(error)?;
                let event = match known.cancelled_by {
                    Some((by, through)) => {
                        let through = through
                            .and_then(|it| Some((self.local.slot((by, it))?, it.generation())));
                        Event::Cancelled {
                            operation,
                            by,
                            through,
                        }
                    }
                    None => Event::Taken { operation },
                };
                self.step(event, |local| {
                    local.operations[operation].state = state;
                    local.operations[operation].failed = error;
                    local.operations[operation].silent = silent.is_some();
                })
            }
        }
    }

    /// Of what ends silently the engine says which life is over: that of its
    /// descriptor, which had begun to end before.
    fn life_is_over(&mut self, name: Name, silent: Option<(ProcessId, u64)>) -> Verdict {
        let Some(said) = silent else {
            return Ok(());
        };
        let slot = self.local.slot(name).ok_or("unknown descriptor")?;
        if said != (name.0, self.local.lives[slot]) {
            return Err("it ends silently for the life of another".to_owned());
        }
        self.local.descriptors[slot].life_over = true;
        if let Some(section) = &mut self.section {
            section.before.descriptors[slot].life_over = true;
        }
        Ok(())
    }

    /// An operation goes with the life of its process, through a descriptor that is
    /// closed.
    fn outlived(&mut self, name: Name, aborted: Option<Cause>, sweep: Option<Sweep>) -> Verdict {
        let slot = self.local.slot(name).ok_or("unknown descriptor")?;
        let by = sweep.filter(|it| it.process == name.0 && aborted == Some(it.cause));
        if by.is_none() || self.local.is_open(name) {
            return Err("an operation was aborted without a close".to_owned());
        }
        self.local.descriptors[slot].life_over = true;
        Ok(())
    }

    /// How many pending operations are in this scope of a close.
    pub(super) fn in_scope(&self, take: Option<Take>, name: Option<Name>) -> usize {
        self.operations
            .values()
            .filter(|it| it.taken.is_none())
            .filter(|it| match take {
                None | Some(Take::Nothing) => false,
                Some(Take::ThisReference) => Some(it.name) == name,
                Some(Take::EveryReference) => true,
            })
            .count()
    }

    /// What is known of it, in words.
    pub(super) fn describe(&self) -> Vec<String> {
        let machine = state_of_machine(&self.machine());
        let mut words = vec![format!("socket {}: {machine}", self.id)];
        for (name, view) in self.local.names.iter().zip(&self.local.descriptors) {
            words.push(format!(
                "descriptor {}/{}: {}, {} inside",
                name.0,
                name.1,
                state_of_descriptor(view.state),
                view.inside
            ));
        }
        for (number, view) in self.local.numbers.iter().zip(&self.local.operations) {
            let kind = self.operations.get(number).map(|it| it.kind.to_string());
            words.push(format!(
                "operation {number}, {}: {}",
                kind.map_or_else(|| "an unknown one".to_owned(), a),
                state_of_operation(view.state)
            ));
        }
        if let Err(unsettled) = self.require_settled() {
            words.push(unsettled);
        }
        words
    }
}

impl Known {
    /// Fails unless an operation that was taken out with this error was
    /// cancelled, if it says so, and ends as that if it was.
    fn require_cancel(&self, error: Option<Error>) -> Verdict {
        let ends = |accepted| cut_off(Cut::Cancelled, self.waiting, accepted).err() == error;
        let right = match self.cancelled_by {
            Some(_) => ends(0) || (self.kind == OperationKind::Send && ends(1)),
            None => error != Some(Error::OperationAborted),
        };
        if right {
            return Ok(());
        }
        let by = self
            .cancelled_by
            .map_or("nobody".to_owned(), |it| it.0.to_string());
        let how = error.map_or("success".to_owned(), |it| it.to_string());
        Err(format!("cancelled by {by}, it ends with {how}"))
    }
}

/// Judges one step by every invariant.
fn judge(mut before: Local, event: Event, after: &Local) -> Verdict {
    before.make_room_for(after);
    let step = Step {
        before: &before,
        event,
        after,
    };
    let violated = violations(&step);
    if violated.is_empty() {
        return Ok(());
    }
    let name = |object| after.name(object);
    let broken = Invariant::<Local>::TABLE.iter().filter_map(|it| {
        let witness = (it.witness)(&step)?.in_names(name);
        Some(format!("{}, since {witness}: {}", it.id, it.sentence))
    });
    Err(format!(
        "it violates {}",
        broken.collect::<Vec<_>>().join(" and ")
    ))
}

impl Replayed {
    /// Judges the end: nothing may be left.
    pub(super) fn judge_end(&mut self) -> Verdict {
        self.require_settled()?;
        self.step(Event::Internal, |local| local.at_rest = true)?;
        if self.is_finished() {
            Ok(())
        } else {
            Err("the trace has ended, but this socket is still in use".to_owned())
        }
    }
}
