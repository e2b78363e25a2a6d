//! Liveness as safety: a number that falls on every transition.
//!
//! If it always falls, no run goes on for ever; and if the states in which
//! nothing can happen any more have nothing left open, every run ends well.
//! That is `everything-released-at-the-end` without fairness or `eventually`.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::{Connection, Phase, SendSide};

use crate::state::{
    CALLS, OPERATIONS, Operation, SOCKETS, SWEPT, SocketState, State, THREADS, Thread, WORKER,
};

/// The last place in a script, and in a sweep.
#[expect(clippy::cast_possible_truncation, reason = "scripts are short")]
const LAST_CALL: u32 = CALLS as u32;
#[expect(clippy::cast_possible_truncation, reason = "there are few slots")]
const LAST_SWEPT: u32 = SWEPT as u32;

/// How far a state is from the end of every run through it, at most.
#[must_use]
pub fn rank(state: &State) -> u32 {
    let threads = (0..THREADS).map(|it| of_thread(&state.thread(it), it));
    let sum = threads.sum::<u32>() + of_sockets(state) + of_operations(state);
    const {
        assert!(
            WORKER + 1 < 8,
            "all closers weigh less than one of anything else"
        );
    }
    8 * sum + outdated(state) + u32::from(!state.rest().rested())
}

/// Whether the rank falls on a step, from what the step changed. Most move nobody
/// but one `mover`.
#[inline]
#[must_use]
pub(crate) fn falls(before: &State, after: &State, mover: Option<u8>) -> bool {
    let mover = mover.map_or(WORKER, |it| usize::from(it).min(WORKER));
    let mut down = of_thread(&before.thread(mover), mover);
    let mut up = of_thread(&after.thread(mover), mover);
    if !after.has_threads_of(before, mover) {
        down += of_other_threads(before, mover);
        up += of_other_threads(after, mover);
    }
    for socket in after.sockets_unlike(before) {
        down += of_socket(&before.socket(socket));
        up += of_socket(&after.socket(socket));
    }
    if !after.has_operations_of(before) {
        down += of_operations(before);
        up += of_operations(after);
    }
    // All closers that a step makes outdated weigh less than one of anything else.
    up < down || rank(after) < rank(before)
}

/// A call costs less than the calls it leaves, and cleanup and death go round
/// once for each slot, each socket with what outlived them, and each record; within
/// that, later is less. The worker's rounds are paid for by the operations that it
/// takes out.
#[inline(always)]
fn of_thread(it: &Thread, index: usize) -> u32 {
    const OF_PLACES: [[u32; Thread::PLACES]; 2] =
        [of_places(500, [170, 160]), of_places(0, [4, 2])];
    let of_place = OF_PLACES[usize::from(index == WORKER)][it.place()];
    of_place + 500 * (LAST_SWEPT - u32::from(it.cursor())) + outlived(it) + holds(it)
}

/// Each socket that is left is a round; a closer's guess is none.
#[inline(always)]
fn outlived(it: &Thread) -> u32 {
    match it.next() {
        Next::Lock | Next::Commit => 0,
        _ => 100 * ONES[usize::from(it.guess()) % ONES.len()],
    }
}

/// How many operations, or sockets, a mask has: counted beforehand.
const ONES: [u32; 1 << OPERATIONS] = {
    let mut ones = [0; 1 << OPERATIONS];
    let mut mask = 0;
    while mask < ones.len() {
        ones[mask] = mask.count_ones();
        mask += 1;
    }
    ones
};

const _: () = assert!(
    SOCKETS <= OPERATIONS,
    "a mask of sockets is one of operations"
);

/// The ranks of the places in a script and its calls; `ready` between calls, and where
/// it opens a descriptor and looks at the process: the worker does when it has a result
/// in hand, and closes nothing.
const fn of_places(ready: u32, [open, look]: [u32; 2]) -> [u32; Thread::PLACES] {
    let mut ranks = [0; Thread::PLACES];
    let mut place = 0;
    while place < ranks.len() {
        let (call, at) = Thread::at_place(place);
        let later_is_less = match at {
            Next::Idle => ready,
            Next::Open => open,
            Next::LookAtProcess => look,
            Next::NextSlot => 420,
            Next::NextOutlived | Next::NextRecord => 98,
            Next::Lock => 95,
            Next::Commit => 90,
            // An accept opens a descriptor in its section, or in its sleep.
            Next::BackOut | Next::Section => 180,
            Next::Sleep => 175,
            Next::Leave => 40,
            Next::Claim => 7,
            Next::ReturnHandle => 6,
            Next::Recycle => 5,
            Next::Deliver => 3,
            Next::Wait => 2,
            Next::GiveUp => 1,
        };
        ranks[place] = 8000 * (LAST_CALL - call) + later_is_less;
        place += 1;
    }
    ranks
}

/// Few steps move anybody but one thread.
#[cold]
fn of_other_threads(state: &State, mover: usize) -> u32 {
    let others = (0..THREADS).filter(|&it| it != mover);
    others.map(|it| of_thread(&state.thread(it), it)).sum()
}

/// Each hold that is left to give up is a round of leaving and claiming.
#[inline(always)]
fn holds(it: &Thread) -> u32 {
    8 * (ONES[usize::from(it.taken()) % ONES.len()] + u32::from(it.holding()))
}

/// What is queued goes down by being sent; the peer has so much to do.
#[inline(always)]
fn of_socket(it: &SocketState) -> u32 {
    let machine = it.machine();
    let phase = match machine.phase {
        Phase::Open => 2,
        Phase::Draining { .. } => 1,
        Phase::Closed(_) => 0,
    };
    let connection = u32::from(machine.connection != Connection::Lost);
    let shutting = u32::from(machine.send_side == SendSide::ShuttingDown);
    2 * machine.unsent
        + machine.in_flight
        + phase
        + connection
        + shutting
        + u32::from(it.inputs_left())
        + u32::from(it.joins_left())
}

/// Taking an operation out pays for its delivery.
#[inline(always)]
fn of_operation(it: &Operation) -> u32 {
    let state = match it.state() {
        OperationState::Idle => 40,
        OperationState::Pending => 30,
        OperationState::Ending(_) => 5,
        OperationState::Ended(_) => 0,
    };
    state + 3 * u32::from(it.remaining())
}

fn of_sockets(state: &State) -> u32 {
    (0..SOCKETS).map(|it| of_socket(&state.socket(it))).sum()
}

fn of_operations(state: &State) -> u32 {
    state.operations().map(|it| of_operation(&it)).sum()
}

/// How many closers are outdated. Out of line: few steps need it, and inlined it
/// would weigh on all of them.
#[inline(never)]
fn outdated(state: &State) -> u32 {
    let threads = state.threads().filter(|it| is_outdated(state, it));
    threads.map(|_| 1).sum()
}

/// Who enters or leaves moves a word away from what a closer has seen, and makes
/// it try again: one step more, for at most as many closers as threads.
#[inline(always)]
fn is_outdated(state: &State, it: &Thread) -> bool {
    it.next() == Next::Commit && u64::from(it.guess()) != state.slot(it.slot()).word().holders()
}
