//! Where the model lets more happen than the engine does, and why: steps that it
//! splits, and orders that it leaves open. What is refused here is counted and named;
//! the rest is forced.

use closesocket::protocol::Waiting;
use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket_models::state::WORKER;
use closesocket_models::{Action, Call, Handle, Scenario, State, What};

/// What a path has to remember besides the state of the model: the phases of the
/// slots when their process was stopped, two bits each.
pub(crate) type Memory = u8;

/// Why the engine does not take a step of the model.
pub(crate) type Reason = &'static str;

pub(crate) const NOTED_WHEN_STOPPED: Reason = "a sweep notes what is open when it stops the process; what is opened behind that, its opener closes";
pub(crate) const PASSES_THROUGH: Reason = "a sweep passes through the lock of every slot that was closed when it began, also when it is free by then";
pub(crate) const OPEN_FIRST: Reason =
    "a sweep closes what is open before it passes through the locks of what was closed";

pub(crate) const BEGUN_AFTER_THE_END: Reason = "a call that begins after its process has ended is refused before it comes to what the model has";
pub(crate) const NOBODYS_DESCRIPTOR: Reason =
    "a call with nobody's descriptor touches no slot of another process";
pub(crate) const BLOCKED_CALLS: Reason =
    "a sweep interrupts each call that was blocked, in a section of its own";

fn phases(scenario: &Scenario, state: &State) -> Memory {
    let slots = 0..scenario.slots.len();
    slots.fold(0, |bits, it| {
        bits | (state.slot(it).word().phase() as u8) << (2 * it)
    })
}

/// The step of the model in the engine: what is remembered afterwards, or why the
/// engine does not take it.
pub(crate) fn follow(
    scenario: &Scenario,
    memory: Memory,
    before: &State,
    action: Action,
) -> Result<Memory, Reason> {
    if let Some(thread) = action.thread.map(usize::from).filter(|it| *it != WORKER) {
        can_begin(scenario, before, thread, action.what)?;
    }
    match action.what {
        What::Begin { .. } => return Ok(phases(scenario, before)),
        What::NextSlot { slot, open } => sweeps(scenario, memory, before, (slot, open))?,
        _ => {}
    }
    Ok(memory)
}

/// Whether the sweep comes to this slot now, and finds it so.
fn sweeps(
    scenario: &Scenario,
    memory: Memory,
    before: &State,
    (slot, open): (u8, bool),
) -> Result<(), Reason> {
    let index = usize::from(slot);
    let noted = |it: usize, phase: WordPhase| memory >> (2 * it) & 3 == phase as u8;
    if open && !noted(index, WordPhase::Open) {
        return Err(NOTED_WHEN_STOPPED);
    }
    if !noted(index, WordPhase::Sealed) {
        return Ok(());
    }
    let of = |it: usize| scenario.slots[it].process;
    let mut later = index + 1..scenario.slots.len();
    if later.any(|it| of(it) == of(index) && noted(it, WordPhase::Open)) {
        return Err(OPEN_FIRST);
    }
    let it = before.slot(slot);
    let is_sealed = it.word().phase() == WordPhase::Sealed;
    if !is_sealed && is_locked(scenario, before, it.socket()) {
        return Err(PASSES_THROUGH);
    }
    Ok(())
}

/// Whether the engine takes this step of a thread, as far as its process decides.
fn can_begin(scenario: &Scenario, state: &State, thread: usize, what: What) -> Result<(), Reason> {
    let (spec, it) = (scenario.threads[thread], state.thread(thread));
    let process = state.process(spec.process);
    let call = spec.calls.get(usize::from(it.call()));
    let through_own = match call {
        Some(Call::Start { through, .. } | Call::Duplicate { through, .. }) => *through,
        Some(Call::Close(handle) | Call::SetLinger(handle, _) | Call::ShutDownSend(handle)) => {
            *handle
        }
        _ => Handle::First(0),
    } == Handle::Own;
    // What it is to be made with is not known before the end.
    let late = through_own || matches!(call, Some(Call::Redeem { .. }));
    if it.next() == Next::Idle && process.gone().is_some() && late && what != What::Skip {
        return Err(BEGUN_AFTER_THE_END);
    }
    match what {
        What::EnterRefused {
            slot,
            generation: 0,
        } if scenario.slots[usize::from(slot)].process != spec.process => Err(NOBODYS_DESCRIPTOR),
        What::Begin { .. } => {
            let mut others = scenario.threads.iter().enumerate();
            let blocks = others.any(|(index, other)| {
                other.process == spec.process
                    && matches!(state.thread(index).next(), Next::Sleep | Next::Wait)
            });
            if blocks { Err(BLOCKED_CALLS) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

/// Whether a thread has the lock of this socket between two steps.
fn is_locked(scenario: &Scenario, state: &State, socket: u8) -> bool {
    (0..=WORKER).any(|it| {
        let thread = state.thread(it);
        let posts = |index: usize| {
            let it = state.operation(index);
            thread.taken() >> index & 1 == 1
                && scenario.operations[index].waiting == Waiting::Overlapped
                && matches!(it.state(), OperationState::Ending(_))
                && !it.silent()
        };
        thread.socket() == socket
            && match thread.next() {
                Next::Commit => true,
                Next::Deliver => (0..scenario.operations.len()).any(posts),
                _ => false,
            }
    })
}
