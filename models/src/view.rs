//! The model's state as the invariants see it.

use closesocket::protocol::invariant::{
    DescriptorState, DescriptorView, OperationState, OperationView, RecordView, SocketView, World,
};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;
use closesocket::protocol::{Error, ProcessId};

use crate::scenario::{Call, Scenario, ThreadSpec};
use crate::state::{RECORDS, State, Thread};

/// A state of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The state.
    pub state: &'a State,
}

impl View<'_> {
    /// Threads inside a call through the occupant of this slot, and its
    /// operations that are not delivered. A closer does not count itself (H2),
    /// and a transient entry is not inside.
    #[inline(always)]
    fn inside(&self, slot: usize, generation: u32) -> usize {
        let here = |it_slot: u8, it_generation: u8| {
            usize::from(it_slot) == slot && u32::from(it_generation) == generation
        };
        let threads = self.state.threads().enumerate().filter(|(index, it)| {
            (matches!(it.next(), Next::Section | Next::Leave) || self.cancels(*index, *it))
                && here(it.slot(), it.generation())
        });
        let operations = self.state.operations().filter(|it| {
            matches!(
                it.state(),
                OperationState::Pending | OperationState::Ending(_)
            ) && here(it.slot(), it.generation())
        });
        threads.count() + operations.count()
    }
}

impl View<'_> {
    /// Whether the thread is in a cancel through a descriptor and delivers.
    #[inline(always)]
    fn cancels(&self, index: usize, thread: Thread) -> bool {
        thread.holding() && {
            let spec = self.scenario.threads.get(index);
            let call = spec.and_then(|it| it.calls.get(usize::from(thread.call())));
            matches!(call, Some(Call::CancelThrough(_)))
        }
    }

    /// Whether the life of this slot's occupant has ended, and nobody sweeps its
    /// process any more.
    fn is_swept(&self, slot: usize) -> bool {
        let process = self.scenario.slots[slot].process;
        let sweeps = |(spec, it): (&ThreadSpec, Thread)| {
            let call = spec.calls.get(usize::from(it.call()));
            spec.process == process
                && it.next() != Next::Idle
                && matches!(call, Some(Call::Cleanup | Call::Die))
        };
        let mut threads = self.scenario.threads.iter().zip(self.state.threads());
        self.scenario.is_over(self.state, slot) && !threads.any(sweeps)
    }

    /// Whether the occupant of this slot, of an ended life, is nobody's at rest.
    fn is_stranded(&self, slot: usize) -> bool {
        self.state.rest().rested() && self.scenario.is_over(self.state, slot)
    }
}

impl World for View<'_> {
    fn slots(&self) -> usize {
        self.scenario.slots.len()
    }

    #[inline(always)]
    fn descriptor(&self, slot: usize) -> DescriptorView {
        let it = &self.state.slot(slot);
        let generation = it.word().generation();
        DescriptorView {
            generation,
            state: match it.word().phase() {
                WordPhase::Free => DescriptorState::Free,
                // Next rest nobody is left who could close it.
                WordPhase::Open if self.is_stranded(slot) => DescriptorState::Closed(it.cause()),
                WordPhase::Open => DescriptorState::Open,
                WordPhase::Sealed | WordPhase::Claimed => DescriptorState::Closed(it.cause()),
            },
            process: ProcessId(u32::from(self.scenario.slots[slot].process)),
            // Of a free slot, what it is reserved for: that is nobody's yet.
            socket: match it.word().phase() {
                WordPhase::Free => 0,
                _ => usize::from(it.socket()),
            },
            life_over: self.scenario.is_over(self.state, slot),
            life_swept: self.is_swept(slot),
            inside: self.inside(slot, generation),
            handle_returns: it.returns(),
            retired: it.retired(),
        }
    }

    fn sockets(&self) -> usize {
        usize::from(self.state.rest().created())
    }

    #[inline(always)]
    fn socket(&self, socket: usize) -> SocketView {
        let it = &self.state.socket(socket);
        SocketView {
            machine: it.machine(),
            releases: it.releases(),
            accepted: u32::from(it.accepted()),
            acknowledged: u32::from(it.acknowledged()),
            reset: it.reset(),
            waiting_connections: u32::from(it.waiting()),
            input_waits: it.machine().input_unread,
            locked_by_waiter: it.locked_by_waiter(),
        }
    }

    fn operations(&self) -> usize {
        self.scenario.operations.len()
    }

    #[inline(always)]
    fn operation(&self, operation: usize) -> OperationView {
        let it = &self.state.operation(operation);
        OperationView {
            slot: usize::from(it.slot()),
            generation: u32::from(it.generation()),
            socket: usize::from(it.socket()),
            waiting: self.scenario.operations[operation].waiting,
            kind: self.scenario.operations[operation].kind,
            state: it.state(),
            failed: match it.state() {
                OperationState::Ending(None) | OperationState::Ended(None) if !it.succeeded() => {
                    Some(Error::ConnectionReset)
                }
                _ => None,
            },
            silent: it.silent(),
            number: u64::from(it.number()),
        }
    }

    fn records(&self) -> usize {
        RECORDS
    }

    #[inline(always)]
    fn record(&self, record: usize) -> RecordView {
        let it = &self.state.record(record);
        RecordView {
            socket: usize::from(it.socket()),
            target: it.record().map_or(ProcessId(0), |it| it.target),
            // Next rest nobody is left who could redeem or reclaim it.
            unredeemed: it.record().is_some_and(|it| {
                it.is_reference()
                    && !(self.state.rest().rested() && self.state.is_dead(it.target.0 as usize))
            }),
        }
    }

    fn at_rest(&self) -> bool {
        self.state.rest().rested()
    }

    fn stuck(&self) -> Option<usize> {
        self.state.threads().position(|it| it.next() != Next::Idle)
    }
}
