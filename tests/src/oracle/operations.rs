//! Operations: what starts, what waits, how a waiting one goes on and ends.

use closesocket::protocol::{Error, ProcessId};

use super::{Handle, Kind, Link, Operation, Oracle, Socket};
use crate::call::{Answer, Happening, Key, Outcome, Through, Wait};

impl Oracle {
    /// Whether the connection allows the operation at all.
    fn allowed(socket: &Socket, kind: Kind) -> Result<(), Error> {
        match (kind, socket.link) {
            (Kind::Connect, Link::None)
            | (Kind::Accept, Link::Listening)
            | (Kind::Recv { .. }, Link::Connected) => Ok(()),
            // R1: what has arrived outlives its connection.
            (Kind::Recv { .. }, Link::Lost) if socket.input > 0 => Ok(()),
            (Kind::Send { .. }, Link::Connected) if socket.shut => Err(Error::ShutDown),
            (Kind::Send { .. }, Link::Connected) => Ok(()),
            (Kind::Connect, Link::Connecting) => Err(Error::AlreadyInProgress),
            (Kind::Connect, Link::Connected) => Err(Error::AlreadyConnected),
            (Kind::Connect, Link::Listening) | (Kind::Accept, _) => Err(Error::InvalidArgument),
            (_, Link::Lost) => Err(Error::ConnectionReset),
            (Kind::Send { .. } | Kind::Recv { .. }, _) => Err(Error::NotConnected),
        }
    }

    /// A call that cannot end now: pending, or would block.
    fn park(&mut self, handle: usize, kind: Kind, wait: Wait) -> Result<Answer, Error> {
        let socket = self.handles[handle].socket;
        if wait == Wait::Blocked && self.sockets[socket].nonblocking {
            return Err(Error::WouldBlock);
        }
        let key = self.key();
        self.operations.push(Operation {
            key,
            kind,
            wait,
            handle,
            socket,
        });
        Ok(Answer::Pending)
    }

