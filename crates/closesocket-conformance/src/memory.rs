//! The network that comes with the engine: connections in memory.

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::net::{self, Fault, Memory, MemoryAddress, PeerListener, PeerRead};

use crate::network::{End, Network, Peer};
use crate::world::PATIENCE;

/// What arrives at most before it is read, in bytes.
const WINDOW: usize = 32 * 1024;

/// Connections in memory, with peers that can do everything.
#[derive(Debug)]
pub struct InMemory;

static ADDRESSES: AtomicU32 = AtomicU32::new(1);

fn next_address() -> MemoryAddress {
    MemoryAddress(ADDRESSES.fetch_add(1, Ordering::Relaxed))
}

/// Asks again until there is an answer.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < give_up, "no answer");
        thread::sleep(Duration::from_millis(1));
    }
}

impl Network for InMemory {
    type Transport = Memory;
    type Peer = net::Peer;
    type Listener = PeerListener;

    fn transport() -> Memory {
        Memory::with_window(WINDOW)
    }

    fn listen(transport: &Memory) -> PeerListener {
        transport.listen(next_address()).unwrap()
    }

    fn address(listener: &PeerListener) -> MemoryAddress {
        listener.address()
    }

    fn accept(listener: &PeerListener) -> net::Peer {
        until(|| listener.accept())
    }

    fn free_address() -> MemoryAddress {
        next_address()
    }

    fn dial(transport: &Memory, address: &MemoryAddress) -> net::Peer {
        transport.dial(*address).unwrap()
    }

    fn inject(transport: &Memory, fault: Fault) {
        transport.inject(fault);
    }

    /// What has arrived is acknowledged.
    fn acknowledged_unread() -> usize {
        WINDOW
    }

    /// A connect is done when the listener accepts it, and this one never does.
    fn deaf(transport: &Memory) -> (Box<dyn Any>, MemoryAddress) {
        let listener = Self::listen(transport);
        let address = listener.address();
        (Box::new(listener), address)
    }
}

impl Peer for net::Peer {
    fn write(&mut self, bytes: &[u8]) {
        let mut sent = 0;
        until(|| {
            sent += Self::write(self, &bytes[sent..]).unwrap();
            (sent == bytes.len()).then_some(())
        });
    }

    fn offer(&mut self, bytes: &[u8]) {
        // An error means that it has ended.
        let _ = Self::write(self, bytes);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        until(|| match Self::read(self, buffer.len()) {
            PeerRead::Bytes(bytes) => {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Some(Ok(bytes.len()))
            }
            PeerRead::Nothing => None,
            PeerRead::End => Some(Err(End::Fin)),
            PeerRead::Reset => Some(Err(End::Reset)),
        })
    }

    fn hears_nothing(&mut self) -> bool {
        Self::read(self, 1) == PeerRead::Nothing
    }

    fn finish(&mut self) {
        Self::finish(self).unwrap();
    }

    fn reset(self) {
        Self::reset(&self);
    }

    fn vanish(self) -> Box<dyn Any> {
        Self::vanish(self);
        Box::new(())
    }
}
