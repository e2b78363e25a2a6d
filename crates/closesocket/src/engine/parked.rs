//! Blocking calls that cannot end at once: how they are parked, and how a thread
//! that waits at its endpoint goes on with its own.
//!
//! The thread of the oldest operation of a side *drives* it, if the endpoint
//! gives it something to wait with ([`Endpoint::waiter`]): no event is awaited for
//! it, and whoever else works on the socket leaves it alone, with what is behind
//! it. To everybody who ends operations, it is pending like any other.
//!
//! [`Endpoint::waiter`]: super::net::Endpoint::waiter

use std::sync::Arc;
use std::time::Duration;

use super::System;
use super::observation::OperationId;
use super::operation::{Answer, AnswerCell, Blocked, Place, Registered, Reply};
use super::primitives::{Monitor, Primitives};
use super::process::Admission;
use super::progress::{Section, Side};
use super::readiness::Interest;
use super::reference::Reference;
use super::socket::{FIRST_PAUSE, LONGEST_PAUSE, SocketState};
use super::transport::{Endpoint as _, Received, Waiter};
use crate::protocol::{Connection, Error, OperationKind};

/// How a blocking call went on under the lock.
pub(super) enum Step<P: Primitives> {
    /// It is done: this many bytes.
    Done(usize),
    /// It was parked and its thread has to wait.
    Parked(Parked<P>),
}

/// A call that is to be parked.
pub(super) struct Parking<'a> {
    pub(super) kind: OperationKind,
    /// Bytes that a receive has room for.
    pub(super) length: usize,
    /// What a send is to send, and how much of it was accepted.
    pub(super) bytes: &'a [u8],
    pub(super) done: usize,
    /// How its thread drives it, if it does.
    pub(super) drive: Option<Drive>,
    /// The slot reserved for what an accept will give.
    pub(super) reserved: Option<u32>,
}

impl Parking<'_> {
    pub(super) const fn new(kind: OperationKind) -> Self {
        Self {
            kind,
            length: 0,
            bytes: &[],
            done: 0,
            drive: None,
            reserved: None,
        }
    }
}

/// A call that was parked.
pub(super) struct Parked<P: Primitives> {
    pub(super) operation: OperationId,
    pub(super) cell: AnswerCell<P>,
    /// How long it may wait (C3).
    pub(super) limit: Option<Duration>,
    /// Its thread drives it, and waits so.
    pub(super) drive: Option<Drive>,
}

/// What a thread waits with, and for what at first.
pub(super) type Drive = (Arc<dyn Waiter>, Awaited);

/// What a thread that drives its operation waits for.
#[derive(Clone, Copy)]
pub(super) struct Awaited {
    pub(super) interest: Interest,
    /// It looks again after this time, since no event tells.
    pub(super) pause: Option<Duration>,
}

impl Awaited {
    /// Bytes, the end, a connection.
    pub(super) const INPUT: Self = Self {
        interest: Interest::READABLE,
        pause: None,
    };
    /// Room in the transport, or the end of a connect.
    pub(super) const ROOM: Self = Self {
        interest: Interest::WRITABLE,
        pause: None,
    };
}

impl<P: Primitives> Parked<P> {
    /// Waits for the answer. If the thread drives the operation, `go_on` does what
    /// can be done whenever the endpoint may be ready, and says for what to wait
    /// next, or that the operation has ended; the section ends as every other does.
    pub(super) fn wait<S: System<Primitives = P>>(
        self,
        admission: &Admission<'_, S>,
        mut go_on: impl FnMut(&mut Section<'_, S>, u64) -> Option<Awaited>,
    ) -> Answer {
        let number = self.operation.number;
        admission.process.block(self, || {
            let next = admission.section(|section| Ok(go_on(section, number)));
            next.ok().flatten()
        })
    }
}

impl<S: System> Section<'_, S> {
    /// Whether a call must not block here: the socket is nonblocking, or the
    /// thread is in a call of the transport's.
    //= docs/specification.md#c4-on-the-thread-of-the-transport
    //# - A call that would wait on a thread that is in a call of the transport's MUST fail with
    //# WSAEWOULDBLOCK, as on a nonblocking socket.
    pub(super) fn may_not_wait(&self) -> bool {
        self.socket.machine.nonblocking || S::Primitives::in_transport_call()
    }

    /// Parks the call of a thread that is going to block.
    pub(super) fn park_blocked(
        &mut self,
        admission: &Admission<'_, S>,
        parking: Parking<'_>,
    ) -> Result<Step<S::Primitives>, Error> {
        if self.may_not_wait() {
            return Err(Error::WouldBlock);
        }
        let Parking {
            kind, done, drive, ..
        } = parking;
        let drives = drive.is_some();
        let cell = Arc::new(Monitor::new(Place::default()));
        let reply = Reply::Blocked(Blocked {
            cell: Arc::clone(&cell),
            drives,
            length: parking.length,
        });
        let bytes = if drives { &[] } else { parking.bytes };
        let operation = self.park(
            admission,
            kind,
            bytes.to_vec(),
            done,
            reply,
            parking.reserved,
        )?;
        Ok(Step::Parked(Parked {
            operation,
            cell,
            limit: self.socket.machine.limits.of(kind),
            drive,
        }))
    }

