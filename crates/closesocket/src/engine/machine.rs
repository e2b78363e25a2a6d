//! The socket machine under its lock, observed: whatever changes it goes
//! through here, is done by the protocol, and is told to the probe.

use std::ops::Deref;

use super::SocketId;
use super::System;
use super::observation::{Observation, Order};
use super::probe::Probe;
use super::process::ProcessState;
use super::shared::Shared;
use crate::protocol::word::Word;
use crate::protocol::{
    AbortScope, CloseRequest, Commit, Descriptor, Error, Input, OperationKind, Outcome,
    PendingOperations, Socket, UnreadInput,
};

/// The machine of a cell's present occupant. It reads like a [`Socket`]; only
/// the methods here change it.
pub(super) struct Machine {
    core: Socket,
    id: SocketId,
    /// Observations made under the cell's lock so far.
    sequence: u64,
}

impl Deref for Machine {
    type Target = Socket;

    #[inline]
    fn deref(&self) -> &Socket {
        &self.core
    }
}

impl Machine {
    /// The machine of a cell that was never used.
    pub(super) const fn unused() -> Self {
        Self {
            core: Socket::new(0, AbortScope::Descriptor, UnreadInput::Discard),
            id: SocketId(0),
            sequence: 0,
        }
    }

    /// Tells the probe of something that happened under this lock.
    #[inline]
    pub(super) fn note<S: System>(
        &mut self,
        shared: &Shared<S>,
        observation: impl FnOnce(u64) -> Observation,
    ) {
        if S::Probe::ENABLED {
            self.sequence += 1;
            shared.probe.observe(observation(self.sequence));
        }
    }

    /// [`Socket::apply`]; tells the probe, unless it changed nothing. `by` is the
    /// number of the pending operation whose bytes are offered.
    #[inline]
    pub(super) fn apply_for<S: System>(
        &mut self,
        shared: &Shared<S>,
        by: Option<u64>,
        input: Input,
    ) -> Result<Outcome, Error> {
        let machine = self.core;
        let outcome = self.core.apply(input);
        if S::Probe::ENABLED && self.core != machine {
            let socket = self.id;
            self.note(shared, |sequence| Observation::Changed {
                socket,
                sequence,
                input,
                by,
                machine,
            });
        }
        outcome
    }

    /// [`Machine::apply_for`] no operation.
    #[inline]
    pub(super) fn apply<S: System>(
        &mut self,
        shared: &Shared<S>,
        input: Input,
    ) -> Result<Outcome, Error> {
        self.apply_for(shared, None, input)
    }

    /// A new occupant.
    pub(super) fn create<S: System>(&mut self, shared: &Shared<S>, id: SocketId, core: Socket) {
        self.core = core;
        self.id = id;
        self.note(shared, |sequence| Observation::Created {
            socket: id,
            sequence,
            machine: core,
        });
    }

    /// [`Socket::may_start`].
    pub(super) fn may_start<S: System>(
        &mut self,
        shared: &Shared<S>,
        (process, descriptor): (&ProcessState<S>, Descriptor),
        operation: OperationKind,
        live: bool,
    ) -> Result<(), Error> {
        let may = self.core.may_start(operation, live);
        let socket = self.id;
        self.note(shared, |sequence| Observation::Started {
            process: process.id,
            descriptor,
            socket,
            sequence,
            operation,
            error: may.err(),
        });
        may
    }

    /// [`Socket::duplicate`], by the record of this number.
    pub(super) fn duplicate(&mut self, live: bool, target_lives: bool) -> Result<(), Error> {
        self.core.duplicate(live, target_lives)
    }

    /// [`Socket::close`]. `before` is the word that was seen; the swap is the
    /// commit.
    pub(super) fn close<O: PendingOperations, E: From<Error>>(
        &mut self,
        request: CloseRequest,
        before: Word,
        descriptor: Descriptor,
        operations: &mut O,
        swap: impl FnOnce(Word) -> Result<(), E>,
    ) -> Result<Commit<O::Taken>, E> {
        let generation = descriptor.generation();
        self.core
            .close(request, before, generation, operations, swap)
    }

    /// [`Socket::reclaim`].
    pub(super) fn reclaim<O: PendingOperations>(
        &mut self,
        request: CloseRequest,
        operations: &mut O,
    ) -> Commit<O::Taken> {
        self.core.reclaim(request, operations)
    }

    /// An order to the transport was carried out.
    pub(super) fn ordered<S: System>(&mut self, shared: &Shared<S>, order: Order) {
        let socket = self.id;
        self.note(shared, |sequence| Observation::Ordered {
            socket,
            sequence,
            order,
        });
    }

    /// The last order was carried out: the socket is released.
    pub(super) fn released<S: System>(&mut self, shared: &Shared<S>) {
        let socket = self.id;
        self.note(shared, |sequence| Observation::Released {
            socket,
            sequence,
        });
    }
}
