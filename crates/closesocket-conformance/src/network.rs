//! What a network and its peers, which know nothing of the engine, can do.

use std::any::Any;

use closesocket::engine::AddressOf;
use closesocket::engine::net::{Fault, Transport};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};

use crate::skipped::skip;

pub(crate) type Sys<N> = (<N as Network>::Transport, Std, SystemClock, NoProbe);
/// How the transport of a network names peers.
pub type Address<N> = AddressOf<Sys<N>>;
/// The ports of a connection: ours and the peer's.
pub type Ports = (u16, u16);

/// A transport with peers outside the engine: what the suite runs over.
///
/// What a network cannot do is left as it is here, or calls [`skip`]: the
/// behaviours that need it are then skipped, and listed.
pub trait Network: Sized + 'static {
    /// The transport whose behaviour is in question.
    type Transport: Transport;
    /// The far end of a connection.
    type Peer: Peer;
    /// A plain listener.
    type Listener;

    /// Why this machine does not have it: every behaviour is skipped then.
    fn missing() -> Option<&'static str> {
        None
    }

    /// Why it cannot show this behaviour, if by its nature it cannot: the end of
    /// [`Behaviour::name`](crate::Behaviour::name), as in
    /// `d5_a_record_is_redeemed_once`.
    fn lacks(_behaviour: &str) -> Option<&'static str> {
        None
    }

    /// A transport with nothing in it. Each behaviour has one of its own. What it
    /// takes of a connection whose peer does not read should be small, some 32 KiB:
    /// the suite fills it.
    fn transport() -> Self::Transport;

    /// Listens where the engine can connect to.
    fn listen(transport: &Self::Transport) -> Self::Listener;

    /// Where that is.
    fn address(listener: &Self::Listener) -> Address<Self>;

    /// Waits for the next connection that the engine makes there.
    fn accept(listener: &Self::Listener) -> Self::Peer;

    /// An address that a listener of the engine can have.
    fn free_address() -> Address<Self> {
        skip("the engine cannot listen on it")
    }

    /// Connects to a listener of the engine.
    fn dial(_transport: &Self::Transport, _address: &Address<Self>) -> Self::Peer {
        skip("no peer can connect to the engine on it")
    }

    /// An address where connects are neither accepted nor refused, and what keeps
    /// it so.
    fn deaf(_transport: &Self::Transport) -> (Box<dyn Any>, Address<Self>) {
        skip("no address on it leaves connects pending")
    }

    /// How many bytes the far side acknowledges at most for a peer that does not
    /// read: what is sent beyond them stays unacknowledged.
    fn acknowledged_unread() -> usize {
        skip("its peers cannot stall")
    }

    /// Has the transport itself go wrong, on all of its connections: for those who can
    /// make the network below their transport refuse what it asks for. One fault may be
    /// offered and another skipped.
    fn inject(_transport: &Self::Transport, _fault: Fault) {
        skip("its transport has no faults to inject")
    }

    /// Fails if this side of one of these connections still has an owner.
    fn assert_freed(_connections: &[Ports]) {}
}

/// How a connection ended for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a FIN: the stream is whole.
    Fin,
    /// With a reset.
    Reset,
}

/// The far end of a connection, which knows nothing of the engine. It stalls by
/// not reading.
pub trait Peer: Send + 'static {
    /// Sends all of it.
    fn write(&mut self, bytes: &[u8]);

    /// Waits for bytes, or for the end.
    ///
    /// # Errors
    /// How the connection ended.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End>;

    /// Whether neither bytes nor the end have come. Does not wait.
    fn hears_nothing(&mut self) -> bool;

    /// Finishes sending: its FIN.
    fn finish(&mut self);

    /// Sends it, unless the connection has ended.
    fn offer(&mut self, _bytes: &[u8]) {
        skip("its peers cannot send on a connection that may have ended")
    }

    /// Resets the connection.
    fn reset(self)
    where
        Self: Sized,
    {
        skip("its peers cannot reset")
    }

    /// Neither reads nor answers any more, as a machine without power; what has to
    /// be kept for that.
    fn vanish(self) -> Box<dyn Any>
    where
        Self: Sized,
    {
        skip("its peers cannot vanish")
    }

    /// The ports, for [`Network::assert_freed`].
    fn ports(&self) -> Option<Ports> {
        None
    }

    /// Reads so many bytes, in portions of at most `portion`.
    ///
    /// # Panics
    /// If the connection ends before.
    fn read_exactly(&mut self, count: usize, portion: usize) -> Vec<u8> {
        let mut received = Vec::new();
        while received.len() < count {
            let mut buffer = vec![0; portion.min(count - received.len())];
            let bytes = self.read(&mut buffer).expect("the connection goes on");
            received.extend_from_slice(&buffer[..bytes]);
        }
        received
    }

    /// Reads to the end, and tells how it came.
    fn read_to_end(&mut self) -> (Vec<u8>, End) {
        let (mut received, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            match self.read(&mut buffer) {
                Ok(bytes) => received.extend_from_slice(&buffer[..bytes]),
                Err(end) => return (received, end),
            }
        }
    }
}
