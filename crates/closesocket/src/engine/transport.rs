//! What the engine needs from a transport, as a type parameter.
//!
//! Every method is nonblocking. The engine calls an [`Endpoint`] under its
//! socket's lock, so that the calls on one endpoint keep their order (a FIN
//! never overtakes the last chunk). For that reason an endpoint must never call
//! [`Events`] from within: it notes what happened, and the engine, holding no
//! lock, asks for it with [`Transport::deliver_events`]. A thread of the
//! transport's own (a reactor), or one that polls, calls [`Events`] whenever it likes, holding no
//! lock that an endpoint method takes.

use std::fmt::Debug;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::baton::Poller;
use super::readiness::Interest;
use super::sockopt::{OptionName, OptionValue};
use crate::protocol::Error;

/// The endpoints of a system's transport.
pub(super) type EndpointOf<S> = <<S as super::System>::Transport as Transport>::Endpoint;

/// Names a socket to its transport. A token is never reused, so an event that
/// comes late reaches nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// Where a transport reports to; implemented by the engine.
///
/// The methods run on a thread of the transport's own, or on one that polls by
/// itself ([`Poller`]). One that panics must have
/// left its own state usable; the transport counts the panic, reports the other
/// events and goes on. The engine's implementation runs no foreign code except
/// the upcalls and the destructors of completion routines, whose panics it
/// catches itself ([`Upcalls`](super::Upcalls), [`Routine`](super::completions::Routine)).
pub trait Events: Send + Sync {
    /// Something may have changed at this endpoint: data or a connection has
    /// come, room to send, an acknowledgement, a reset. Spurious calls are fine.
    fn ready(&self, token: Token);

    /// Lets time pass: expires drains and looks again at sockets for which no
    /// event comes (acknowledgements, deadlines). Returns after how long it
    /// wants to be called again, `None` if there is nothing to watch.
    fn tick(&self) -> Option<Duration>;

    /// Nothing will be reported any more: the transport has stopped. What waits
    /// must be ended. It may be called more than once.
    fn ended(&self) {}
}

/// A kind of network.
pub trait Transport: Send + Sync + 'static {
    /// One end of a connection, or a listener.
    type Endpoint: Endpoint;

    /// Tells where to report events. Called once, before anything else. They are
    /// gone when the provider is.
    fn attach(&self, events: Weak<dyn Events>);

    /// A new, unconnected endpoint.
    ///
    /// # Errors
    /// What the network says, as a Winsock error.
    fn open(&self, token: Token) -> Result<Self::Endpoint, Error>;

    /// How many bytes of one socket it takes at most, if it has a limit of its own
    /// for what it has taken and the peer has not acknowledged. 0: it has none,
    /// and the engine counts them.
    fn own_window(&self) -> u32 {
        0
    }

    /// Reports what endpoint calls have caused, with [`Events::ready`]. The
    /// engine calls it after such calls, holding no lock. For transports whose
    /// events come from a thread of their own this is empty.
    fn deliver_events(&self) {}

    /// There is something new to watch: call [`Events::tick`] soon.
    fn wake(&self) {}

    /// What threads that wait for completions can poll with by themselves, if the
    /// transport lets them; otherwise its own threads report all events.
    fn poller(&self) -> Option<Arc<dyn Poller>> {
        None
    }
}

/// How far a connect has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    /// Not yet; an event will tell.
    InProgress,
    /// Connected.
    Done,
}

/// What a receive found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// This many bytes, at least one.
    Bytes(usize),
    /// Nothing yet; an event will tell.
    Nothing,
    /// The peer has finished sending.
    End,
}

/// What a look finds ([`Endpoint::look`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing yet; an event will tell.
    Nothing,
    /// Bytes, or a connection: something unread (L6).
    Input,
    /// The peer has finished sending, and all it sent was received.
    End,
}

