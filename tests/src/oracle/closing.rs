//! Closing: by call, by cleanup, by death, by a reclaimed record; what the last
//! reference does; when a handle goes back.

use std::time::Duration;

use closesocket::protocol::{Descriptor, Error, ProcessId};

use super::{Closer, HandleState, Life, Link, Operation, Oracle, Why};
use crate::call::{Answer, Happening, Origin, Outcome, Scope, SocketId, Unread, Wait};

impl Oracle {
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
    fn abort_where(&mut self, which: impl Fn(&Operation) -> bool, why: Why) {
        let (aborted, kept) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(&which);
        self.operations = kept;
        for operation in aborted {
            let outcome = match (operation.wait, why) {
                (Wait::Blocked, _) => Outcome::Returned(Answer::refused(Error::Interrupted)),
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
    fn close_everything(&mut self, process: ProcessId, why: Why) {
        let mine: Vec<usize> = (0..self.handles.len())
            .filter(|&handle| self.handles[handle].process == process)
            .collect();
        self.abort_where(|it| mine.contains(&it.handle), why);
        for handle in mine {
            if self.handles[handle].state == HandleState::Open {
                self.close_handle(handle, why);
            }
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

    fn settle_socket(&mut self, socket: usize) {
        let id = SocketId(socket);
        let it = &mut self.sockets[socket];
        if it.life == Life::Released || it.link != Link::Connected {
            return;
        }
        let fin = it.shut && !it.fin_sent && it.unsent == 0;
        it.fin_sent |= fin;
        let drained = it.life != Life::Open && it.queued() == 0;
        let reset = drained && it.input > 0 && it.unread == Unread::Reset;
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
        // D3: the last generation has no next one.
        let used_up = it.value.generation() == u32::MAX;
        if used_up {
            self.reached("slot retired by its last generation");
        }
        self.handles[handle].state = if failed || used_up {
            HandleState::Retired
        } else {
            HandleState::Over
        };
    }
}
