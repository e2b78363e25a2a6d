//! Closing: by call, by cleanup, by death, by a reclaimed record; what the last
//! reference does; when a handle goes back.

use std::time::Duration;

use closesocket::protocol::{Descriptor, Error, ProcessId};

use super::{Closer, HandleState, Life, Link, Operation, Oracle, Why};
use crate::call::{Answer, Happening, Origin, Outcome, Scope, SocketId, Unread, Wait};

impl Oracle {
    //= docs/specification.md#e1-precedence
    //# - A close to which more than one error applies MUST report the one that comes first in this
    //# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
    //= docs/specification.md#l-t4-timed-linger-on-a-nonblocking-socket
    //# - With timed linger on a nonblocking socket, a last close that meets every condition of L2
    //# MUST fail with WSAEWOULDBLOCK.
    pub(super) fn close(
        &mut self,
        process: ProcessId,
        value: Descriptor,
        from: Origin,
    ) -> Result<Answer, Error> {
        self.usable(process)?;
        if from == Origin::BlockingCall {
            self.reached("close refused within a blocking call");
            return Err(Error::InProgress);
        }
        let handle = self.find(process, value)?;
        if self.would_block(handle) {
            self.reached("would block");
            return Err(Error::WouldBlock);
        }
        if self.close_handle(handle, Why::Called) {
            let key = self.key();
            self.closers.push(Closer { key, handle });
            self.reached("lingering wait");
            Ok(Answer::Waiting)
        } else {
            Ok(Answer::Done)
        }
    }

    /// L2: only when all hold.
    //= docs/specification.md#l2-when-a-close-would-block
    //# - A close MUST NOT return WSAEWOULDBLOCK unless all of the following are true: the reference
    //# is the last, the socket is connected, the socket is nonblocking, the linger is timed, there
    //# is unsent data, and no shutdown of the send side has begun.
    fn would_block(&self, handle: usize) -> bool {
        let index = self.handles[handle].socket;
        let socket = &self.sockets[index];
        self.references(index) == 1
            && socket.link == Link::Connected
            && socket.nonblocking
            && socket.linger.is_some_and(|seconds| seconds > 0)
            && socket.queued() > 0
            && !socket.shut
    }

    /// Closes an open descriptor. True if the close has to wait.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::Descriptor`, a close MUST abort every operation that is pending through
    //# its descriptor, whichever thread of the process issued it and whether or not the descriptor
    //# is the last reference.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, a close of another reference MUST leave the operations
    //# of its descriptor pending.
    //= docs/specification.md#d7-other-descriptors-are-left-alone
    //# - Closing a descriptor MUST NOT end or alter an operation that was issued through another
    //# descriptor.
    fn close_handle(&mut self, handle: usize, why: Why) -> bool {
        let socket = self.handles[handle].socket;
        self.handles[handle].state = HandleState::Closed(why);
        let last = self.references(socket) == 0;
        if self.sockets[socket].scope == Scope::Descriptor {
            self.abort_where(|it| it.handle == handle, why);
        }
        last && self.last_reference(socket, why == Why::Called)
    }

    /// The last reference of the socket is gone. True if its close has to wait.
    //= docs/specification.md#o1-closing-aborts
    //# - Under `AbortScope::LastReference`, the end of the last reference MUST abort every
    //# operation that is still pending on the socket.
    //= docs/specification.md#o7-accept-connect-and-the-backlog
    //# - When the last reference to a listener is closed, every connection in its backlog MUST be
    //# reset or closed.
    //= docs/specification.md#l-t1-do-not-linger
    //# - With don't linger, a last close MUST return success without waiting, be the socket
    //# blocking or not.
    //= docs/specification.md#l-t2-hard-close
    //# - With hard linger, a last close MUST discard the queued data and reset the connection, so
    //# that the peer's receive fails with WSAECONNRESET.
    //= docs/specification.md#l-t2-hard-close
    //# - With hard linger, a last close MUST return success without waiting.
    //= docs/specification.md#l8-nothing-to-wait-for
    //# - A lingering close of a socket that is not connected, or has no queued data, MUST return
    //# without waiting.
    //= docs/specification.md#s2-cleanup
    //# - A socket that loses its last reference in a cleanup MUST be reset if hard linger is set,
    //# and otherwise drain in the background.
    //= docs/specification.md#s3-process-death
    //# - A socket that loses its last reference by a process death MUST be reset if hard linger is
    //# set, and otherwise drain in the background.
    fn last_reference(&mut self, socket: usize, called: bool) -> bool {
        if self.operations.iter().any(|it| it.socket == socket) {
            self.reached("operations aborted by the last reference");
        }
        // Whoever issued these is neither dead nor cleaned up: its operations
        // would have ended with it.
        self.abort_where(|it| it.socket == socket, Why::Called);
        let id = SocketId(socket);
        let it = &mut self.sockets[socket];
        match it.link {
            Link::Listening => {
                let waiting = std::mem::take(&mut it.backlog);
                if waiting > 0 {
                    self.happen(Happening::BacklogReset(id, waiting));
                    self.reached("backlog reset");
                }
                self.release(socket);
                false
            }
            Link::None | Link::Connecting | Link::Lost => {
                self.release(socket);
                false
            }
            Link::Connected if it.linger == Some(0) => {
                if it.queued() > 0 {
                    self.reached("hard close with queued data");
                }
                self.happen(Happening::Reset(id));
                self.release(socket);
                false
            }
            Link::Connected => {
                let seconds = it.linger.filter(|_| called && !it.nonblocking);
                let wait = seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
                let until = wait
                    .or(self.setup.drain_limit)
                    .map(|limit| self.now.saturating_add(limit));
                it.life = Life::Draining { until };
                // The FIN follows what is queued (settled after the call).
                it.shut = true;
                wait.is_some() && it.queued() > 0
            }
        }
    }

