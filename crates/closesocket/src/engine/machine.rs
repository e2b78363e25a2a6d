//! The socket machine under its lock, observed: whatever changes it goes
//! through here, is done by the protocol, and is told to the probe.

use std::ops::Deref;

use super::SocketId;
use super::System;
use super::observation::{Observation, Order, Place, Step};
use super::probe::Probe;
use super::services::Services;
use crate::protocol::word::Word;
use crate::protocol::{
    AbortScope, CloseRequest, Commit, Descriptor, Error, Input, OperationKind, Outcome,
    PendingOperations, ProcessId, Socket, UnreadInput,
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

    /// The socket that it is of, and the machine itself.
    pub(super) const fn seen(&self) -> (SocketId, Socket) {
        (self.id, self.core)
    }

    /// Tells the probe of something that happened under this lock, to its present
    /// occupant.
    #[inline]
    pub(super) fn note<S: System>(
        &mut self,
        services: &Services<S>,
        observation: impl FnOnce() -> Observation,
    ) {
        self.note_of(services, self.id, observation);
    }

    /// The same of a socket that may be an earlier occupant.
    #[inline]
    pub(super) fn note_of<S: System>(
        &mut self,
        services: &Services<S>,
        socket: SocketId,
        observation: impl FnOnce() -> Observation,
    ) {
        if S::Probe::ENABLED {
            self.sequence += 1;
            let sequence = self.sequence;
            let place = Place { socket, sequence };
            services.probe.observe(observation().at(place));
        }
    }

    /// [`Socket::apply`]; tells the probe, unless it changed nothing. `by` is the
    /// number of the pending operation whose bytes are offered.
    #[inline]
    pub(super) fn apply_for<S: System>(
        &mut self,
        services: &Services<S>,
        by: Option<u64>,
        input: Input,
    ) -> Result<Outcome, Error> {
        let machine = self.core;
        let outcome = self.core.apply(input);
        if S::Probe::ENABLED && self.core != machine {
            let changed = Step::Changed { input, by, machine };
            self.note(services, || Observation::of(changed));
        }
        outcome
    }

    /// [`Machine::apply_for`] no operation.
    #[inline]
    pub(super) fn apply<S: System>(
        &mut self,
        services: &Services<S>,
        input: Input,
    ) -> Result<Outcome, Error> {
        self.apply_for(services, None, input)
    }

    /// A new occupant.
    pub(super) fn create<S: System>(
        &mut self,
        services: &Services<S>,
        id: SocketId,
        core: &Socket,
    ) {
        self.core = *core;
        self.id = id;
        let machine = self.core;
        self.note(services, || Observation::of(Step::Created { machine }));
    }

    /// [`Socket::may_start`].
    pub(super) fn may_start<S: System>(
        &mut self,
        services: &Services<S>,
        (process, descriptor): (ProcessId, Descriptor),
        operation: OperationKind,
        live: bool,
    ) -> Result<(), Error> {
        let may = self.core.may_start(operation, live);
        let started = Step::Started {
            operation,
            error: may.err(),
        };
        self.note(services, || {
            Observation::through(process, descriptor, started)
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
    pub(super) fn ordered<S: System>(&mut self, services: &Services<S>, order: Order) {
        self.note(services, || Observation::of(Step::Ordered { order }));
    }

    /// The last order was carried out: the socket is released.
    pub(super) fn released<S: System>(&mut self, services: &Services<S>) {
        self.note(services, || Observation::of(Step::Released));
    }
}
