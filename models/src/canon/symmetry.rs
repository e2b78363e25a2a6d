//! Who could be exchanged for whom.

use std::collections::BTreeSet;

use closesocket::protocol::AbortScope;
use closesocket::protocol::program::Next;

use super::dead::{PLACES, are_told_by_number, receives};
use crate::scenario::{Call, Handle, Scenario};
use crate::state::{OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, State, Thread, WORKER, small};

/// Calls to come: each different end of a script, of each process, has a number, a
/// longer one a smaller number.
#[derive(Debug)]
pub(super) struct Ends {
    /// The number of the calls from each place of each script on.
    of: [[u8; PLACES]; WORKER],
    /// The place from which on the script of a thread has these calls, if it has.
    at: Vec<[Option<u8>; WORKER]>,
    threads: usize,
}

impl Ends {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let scripts = scenario.threads.iter();
        let ends = scripts
            .flat_map(|it| (0..=it.calls.len()).map(|place| (it.process, &it.calls[place..])));
        let mut known: Vec<(u8, &[Call])> = Vec::new();
        for end in ends {
            if !known.contains(&end) {
                known.push(end);
            }
        }
        known.sort_by_key(|it| std::cmp::Reverse(it.1.len()));
        let mut of = [[0; PLACES]; WORKER];
        let mut at = vec![[None; WORKER]; known.len()];
        for (t, thread) in scenario.threads.iter().enumerate() {
            let places = of[t].iter_mut().take(thread.calls.len() + 1);
            for (place, of) in places.enumerate() {
                let end = (thread.process, &thread.calls[place..]);
                let number = known.iter().position(|it| *it == end).unwrap_or_default();
                *of = u8::try_from(number).unwrap_or(u8::MAX);
                at[number][t] = Some(small(place));
            }
        }
        let threads = scenario.threads.len();
        Self { of, at, threads }
    }

    /// Puts the threads in order. What one has still to do, another whose script ends
    /// so can do for it: the longest is given away first, so that there is one left.
    pub(super) fn sort(&self, state: &mut State) {
        let mut order = [(0, Thread::default()); WORKER];
        let order = &mut order[..self.threads];
        for (t, it) in order.iter_mut().enumerate() {
            let thread = state.thread(t);
            *it = (self.of[t][usize::from(thread.call())], thread);
        }
        order.sort_unstable_by_key(|(number, it)| (*number, it.0 >> Thread::CALL_BITS));
        let mut used = 0_u32;
        for (number, thread) in order {
            let at = &self.at[usize::from(*number)];
            let free = |t: &usize| at[*t].is_some() && used >> t & 1 == 0;
            let Some(t) = (0..self.threads).find(free) else {
                continue;
            };
            used |= 1 << t;
            thread.set_call(at[t].unwrap_or_default());
            if state.thread(t) != *thread {
                *state.thread_mut(t) = *thread;
            }
        }
    }
}

/// One way to call everything by another's name that leaves the scenario as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renaming {
    threads: Names<WORKER>,
    slots: Names<SLOTS>,
    operations: Names<OPERATIONS>,
    sockets: Names<SOCKETS>,
    processes: Names<PROCESSES>,
    records: Names<RECORDS>,
}

/// The new name of each, while it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names<const N: usize>([Option<u8>; N]);

impl<const N: usize> Names<N> {
    const NONE: Self = Self([None; N]);

    /// Gives this one that name, unless either has another.
    fn bind(&mut self, old: u8, new: u8) -> bool {
        match self.0[usize::from(old)] {
            Some(known) => known == new,
            None if self.0.contains(&Some(new)) => false,
            None => {
                self.0[usize::from(old)] = Some(new);
                true
            }
        }
    }

    /// Its new name; without one it keeps its own.
    fn of(&self, old: u8) -> u8 {
        let name = self.0.get(usize::from(old)).copied().flatten();
        name.unwrap_or(old)
    }

    fn is_identity(&self) -> bool {
        (0..N).all(|it| usize::from(self.of(small(it))) == it)
    }

    /// A mask with each bit at its new place.
    fn mask(&self, mask: u8) -> u8 {
        (0..small(N))
            .filter(|it| mask >> it & 1 == 1)
            .fold(0, |all, it| all | 1 << self.of(it))
    }
}

