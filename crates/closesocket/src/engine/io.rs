//! Sending and receiving, blocking and overlapped.

use super::System;
use super::notify::Notify;
use super::observation::OperationId;
use super::operation::{End, Pending, Reply};
use super::parked::{Parking, Step};
use super::process::Admission;
use super::progress::{Section, Side};
use super::provider::Process;
use super::socket::FIRST_PAUSE;
use super::transport::{Endpoint, Received};
use crate::protocol::{Descriptor, Error, Input, OperationKind};

impl<S: System> Process<S> {
    /// Receives into `buffer`; returns how many bytes, 0 when the peer has
    /// finished sending, or at once if the buffer is empty (R2). Blocks until
    /// there is something, unless the socket is nonblocking. What arrived before
    /// a loss of the connection is given out before the loss is reported (R1).
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the descriptor is closed meanwhile (O4) or the
    /// call cancelled; [`Error::TimedOut`] (C3); [`Error::WouldBlock`];
    /// [`Error::NotSocket`] and what the connection's state makes of it. Nothing
    /// was taken then.
    pub fn recv(&self, descriptor: Descriptor, buffer: &mut [u8]) -> Result<usize, Error> {
        let admission = self.state.admit(descriptor)?;
        let step = admission.section(|section| {
            section.start(&admission, OperationKind::Recv)?;
            let mut drive = None;
            if !buffer.is_empty() && section.may_wait_first() {
                drive = section.way_to_drive(OperationKind::Recv);
            }
            if drive.is_none() {
                if let Some(received) = section.receive_now(buffer)? {
                    return Ok(Step::Done(received));
                }
                drive = section.way_to_drive(OperationKind::Recv);
            }
            let parking = Parking {
                length: buffer.len(),
                drive,
                ..Parking::new(OperationKind::Recv)
            };
            section.park_blocked(&admission, parking)
        })?;
        match step {
            Step::Done(received) => Ok(received),
            Step::Parked(parked) => {
                let answer = parked.wait(&admission, |section, number| {
                    section.receive_parked(number, buffer)
                });
                let received = answer.result?;
                if let Some(bytes) = answer.buffer.get(..received)
                    && let Some(place) = buffer.get_mut(..received)
                {
                    place.copy_from_slice(bytes);
                }
                Ok(received)
            }
        }
    }

    /// Queues `bytes` for sending and returns how many were accepted. A blocking
    /// socket waits until all are; a nonblocking one takes what fits.
    ///
    /// A call that is cancelled, runs out of its time ([`Process::set_send_limit`]) or
    /// is refused the rest by the transport when a part was accepted returns that
    /// part's length (C2, C3). What was accepted is sent, whatever is returned (O6).
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the descriptor is closed meanwhile (O4) or the
    /// call cancelled, and nothing was accepted; [`Error::SendInterrupted`] if the
    /// descriptor is closed and a part was, which it counts;
    /// [`Error::TimedOut`] (C3);
    /// [`Error::WouldBlock`] if nothing fits; [`Error::NotSocket`] and what the
    /// connection's state makes of it.
    pub fn send(&self, descriptor: Descriptor, bytes: &[u8]) -> Result<usize, Error> {
        let admission = self.state.admit(descriptor)?;
        let step = admission.section(|section| {
            section.start(&admission, OperationKind::Send)?;
            let accepted = match section.front(Side::Writes) {
                Some(_) => 0,
                None => section.offer(None, bytes)?,
            };
            if accepted == bytes.len() {
                return Ok(Step::Done(accepted));
            }
            section.socket.rearm(OperationKind::Send);
            if section.may_not_wait() && accepted > 0 {
                return Ok(Step::Done(accepted));
            }
            let parking = Parking {
                bytes,
                done: accepted,
                drive: section.way_to_drive(OperationKind::Send),
                ..Parking::new(OperationKind::Send)
            };
            section.park_blocked(&admission, parking)
        })?;
        match step {
            Step::Done(accepted) => Ok(accepted),
            Step::Parked(parked) => {
                let mut pause = FIRST_PAUSE;
                let answer = parked.wait(&admission, |section, number| {
                    section.send_parked(number, bytes, &mut pause)
                });
                answer.result
            }
        }
    }

