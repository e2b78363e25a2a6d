//! Calls that tasks poll, and futures of them. No runtime is needed: a task is
//! woken by its waker, from whichever thread brings what it waits for.
//!
//! A call takes bytes and connections only in the poll that returns them. What a
//! task waits with takes none: an overlapped receive with an empty buffer (R2), or a
//! watch for readiness. So a future that is dropped at whichever poll loses nothing.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};

use super::completion::Completion;
use super::event::Event;
use super::notify::Notify;
use super::observation::OperationId;
use super::primitives::TransportCall;
use super::process::ProcessState;
use super::provider::{AddressOf, Process};
use super::readiness::{Interest, Readiness};
use super::select::{look, unwatch, watch};
use super::task::Task;
use super::{SocketId, System};
use crate::protocol::{Descriptor, Error};

/// What a task waits with, from one poll of a call to the next: one for each call
/// that it has in progress. Dropping it cancels that (C1); the next poll begins anew.
pub struct Wait<S: System>(Waiting<S>);

enum Waiting<S: System> {
    /// Nothing is waited for.
    Nothing,
    /// For the end of an operation.
    Operation(Arc<ProcessState<S>>, OperationId, Task<S::Primitives>),
    /// For readiness, by the watch of this number.
    Watch(Arc<ProcessState<S>>, Watched, Event<S::Primitives>),
}

/// The watch of this number at a descriptor of this socket.
#[derive(Clone, Copy)]
struct Watched {
    socket: SocketId,
    descriptor: Descriptor,
    number: u64,
}

impl<S: System> Wait<S> {
    /// Nothing is waited for yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Waiting::Nothing)
    }

    const fn is_on(&self) -> bool {
        !matches!(self.0, Waiting::Nothing)
    }

    /// Waits no more.
    fn cancel(&mut self) {
        match std::mem::replace(&mut self.0, Waiting::Nothing) {
            Waiting::Nothing => {}
            Waiting::Operation(process, operation, _) => {
                // It fails if the operation has ended.
                let _ = process.cancel(operation);
            }
            Waiting::Watch(process, watched, _) => {
                let Watched {
                    socket,
                    descriptor,
                    number,
                } = watched;
                unwatch(&process, descriptor, socket, number);
            }
        }
    }
}

impl<S: System> Drop for Wait<S> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<S: System> Default for Wait<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: System> fmt::Debug for Wait<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.is_on()).finish()
    }
}

/// What a receive or a send of a task has come to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Transfer {
    /// Bytes transferred, or why it failed.
    pub result: Result<usize, Error>,
    /// Bytes transferred, also if it failed: of a send, those that were accepted
    /// and are still sent (O6).
    pub transferred: usize,
    /// The buffer, back from the operation (O5); empty if a send was refused.
    pub buffer: Vec<u8>,
}

