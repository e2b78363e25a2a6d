//! What an observation needs before it can have happened: the word that its
//! instruction saw, its number under a lock, and whatever else comes first.

use std::collections::{HashMap, HashSet};

use closesocket::engine::{Descriptor, Observation, OperationId, ProcessId, SocketId};
use closesocket::protocol::Cause;
use closesocket::protocol::word::{self, STEP, Word};

/// A slot of a process's table.
pub(super) type SlotName = (ProcessId, u32);

/// An atomic instruction on a slot's word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) slot: SlotName,
    pub(super) before: Word,
    pub(super) after: Word,
}

/// Something that another thread must have done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gate {
    /// The operation was delivered.
    Delivered(OperationId),
    /// This life of the process began to end.
    Over(ProcessId, u64),
    /// The process began to die.
    Dying(ProcessId),
}

/// Where the records so far have led.
#[derive(Clone, Default)]
pub(super) struct Reached {
    pub(super) words: HashMap<SlotName, Word>,
    /// The last number under each cell's lock.
    pub(super) cells: HashMap<u32, u64>,
    pub(super) gates: HashSet<Gate>,
}

/// Everything an observation needs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs {
    pub(super) word: Option<Instruction>,
    /// The cell and the number under its lock.
    pub(super) place: Option<(u32, u64)>,
    pub(super) gate: Option<Gate>,
    /// The descriptor of this generation must not be open any more.
    pub(super) closed: Option<(SlotName, u32)>,
    /// What it does for others.
    pub(super) opens: [Option<Gate>; 2],
}

fn plus(word: Word, amount: u64) -> Word {
    Word::from_bits(word.bits().wrapping_add(amount))
}

/// The instruction on a word that an observation tells of.
fn instruction(observation: &Observation) -> Option<Instruction> {
    let (process, descriptor, before, after) = match *observation {
        Observation::Opened {
            process,
            descriptor,
            before,
            ..
        } => (process, descriptor, before, plus(before, STEP)),
        Observation::Entered {
            process,
            descriptor,
            before,
            holders,
            ..
        } => (process, descriptor, before, plus(before, holders)),
        Observation::Left {
            process,
            descriptor,
            before,
            holders,
        } => {
            let after = Word::from_bits(before.bits().wrapping_sub(holders));
            (process, descriptor, before, after)
        }
        Observation::SealMissed {
            process,
            descriptor,
            before,
        } => (process, descriptor, before, before),
        Observation::Committed {
            process,
            descriptor,
            before,
            ..
        } => {
            let after = word::seal(before, descriptor.generation()).unwrap_or(before);
            (process, descriptor, before, after)
        }
        Observation::Claimed {
            process,
            descriptor,
            before,
            won,
        } => {
            let claimed = word::claim(before).filter(|_| won);
            (process, descriptor, before, claimed.unwrap_or(before))
        }
        Observation::Recycled {
            process,
            descriptor,
            before,
            retired,
        } => {
            let after = if retired { before } else { plus(before, STEP) };
            (process, descriptor, before, after)
        }
        _ => return None,
    };
    Some(Instruction {
        slot: (process, descriptor.slot()),
        before,
        after,
    })
}

/// The socket and the number under its cell's lock.
pub(super) fn place(observation: &Observation) -> Option<(SocketId, u64)> {
    match *observation {
        Observation::Opened {
            socket, sequence, ..
        }
        | Observation::Committed {
            socket, sequence, ..
        }
        | Observation::Created {
            socket, sequence, ..
        }
        | Observation::Changed {
            socket, sequence, ..
        }
        | Observation::Ordered {
            socket, sequence, ..
        }
        | Observation::Released { socket, sequence }
        | Observation::Started {
            socket, sequence, ..
        }
        | Observation::LingerEnded {
            socket, sequence, ..
        }
        | Observation::Duplicated {
            socket, sequence, ..
        }
        | Observation::Redeemed {
            socket, sequence, ..
        }
        | Observation::Reclaimed {
            socket, sequence, ..
        } => Some((socket, sequence)),
        Observation::Registered {
            operation,
            sequence,
            ..
        }
        | Observation::Cancelled {
            operation,
            sequence,
            ..
        }
        | Observation::Taken {
            operation,
            sequence,
            ..
        } => Some((operation.socket, sequence)),
        Observation::Delivered {
            operation,
            under: Some(sequence),
            ..
        } => Some((operation.socket, sequence)),
        Observation::CloseRefused { under, .. } => under,
        _ => None,
    }
}

/// The descriptor that an observation speaks of.
pub(super) fn descriptor(observation: &Observation) -> Option<(ProcessId, Descriptor)> {
    match *observation {
        Observation::Opened {
            process,
            descriptor,
            ..
        }
        | Observation::Entered {
            process,
            descriptor,
            ..
        }
        | Observation::Left {
            process,
            descriptor,
            ..
        }
        | Observation::SealMissed {
            process,
            descriptor,
            ..
        }
        | Observation::Committed {
            process,
            descriptor,
            ..
        }
        | Observation::CloseRefused {
            process,
            descriptor,
            ..
        }
        | Observation::CloseReturned {
            process,
            descriptor,
            ..
        }
        | Observation::Started {
            process,
            descriptor,
            ..
        }
        | Observation::Registered {
            process,
            descriptor,
            ..
        }
        | Observation::Claimed {
            process,
            descriptor,
            ..
        }
        | Observation::HandleReturned {
            process,
            descriptor,
            ..
        }
        | Observation::Recycled {
            process,
            descriptor,
            ..
        }
        | Observation::Duplicated {
            process,
            descriptor,
            ..
        } => Some((process, descriptor)),
        _ => None,
    }
}

impl Needs {
    pub(super) fn of(observation: &Observation) -> Self {
        let (mut gate, mut closed, mut opens) = (None, None, [None; 2]);
        match *observation {
            Observation::Committed {
                process,
                cause: Cause::Cleanup,
                life,
                ..
            } => gate = Some(Gate::Over(process, life)),
            Observation::Committed {
                process,
                cause: Cause::Death,
                ..
            }
            | Observation::Reclaimed { process, .. } => gate = Some(Gate::Dying(process)),
            Observation::CloseRefused {
                process,
                descriptor,
                error: closesocket::engine::Error::NotSocket,
                ..
            } => closed = Some(((process, descriptor.slot()), descriptor.generation())),
            Observation::Resumed { operation } => gate = Some(Gate::Delivered(operation)),
            Observation::Taken {
                silent: Some((process, life)),
                ..
            } => gate = Some(Gate::Over(process, life)),
            // One that was posted has no thread that goes on from it.
            Observation::Delivered {
                operation,
                posted: false,
                under: None,
                ..
            } => opens[0] = Some(Gate::Delivered(operation)),
            Observation::SweepBegan {
                process,
                cause,
                life,
            } => {
                let dying = (cause == Cause::Death).then_some(Gate::Dying(process));
                opens = [Some(Gate::Over(process, life)), dying];
            }
            _ => {}
        }
        Self {
            word: instruction(observation),
            place: place(observation).map(|(socket, sequence)| (socket.cell(), sequence)),
            gate,
            closed,
            opens,
        }
    }
}
