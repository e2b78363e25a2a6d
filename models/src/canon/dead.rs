//! What nobody will read again.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{AbortScope, Connection, OperationKind, Socket, UnreadInput, Waiting};

use crate::scenario::{Call, Handle, Scenario, SocketSpec};
use crate::state::{CALLS, Operation, RECORDS, SocketState, State, THREADS, Thread, WORKER, small};

/// The calls of a script, and its end.
pub(super) const PLACES: usize = CALLS + 1;

/// What the calls of the scripts read, from each place on.
#[derive(Debug)]
pub(super) struct Scripts {
    /// Whether a thread uses the descriptor that it got, in a call from here on.
    own: [[bool; PLACES]; THREADS],
    /// The operations that the calls from here on name, as a mask.
    named: [[u8; PLACES]; THREADS],
    /// The operations that the calls from here on start, as a mask.
    started: [[u8; PLACES]; THREADS],
    /// Whether it matters how many operations were registered before one, and not
    /// only which.
    counts: bool,
}

impl Scripts {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut it = Self {
            own: [[false; PLACES]; THREADS],
            named: [[0; PLACES]; THREADS],
            started: [[0; PLACES]; THREADS],
            counts: are_told_by_number(scenario),
        };
        for (t, thread) in scenario.threads.iter().enumerate() {
            for place in (0..thread.calls.len()).rev() {
                it.own[t][place] = it.own[t][place + 1];
                it.named[t][place] = it.named[t][place + 1];
                it.started[t][place] = it.started[t][place + 1];
                match thread.calls[place] {
                    Call::Start { operation, through } => {
                        it.own[t][place] |= through == Handle::Own;
                        it.started[t][place] |= 1 << operation;
                    }
                    Call::Close(handle)
                    | Call::SetLinger(handle, _)
                    | Call::ShutDownSend(handle)
                    | Call::CancelThrough(handle)
                    | Call::Duplicate {
                        through: handle, ..
                    } => it.own[t][place] |= handle == Handle::Own,
                    Call::TakeAccepted { operation, .. } | Call::Cancel { operation } => {
                        it.named[t][place] |= 1 << operation;
                    }
                    _ => {}
                }
            }
        }
        it
    }

    /// Gives what is dead in this state its fixed value.
    pub(super) fn clear(&self, scenario: &Scenario, state: &mut State) {
        let threads = scenario.threads.len();
        let (mut named, mut started, mut taken) = (0, 0, state.thread(WORKER).taken());
        for t in (0..threads).chain([WORKER]) {
            let thread = state.thread(t);
            let place = usize::from(thread.call());
            named |= self.named[t][place];
            started |= self.started[t][place];
            taken |= thread.taken();
            let kept = self.thread(scenario, &thread, t);
            if kept != thread {
                *state.thread_mut(t) = kept;
            }
        }
        for index in 0..scenario.operations.len() {
            let before = state.operation(index);
            let is = |mask: u8| mask >> index & 1 == 1;
            let mut kept = cleared(before, is(named), is(started), is(taken));
            if self.counts && before.state() != OperationState::Idle {
                kept.set_state(before.state());
                kept.set_socket(before.socket());
            }
            if kept != before {
                *state.operation_mut(index) = kept;
            }
        }
        if !self.counts {
            renumber(scenario, state);
        }
        for index in 0..scenario.slots.len() {
            let mut it = state.slot(index);
            if it.word().phase() == WordPhase::Free && !it.reserved() && it.socket() != 0 {
                it.set_socket(0);
                *state.slot_mut(index) = it;
            }
        }
        for index in 0..RECORDS {
            if state.record(index).record().is_none() {
                state.record_mut(index).set_socket(0);
            }
        }
        let receives = |index: usize| scenario.operations[index].kind == OperationKind::Recv;
        let may_come = (0..scenario.operations.len())
            .any(|index| receives(index) && started >> index & 1 == 1);
        for socket in 0..usize::from(state.rest().created()) {
            let before = state.socket(socket);
            let pending = |index: usize| {
                let it = state.operation(index);
                receives(index)
                    && it.state() == OperationState::Pending
                    && usize::from(it.socket()) == socket
            };
            let is_read = may_come || (0..scenario.operations.len()).any(pending);
            let it = cleared_socket(before, is_read);
            if it != before {
                *state.socket_mut(socket) = it;
            }
        }
    }

    /// A thread with what it still needs at its step.
    fn thread(&self, scenario: &Scenario, it: &Thread, t: usize) -> Thread {
        use Next::{
            BackOut, Claim, Commit, Deliver, GiveUp, Idle, Leave, Lock, LookAtProcess, Open,
            Recycle, ReturnHandle, Section, Sleep, Wait,
        };
        let place = usize::from(it.call());
        let calls = scenario.threads.get(t).map_or(&[][..], |it| it.calls);
        let call = calls.get(place);
        let next = it.next();
        let mut kept = *it;
        let inside = matches!(call, Some(Call::CancelThrough(_) | Call::Start { .. }));
        let inside = it.holding() && inside;
        let closes = matches!(call, Some(Call::Close(_)));
        let opens = matches!(call, Some(Call::Redeem { .. } | Call::Open { .. }));
        let slot = matches!(
            next,
            BackOut
                | Section
                | Sleep
                | Leave
                | Lock
                | Commit
                | Claim
                | ReturnHandle
                | Recycle
                | Open
        );
        if !slot && !inside {
            kept.set_slot(0);
        }
        let generation = matches!(next, Section | Sleep | Leave | Lock | Commit | Claim);
        if !generation && !inside {
            kept.set_generation(0);
        }
        let returns = matches!(next, GiveUp | Claim | ReturnHandle | Recycle);
        let socket = matches!(next, Section | Lock | Commit | Deliver | Wait)
            || closes && it.waited() && returns;
        if !socket {
            kept.set_socket(0);
        }
        let own_now = match call {
            _ if next == Idle => false,
            // The worker's, which has opened it for a result.
            _ if next == LookAtProcess || t == WORKER => true,
            Some(Call::Close(handle) | Call::CancelThrough(handle)) => *handle == Handle::Own,
            Some(Call::Start { through, .. }) if inside => *through == Handle::Own,
            _ => opens && !matches!(next, Open),
        };
        let later = if next == Idle { place } else { place + 1 };
        let own_later = self.own[t].get(later).is_some_and(|it| *it);
        if !own_now && !own_later || it.own_generation() == 0 {
            kept.set_own_slot(0);
            kept.set_own_generation(0);
        }
        kept
    }
}