/// All of them that no exchange of threads alone explains.
pub(super) fn renamings(scenario: &Scenario) -> Vec<Renaming> {
    let none = Renaming {
        threads: Names::NONE,
        slots: Names::NONE,
        operations: Names::NONE,
        sockets: Names::NONE,
        processes: Names::NONE,
        records: Names::NONE,
    };
    let mut found = Vec::new();
    threads(scenario, 0, &none, &mut found);
    let mut seen = BTreeSet::new();
    found.retain(|it| {
        let objects = (
            it.slots,
            it.operations,
            it.sockets,
            it.processes,
            it.records,
        );
        it.is_sound(scenario) && !it.is_of_threads_alone() && seen.insert(objects)
    });
    found
}

/// Finds who could be called like the threads from `t` on.
fn threads(scenario: &Scenario, t: usize, so_far: &Renaming, found: &mut Vec<Renaming>) {
    if t == scenario.threads.len() {
        slots(scenario, 0, so_far, found);
        return;
    }
    for (other, spec) in scenario.threads.iter().enumerate() {
        let mut next = so_far.clone();
        let mine = &scenario.threads[t];
        let calls = mine.calls.iter().zip(spec.calls);
        if mine.calls.len() == spec.calls.len()
            && next.threads.bind(small(t), small(other))
            && next.processes.bind(mine.process, spec.process)
            && calls.clone().all(|(a, b)| next.call(a, b))
        {
            threads(scenario, t + 1, &next, found);
        }
    }
}

/// Finds what could be called like the slots from `slot` on.
fn slots(scenario: &Scenario, slot: usize, so_far: &Renaming, found: &mut Vec<Renaming>) {
    if slot == scenario.slots.len() {
        found.push(so_far.clone());
        return;
    }
    let mine = &scenario.slots[slot];
    for (other, spec) in scenario.slots.iter().enumerate() {
        let mut next = so_far.clone();
        let sockets = match (mine.socket, spec.socket) {
            (None, None) => true,
            (Some(a), Some(b)) => next.sockets.bind(a, b),
            _ => false,
        };
        if sockets
            && next.slots.bind(small(slot), small(other))
            && next.processes.bind(mine.process, spec.process)
        {
            slots(scenario, slot + 1, &next, found);
        }
    }
}

impl Renaming {
    /// Binds the names of two calls that would be the same.
    fn call(&mut self, a: &Call, b: &Call) -> bool {
        use Call::{
            Cancel, CancelThrough, Cleanup, Close, Die, Duplicate, Open, Redeem, SetLinger,
            ShutDownSend, Start, Startup, TakeAccepted,
        };
        match (*a, *b) {
            (
                Start { operation, through },
                Start {
                    operation: other,
                    through: its,
                },
            ) => self.operations.bind(operation, other) && self.handle(through, its),
            (Close(a), Close(b))
            | (ShutDownSend(a), ShutDownSend(b))
            | (CancelThrough(a), CancelThrough(b)) => self.handle(a, b),
            (SetLinger(a, on), SetLinger(b, its)) => on == its && self.handle(a, b),
            (
                Duplicate {
                    through,
                    target,
                    record,
                },
                Duplicate {
                    through: its,
                    target: other,
                    record: another,
                },
            ) => {
                self.handle(through, its)
                    && self.processes.bind(target, other)
                    && self.records.bind(record, another)
            }
            (Redeem { record }, Redeem { record: other }) => self.records.bind(record, other),
            (Open { socket }, Open { socket: other }) => self.sockets.bind(socket, other),
            (
                TakeAccepted { operation, socket },
                TakeAccepted {
                    operation: other,
                    socket: its,
                },
            ) => self.operations.bind(operation, other) && self.sockets.bind(socket, its),
            (Cancel { operation }, Cancel { operation: other }) => {
                self.operations.bind(operation, other)
            }
            (Startup, Startup) | (Cleanup, Cleanup) | (Die, Die) => true,
            _ => false,
        }
    }

    fn handle(&mut self, a: Handle, b: Handle) -> bool {
        match (a, b) {
            (Handle::Own, Handle::Own) => true,
            (Handle::First(a), Handle::First(b)) => self.slots.bind(a, b),
            _ => false,
        }
    }

    /// Whether it leaves everything but the threads as it is.
    fn is_of_threads_alone(&self) -> bool {
        self.operations.is_identity() && self.is_of_threads_and_operations()
    }

    fn is_of_threads_and_operations(&self) -> bool {
        self.slots.is_identity()
            && self.sockets.is_identity()
            && self.processes.is_identity()
            && self.records.is_identity()
    }