/// What a blocked thread waits with at an endpoint by itself, so that its answer
/// takes no way over a thread of the transport's.
pub trait Waiter: Send + Sync {
    /// Waits until the endpoint is, or may be, ready for what the interest says,
    /// until [`Waiter::wake`] is called, or until the limit has passed, whichever
    /// comes first; spurious returns are fine. What was ready before counts, and
    /// so does a wake-up that was not waited for yet. Only the thread that has
    /// asked for the waiter calls it, holding no lock.
    fn wait(&self, interest: Interest, limit: Option<Duration>);

    /// Ends the wait. Any thread calls it, holding no lock.
    fn wake(&self);
}

/// One end of a connection, or a listener. Dropping it frees it without sending
/// anything that was not ordered, except for the reset of
/// [`Endpoint::set_unsent_waits`].
///
/// Errors are Winsock errors. [`Error::ConnectionReset`],
/// [`Error::ConnectionAborted`], [`Error::TimedOut`], [`Error::NetworkDown`],
/// [`Error::NetworkUnreachable`] and [`Error::HostUnreachable`] from `send`,
/// `receive`, `unacknowledged` or `send_fin` mean that the connection is lost
/// ([`Error::is_loss`]). [`Error::NoBuffers`] from one of the first three says that
/// memory is lacking now, and has changed nothing: the call is told so and may be made
/// again, a pending receive ends with it, and what waits in the engine's queue is
/// offered again as time passes. Any other error from `send` refuses these bytes. A
/// call that was about to hand them over, or what waits before them, is told so and may
/// be made again. Where no call is told, of bytes that wait in the engine's queue, those
/// of overlapped sends among them, it is as a loss, and the connection ends in a reset.
/// Any other error from the others is as a loss.
pub trait Endpoint: Send + Sized + 'static {
    /// How peers are named.
    type Address: Clone + Debug + Send + Sync + 'static;

    /// Sets the local address.
    ///
    /// # Errors
    /// [`Error::AddressInUse`] and the like.
    fn bind(&mut self, address: &Self::Address) -> Result<(), Error>;

    /// The local address.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if there is none yet.
    fn local_address(&self) -> Result<Self::Address, Error>;

    /// The peer's address, of a connection; also when it is lost, if that is known.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there is no peer; [`Error::NotSupported`] if the
    /// transport does not know.
    fn peer_address(&self) -> Result<Self::Address, Error> {
        Err(Error::NotSupported)
    }

    /// Starts listening; `backlog` connections may wait.
    ///
    /// # Errors
    /// What the network says.
    fn listen(&mut self, backlog: u32) -> Result<(), Error>;

    /// Starts to connect.
    ///
    /// # Errors
    /// What the network says.
    fn connect(&mut self, address: &Self::Address) -> Result<Connecting, Error>;

    /// How far the connect has come.
    ///
    /// # Errors
    /// [`Error::ConnectionRefused`] and the like, if it failed.
    fn connect_progress(&mut self) -> Result<Connecting, Error>;

    /// Takes a waiting connection, if there is one. It reports no events until
    /// [`Endpoint::register`].
    ///
    /// # Errors
    /// What the network says.
    fn accept(&mut self) -> Result<Option<Self>, Error>;

    /// Makes an accepted endpoint report its events under this token.
    ///
    /// # Errors
    /// What the network says.
    fn register(&mut self, token: Token) -> Result<(), Error>;

    /// For the calling thread to wait with at this endpoint, also when the
    /// endpoint is gone by then. `None`: it is to wait for an event.
    fn waiter(&self) -> Option<Arc<dyn Waiter>> {
        None
    }

    /// Whether somebody waits for events. An endpoint reports them from the
    /// beginning, and need not while this says no: all who wait do so with a
    /// [`Waiter`]. When it says yes again, what is ready by then is reported too.
    ///
    /// # Errors
    /// What the network says. Nothing has changed then, and the engine looks at
    /// the endpoint from time to time instead.
    fn watch(&mut self, _wanted: bool) -> Result<(), Error> {
        Ok(())
    }

    /// Takes as many bytes as it can; fewer if there is no more room, of which an
    /// event will tell.
    ///
    /// # Errors
    /// See the trait.
    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error>;

    /// Bytes that were accepted and that [`Endpoint::send`] has not taken begin
    /// to wait in the engine, or wait no more. While they wait, an endpoint that
    /// is dropped, or whose operating system process ends, must reset its
    /// connection: the peer has a part only (S5). Not one that another process
    /// may share (D9). A send that is taken whole is not announced.
    fn set_unsent_waits(&mut self, _waits: bool) {}

    /// Receives into the buffer, which is not empty. Bytes that have arrived, and
    /// the end, come before a loss that came behind them (R1): the engine asks
    /// also when another call has failed, until this one reports the loss.
    ///
    /// # Errors
    /// See the trait.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error>;

    /// Whether the last receive has taken all there was, and no event has been
    /// reported since. Who is going to wait for an event anyway does so without a
    /// look: also bytes that have come meanwhile make one, and so does the end,
    /// whether it came with the bytes or behind them.
    fn is_emptied(&self) -> bool {
        false
    }

    /// An event of it is being reported ([`Events::ready`]).
    fn event_reported(&mut self) {}

    /// As [`Endpoint::receive`], but what it finds stays to be received.
    ///
    /// # Errors
    /// See the trait; [`Error::NotSupported`] if this network cannot.
    fn peek(&mut self, _buffer: &mut [u8]) -> Result<Received, Error> {
        Err(Error::NotSupported)
    }

    /// How many received bytes wait to be read; 0 when nobody can receive them any
    /// more.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if this network cannot tell.
    fn available(&mut self) -> Result<usize, Error> {
        Err(Error::NotSupported)
    }

    /// What a receive would find, or an accept of a listener; it stays. A loss is
    /// reported when a receive would.
    ///
    /// # Errors
    /// See the trait.
    fn look(&mut self) -> Result<Found, Error>;

    /// Bytes taken by [`Endpoint::send`] that the peer's transport has not
    /// acknowledged, and the FIN if one is out.
    ///
    /// # Errors
    /// See the trait.
    fn unacknowledged(&mut self) -> Result<usize, Error>;

    /// Sends the FIN behind the bytes taken so far.
    ///
    /// # Errors
    /// See the trait.
    fn send_fin(&mut self) -> Result<(), Error>;

    /// Throws away what has come. From the first call on a receive finds no bytes
    /// any more. It is called again at each event, for what has come since; if it
    /// leaves a part, to give others a turn, another event must tell.
    fn shut_down_receive(&mut self);

    /// Sets an option, before there is a connection or later. What a listener
    /// accepts has the options of the listener (R4).
    ///
    /// # Errors
    /// [`Error::NoProtocolOption`] if this network has no such option; what the
    /// network says. Nothing has changed then.
    fn set_option(&mut self, _option: OptionValue) -> Result<(), Error> {
        Err(Error::NoProtocolOption)
    }

    /// The value that an option has.
    ///
    /// # Errors
    /// As [`Endpoint::set_option`].
    fn option(&self, _name: OptionName) -> Result<OptionValue, Error> {
        Err(Error::NoProtocolOption)
    }

    /// Of a connection that another operating system process may share (D9):
    /// whether the kernel is to reset it when the last process leaves, instead of
    /// sending a FIN.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if connections do not travel; what the network
    /// says.
    fn set_reset_at_end(&mut self, _reset: bool) -> Result<(), Error> {
        Err(Error::NotSupported)
    }

    /// What [`Endpoint::set_reset_at_end`] has set, in whichever process.
    ///
    /// # Errors
    /// As there.
    fn resets_at_end(&self) -> Result<bool, Error> {
        Err(Error::NotSupported)
    }

    /// Throws away what was not sent and resets the connection; one that another
    /// operating system process may share is only left. Of a listener:
    /// resets the connections that wait for an accept (O7).
    fn reset(&mut self);
}