impl<S: System> Process<S> {
    /// Receives into `buffer` as [`Process::recv`] does, whatever the mode of the
    /// socket, but has the task woken where that would block. The time limits of
    /// blocking calls do not apply.
    ///
    /// # Errors
    /// As [`Process::recv`]; [`Error::OperationAborted`] if the descriptor is closed
    /// meanwhile or the wait is cancelled. No byte was taken then.
    pub fn poll_recv(
        &self,
        descriptor: Descriptor,
        buffer: &mut [u8],
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Poll<Result<usize, Error>> {
        loop {
            match self.poll_end(wait, context) {
                Some(Poll::Ready(Ok(Completion { result: Ok(_), .. }))) | None => {}
                Some(Poll::Ready(ended)) => {
                    return Poll::Ready(ended.and_then(|completion| completion.result));
                }
                Some(Poll::Pending) => return Poll::Pending,
            }
            match without_waiting::<S, _>(|| self.recv(descriptor, buffer)) {
                Err(Error::WouldBlock) => {}
                done => return Poll::Ready(done),
            }
            let start = |notify| self.recv_overlapped(descriptor, Vec::new(), notify);
            if let Err(error) = self.start_operation(wait, start) {
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Queues what fits of `bytes` for sending, at least one unless there are none,
    /// and returns how many; has the task woken where nothing fits. Otherwise as
    /// [`Process::poll_recv`].
    ///
    /// # Errors
    /// As [`Process::send`]; [`Error::OperationAborted`] if the descriptor is closed
    /// meanwhile. None was accepted then.
    pub fn poll_send(
        &self,
        descriptor: Descriptor,
        bytes: &[u8],
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Poll<Result<usize, Error>> {
        let send = || self.send(descriptor, bytes);
        self.poll_call((descriptor, Interest::WRITABLE), wait, context, send)
    }

    /// Takes the connection that waits longest, or has the task woken when there is
    /// one. Otherwise as [`Process::poll_recv`].
    ///
    /// # Errors
    /// As [`Process::accept`]; [`Error::OperationAborted`] if the listener is closed
    /// meanwhile. No connection was taken then.
    pub fn poll_accept(
        &self,
        descriptor: Descriptor,
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Poll<Result<Descriptor, Error>> {
        let accept = || self.accept(descriptor);
        self.poll_call((descriptor, Interest::READABLE), wait, context, accept)
    }

    /// What the descriptor is ready for, or has the task woken when it is, or when it
    /// is closed (O8): a select of a task.
    ///
    /// # Errors
    /// As [`Process::select`].
    pub fn poll_ready(
        &self,
        descriptor: Descriptor,
        interest: Interest,
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Poll<Result<Readiness, Error>> {
        let waited = wait.is_on();
        let looked = self
            .arm((descriptor, interest), wait, context)
            .and_then(|it| look(&self.state, descriptor, it.socket, (it.number, interest)));
        match looked {
            Ok(None) => Poll::Pending,
            Err(Error::NotSocket) if waited => {
                wait.cancel();
                Poll::Ready(Ok(Readiness::CLOSED))
            }
            Ok(Some(ready)) => {
                wait.cancel();
                Poll::Ready(Ok(ready))
            }
            Err(error) => {
                wait.cancel();
                Poll::Ready(Err(error))
            }
        }
    }

    /// A future of [`Process::poll_recv`]. Dropping it cancels the receive, which has
    /// taken no byte.
    pub fn recv_async(
        &self,
        descriptor: Descriptor,
        mut buffer: Vec<u8>,
    ) -> impl Future<Output = Transfer> + Send + use<S> {
        let (process, mut wait) = (self.clone(), Wait::new());
        async move {
            let received =
                poll_fn(|context| process.poll_recv(descriptor, &mut buffer, &mut wait, context));
            let result = received.await;
            Transfer {
                result,
                transferred: result.unwrap_or(0),
                buffer,
            }
        }
    }

    /// A future of [`Process::send_overlapped`]: it is ready when all is accepted. Dropping
    /// it cancels the send; what was accepted is still sent (O6).
    pub fn send_async(
        &self,
        descriptor: Descriptor,
        mut bytes: Vec<u8>,
    ) -> impl Future<Output = Transfer> + Send + use<S> {
        let (process, mut wait) = (self.clone(), Wait::new());
        async move {
            let ended = poll_fn(|context| {
                process.poll_operation(&mut wait, context, |notify| {
                    process.send_overlapped(descriptor, std::mem::take(&mut bytes), notify)
                })
            });
            match ended.await {
                Ok(Completion {
                    result,
                    transferred,
                    buffer,
                    ..
                }) => Transfer {
                    result,
                    transferred,
                    buffer,
                },
                Err(error) => Transfer {
                    result: Err(error),
                    transferred: 0,
                    buffer: Vec::new(),
                },
            }
        }
    }

    /// A future of [`Process::connect_overlapped`]. A connect that is cancelled, by
    /// dropping it, goes on, as a nonblocking one does.
    pub fn connect_async(
        &self,
        descriptor: Descriptor,
        address: AddressOf<S>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<S> {
        let (process, mut wait) = (self.clone(), Wait::new());
        async move {
            let ended = poll_fn(|context| {
                process.poll_operation(&mut wait, context, |notify| {
                    process.connect_overlapped(descriptor, &address, notify)
                })
            });
            ended.await?.result.map(|_| ())
        }
    }

    /// A future of [`Process::poll_accept`]. Dropping it takes no connection.
    pub fn accept_async(
        &self,
        listener: Descriptor,
    ) -> impl Future<Output = Result<Descriptor, Error>> + Send + use<S> {
        let (process, mut wait) = (self.clone(), Wait::new());
        poll_fn(move |context| process.poll_accept(listener, &mut wait, context))
    }

    /// A future of [`Process::poll_ready`].
    pub fn ready_async(
        &self,
        descriptor: Descriptor,
        interest: Interest,
    ) -> impl Future<Output = Result<Readiness, Error>> + Send + use<S> {
        let (process, mut wait) = (self.clone(), Wait::new());
        poll_fn(move |context| process.poll_ready(descriptor, interest, &mut wait, context))
    }

    /// Polls the operation that is waited for, or that `start` starts.
    fn poll_operation(
        &self,
        wait: &mut Wait<S>,
        context: &Context<'_>,
        start: impl FnOnce(Notify<S::Primitives>) -> Result<OperationId, Error>,
    ) -> Poll<Result<Completion, Error>> {
        if !wait.is_on() {
            self.start_operation(wait, start)?;
        }
        let ended = self.poll_end(wait, context);
        ended.unwrap_or(Poll::Ready(Err(Error::InvalidArgument)))
    }

    /// Polls the operation that is waited for, if one is.
    fn poll_end(
        &self,
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Option<Poll<Result<Completion, Error>>> {
        let Waiting::Operation(_, _, task) = &wait.0 else {
            return None;
        };
        Some(task.poll(context).map(|completion| {
            wait.0 = Waiting::Nothing;
            // Without a word it ends only with a life of the process (S2a).
            completion.ok_or_else(|| self.state.refusal(Error::OperationAborted))
        }))
    }

    fn start_operation(
        &self,
        wait: &mut Wait<S>,
        start: impl FnOnce(Notify<S::Primitives>) -> Result<OperationId, Error>,
    ) -> Result<(), Error> {
        wait.cancel();
        let task = Task::new();
        let operation = start(Notify::task(&task))?;
        wait.0 = Waiting::Operation(Arc::clone(&self.state), operation, task);
        Ok(())
    }

    /// Polls a call that would block until the descriptor is ready.
    fn poll_call<R>(
        &self,
        (descriptor, interest): (Descriptor, Interest),
        wait: &mut Wait<S>,
        context: &Context<'_>,
        call: impl Fn() -> Result<R, Error>,
    ) -> Poll<Result<R, Error>> {
        let waited = wait.is_on();
        if !waited {
            match without_waiting::<S, _>(&call) {
                Err(Error::WouldBlock) => {}
                done => return Poll::Ready(done),
            }
        }
        // A call that finds nothing re-arms the watch (R6), which is there before it
        // looks: so no news falls between the two.
        let armed = self.arm((descriptor, interest), wait, context);
        match armed.and_then(|_| without_waiting::<S, _>(&call)) {
            Err(Error::WouldBlock) => Poll::Pending,
            done => {
                wait.cancel();
                Poll::Ready(done.map_err(|error| match error {
                    Error::NotSocket if waited => Error::OperationAborted,
                    other => other,
                }))
            }
        }
    }

    /// Has the task woken when the descriptor gets ready.
    fn arm(
        &self,
        (descriptor, interest): (Descriptor, Interest),
        wait: &mut Wait<S>,
        context: &Context<'_>,
    ) -> Result<Watched, Error> {
        let admission = self.state.admit(descriptor)?;
        if let Waiting::Watch(_, watched, event) = &wait.0 {
            wake_when_set(event, context);
            return Ok(*watched);
        }
        wait.cancel();
        let event = Event::new();
        wake_when_set(&event, context);
        let watched = Watched {
            socket: admission.socket(),
            descriptor,
            number: watch(&admission, interest, &event)?,
        };
        wait.0 = Waiting::Watch(Arc::clone(&self.state), watched, event);
        Ok(watched)
    }
}

/// Resets the event and has the task woken when it is set again.
fn wake_when_set<P: super::primitives::Primitives>(event: &Event<P>, context: &Context<'_>) {
    loop {
        event.reset();
        if event.poll(context).is_pending() {
            return;
        }
    }
}

/// Makes a call as if the socket were nonblocking. The thread of a task is many
/// tasks', as the transport's is many sockets': nothing waits on it (C4).
fn without_waiting<S: System, R>(call: impl FnOnce() -> R) -> R {
    let _call = TransportCall::<S::Primitives>::new();
    call()
}