    /// D8: once, and nothing of the socket is left.
    pub(super) fn release(&mut self, socket: usize) {
        let it = &mut self.sockets[socket];
        it.life = Life::Released;
        it.unsent = 0;
        it.in_flight = 0;
        self.happen(Happening::Released(SocketId(socket)));
    }

    /// O3, O4, S2, S3. Nothing is posted to a process that has cleaned up or is
    /// dead; a blocked thread always returns.
    //= docs/specification.md#o3-aborted-overlapped-operations
    //# - An overlapped operation that a close aborts MUST end with WSA_OPERATION_ABORTED.
    //= docs/specification.md#o4-blocked-calls
    //# - A blocked call that a close by another thread aborts MUST return WSAEINTR.
    //= docs/specification.md#s2-cleanup
    //# - Cleanup MUST end the pending operations of the process without posting an event, a packet
    //# or a routine.
    //= docs/specification.md#s3-process-death
    //# - A completion MUST NOT be posted to a dead process.
    fn abort_where(&mut self, which: impl Fn(&Operation) -> bool, why: Why) {
        let (aborted, kept) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(&which);
        self.operations = kept;
        for operation in aborted {
            let outcome = match (operation.wait, why) {
                // C2: what was accepted is counted.
                (Wait::Blocked, _) => Outcome::Returned(Answer::refused(
                    match usize::try_from(operation.accepted()).unwrap_or(usize::MAX) {
                        0 => Error::Interrupted,
                        accepted => Error::SendInterrupted { accepted },
                    },
                )),
                (Wait::Overlapped, Why::Cleanup) => {
                    self.reached("silent abort by cleanup");
                    Outcome::Silent
                }
                (Wait::Overlapped, Why::Death) => {
                    self.reached("silent abort by death");
                    Outcome::Silent
                }
                (Wait::Overlapped, Why::Called) => {
                    self.reached("posted abort");
                    Outcome::Posted(Answer::refused(Error::OperationAborted))
                }
            };
            self.happen(Happening::Ended(operation.key, outcome));
        }
    }

    /// S2: only the cleanup that matches the first startup acts. The network
    /// does not hold it up (E1).
    //= docs/specification.md#s2-cleanup
    //# - A call of WSPCleanup that does not match the first WSPStartup of the process MUST NOT do
    //# more than lower the startup count.
    //= docs/specification.md#e1-precedence
    //# - WSAENETDOWN MUST NOT hold up a cleanup or the handling of a process death.
    pub(super) fn cleanup(&mut self, process: ProcessId) -> Result<Answer, Error> {
        let it = self.process(process).ok_or(Error::NotInitialised)?;
        if it.startups == 0 {
            return Err(Error::NotInitialised);
        }
        it.startups -= 1;
        if it.startups == 0 {
            self.reached("last cleanup");
            self.close_everything(process, Why::Cleanup);
        }
        Ok(Answer::Done)
    }

    /// S3, D5.
    //= docs/specification.md#d5-what-counts-as-a-reference
    //# - When the target of a duplication record dies, the provider MUST reclaim the record.
    //= docs/specification.md#s3-process-death
    //# - A socket whose last reference is a reclaimed duplication record MUST be ended as after a
    //# process death.
    pub(super) fn die(&mut self, process: ProcessId) -> Result<Answer, Error> {
        let it = self.process(process).ok_or(Error::NotInitialised)?;
        if it.dead {
            return Err(Error::NotInitialised);
        }
        it.dead = true;
        it.startups = 0;
        self.close_everything(process, Why::Death);
        for index in 0..self.records.len() {
            let record = &mut self.records[index];
            if record.target == process && record.unredeemed {
                record.unredeemed = false;
                let socket = record.socket;
                self.reached("record reclaimed");
                if self.references(socket) == 0 {
                    self.reached("last reference reclaimed");
                    self.last_reference(socket, false);
                }
            }
        }
        Ok(Answer::Done)
    }

