//! How a socket has ended, for who has closed it: at once, or awaited by a task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::primitives::{Monitor, Primitives};
use super::standard::Std;
use crate::protocol::Ending;

/// What has become of a socket whose descriptor was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closed {
    /// All that was accepted is acknowledged, and the FIN was sent; or there was
    /// no connection.
    Drained,
    /// The connection was reset: by the close (hard linger), when its time had
    /// passed, by the peer, or with the network. What was not acknowledged by then
    /// is lost.
    Reset,
    /// It drains in the background: this close does not wait for the end.
    InBackground,
    /// It goes on, since others have it too (D6).
    Shared,
    /// Another operating system process may have it too: the kernel has what was
    /// accepted, and ends it (D9).
    HandedOver,
}

impl From<Ending> for Closed {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Unconnected | Ending::Graceful => Self::Drained,
            Ending::Hard | Ending::Expired | Ending::Lost | Ending::Unread => Self::Reset,
            Ending::HandedOver => Self::HandedOver,
        }
    }
}

/// The end of a socket whose descriptor was closed: a future, of the drain that
/// goes on in the background. Dropping it leaves that as it is (L9).
#[must_use = "how the socket ends is told to whoever awaits it"]
pub struct Closing<P: Primitives = Std>(Arc<P::Monitor<End>>);

struct End {
    /// `None` while it is still to come.
    closed: Option<Closed>,
    waker: Option<Waker>,
}

impl<P: Primitives> Closing<P> {
    /// Of a close that is not known to be the last.
    pub(super) fn new() -> Self {
        Self(Arc::new(P::Monitor::new(End {
            closed: Some(Closed::Shared),
            waker: None,
        })))
    }

    /// Its end is still to come.
    pub(super) fn promise(&self) -> EndPromise<P> {
        self.0.lock(|end| end.closed = None);
        EndPromise(Some(Self(Arc::clone(&self.0))))
    }

    /// How it has ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Closed> {
        self.0.lock(|end| end.closed)
    }
}

impl<P: Primitives> Future for Closing<P> {
    type Output = Closed;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Closed> {
        // A waker is foreign code: it is cloned and dropped under no lock.
        let mut waker = Some(context.waker().clone());
        let closed = self.0.lock(|end| {
            let next = waker.take_if(|_| end.closed.is_none());
            waker = std::mem::replace(&mut end.waker, next);
            end.closed
        });
        drop(waker);
        closed.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<P: Primitives> fmt::Debug for Closing<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Closing").field(&self.ended()).finish()
    }
}

/// Lies with a socket that somebody has closed and wants to know the end of. With a
/// provider that ends before the socket does, that is a reset (S5).
pub(super) struct EndPromise<P: Primitives>(Option<Closing<P>>);

impl<P: Primitives> EndPromise<P> {
    /// Tells the end. The task that waits is to be woken, outside all locks.
    pub(super) fn keep(mut self, ending: Ending) -> Option<Waker> {
        self.tell(ending.into())
    }

    fn tell(&mut self, closed: Closed) -> Option<Waker> {
        self.0.take()?.0.lock(|end| {
            end.closed = Some(closed);
            end.waker.take()
        })
    }
}

impl<P: Primitives> Drop for EndPromise<P> {
    fn drop(&mut self) {
        if let Some(waker) = self.tell(Closed::Reset) {
            waker.wake();
        }
    }
}