    /// How the calling thread can wait for its operation at the endpoint. Nobody
    /// waits so at a listener: the waiter would keep the address bound for a
    /// moment after a close (R7).
    pub(super) fn way_to_drive(&self, kind: OperationKind) -> Option<Drive> {
        let (side, awaited) = match kind {
            OperationKind::Recv => (Side::Reads, Awaited::INPUT),
            OperationKind::Send => (Side::Writes, self.awaited_by_sends(FIRST_PAUSE)),
            OperationKind::Connect => (Side::Writes, Awaited::ROOM),
            OperationKind::Accept => return None,
        };
        if self.may_not_wait() || self.front(side).is_some() {
            return None;
        }
        let waiter = self.socket.endpoint.as_ref()?.waiter()?;
        Some((waiter, awaited))
    }

    /// A turn of a receive whose thread drives it, into its own buffer. `None` once
    /// it has ended.
    pub(super) fn receive_parked(&mut self, number: u64, buffer: &mut [u8]) -> Option<Awaited> {
        let (index, _) = self.front_if(Side::Reads, number)?;
        match self.socket.endpoint.as_mut()?.receive(buffer) {
            Ok(Received::Bytes(bytes)) => self.finish(Side::Reads, index, Ok(bytes), None),
            Ok(Received::End) => self.finish(Side::Reads, index, Ok(0), None),
            Ok(Received::Nothing) => return Some(Awaited::INPUT),
            Err(error) => self.receive_failed(Some(index), error),
        }
        None
    }

    /// A turn of a send. `pause` is how long it has paused before this turn, and
    /// then how long it pauses if no event will tell.
    pub(super) fn send_parked(
        &mut self,
        number: u64,
        bytes: &[u8],
        pause: &mut Duration,
    ) -> Option<Awaited> {
        let (_, pending) = self.front_if(Side::Writes, number)?;
        let rest = bytes.get(pending.done..).unwrap_or_default();
        let offered = self.offer(Some(number), rest);
        // A loss has ended the operation with the error.
        let (index, pending) = self.front_if(Side::Writes, number)?;
        let accepted = match offered {
            Ok(accepted) => accepted,
            Err(error) => {
                // The caller may send again what was not accepted before, and that only.
                let accepted = Some(pending.done).filter(|&done| done > 0);
                self.finish(Side::Writes, index, accepted.ok_or(error), None);
                return None;
            }
        };
        pending.done += accepted;
        let done = pending.done;
        if done == bytes.len() {
            self.finish(Side::Writes, index, Ok(done), None);
            return None;
        }
        *pause = match accepted {
            0 => (*pause * 2).min(LONGEST_PAUSE),
            _ => FIRST_PAUSE,
        };
        Some(self.awaited_by_sends(*pause))
    }

    /// Room in the transport, of which an event tells; of acknowledgements, which
    /// make room where as much is unacknowledged as may be, none need tell.
    fn awaited_by_sends(&self, pause: Duration) -> Awaited {
        if self.socket.machine.room() > 0 || !self.socket.unsent.is_empty() {
            Awaited::ROOM
        } else {
            Awaited {
                interest: Interest::NONE,
                pause: Some(pause),
            }
        }
    }

    /// The oldest operation of this side and its reference, if it has this number.
    pub(super) fn front_if(
        &mut self,
        side: Side,
        number: u64,
    ) -> Option<(usize, &mut Registered<S::Primitives>)> {
        let index = self.front(side)?;
        let reference = self.socket.references.get_mut(index)?;
        let oldest = match side {
            Side::Reads => reference.reads.front_mut(),
            Side::Writes => reference.writes.front_mut(),
        };
        let oldest = oldest.filter(|it| it.number == number)?;
        Some((index, oldest))
    }
}

impl<S: System> SocketState<S> {
    /// Tells the endpoint whether somebody waits for events. Where only threads
    /// wait that drive their operations, events would be in their way; where
    /// nobody waits, they do no harm, and it stays as it is.
    pub(super) fn tell_watch(&mut self) {
        let (mut others, mut receives, mut sends) = (false, false, false);
        for Reference {
            reads,
            writes,
            watches,
            ..
        } in &self.references
        {
            let [read, write] =
                [reads, writes].map(|it| it.front().is_some_and(Registered::is_driven));
            others |= !watches.is_empty()
                || reads.len() > usize::from(read)
                || writes.len() > usize::from(write);
            receives |= read;
            sends |= write;
        }
        let connecting = self.machine.connection == Connection::Connecting;
        let wanted = others
            || self.machine.is_draining()
            || self.machine.receive_shut
            || (!sends && (connecting || !self.unsent.is_empty()));
        self.watch_refused &= wanted;
        if wanted == self.watched || !(wanted || receives || sends) {
            return;
        }
        if let Some(endpoint) = self.endpoint.as_mut() {
            let told = endpoint.watch(wanted).is_ok();
            self.watched = if told { wanted } else { self.watched };
            self.watch_refused = wanted && !told;
        }
    }
}