    /// Every operation of the process ends first, those too that outlived their
    /// descriptor, so that none is told to it as another descriptor's.
    //= docs/specification.md#s2-cleanup
    //# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close every
    //# descriptor of the process.
    //= docs/specification.md#s3-process-death
    //# - The death of a process MUST close every descriptor of that process without waiting for
    //# anything.
    fn close_everything(&mut self, process: ProcessId, why: Why) {
        let mut mine: Vec<usize> = (0..self.handles.len())
            .filter(|&handle| self.handles[handle].process == process)
            .collect();
        mine.sort_by_key(|&it| self.handles[it].value.slot());
        // The FIN of a shutdown is due when the last send that it waited for has
        // gone with its descriptor, and those of closed descriptors go last.
        let sends = |it: &&super::Operation| matches!(it.kind, super::Kind::Send { .. });
        let mut sending: Vec<usize> = self
            .operations
            .iter()
            .filter(sends)
            .map(|it| it.handle)
            .collect();
        self.abort_where(|it| mine.contains(&it.handle), why);
        for handle in mine {
            if self.handles[handle].state == HandleState::Open {
                self.close_handle(handle, why);
                sending.retain(|it| *it != handle);
                let socket = self.handles[handle].socket;
                if !sending.iter().any(|it| self.handles[*it].socket == socket) {
                    self.settle_socket(socket);
                }
            }
        }
        for socket in 0..self.sockets.len() {
            self.settle_socket(socket);
        }
    }

    /// All that follows by itself from what the call did.
    pub(super) fn settle(&mut self) {
        for socket in 0..self.sockets.len() {
            self.settle_socket(socket);
        }
        self.settle_operations();
        self.settle_closers();
        for handle in 0..self.handles.len() {
            self.settle_handle(handle);
        }
    }

    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Reset`, a graceful last close MUST NOT reset the connection on account
    //# of unread input before the queued data has been acknowledged.
    //= docs/specification.md#l6-unread-input
    //# - Under `UnreadInput::Reset`, a graceful last close MUST NOT send a FIN before the queued
    //# data has been acknowledged, nor when unread input was there by then.
    fn settle_socket(&mut self, socket: usize) {
        let id = SocketId(socket);
        let sends = |it: &super::Operation| {
            it.socket == socket && matches!(it.kind, super::Kind::Send { .. })
        };
        let pending = self.operations.iter().any(sends);
        let it = &mut self.sockets[socket];
        if it.life == Life::Released || it.link != Link::Connected {
            return;
        }
        let drained = it.life != Life::Open && it.queued() == 0;
        let reset = drained && it.input > 0 && it.unread == Unread::Reset;
        let held = it.unread == Unread::Reset && it.life != Life::Open && (reset || !drained);
        let fin = it.shut && !it.fin_sent && it.unsent == 0 && !held && !pending;
        it.fin_sent |= fin;
        if fin {
            self.happen(Happening::Fin(id));
        }
        if reset {
            self.reached("reset because of unread input");
            self.happen(Happening::Reset(id));
        }
        if drained {
            self.reached("drained");
            self.release(socket);
        }
    }

    /// A waiting close returns when its socket is released, success either way.
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - With timed linger on a blocking socket, a last close MUST NOT return before the drain
    //# ends, the timeout expires or the wait is interrupted (L9, S2, S3).
    //= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
    //# - A lingering close MUST return success both when the drain ended and when the timeout
    //# expired.
    fn settle_closers(&mut self) {
        for closer in std::mem::take(&mut self.closers) {
            let socket = self.handles[closer.handle].socket;
            if self.sockets[socket].life == Life::Released {
                self.happen(Happening::CloseReturned(closer.key, Answer::Done));
            } else {
                self.closers.push(closer);
            }
        }
    }

    /// H1, H2, H4.
    //= docs/specification.md#h1-once-for-each-closed-descriptor
    //# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a
    //# close or a cleanup has closed.
    //= docs/specification.md#h1-once-for-each-closed-descriptor
    //# - The handle of a descriptor that was ended by process death MUST NOT be given back.
    //= docs/specification.md#h2-after-the-operations
    //# - A handle MUST NOT be given back before every operation through its descriptor has ended
    //# and its result has been delivered.
    //= docs/specification.md#h2-after-the-operations
    //# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
    //= docs/specification.md#h4-one-attempt
    //# - A slot whose handle upcall has failed MUST be retired, so that it never serves another
    //# descriptor.
    //= docs/specification.md#h4-one-attempt
    //# - An IFS provider MUST NOT make the handle upcall.
    fn settle_handle(&mut self, handle: usize) {
        let it = self.handles[handle].clone();
        let HandleState::Closed(why) = it.state else {
            return;
        };
        let held = self.operations.iter().any(|it| it.handle == handle)
            || self.entries.iter().any(|it| it.handle == handle)
            || self.closers.iter().any(|it| it.handle == handle);
        if held {
            self.reached("handle held back");
            return;
        }
        let upcall = self.setup.non_ifs && why != Why::Death;
        let failed = upcall && self.upcalls_fail;
        if failed {
            self.reached("slot retired by a failed upcall");
            self.happen(Happening::HandleKept(it.process, it.value));
        } else if upcall {
            self.happen(Happening::HandleReturned(it.process, it.value));
        }
        self.handles[handle].state = if failed {
            HandleState::Retired
        } else {
            HandleState::Over
        };
    }
}
