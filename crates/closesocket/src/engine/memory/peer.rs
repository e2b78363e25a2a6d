//! The far end of a connection, outside the engine: what a remote program and
//! its network can do.

use std::sync::Arc;

use super::link::{Inbox, Link, Side};
use super::{LinkOf, MemoryAddress, Network};
use crate::engine::primitives::{Monitor, Primitives};
use crate::engine::standard::Std;
use crate::protocol::Error;

/// A listener outside the engine.
pub struct PeerListener<P: Primitives = Std> {
    network: Arc<Network<P>>,
    address: MemoryAddress,
}

impl<P: Primitives> PeerListener<P> {
    pub(super) const fn new(network: Arc<Network<P>>, address: MemoryAddress) -> Self {
        Self { network, address }
    }

    /// Takes the connection that waits longest, if there is one.
    #[must_use]
    pub fn accept(&self) -> Option<Peer<P>> {
        let link = self.network.accept(self.address)?;
        self.network.deliver();
        Some(Peer::new(Arc::clone(&self.network), link, 1))
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> MemoryAddress {
        self.address
    }
}

impl<P: Primitives> Drop for PeerListener<P> {
    fn drop(&mut self) {
        self.network.close_listener(self.address);
        self.network.deliver();
    }
}

impl<P: Primitives> std::fmt::Debug for PeerListener<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerListener")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What a peer finds when it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerRead {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// The FIN: everything was received.
    End,
    /// The connection was reset.
    Reset,
}

/// The far end of a connection. Dropping it closes it like a program that ends:
/// what is sent to it afterwards is answered with a reset.
pub struct Peer<P: Primitives = Std> {
    network: Arc<Network<P>>,
    link: LinkOf<P>,
    side: Side,
}

impl<P: Primitives> Peer<P> {
    pub(super) const fn new(network: Arc<Network<P>>, link: LinkOf<P>, side: Side) -> Self {
        Self {
            network,
            link,
            side,
        }
    }

    /// Reads at most `limit` bytes; never waits.
    #[must_use]
    pub fn read(&self, limit: usize) -> PeerRead {
        let mut buffer = vec![0; limit];
        match self.work(|link, side| link.receive(side, &mut buffer)) {
            Ok(Inbox::Bytes(bytes)) => {
                buffer.truncate(bytes);
                PeerRead::Bytes(buffer)
            }
            Ok(Inbox::Empty) => PeerRead::Nothing,
            Ok(Inbox::End) => PeerRead::End,
            Err(_) => PeerRead::Reset,
        }
    }

    /// Reads everything that is there, and how it goes on after that.
    #[must_use]
    pub fn read_all(&self) -> (Vec<u8>, PeerRead) {
        let mut all = Vec::new();
        loop {
            match self.read(64 * 1024) {
                PeerRead::Bytes(bytes) => all.extend(bytes),
                end => return (all, end),
            }
        }
    }

    /// Sends as many of the bytes as the window has room for.
    ///
    /// # Errors
    /// [`Error::ConnectionReset`].
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        self.work(|link, side| link.send(side, bytes))
    }

    /// Finishes sending.
    ///
    /// # Errors
    /// [`Error::ConnectionReset`].
    pub fn finish(&self) -> Result<(), Error> {
        self.work(Link::send_fin)
    }

    /// Stops taking anything off the wire, so that nothing is acknowledged, or
    /// goes on.
    pub fn stall(&self, stalled: bool) {
        self.work(|link, side| link.stall(side, stalled));
    }

    /// Resets the connection.
    pub fn reset(&self) {
        self.work(Link::reset);
    }

    /// Vanishes: the other side gets no answer to anything, ever.
    pub fn vanish(self) {
        // What is closed and takes nothing off the wire answers nothing.
        self.stall(true);
        drop(self);
    }

    fn work<R>(&self, work: impl FnOnce(&mut Link, Side) -> R) -> R {
        let result = self.link.lock(|link| {
            let result = work(link, self.side);
            self.network.note(link.halves[1 - self.side].token);
            result
        });
        self.network.deliver();
        result
    }
}

impl<P: Primitives> Drop for Peer<P> {
    fn drop(&mut self) {
        self.work(Link::close);
    }
}

impl<P: Primitives> std::fmt::Debug for Peer<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}
