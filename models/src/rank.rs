//! Liveness as safety: a number that falls on every transition.
//!
//! If it always falls, no run goes on for ever; and if the states in which
//! nothing can happen any more have nothing left open, every run ends well.
//! That is `everything-released-at-the-end` without fairness or `eventually`.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::{Connection, Phase};

use crate::state::{At, Operation, SOCKETS, SocketState, State, THREADS, Thread, WORKER};

/// How far a state is from the end of every run through it, at most.
#[must_use]
pub fn rank(state: &State) -> u32 {
    let mut sum = of_worker(&state.thread(WORKER));
    for index in 0..WORKER {
        sum += of_thread(&state.thread(index));
    }
    sum += of_sockets(state) + of_operations(state);
    8 * sum + outdated(state) + u32::from(!state.rest().rested())
}

/// Whether the rank falls on a step, computed from what the step changed.
/// Without somebody `committing` before the step, only who moved in it can be.
#[inline]
#[must_use]
pub(crate) fn falls(before: &State, after: &State, committing: bool) -> bool {
    let (mut down, mut up) = (0, 0);
    for index in 0..THREADS {
        let (was, is) = (before.thread(index), after.thread(index));
        if was != is {
            let of = if index == WORKER {
                of_worker
            } else {
                of_thread
            };
            down += 8 * of(&was);
            up += 8 * of(&is);
        }
        if was != is && !committing {
            down += u32::from(is_outdated(before, &was));
            up += u32::from(is_outdated(after, &is));
        }
    }
    if committing {
        down += outdated(before);
        up += outdated(after);
    }
    for index in 0..SOCKETS {
        let (was, is) = (before.socket(index), after.socket(index));
        if was != is {
            down += 8 * of_socket(&was);
            up += 8 * of_socket(&is);
        }
    }
    if !after.has_operations_of(before) {
        down += 8 * of_operations(before);
        up += 8 * of_operations(after);
    }
    down += u32::from(!before.rest().rested());
    up += u32::from(!after.rest().rested());
    up < down
}

/// A call costs less than the calls it leaves, and cleanup and death go round
/// once for each slot and record; within that, later is less.
#[inline(always)]
fn of_thread(it: &Thread) -> u32 {
    const LATER_IS_LESS: [u32; At::ALL.len()] = {
        let mut ranks = [0; At::ALL.len()];
        let mut index = 0;
        while index < ranks.len() {
            ranks[index] = match At::ALL[index] {
                At::Ready => 200,
                At::Reserved => 170,
                At::Opened => 160,
                At::NextSlot => 99,
                At::NextRecord => 98,
                At::Looked => 95,
                At::Committing => 90,
                At::Refused | At::Inside => 60,
                At::Blocked => 50,
                At::Leaving => 40,
                At::Claiming => 7,
                At::Upcalling => 6,
                At::Recycling => 5,
                At::Delivering => 3,
                At::Waiting => 2,
                At::Quitting => 1,
            };
            index += 1;
        }
        ranks
    };
    let calls = 1000 * (7 - u32::from(it.call()));
    let rounds = 100 * (7 - u32::from(it.cursor()));
    calls + rounds + holds(it) + LATER_IS_LESS[it.at() as usize]
}

/// The worker's rounds are paid for by the operations that it takes out.
#[inline(always)]
fn of_worker(it: &Thread) -> u32 {
    let at = match it.at() {
        At::Claiming => 7,
        At::Upcalling => 6,
        At::Recycling => 5,
        At::Delivering => 3,
        At::Quitting => 1,
        _ => 0,
    };
    at + holds(it)
}

/// Each hold that is left to give up is a round of leaving and claiming.
#[inline(always)]
fn holds(it: &Thread) -> u32 {
    const ONES: [u32; 16] = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];
    8 * (ONES[usize::from(it.taken() & 15)] + u32::from(it.holding()))
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
    2 * machine.unsent
        + machine.in_flight
        + phase
        + connection
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
/// it try again: one step more, for at most four closers.
#[inline(always)]
fn is_outdated(state: &State, it: &Thread) -> bool {
    it.at() == At::Committing && u64::from(it.guess()) != state.slot(it.slot()).word().holders()
}