/// Whether results of both directions can be told by one thread, which goes by their
/// numbers: these count what was registered before on either side.
pub(super) fn are_told_by_number(scenario: &Scenario) -> bool {
    let outlive = |it: &SocketSpec| it.abort_scope == AbortScope::LastReference;
    let outlive = scenario.sockets.iter().any(outlive);
    let through = |operation: usize| {
        let calls = scenario.threads.iter().flat_map(|it| it.calls);
        calls.filter_map(move |call| match *call {
            Call::Start {
                operation: it,
                through,
            } if usize::from(it) == operation => Some(through),
            _ => None,
        })
    };
    let specs = scenario.operations;
    (0..specs.len()).any(|a| {
        (0..a).any(|b| {
            let overlapped = [a, b].map(|it| specs[it].waiting == Waiting::Overlapped);
            let met = through(a)
                .any(|a| through(b).any(|b| a == b || a == Handle::Own || b == Handle::Own));
            overlapped == [true; 2]
                && receives(specs[a].kind) != receives(specs[b].kind)
                && (met || outlive)
        })
    })
}

/// Whether an operation of this kind is of the receiving direction.
pub(super) fn receives(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Recv | OperationKind::Accept)
}

/// Numbers what is not delivered yet from 0 on, in each direction of each socket.
fn renumber(scenario: &Scenario, state: &mut State) {
    let live = |it: &Operation| {
        matches!(
            it.state(),
            OperationState::Pending | OperationState::Ending(_)
        )
    };
    let direction = |index: usize| receives(scenario.operations[index].kind);
    let before = *state;
    for index in 0..scenario.operations.len() {
        let it = before.operation(index);
        if !live(&it) || it.number() == 0 {
            continue;
        }
        let earlier = (0..scenario.operations.len()).filter(|&other| {
            let other_one = before.operation(other);
            live(&other_one)
                && other_one.socket() == it.socket()
                && direction(other) == direction(index)
                && other_one.number() < it.number()
        });
        let number = small(earlier.count());
        state.operation_mut(index).set_number(number);
    }
}

/// An operation with what is still read of it.
fn cleared(it: Operation, named: bool, started: bool, taken: bool) -> Operation {
    let mut kept = it;
    match it.state() {
        // Nobody sends the rest of one that ends. That is judged, so it stays as long
        // as its end is not over.
        OperationState::Pending | OperationState::Ending(_) => {}
        OperationState::Ended(_) if started || named || taken => {}
        OperationState::Idle | OperationState::Ended(_) => {
            kept = Operation::default();
            if started {
                kept.set_remaining(it.remaining());
            }
            if named {
                kept.set_succeeded(it.succeeded());
            }
        }
    }
    kept
}

/// A socket with what is still read of it; `is_read` by a receive that is pending or
/// may come.
fn cleared_socket(before: SocketState, is_read: bool) -> SocketState {
    let mut it = before;
    let machine = it.machine();
    let over = machine.is_closed() || machine.connection == Connection::Lost;
    // What was acknowledged is as if it had never been sent.
    let both = it.accepted().min(it.acknowledged());
    it.set_accepted(if over { 0 } else { it.accepted() - both });
    it.set_acknowledged(if over { 0 } else { it.acknowledged() - both });
    let ignored = !is_read && machine.unread_input == UnreadInput::Discard;
    if over || ignored {
        it.set_inputs_left(0);
    }
    if machine.is_closed() {
        let mut empty = Socket::new(0, AbortScope::Descriptor, UnreadInput::Discard);
        empty.phase = machine.phase;
        empty.references = machine.references;
        it.set_machine(empty);
        it.set_joins_left(0);
    } else if ignored {
        it.run(|machine| machine.input_unread = false);
    }
    it
}
