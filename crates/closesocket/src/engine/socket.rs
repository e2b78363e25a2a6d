//! A socket as the engine keeps it: the protocol's machine with the bulk beside
//! it, all under one lock.

use std::collections::VecDeque;
use std::time::Duration;

use super::closing::EndPromise;
use super::completion::Life;
use super::delivery::Outbox;
use super::descriptors::Descriptors;
use super::keeper::Keeper;
use super::machine::Machine;
use super::observation::{Observation, OperationId, Order, Step};
use super::operation::Pending;
use super::primitives::Monitor;
use super::reference::{Issuer, Reference};
use super::services::Services;
use super::table::Reserved;
use super::transport::Endpoint as _;
use super::transport::EndpointOf;
use super::unsent::Unsent;
use super::{SocketId, System};
use crate::protocol::{
    Actions, Descriptor, DuplicationRecord, Error, Input, OperationKind, Phase, ProcessId,
    SendSide, Socket, Time,
};

/// A cell of the socket slab. It shares no cache line with another one, so that
/// threads on different sockets do not slow each other down.
#[repr(align(64))]
pub(super) struct SocketCell<S: System> {
    pub(super) monitor: <S::Primitives as super::primitives::Primitives>::Monitor<SocketState<S>>,
}

impl<S: System> Default for SocketCell<S> {
    fn default() -> Self {
        Self {
            monitor: Monitor::new(SocketState::new()),
        }
    }
}

/// How soon to look again for something of which no event tells.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// And how late, when nothing has changed for long and somebody waits for it.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Everything about a socket, under its lock.
pub(super) struct SocketState<S: System> {
    /// Which occupant of the cell; late events and stale ids miss it.
    pub(super) generation: u32,
    pub(super) machine: Machine,
    pub(super) endpoint: Option<EndpointOf<S>>,
    /// Accepted bytes that the transport has not taken: `machine.unsent` of them.
    pub(super) unsent: Unsent,
    /// The endpoint was told that there are such bytes.
    unsent_told: bool,
    pub(super) references: Vec<Reference<S>>,
    pub(super) rare: Option<Box<Rare<S>>>,
    pub(super) next_number: u64,
    /// When the provider looks at it as time passes, if it has to.
    pub(super) next_look: Option<Time>,
    /// How often the pause before the next look for something of which no event
    /// tells was doubled, and the queue at the last look.
    pub(super) doublings: u8,
    pub(super) seen_queued: u32,
    /// There is more to throw away than one critical section does.
    pub(super) more_to_discard: bool,
    /// The transport lacked memory for what is queued: it is offered again as time
    /// passes.
    pub(super) memory_refused: bool,
    /// The endpoint was asked for events.
    pub(super) watched: bool,
    /// It has refused: it is looked at as time passes.
    pub(super) watch_refused: bool,
    /// The transport has stopped; stays set for later occupants of the cell.
    pub(super) transport_ended: bool,
}

/// What few sockets ever have.
pub(super) struct Rare<S: System> {
    pub(super) records: Vec<(u64, DuplicationRecord)>,
    /// Connections taken from the transport's backlog for a select to see.
    pub(super) backlog: VecDeque<EndpointOf<S>>,
    /// How a connect failed that no operation was waiting for.
    pub(super) connect_error: Option<Error>,
    /// Who has closed the last descriptor, and wants to know the end.
    pub(super) closing: Option<EndPromise<S::Primitives>>,
}

impl<S: System> Default for Rare<S> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            backlog: VecDeque::new(),
            connect_error: None,
            closing: None,
        }
    }
}

/// What lies under the lock of a socket, if this is that: the socket that lives in
/// the cell, or lived there last, and its machine. For tests whose
/// [`Primitives`](super::sync::Primitives) look at what a critical section has left.
#[doc(hidden)]
#[must_use]
pub fn machine_under<S: System>(lock: &dyn std::any::Any) -> Option<(SocketId, Socket)> {
    let state = lock.downcast_ref::<SocketState<S>>()?;
    Some(state.machine.seen())
}