    /// Starts an overlapped receive into `buffer`, which comes back with the
    /// completion (O5). The end is reported through `notify`, exactly once,
    /// also when it is there at once. With an empty buffer it waits until there
    /// is something to receive, and takes nothing (R2).
    ///
    /// # Errors
    /// The call was not started and nothing will be reported:
    /// [`Error::InvalidArgument`] if the completion routine is another thread's
    /// (O3); [`Error::NotSocket`] and what the connection's state makes of it.
    pub fn recv_overlapped(
        &self,
        descriptor: Descriptor,
        buffer: Vec<u8>,
        notify: Notify<S::Primitives>,
    ) -> Result<OperationId, Error> {
        self.start_overlapped(descriptor, OperationKind::Recv, buffer, notify, |_| {
            Ok(None)
        })
    }

    /// Starts an overlapped send of `buffer`, which comes back with the
    /// completion (O5). It is complete when all bytes are accepted.
    ///
    /// # Errors
    /// As [`Process::recv_overlapped`].
    pub fn send_overlapped(
        &self,
        descriptor: Descriptor,
        buffer: Vec<u8>,
        notify: Notify<S::Primitives>,
    ) -> Result<OperationId, Error> {
        self.start_overlapped(descriptor, OperationKind::Send, buffer, notify, |_| {
            Ok(None)
        })
    }

    /// `prepare` runs once the operation may start; it returns the slot that it
    /// reserved for an accepted connection.
    //= docs/specification.md#o3-aborted-overlapped-operations
    //# - An operation whose completion routine belongs to another thread MUST be refused
    //# with WSAEINVAL, and nothing started.
    //= docs/specification.md#h2-after-the-operations
    //# - Every call and every pending operation MUST hold its descriptor until its result has
    //# been delivered.
    pub(super) fn start_overlapped(
        &self,
        descriptor: Descriptor,
        kind: OperationKind,
        buffer: Vec<u8>,
        notify: Notify<S::Primitives>,
        prepare: impl FnOnce(&mut Section<'_, S>) -> Result<Option<u32>, Error>,
    ) -> Result<OperationId, Error> {
        // What the caller's routine holds may do anything when it is dropped:
        // if the call is refused, that happens outside the lock.
        let mut notify = Some(notify);
        let mut admission = self.state.admit_overlapped(descriptor)?;
        if let Some(notify) = &notify {
            if !notify.is_of_this_thread() {
                return Err(Error::InvalidArgument);
            }
            notify.know(&self.state.shared.services.liveness);
        }
        let operation = admission.section(|section| {
            section.start(&admission, kind)?;
            let reserved = prepare(section)?;
            let reply = Reply::Overlapped(notify.take().unwrap_or_else(Notify::nobody));
            let parked = section.park(&admission, kind, buffer, 0, reply, reserved);
            parked.inspect_err(|_| self.state.unreserve(reserved))
        })?;
        admission.keep_one();
        Ok(operation)
    }
}

impl<S: System> Admission<'_, S> {
    /// Works on the socket, and lets it go on afterwards.
    pub(super) fn section<R>(
        &self,
        act: impl FnOnce(&mut Section<'_, S>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let done = self.process.shared.with_socket(self.socket(), |section| {
            let result = act(section);
            section.advance();
            result
        });
        done.unwrap_or(Err(Error::NotSocket))
    }
}

