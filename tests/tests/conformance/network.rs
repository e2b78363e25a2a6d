//! What a network and its peers, which know nothing of the engine, can do.

use closesocket::engine::net::Transport;

use crate::world::{Address, Ports};

/// A kind of network with peers outside the engine.
pub(crate) trait Network: Sized + 'static {
    type Transport: Transport;
    type Peer: Peer;
    /// A plain listener.
    type Listener;
    /// What keeps connects to an address pending.
    type Deaf;

    /// Why this machine does not have it.
    fn missing() -> Option<&'static str> {
        None
    }
    /// What this network lacks that the scenario of this name is about.
    fn lacks(_scenario: &str) -> Option<&'static str> {
        None
    }
    fn transport() -> Self::Transport;
    fn listen(transport: &Self::Transport) -> Self::Listener;
    fn address(listener: &Self::Listener) -> Address<Self>;
    /// The next connection that somebody makes.
    fn accept(listener: &Self::Listener) -> Self::Peer;
    /// An address that a listener of the engine can have.
    fn free_address() -> Address<Self>;
    /// Connects to a listener of the engine.
    fn dial(transport: &Self::Transport, address: &Address<Self>) -> Self::Peer;
    /// An address where connects are neither accepted nor refused.
    fn deaf(transport: &Self::Transport) -> (Self::Deaf, Address<Self>);
    /// Fails if this side of one of these connections still has an owner.
    fn assert_freed(_connections: &[Ports]) {}
}

/// How a connection ended for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
}

/// The far end of a connection. It stalls by not reading.
pub(crate) trait Peer: Send + 'static {
    /// What a vanished peer leaves behind: nobody reads or answers any more.
    type Gone;

    /// Sends all of it.
    fn write(&mut self, bytes: &[u8]);
    /// Sends it, unless the connection has ended.
    fn offer(&mut self, bytes: &[u8]);
    /// Waits for bytes, or for the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End>;
    /// Whether neither bytes nor the end have come.
    fn hears_nothing(&mut self) -> bool;
    /// Finishes sending.
    fn finish(&mut self);
    /// Resets the connection.
    fn reset(self);
    fn vanish(self) -> Self::Gone;
    fn ports(&self) -> Option<Ports> {
        None
    }

    /// Reads so many bytes, in portions of at most `portion`.
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