    pub(super) fn listen(&mut self, through: Through) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        let socket = &mut self.sockets[self.handles[handle].socket];
        match socket.link {
            Link::None | Link::Listening => {
                socket.link = Link::Listening;
                Ok(Answer::Done)
            }
            Link::Connected => Err(Error::AlreadyConnected),
            Link::Connecting | Link::Lost => Err(Error::InvalidArgument),
        }
    }

    pub(super) fn connect(
        &mut self,
        through: Through,
        at_once: bool,
        wait: Wait,
    ) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        let socket = self.handles[handle].socket;
        Self::allowed(&self.sockets[socket], Kind::Connect)?;
        if at_once {
            self.connected(socket);
            return Ok(Answer::Done);
        }
        self.sockets[socket].link = Link::Connecting;
        self.park(handle, Kind::Connect, wait)
    }

    /// The connection is there, and every connect that waited for it is done.
    pub(super) fn connected(&mut self, socket: usize) {
        self.sockets[socket].link = Link::Connected;
        self.end_where(Answer::Done, |it| {
            it.socket == socket && it.kind == Kind::Connect
        });
    }

    pub(super) fn accept(&mut self, through: Through, wait: Wait) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        let Handle {
            process, socket, ..
        } = self.handles[handle];
        Self::allowed(&self.sockets[socket], Kind::Accept)?;
        if self.sockets[socket].backlog > 0 {
            self.take_connection(process, socket)
        } else {
            self.park(handle, Kind::Accept, wait)
        }
    }

    /// Makes a socket of the next connection of the backlog, with the options
    /// of the listener; without room for it the connection stays.
    fn take_connection(&mut self, process: ProcessId, listener: usize) -> Result<Answer, Error> {
        self.room_for_descriptor(process)?;
        self.sockets[listener].backlog -= 1;
        self.sockets.push(Socket {
            link: Link::Connected,
            backlog: 0,
            ..self.sockets[listener].clone()
        });
        Ok(self.open(process, self.sockets.len() - 1))
    }

    pub(super) fn send(
        &mut self,
        through: Through,
        bytes: u64,
        wait: Wait,
    ) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        let socket = self.handles[handle].socket;
        let kind = Kind::Send {
            left: bytes,
            total: bytes,
        };
        Self::allowed(&self.sockets[socket], kind)?;
        let others_wait = self
            .operations
            .iter()
            .any(|it| it.socket == socket && matches!(it.kind, Kind::Send { .. }));
        // Bytes must not overtake those of an earlier send.
        let accepted = if others_wait {
            0
        } else {
            self.queue(socket, bytes)
        };
        if accepted == bytes {
            return Ok(Answer::Bytes(bytes));
        }
        if accepted > 0 {
            self.reached("partly accepted send");
            if self.sockets[socket].nonblocking && wait == Wait::Blocked {
                return Ok(Answer::Bytes(accepted));
            }
        }
        let left = bytes - accepted;
        self.park(handle, Kind::Send { left, total: bytes }, wait)
    }

    /// Queues as many of the bytes as the window has room for.
    fn queue(&mut self, socket: usize, bytes: u64) -> u64 {
        let window = u64::from(self.setup.window);
        let socket = &mut self.sockets[socket];
        let accepted = bytes.min(window - socket.queued());
        socket.unsent += accepted;
        accepted
    }

    pub(super) fn recv(
        &mut self,
        through: Through,
        bytes: u64,
        wait: Wait,
    ) -> Result<Answer, Error> {
        let handle = self.reach(through)?;
        let socket = &mut self.sockets[self.handles[handle].socket];
        let kind = Kind::Recv { room: bytes };
        Self::allowed(socket, kind)?;
        // R2: an empty one that may wait does so until there is something.
        if (bytes == 0 && wait == Wait::Blocked) || socket.input > 0 {
            let read = bytes.min(socket.input);
            socket.input -= read;
            Ok(Answer::Bytes(read))
        } else {
            self.park(handle, kind, wait)
        }
    }

    /// L9: a waiting close returns and its drain goes on. C1, C2: an overlapped
    /// operation is posted as aborted, a blocked call returns; a send that has
    /// sent something says how much.
    //= docs/specification.md#l9-a-cancelled-wait
    //# - A lingering close whose wait is cancelled by WSPCancelBlockingCall MUST return WSAEINTR
    //# and leave the descriptor closed.
    //= docs/specification.md#c1-cancelling
    //# - A cancelled overlapped operation that does not complete MUST end with WSA_OPERATION_ABORTED
    //# and its notification.
    //= docs/specification.md#c2-partly-accepted-blocking-sends
    //# - A blocking send that is cancelled after a part of its bytes was accepted MUST return the
    //# number of bytes accepted.
    pub(super) fn cancel(&mut self, call: Key) -> Result<Answer, Error> {
        if let Some(index) = self.closers.iter().position(|it| it.key == call) {
            self.closers.remove(index);
            self.happen(Happening::CloseReturned(
                call,
                Answer::refused(Error::Interrupted),
            ));
            self.reached("lingering close cancelled");
            return Ok(Answer::Done);
        }
        let named = |it: &Operation| it.key == call;
        let Some(it) = self.operations.iter().find(|it| named(it)) else {
            return Err(Error::InvalidArgument);
        };
        let answer = match (it.wait, it.accepted()) {
            (Wait::Overlapped, _) => Answer::refused(Error::OperationAborted),
            (Wait::Blocked, 0) => Answer::refused(Error::Interrupted),
            (Wait::Blocked, accepted) => Answer::Bytes(accepted),
        };
        self.reached(match answer {
            Answer::Bytes(_) => "partly accepted send cancelled",
            _ => "operation cancelled",
        });
        self.end_where(answer, named);
        Ok(Answer::Done)
    }

    /// Ends the operations of which this holds with this answer.
    pub(super) fn end_where(&mut self, answer: Answer, which: impl Fn(&Operation) -> bool) {
        let (ended, kept) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(&which);
        self.operations = kept;
        for operation in ended {
            self.tell(&operation, answer);
        }
    }

    fn tell(&mut self, operation: &Operation, answer: Answer) {
        let outcome = match operation.wait {
            Wait::Blocked => Outcome::Returned(answer),
            Wait::Overlapped => Outcome::Posted(answer),
        };
        self.happen(Happening::Ended(operation.key, outcome));
    }

    /// Whatever has become possible or impossible for pending operations, the
    /// earliest first.
    pub(super) fn settle_operations(&mut self) {
        for operation in self.operations.clone() {
            let answer = match self.progress(&operation) {
                Ok(None) => continue,
                Ok(Some(answer)) => answer,
                Err(error) => Answer::refused(error),
            };
            self.end_where(answer, |it| it.key == operation.key);
        }
    }

    /// What a pending operation has come to, if it is over.
    fn progress(&mut self, operation: &Operation) -> Result<Option<Answer>, Error> {
        let socket = operation.socket;
        if operation.kind == Kind::Connect && self.sockets[socket].link == Link::Connecting {
            return Ok(None);
        }
        match Self::allowed(&self.sockets[socket], operation.kind) {
            // S1a: a pending send goes on.
            Err(Error::ShutDown) => {}
            other => other?,
        }
        match operation.kind {
            Kind::Connect => Ok(None),
            Kind::Accept if self.sockets[socket].backlog > 0 => {
                let process = self.handles[operation.handle].process;
                self.reached("pending accept served");
                self.take_connection(process, socket).map(Some)
            }
            Kind::Recv { room } if self.sockets[socket].input > 0 => {
                let read = room.min(self.sockets[socket].input);
                self.sockets[socket].input -= read;
                Ok(Some(Answer::Bytes(read)))
            }
            Kind::Accept | Kind::Recv { .. } => Ok(None),
            Kind::Send { left, total } => {
                let left = left - self.queue(socket, left);
                for it in &mut self.operations {
                    if it.key == operation.key {
                        it.kind = Kind::Send { left, total };
                    }
                }
                Ok((left == 0).then_some(Answer::Bytes(total)))
            }
        }
    }
}
