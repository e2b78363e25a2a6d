//! A socket that listens.

use std::future::poll_fn;
use std::task::{Context, Poll};

use closesocket::engine::completions::Wait;
use closesocket::engine::{AddressOf, Error, InMemory, Process, System};
use closesocket::{Listener, Stream};

use crate::stream::AsyncStream;

/// A socket that listens, for tasks.
///
/// Dropping it closes it as a [`Listener`] is.
#[derive(Debug)]
pub struct AsyncListener<S: System = InMemory> {
    listener: Listener<S>,
    accepting: Wait<S>,
}

/// A connection and its peer's address, as far as the transport knows that.
type Accepted<S> = (AsyncStream<S>, Option<AddressOf<S>>);

impl<S: System> From<Listener<S>> for AsyncListener<S> {
    fn from(listener: Listener<S>) -> Self {
        Self {
            listener,
            accepting: Wait::new(),
        }
    }
}

impl<S: System> AsyncListener<S> {
    /// Listens at this address.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn bind(process: &Process<S>, address: &AddressOf<S>) -> Result<Self, Error> {
        Listener::bind(process, address).map(Self::from)
    }

    /// The listener, for the calls that do not wait.
    #[must_use]
    pub const fn get_ref(&self) -> &Listener<S> {
        &self.listener
    }

    /// The listener, for threads.
    #[must_use]
    pub fn into_inner(self) -> Listener<S> {
        self.listener
    }

    /// Takes the connection that waits longest, and its peer's address, as far as the
    /// transport knows it. Any number of tasks can accept.
    ///
    /// # Errors
    /// As [`Process::poll_accept`].
    pub async fn accept(&self) -> Result<Accepted<S>, Error> {
        let mut wait = Wait::new();
        poll_fn(|context| poll_accept(&self.listener, &mut wait, context)).await
    }

    /// The same, to be polled by one task.
    ///
    /// # Errors
    /// As [`Process::poll_accept`].
    pub fn poll_accept(&mut self, context: &Context<'_>) -> Poll<Result<Accepted<S>, Error>> {
        poll_accept(&self.listener, &mut self.accepting, context)
    }
}

fn poll_accept<S: System>(
    listener: &Listener<S>,
    wait: &mut Wait<S>,
    context: &Context<'_>,
) -> Poll<Result<Accepted<S>, Error>> {
    let process = listener.process();
    let polled = process.poll_accept(listener.descriptor(), wait, context);
    polled.map_ok(|descriptor| {
        let stream = Stream::from_descriptor(process, descriptor);
        let peer = stream.peer_address().ok();
        (stream.into(), peer)
    })
}
