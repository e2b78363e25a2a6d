//! The mapping between a state of the model and the engine, written out: what must
//! be equal, and what is the same though it looks otherwise.

use closesocket::protocol::invariant::OperationState;
use closesocket::protocol::program::Next;
use closesocket::protocol::word::Word;
use closesocket::protocol::{Cause, Connection, Phase, Socket, UnreadInput, Waiting};
use closesocket_models::State;
use closesocket_models::state::{Operation, Slot, WORKER};

use super::scripted::Wire;
use super::seat::{At, Gate};

/// Where a thread must be whose next step this is. A step of the model begins with
/// exactly one gate of the engine; so two steps where the model has one, two in the
/// other order, or one left out leave the thread elsewhere.
pub(crate) fn is_place_of(next: Next, at: At) -> bool {
    let At::Gate { gate, inside } = at else {
        return match next {
            Next::Idle => at == At::Idle,
            Next::Sleep => at == At::Asleep { at_socket: false },
            Next::Wait => at == At::Asleep { at_socket: true },
            _ => false,
        };
    };
    match next {
        Next::BackOut | Next::Leave | Next::GiveUp => matches!(gate, Gate::Leave { .. }) && !inside,
        // The wait begins with a look at the deadline, in a section of its own.
        Next::Section | Next::Lock | Next::Open | Next::Wait => gate == Gate::Section,
        Next::Commit => matches!(gate, Gate::Swap { .. }) && inside,
        Next::Claim => matches!(gate, Gate::Swap { .. }) && !inside,
        Next::Deliver => match gate {
            Gate::Queue => inside,
            Gate::Answer { .. } => !inside,
            _ => false,
        },
        Next::ReturnHandle => gate == Gate::Upcall,
        Next::Recycle => matches!(gate, Gate::Load { .. }),
        Next::LookAtProcess => gate == Gate::LookAtProcess,
        // A slot that was open when the process was stopped is looked at again, for one
        // that was closed the lock of its socket is passed through, and for one that
        // was free there is nothing to do.
        Next::NextSlot => matches!(gate, Gate::Load { .. } | Gate::Section | Gate::Index),
        Next::NextOutlived => gate == Gate::Section,
        Next::NextRecord => gate == Gate::Index,
        Next::Idle | Next::Sleep => false,
    }
}

/// Whether all that a thread has still to deliver ends silently: that has no gate,
/// since nothing is put anywhere. The engine has done it with the step before.
pub(crate) fn delivers_silently(state: &State, thread: usize) -> bool {
    let thread = state.thread(thread);
    let mut taken = state.operations().enumerate().filter(|(index, it)| {
        thread.taken() >> index & 1 == 1 && matches!(it.state(), OperationState::Ending(_))
    });
    thread.next() == Next::Deliver && taken.all(|(_, it)| it.silent())
}

/// The sockets whose lock a thread has between two steps: nobody else sees what is
/// under it.
pub(crate) fn locked_sockets(state: &State, places: &[At]) -> u8 {
    let inside = |at: &At| matches!(at, At::Gate { inside: true, .. });
    let holders = (0..=WORKER).filter(|&it| places.get(it).is_some_and(inside));
    holders.fold(0, |mask, it| mask | 1 << state.thread(it).socket())
}

/// The descriptor's word: phase and holders, and the generation, of which the model
/// counts from the first occupant of the scenario.
pub(crate) fn word(model: &Slot, engine: Word, earlier: u32) -> Result<(), String> {
    let it = model.word();
    let expected = Word::new(it.generation() + earlier, it.phase(), it.holders());
    if engine == expected {
        Ok(())
    } else {
        Err(format!("its word is {engine:?}, in the model {expected:?}"))
    }
}

/// The socket machine: all of it, but
/// - of a deadline only whether there is one, since time stands still in the model;
/// - what the peer has acknowledged and the engine has not asked for counts as
///   acknowledged: it asks before it decides by it;
/// - what waits in a backlog the engine asks the transport for when it wants it;
/// - input counts as unread from its arrival on while the socket is open; then the
///   engine asks for it only where it matters, under `UnreadInput::Reset`.
pub(crate) fn machine(model: &Socket, engine: &Socket, wire: &Wire) -> Result<(), String> {
    let mut seen = *engine;
    if let Phase::Draining { deadline: Some(_) } = model.phase
        && let Phase::Draining { deadline: Some(_) } = seen.phase
    {
        seen.phase = model.phase;
    }
    let waits = u32::try_from(wire.in_flight).unwrap();
    seen.in_flight = seen.in_flight.min(waits);
    if model.phase == Phase::Open && model.connection == Connection::Listening {
        seen.backlog = wire.waiting;
    }
    seen.input_unread = match (model.phase, model.unread_input) {
        (Phase::Open, _) => wire.input,
        (Phase::Draining { .. }, UnreadInput::Reset) => engine.input_unread,
        _ => model.input_unread,
    };
    if seen == *model {
        Ok(())
    } else {
        Err(format!("its machine is {seen:?}, in the model {model:?}"))
    }
}

/// How far an operation has come in the engine, as its probe has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Idle,
    Pending,
    TakenOut(Option<Cause>),
    Ended(Option<Cause>),
}

/// An operation. The answer of a blocked thread is told before it is there, and what
/// ends silently ends with the step that takes it out. Of what a section ends under the
/// lock, which nobody else sees, the engine takes out one when the one before is posted.
pub(crate) fn operation(
    model: Operation,
    (waiting, locked): (Waiting, bool),
    engine: Progress,
) -> Result<(), String> {
    let same = match (model.state(), engine) {
        (OperationState::Idle, Progress::Idle) | (OperationState::Pending, Progress::Pending) => {
            true
        }
        (OperationState::Ending(None), Progress::Pending) => locked,
        (OperationState::Ending(cause), Progress::TakenOut(it))
        | (OperationState::Ended(cause), Progress::Ended(it)) => cause == it,
        (OperationState::Ending(cause), Progress::Ended(it)) => {
            cause == it && (model.silent() || waiting == Waiting::Blocked)
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!(
            "it is {engine:?}, in the model {:?}",
            model.state()
        ))
    }
}

/// How often the handle of this slot's occupant was given back, or was to be: an upcall
/// that fails retires the slot.
pub(crate) fn handle(model: &Slot, upcalls: usize) -> Result<(), String> {
    let expected = usize::from(model.returns()) + usize::from(model.retired());
    if upcalls == expected {
        Ok(())
    } else {
        Err(format!(
            "its handle was given back {upcalls} times, in the model {expected}"
        ))
    }
}
