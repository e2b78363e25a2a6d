//! Liveness as safety: a number that falls on every transition.
//!
//! If it always falls, no run goes on for ever; and if the states in which
//! nothing can happen any more have nothing left open, every run ends well.
//! That is `everything-released-at-the-end` without fairness or `eventually`.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::{Connection, Phase};

use crate::scenario::Scenario;
use crate::state::{At, Operation, SocketState, State, Thread, WORKER};

/// How far a state is from the end of every run through it, at most.
#[must_use]
pub fn rank(scenario: &Scenario, state: &State) -> u32 {
    let mut sum = 0;
    for (index, thread) in state.threads.iter().enumerate() {
        let calls = scenario.threads.get(index).map_or(0, |it| it.calls.len());
        sum += of_thread(thread, calls, index == WORKER);
    }
    sum += state.sockets.iter().map(of_socket).sum::<u32>();
    sum += state.operations.iter().map(of_operation).sum::<u32>();
    // Who enters or leaves moves a word away from what a closer has seen, and
    // makes it try again: one step more, for at most four closers.
    8 * sum + outdated(state) + u32::from(!state.rested)
}

/// A call costs less than the calls it leaves; within a call, later is less.
fn of_thread(it: &Thread, calls: usize, worker: bool) -> u32 {
    let left = u32::try_from(calls).unwrap_or_default() - u32::from(it.call).min(calls as u32);
    let holds = 8 * (it.taken.count_ones() + u32::from(it.holding));
    // Cleanup and death go round once for each slot and record.
    let rounds = 100 * (7 - u32::from(it.cursor));
    let at = match it.at {
        At::Ready if worker => 0,
        At::Ready => 900,
        At::Reserved => 870,
        At::Opened => 860,
        At::NextSlot => rounds + 99,
        At::NextRecord => rounds + 98,
        At::Looked => rounds + 95,
        At::Committing => rounds + 90,
        At::Refused | At::Inside => rounds + 60,
        At::Blocked => rounds + 50,
        At::Leaving => rounds + 40,
        At::Claiming => rounds + holds + 7,
        At::Upcalling => rounds + holds + 6,
        At::Recycling => rounds + holds + 5,
        At::Delivering => rounds + holds + 3,
        At::Waiting => rounds + holds + 2,
        At::Quitting => rounds + holds + 1,
    };
    1000 * left + if worker { at.saturating_sub(700) } else { at }
}

/// What is queued goes down by being sent; the peer has so much to do.
const fn of_socket(it: &SocketState) -> u32 {
    let phase = match it.machine.phase {
        Phase::Open => 2,
        Phase::Draining { .. } => 1,
        Phase::Closed(_) => 0,
    };
    let connection = !matches!(it.machine.connection, Connection::Lost) as u32;
    2 * it.machine.unsent
        + it.machine.in_flight
        + phase
        + connection
        + it.inputs_left as u32
        + it.joins_left as u32
}

/// Taking an operation out pays for its delivery.
const fn of_operation(it: &Operation) -> u32 {
    let state = match it.state {
        OperationState::Idle => 40,
        OperationState::Pending => 30,
        OperationState::Ending(_) => 5,
        OperationState::Ended(_) => 0,
    };
    state + 3 * it.remaining as u32
}

fn outdated(state: &State) -> u32 {
    let threads = state.threads.iter().filter(|it| {
        it.at == At::Committing
            && u64::from(it.guess) != state.slots[usize::from(it.slot)].word.holders()
    });
    threads.map(|_| 1).sum()
}
