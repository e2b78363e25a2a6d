//! The socket machine under its lock, observed: whatever changes it goes
//! through here, is done by the protocol, and is told to the probe.

use std::ops::Deref;

use super::SocketId;
use super::System;
use super::observation::{Change, Observation, Order};
use super::probe::Probe;
use super::process::ProcessState;
use super::shared::Shared;
use crate::protocol::word::Word;
use crate::protocol::{
    AbortScope, Actions, CloseRequest, Commit, Descriptor, Error, Limits, Linger, OperationKind,
    PendingOperations, Socket, Time, Travelling, UnreadInput,
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

    /// Makes one change and tells the probe, unless it changed nothing.
    #[inline]
    fn change<S: System, R>(
        &mut self,
        shared: &Shared<S>,
        make: impl FnOnce(&mut Socket) -> (R, Change),
    ) -> R {
        let machine = self.core;
        let (result, change) = make(&mut self.core);
        if S::Probe::ENABLED && self.core != machine {
            let socket = self.id;
            self.note(shared, |sequence| Observation::Changed {
                socket,
                sequence,
                change,
                machine,
            });
        }
        result
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

    /// [`Socket::set_linger`].
    pub(super) fn set_linger<S: System>(&mut self, shared: &Shared<S>, linger: Linger) {
        self.change(shared, |core| {
            core.set_linger(linger);
            ((), Change::Linger(linger))
        });
    }

    /// [`Socket::set_limits`].
    pub(super) fn set_limits<S: System>(&mut self, shared: &Shared<S>, limits: Limits) {
        self.change(shared, |core| {
            core.set_limits(limits);
            ((), Change::Limits(limits))
        });
    }

    /// [`Socket::set_nonblocking`].
    pub(super) fn set_nonblocking<S: System>(&mut self, shared: &Shared<S>, nonblocking: bool) {
        self.change(shared, |core| {
            core.set_nonblocking(nonblocking);
            ((), Change::Nonblocking(nonblocking))
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

    /// [`Socket::listen`].
    pub(super) fn listen<S: System>(&mut self, shared: &Shared<S>) -> Result<(), Error> {
        self.change(shared, |core| (core.listen(), Change::Listening))
    }

    /// [`Socket::connecting`].
    pub(super) fn connecting<S: System>(&mut self, shared: &Shared<S>) {
        self.change(shared, |core| (core.connecting(), Change::Connecting));
    }

    /// [`Socket::connect_finished`].
    pub(super) fn connect_finished<S: System>(&mut self, shared: &Shared<S>, connected: bool) {
        self.change(shared, |core| {
            core.connect_finished(connected);
            ((), Change::ConnectFinished { connected })
        });
    }

    /// [`Socket::backlog_joined`].
    pub(super) fn backlog_joined<S: System>(&mut self, shared: &Shared<S>) {
        self.change(shared, |core| {
            (core.backlog_joined(), Change::BacklogJoined)
        });
    }

    /// [`Socket::backlog_taken`].
    pub(super) fn backlog_taken<S: System>(&mut self, shared: &Shared<S>) {
        self.change(shared, |core| (core.backlog_taken(), Change::BacklogTaken));
    }

    /// [`Socket::accept_bytes`], for the pending operation of this number if
    /// there is one.
    pub(super) fn accept_bytes<S: System>(
        &mut self,
        shared: &Shared<S>,
        operation: Option<u64>,
        offered: usize,
    ) -> usize {
        self.change(shared, |core| {
            let accepted = core.accept_bytes(offered);
            let change = Change::BytesAccepted {
                operation,
                offered,
                accepted,
            };
            (accepted as usize, change)
        })
    }

    /// [`Socket::shut_down_receive`].
    pub(super) fn shut_down_receive<S: System>(&mut self, shared: &Shared<S>) -> Result<(), Error> {
        self.change(shared, |core| {
            (core.shut_down_receive(), Change::ReceiveShut)
        })
    }

    /// [`Socket::shut_down_send`].
    pub(super) fn shut_down_send<S: System>(
        &mut self,
        shared: &Shared<S>,
        pending: bool,
    ) -> Result<Actions, Error> {
        self.change(shared, |core| {
            (core.shut_down_send(pending), Change::SendShut { pending })
        })
    }

    /// [`Socket::sends_ended`].
    pub(super) fn sends_ended<S: System>(&mut self, shared: &Shared<S>) -> Actions {
        self.change(shared, |core| (core.sends_ended(), Change::SendsEnded))
    }

    /// [`Socket::transfer`].
    pub(super) fn transfer<S: System>(&mut self, shared: &Shared<S>) -> Result<Travelling, Error> {
        self.change(shared, |core| (core.transfer(), Change::Transferred))
    }

    /// [`Socket::set_input_unread`].
    pub(super) fn set_input_unread<S: System>(&mut self, shared: &Shared<S>, unread: bool) {
        self.change(shared, |core| {
            core.set_input_unread(unread);
            ((), Change::InputUnread(unread))
        });
    }

    /// [`Socket::transmitted`].
    pub(super) fn transmitted<S: System>(&mut self, shared: &Shared<S>, bytes: u32) -> Actions {
        self.change(shared, |core| {
            (core.transmitted(bytes), Change::Transmitted { bytes })
        })
    }

    /// [`Socket::acknowledged`].
    pub(super) fn acknowledged<S: System>(&mut self, shared: &Shared<S>, bytes: u32) -> Actions {
        self.change(shared, |core| {
            (core.acknowledged(bytes), Change::Acknowledged { bytes })
        })
    }

    /// [`Socket::connection_lost`].
    pub(super) fn connection_lost<S: System>(&mut self, shared: &Shared<S>) -> Actions {
        self.change(shared, |core| {
            (core.connection_lost(), Change::ConnectionLost)
        })
    }

    /// [`Socket::receive_side_lost`].
    pub(super) fn receive_side_lost<S: System>(&mut self, shared: &Shared<S>) -> Actions {
        self.change(shared, |core| {
            (core.receive_side_lost(), Change::ReceiveLost)
        })
    }

    /// [`Socket::expire`].
    pub(super) fn expire<S: System>(&mut self, shared: &Shared<S>, now: Time) -> Actions {
        self.change(shared, |core| (core.expire(now), Change::Expired { now }))
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