    /// Whether the specifications are the same, and nothing is selected by its name.
    fn is_sound(&self, scenario: &Scenario) -> bool {
        let same =
            |a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| format!("{a:?}") == format!("{b:?}");
        let operations = scenario.operations.iter().enumerate().all(|(index, it)| {
            let other = usize::from(self.operations.of(small(index)));
            same(it, &scenario.operations[other])
        });
        let from_the_start = scenario.slots.iter().filter_map(|it| it.socket).max();
        let sockets = scenario.sockets.iter().enumerate().all(|(index, it)| {
            let other = self.sockets.of(small(index));
            // Others come into being in the order of their names.
            let made = from_the_start.is_none_or(|last| index > usize::from(last));
            same(it, &scenario.sockets[usize::from(other)])
                && (!made || usize::from(other) == index)
        });
        operations && sockets && self.keeps_what_is_selected(scenario)
    }

    /// A cleanup or death goes through slots, sockets and records in their order; a
    /// delivery tells two results of different directions in the order of their
    /// names if their numbers are the same; and who has delivered what was started
    /// through several slots, after a loss also the worker, leaves these in the order of
    /// the operations.
    fn keeps_what_is_selected(&self, scenario: &Scenario) -> bool {
        let sweeps = scenario
            .threads
            .iter()
            .flat_map(|it| it.calls)
            .any(|it| matches!(it, Call::Cleanup | Call::Die | Call::Startup));
        if sweeps && !self.is_of_threads_and_operations() {
            return false;
        }
        let outlive =
            |it: &crate::scenario::SocketSpec| it.abort_scope == AbortScope::LastReference;
        let several = sweeps || scenario.sockets.iter().any(outlive) && scenario.slots.len() > 2;
        let lost = scenario.slots.len() > 1 && scenario.sockets.iter().any(|it| it.may_be_lost);
        let by_number = are_told_by_number(scenario);
        let count = scenario.operations.len();
        (0..count).all(|a| {
            (0..a).all(|b| {
                let [kind, other] = [a, b].map(|it| receives(scenario.operations[it].kind));
                let [x, y] = [a, b].map(|it| self.operations.of(small(it)));
                let left_together = several || lost && kind == other;
                !(by_number && kind != other || left_together) || y < x
            })
        })
    }

    /// The state with everything called so.
    pub(super) fn apply(&self, scenario: &Scenario, state: &State) -> State {
        let mut renamed = *state;
        for t in 0..scenario.threads.len() {
            let to = usize::from(self.threads.of(small(t)));
            *renamed.thread_mut(to) = self.thread(state.thread(t));
        }
        *renamed.thread_mut(WORKER) = self.thread(state.thread(WORKER));
        for index in 0..scenario.slots.len() {
            let mut it = state.slot(index);
            it.set_socket(self.sockets.of(it.socket()));
            *renamed.slot_mut(usize::from(self.slots.of(small(index)))) = it;
        }
        for index in 0..scenario.operations.len() {
            let mut it = state.operation(index);
            it.set_slot(self.slots.of(it.slot()));
            it.set_socket(self.sockets.of(it.socket()));
            *renamed.operation_mut(usize::from(self.operations.of(small(index)))) = it;
        }
        for index in 0..scenario.sockets.len() {
            let to = usize::from(self.sockets.of(small(index)));
            *renamed.socket_mut(to) = state.socket(index);
        }
        for index in 0..RECORDS {
            let mut it = state.record(index);
            it.set_socket(self.sockets.of(it.socket()));
            let record = it.record().map(|mut record| {
                let target = small(record.target.0 as usize);
                record.target.0 = u32::from(self.processes.of(target));
                record
            });
            it.set_record(record);
            *renamed.record_mut(usize::from(self.records.of(small(index)))) = it;
        }
        for index in 0..PROCESSES {
            let to = usize::from(self.processes.of(small(index)));
            *renamed.process_mut(to) = state.process(index);
        }
        renamed
    }

    fn thread(&self, it: Thread) -> Thread {
        let mut renamed = it;
        renamed.set_slot(self.slots.of(it.slot()));
        renamed.set_socket(self.sockets.of(it.socket()));
        renamed.set_own_slot(self.slots.of(it.own_slot()));
        renamed.set_taken(self.operations.mask(it.taken()));
        if it.next() == Next::NextOutlived {
            renamed.set_guess(self.sockets.mask(it.guess()));
        }
        renamed
    }
}
