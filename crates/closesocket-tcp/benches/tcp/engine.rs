//! The engine over TCP, as everybody would use it.

use std::net::SocketAddr;

use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Descriptor, Process, Provider};
use closesocket_tcp::Tcp;

pub(crate) type System = (Tcp, Std, SystemClock, NoProbe);

pub(crate) fn process() -> Process<System> {
    Provider::over(Tcp::new().unwrap()).startup().unwrap()
}

pub(crate) fn connect(process: &Process<System>, to: &SocketAddr) -> Descriptor {
    let descriptor = process.socket().unwrap();
    process.connect(descriptor, to).unwrap();
    descriptor
}

/// A listener, and where it listens.
pub(crate) fn listen(process: &Process<System>) -> (Descriptor, SocketAddr) {
    let listener = process.socket().unwrap();
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    process.bind(listener, &anywhere).unwrap();
    process.listen(listener, 1_024).unwrap();
    (listener, process.local_address(listener).unwrap())
}

/// Receives until the buffer is full.
pub(crate) fn receive_exactly(
    process: &Process<System>,
    descriptor: Descriptor,
    buffer: &mut [u8],
) {
    let mut filled = 0;
    while filled < buffer.len() {
        let received = process.recv(descriptor, &mut buffer[filled..]).unwrap();
        assert!(received > 0, "the peer has finished");
        filled += received;
    }
}
