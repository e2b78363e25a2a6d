//! The transport: the reactor's owner, and where endpoints come from.

use std::marker::PhantomData;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

use closesocket::engine::net::{Events, Poller, Token, Transport};
use closesocket::protocol::{Connection, Error, TransferState};
use socket2::Socket;

use crate::error::winsock;
use crate::family::{Family, Ip, Local};
use crate::reactor::{self, Shared, watchable};
use crate::{StreamEndpoint, TcpConfig};

/// More bytes than the kernel takes of one socket on its own account.
const KERNEL_BUFFER: u32 = 64 << 20;

/// TCP over IPv4 and IPv6.
pub type Tcp = Streams<Ip>;

/// Stream sockets of `AF_UNIX`: see [`Local`].
pub type Unix = Streams<Local>;

/// The stream sockets of an address family, with a reactor thread of their own.
///
/// Dropping it ends the reactor and waits for it, unless the drop happens on
/// the reactor thread itself (the engine's last reference may end there). So do
/// not drop it while holding a lock that [`Events`] needs. The thread also ends
/// when the [`Events`] are gone, at the next event or dropped endpoint.
/// Endpoints that outlive the transport keep working but report nothing.
///
/// If the reactor ends while an engine is attached, by [`Streams::stop`] or because
/// the kernel refuses to poll, the engine is told ([`Events::ended`]): every
/// pending operation then ends with [`Error::NetworkDown`].
///
/// A thread that waits for completions, at a queue or alertably, does the
/// reactor's work by itself while nobody else does ([`Transport::poller`]).
///
/// A callback that panics there is counted ([`Streams::callback_panics`]); the next
/// event follows.
#[derive(Debug)]
pub struct Streams<F: Family> {
    family: PhantomData<F>,
    shared: Arc<Shared>,
    reactor: Option<JoinHandle<()>>,
}

impl<F: Family> Streams<F> {
    /// A transport with the kernel's defaults; starts the reactor.
    ///
    /// # Errors
    /// [`Error::TooManyDescriptors`] or [`Error::NoBuffers`] when the process
    /// has no descriptors, memory or threads left.
    pub fn new() -> Result<Self, Error> {
        Self::with_config(TcpConfig::default())
    }

    /// A transport whose sockets are set up like this; starts the reactor.
    ///
    /// # Errors
    /// As [`Streams::new`].
    pub fn with_config(config: TcpConfig) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(config).map_err(|error| winsock(&error))?);
        let seen = Arc::clone(&shared);
        let reactor = thread::Builder::new()
            .name("closesocket-tcp".to_owned())
            .spawn(move || reactor::run(&seen))
            // EAGAIN: no more threads.
            .map_err(|_| Error::NoBuffers)?;
        Ok(Self {
            family: PhantomData,
            shared,
            reactor: Some(reactor),
        })
    }

    /// Stops the transport for good, with everything that still goes on: when
    /// this returns, every operation of the attached engine has ended with
    /// [`Error::NetworkDown`], its connections are reset, its drains are over
    /// (L5), and later calls fail with [`Error::NetworkDown`]. What is left to
    /// do is cleanup. The reactor thread ends by itself soon after.
    ///
    /// Do not call it while holding a lock that [`Events`] needs.
    pub fn stop(&self) {
        self.shared.stop();
        self.shared.tell_ended();
    }

    /// An endpoint of this transport for a socket from another process (D9).
    pub(crate) fn arrived(
        &self,
        socket: Socket,
        token: Token,
        transfer_state: TransferState,
    ) -> Result<StreamEndpoint<F>, (Error, Socket)> {
        StreamEndpoint::arrived(Arc::clone(&self.shared), socket, token, transfer_state)
    }

    /// An endpoint of this transport for a socket that somebody else has made.
    pub(crate) fn adopted(
        &self,
        socket: Socket,
        token: Token,
        connection: Connection,
    ) -> Result<StreamEndpoint<F>, (Error, Socket)> {
        StreamEndpoint::adopted(Arc::clone(&self.shared), socket, token, connection)
    }

    /// How many times an [`Events`] callback has panicked, on the reactor thread or
    /// one that polls in its place.
    #[must_use]
    pub fn callback_panics(&self) -> u64 {
        self.shared.panics()
    }
}

impl<F: Family> Transport for Streams<F> {
    type Endpoint = StreamEndpoint<F>;

    fn attach(&self, events: Weak<dyn Events>) {
        self.shared.attach(events);
    }

    /// The kernel's socket comes with the first bind or connect, which tell its
    /// family; so this fails only when the transport was stopped
    /// ([`Error::NetworkDown`]).
    fn open(&self, token: Token) -> Result<StreamEndpoint<F>, Error> {
        self.shared.check_running()?;
        watchable(token).ok_or(Error::InvalidArgument)?;
        Ok(StreamEndpoint::new(Arc::clone(&self.shared), token))
    }

    /// The kernel's buffer is the limit, if it is left to the kernel: it tells of
    /// room in it, while of acknowledgements it does not.
    fn own_window(&self) -> u32 {
        match self.shared.config.send_buffer {
            Some(_) => 0,
            None => KERNEL_BUFFER,
        }
    }

    fn wake(&self) {
        self.shared.wake();
    }

    fn poller(&self) -> Option<Arc<dyn Poller>> {
        let shared = Arc::clone(&self.shared);
        Some(shared)
    }
}

impl<F: Family> Drop for Streams<F> {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(reactor) = self.reactor.take()
            && reactor.thread().id() != thread::current().id()
        {
            // It catches the panics of callbacks; one of its own was reported
            // by its thread, and a drop has nobody to tell.
            let _ = reactor.join();
        }
    }
}