impl<S: System> SocketState<S> {
    pub(super) fn new() -> Self {
        Self {
            generation: 1,
            machine: Machine::unused(),
            endpoint: None,
            unsent: Unsent::default(),
            unsent_told: false,
            references: Vec::new(),
            rare: None,
            next_number: 0,
            next_look: None,
            doublings: 0,
            seen_queued: 0,
            more_to_discard: false,
            memory_refused: false,
            watched: false,
            watch_refused: false,
            transport_ended: false,
        }
    }

    /// What few sockets have, to be added to.
    pub(super) fn rare(&mut self) -> &mut Rare<S> {
        self.rare.get_or_insert_default()
    }

    /// Takes a connection that a select has seen.
    pub(super) fn take_seen(&mut self) -> Option<EndpointOf<S>> {
        self.rare.as_mut()?.backlog.pop_front()
    }

    /// Takes how a connect failed.
    pub(super) fn take_connect_error(&mut self) -> Option<Error> {
        self.rare.as_mut()?.connect_error.take()
    }

    pub(super) const fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// The live reference of this descriptor (O1a).
    pub(super) fn reference(
        &mut self,
        process: &Descriptors<S>,
        descriptor: Descriptor,
    ) -> Option<&mut Reference<S>> {
        let mut references = self.references.iter_mut();
        references.find(|it| it.live && it.is_of(process, descriptor))
    }

