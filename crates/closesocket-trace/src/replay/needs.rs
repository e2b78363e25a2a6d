//! What an observation needs before it can have happened: the word that its
//! instruction saw, its number under a lock, and whatever else comes first.

use std::collections::{HashMap, HashSet};
use std::fmt;

use closesocket::engine::completions::OperationId;
use closesocket::engine::observe::{Observation, Step};
use closesocket::engine::{ProcessId, SocketId};
use closesocket::protocol::Cause;
use closesocket::protocol::word::{self, STEP, Word};

use super::thread::Name;

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

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(operation) => write!(f, "the delivery of {operation}"),
            Self::Over(process, life) => write!(f, "the end of life {life} of {process}"),
            Self::Dying(process) => write!(f, "the death of {process}"),
        }
    }
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
    let (process, descriptor) = (observation.process?, observation.descriptor?);
    let before = observation.before?;
    let after = match observation.step {
        Step::Opened { .. } => plus(before, STEP),
        Step::Entered { holders, .. } => plus(before, holders),
        Step::Left { holders } => Word::from_bits(before.bits().wrapping_sub(holders)),
        Step::SealMissed => before,
        Step::Committed { .. } => word::seal(before, descriptor.generation()).unwrap_or(before),
        Step::Claimed { won } => word::claim(before).filter(|_| won).unwrap_or(before),
        Step::Recycled { retired: true } => before,
        Step::Recycled { retired: false } => plus(before, STEP),
        _ => return None,
    };
    Some(Instruction {
        slot: (process, descriptor.slot()),
        before,
        after,
    })
}

/// What an observation says of where its step happened; a step that needs it and
/// whose observation does not say it is refused.
pub(super) trait Header {
    /// The process.
    fn process(&self) -> Result<ProcessId, String>;
    /// The process with its descriptor.
    fn name(&self) -> Result<Name, String>;
    /// The socket whose lock was held.
    fn socket(&self) -> Result<SocketId, String>;
    /// The word that the instruction saw.
    fn before(&self) -> Result<Word, String>;
}

fn said<T>(what: Option<T>, name: &str) -> Result<T, String> {
    what.ok_or_else(|| format!("it does not say which {name}"))
}

impl Header for Observation {
    fn process(&self) -> Result<ProcessId, String> {
        said(self.process, "process")
    }

    fn name(&self) -> Result<Name, String> {
        Ok((self.process()?, said(self.descriptor, "descriptor")?))
    }

    fn socket(&self) -> Result<SocketId, String> {
        said(self.at.map(|it| it.socket), "socket")
    }

    fn before(&self) -> Result<Word, String> {
        said(self.before, "word it saw")
    }
}

impl Needs {
    pub(super) fn of(observation: &Observation) -> Self {
        let (mut gate, mut closed, mut opens) = (None, None, [None; 2]);
        let Observation {
            at,
            process,
            descriptor,
            ..
        } = *observation;
        match (observation.step, process) {
            (
                Step::Committed {
                    cause: Cause::Cleanup,
                    life,
                    ..
                }
                | Step::Taken {
                    silent: Some(life), ..
                },
                Some(process),
            ) => gate = Some(Gate::Over(process, life)),
            (
                Step::Committed {
                    cause: Cause::Death,
                    ..
                }
                | Step::Reclaimed { .. },
                Some(process),
            ) => gate = Some(Gate::Dying(process)),
            (
                Step::CloseRefused {
                    error: closesocket::engine::Error::NotSocket,
                    ..
                },
                Some(process),
            ) => {
                closed = descriptor.map(|it| ((process, it.slot()), it.generation()));
            }
            (Step::Resumed { operation }, _) => gate = Some(Gate::Delivered(operation)),
            // One that was posted has no thread that goes on from it.
            (
                Step::Delivered {
                    operation,
                    posted: false,
                    ..
                },
                _,
            ) if at.is_none() => opens[0] = Some(Gate::Delivered(operation)),
            (Step::SweepBegan { cause, life }, Some(process)) => {
                let dying = (cause == Cause::Death).then_some(Gate::Dying(process));
                opens = [Some(Gate::Over(process, life)), dying];
            }
            _ => {}
        }
        Self {
            word: instruction(observation),
            place: at.map(|it| (it.socket.cell(), it.sequence)),
            gate,
            closed,
            opens,
        }
    }
}