impl<S: System> Section<'_, S> {
    /// Whether the call may start (O1a).
    //= docs/specification.md#o1a-late-registration
    //# - A call that began before the commit and registers its operation after it MUST detect,
    //# holding the lock of the socket, that its reference is gone.
    pub(super) fn start(
        &mut self,
        admission: &Admission<'_, S>,
        kind: OperationKind,
    ) -> Result<(), Error> {
        if matches!(kind, OperationKind::Recv | OperationKind::Accept) {
            self.socket.rearm(kind);
        }
        let live = self
            .socket
            .reference(admission.process, admission.descriptor)
            .is_some();
        let through = (admission.process.id, admission.descriptor);
        self.socket
            .machine
            .may_start(self.services, through, kind, live)
    }

    /// Receives at once, if no earlier receive waits.
    //= docs/specification.md#r2-empty-receives
    //# - A blocking receive with an empty buffer MUST return 0 at once.
    fn receive_now(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Error> {
        if buffer.is_empty() {
            return Ok(Some(0));
        }
        if self.front(Side::Reads).is_some() {
            return Ok(None);
        }
        let Some(endpoint) = self.socket.endpoint.as_mut() else {
            return Ok(None);
        };
        match endpoint.receive(buffer) {
            Ok(Received::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Received::End) => Ok(Some(0)),
            Ok(Received::Nothing) => Ok(None),
            Err(error) => {
                self.receive_failed(None, error);
                Err(error)
            }
        }
    }

    /// Whether a receive need not look before it waits: there was nothing left. One
    /// with a limit looks, so that it never ends without what was there.
    fn may_wait_first(&self) -> bool {
        let limit = self.socket.machine.limits.of(OperationKind::Recv);
        let endpoint = self.socket.endpoint.as_ref();
        limit.is_none() && endpoint.is_some_and(Endpoint::is_emptied)
    }

    /// Accepts what fits of these bytes, of this operation if it is pending: what
    /// the transport has room for goes there, the rest into the queue.
    pub(super) fn offer(&mut self, by: Option<u64>, bytes: &[u8]) -> Result<usize, Error> {
        let sent = self.send_through(by, bytes);
        let sent = sent.inspect_err(|&error| {
            // Whoever only refuses these bytes may take others.
            if error.is_loss() {
                self.lose(error);
            }
        })?;
        let rest = bytes.get(sent..).unwrap_or_default();
        let room = self.socket.queue_room(self.services);
        let rest = rest.get(..room).unwrap_or(rest);
        let offered = Input::BytesOffered { bytes: rest.len() };
        let queued = self.socket.machine.apply_for(self.services, by, offered)?;
        let queued = queued.accepted as usize;
        self.socket
            .unsent
            .push(rest.get(..queued).unwrap_or_default());
        self.socket.tell_unsent();
        Ok(sent + queued)
    }

    /// Has the transport take what it has room for of these bytes, unless others
    /// wait before them. As many are accepted.
    fn send_through(&mut self, by: Option<u64>, bytes: &[u8]) -> Result<usize, Error> {
        self.flush()?;
        if bytes.len() > self.socket.machine.room() as usize {
            self.note_acknowledged()?;
        }
        let room = self.socket.machine.room() as usize;
        let bytes = bytes.get(..room).unwrap_or(bytes);
        if bytes.is_empty() || !self.socket.unsent.is_empty() {
            return Ok(0);
        }
        let endpoint = self.socket.endpoint.as_mut().ok_or(Error::NotSocket)?;
        let taken = endpoint.send(bytes)?;
        // There is room for them.
        let offered = Input::BytesOffered { bytes: taken };
        let _ = self.socket.machine.apply_for(self.services, by, offered);
        self.note_transmitted(taken)?;
        Ok(taken)
    }

    pub(super) fn park(
        &mut self,
        admission: &Admission<'_, S>,
        kind: OperationKind,
        buffer: Vec<u8>,
        done: usize,
        reply: Reply<S::Primitives>,
        reserved: Option<u32>,
    ) -> Result<OperationId, Error> {
        let pending = Pending {
            number: 0,
            kind,
            buffer,
            done,
            end: End { reply, reserved },
        };
        let (process, descriptor) = (admission.process.keeper(), admission.descriptor);
        self.socket
            .park(self.services, self.id, process, descriptor, pending)
    }
}