    /// Opens the reserved slot of a process as a descriptor of this socket,
    /// whose reference is counted already, for a call of this life.
    #[inline]
    pub(super) fn open(
        &mut self,
        services: &Services<S>,
        id: SocketId,
        process: &Descriptors<S>,
        (reserved, life): (Reserved<'_, S::Primitives>, Life),
    ) -> Descriptor {
        let (descriptor, before) = reserved.open(id);
        let opened = Step::Opened { life: life.0 };
        let opened = Observation::through(process.id, descriptor, opened).saw(before);
        self.machine.note(services, || opened);
        // Most sockets never have a second one.
        if self.references.capacity() == 0 {
            self.references.reserve_exact(1);
        }
        // Made where it stays: copied there, it would wait for its own last writes.
        let references = self.references.len() + 1;
        self.references
            .resize_with(references, || Reference::new(process.id, descriptor, life));
        descriptor
    }

    /// Registers an operation that may start, behind those of its kind.
    //= docs/specification.md#o7-accept-connect-and-the-backlog
    //# - Closing a listener MUST abort the pending accepts that are in its abort scope
    //# (O1).
    pub(super) fn park(
        &mut self,
        services: &Services<S>,
        id: SocketId,
        process: &Keeper<Descriptors<S>>,
        descriptor: Descriptor,
        mut pending: Pending<S::Primitives>,
    ) -> Result<OperationId, Error> {
        let number = self.number();
        let operation = OperationId { socket: id, number };
        pending.number = number;
        let Some(reference) = self.reference(process, descriptor) else {
            return Err(Error::NotSocket);
        };
        reference.keeper.get_or_insert_with(|| process.clone());
        let (does, waiting) = (pending.kind, pending.end.reply.waiting());
        match pending.kind {
            OperationKind::Recv | OperationKind::Accept => {
                reference.reads.push_back((id, descriptor), pending);
            }
            OperationKind::Send | OperationKind::Connect => {
                reference.writes.push_back((id, descriptor), pending);
            }
        }
        let registered = Step::Registered {
            operation,
            does,
            waiting,
        };
        let registered = Observation::through(process.id, descriptor, registered);
        self.machine.note(services, || registered);
        Ok(operation)
    }

    /// The process that issued the pending operation of this number.
    pub(super) fn owner_of(&self, number: u64) -> Option<ProcessId> {
        let mut references = self.references.iter();
        let owner = references.find(|it| it.reads.has(number) || it.writes.has(number))?;
        Some(owner.process)
    }

    /// Takes out one operation, if nobody else has (a cancel).
    pub(super) fn take_operation(
        &mut self,
        number: u64,
    ) -> Option<(Issuer<S>, Pending<S::Primitives>)> {
        self.references.iter_mut().find_map(|reference| {
            let issuer = reference.issuer();
            let Reference { reads, writes, .. } = reference;
            let taken = reads.remove(number).or_else(|| writes.remove(number));
            issuer.zip(taken)
        })
    }

    /// Carries out what the protocol ordered, in its order.
    pub(super) fn carry_out(
        &mut self,
        services: &Services<S>,
        actions: Actions,
        out: &mut Outbox<S>,
    ) {
        let Some(endpoint) = self.endpoint.as_mut() else {
            return;
        };
        let mut failed = None;
        if actions.send_fin {
            failed = endpoint.send_fin().err();
            self.machine.ordered(services, Order::Fin);
        }
        if actions.reset {
            out.resets += 1;
            endpoint.reset();
            self.machine.ordered(services, Order::Reset);
        }
        if actions.reset_backlog {
            endpoint.reset();
            while let Some(mut waiting) = self.take_seen() {
                waiting.reset();
            }
            self.machine.ordered(services, Order::ResetBacklog);
        }
        if actions.release {
            self.release(out);
            self.machine.released(services);
        } else if failed.is_some() {
            let lost = self.machine.apply(services, Input::ConnectionLost);
            self.carry_out(services, lost.unwrap_or_default().actions, out);
        }
    }

    /// How many more accepted bytes may wait for the transport.
    pub(super) fn queue_room(&self, services: &Services<S>) -> usize {
        (services.config.window as usize).saturating_sub(self.unsent.len())
    }

    /// Tells the endpoint when accepted bytes begin to wait for it, or have
    /// ceased to.
    //= docs/specification.md#s5-a-provider-that-ends
    //# - When a provider ends while bytes that it has accepted wait in its own queue, be it dropped,
    //# its transport stopped, or its operating system process ended or killed, their connection
    //# MUST end in a reset, never in a FIN.
    pub(super) fn tell_unsent(&mut self) {
        let waits = !self.unsent.is_empty();
        if waits != self.unsent_told
            && let Some(endpoint) = self.endpoint.as_mut()
        {
            endpoint.set_unsent_waits(waits);
            self.unsent_told = waits;
        }
    }

    /// Frees everything; the cell's next occupant gets the next generation.
    fn release(&mut self, out: &mut Outbox<S>) {
        self.tell_unsent();
        out.endpoint = self.endpoint.take();
        self.unsent_told = false;
        // Their memory too: the cell is kept for ever.
        self.unsent.clear();
        if let (Some(rare), Phase::Closed(ending)) = (self.rare.take(), self.machine.phase) {
            out.wake_task(rare.closing.and_then(|it| it.keep(ending)));
        }
        self.next_look = None;
        self.doublings = 0;
        self.seen_queued = u32::MAX;
        self.more_to_discard = false;
        self.memory_refused = false;
        self.watched = false;
        self.watch_refused = false;
        out.released = true;
    }

    /// Whether the FIN of a shutdown waits for pending sends (S1a).
    pub(super) fn fin_waits(&self) -> bool {
        self.machine.is_open() && self.machine.send_side == SendSide::ShuttingDown
    }

    /// Whether somebody waits for bytes to be acknowledged: a drain, a pending
    /// send, or whoever wants to know when there is room to send.
    pub(super) fn awaits_acknowledgements(&self) -> bool {
        let full = self.machine.queued() >= self.machine.window;
        self.machine.in_flight > 0
            && (self.machine.is_draining()
                || self.references.iter().any(|it| {
                    it.writes.front().is_some_and(|it| !it.is_driven())
                        || it.watches.iter().any(|it| it.for_acknowledgements(full))
                }))
    }
}
