//! A peer that knows nothing of the engine: a plain stream socket of either family.

use std::any::Any;
use std::io::{ErrorKind, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::time::Duration;

use closesocket_conformance::{End, Peer, Ports};
use socket2::Socket;

/// Buffers that fill in no time, in bytes.
pub(crate) const SMALL: usize = 16 * 1024;

/// After this long a test has failed. Nothing is ever waited for this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A plain peer.
pub(crate) struct Plain(Socket);

impl Plain {
    pub(crate) fn over(stream: impl Into<Socket>) -> Self {
        let socket = stream.into();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        // So a write waits unless the engine reads.
        socket.set_send_buffer_size(SMALL).unwrap();
        Self(socket)
    }
}

impl Peer for Plain {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn offer(&mut self, bytes: &[u8]) {
        // An error means that it has ended.
        let _ = self.0.write_all(bytes);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        loop {
            return match self.0.read(buffer) {
                Ok(0) => Err(End::Fin),
                Ok(bytes) => Ok(bytes),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::ConnectionReset => Err(End::Reset),
                    _ => panic!("the peer sees {error}"),
                },
            };
        }
    }

    fn hears_nothing(&mut self) -> bool {
        self.0.set_nonblocking(true).unwrap();
        let found = self.0.peek(&mut [MaybeUninit::uninit()]);
        self.0.set_nonblocking(false).unwrap();
        found.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Of `AF_UNIX` it is one only if there is something that it has not read.
    fn reset(self) {
        self.0.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Its kernel has no room left and nobody will make any.
    fn vanish(self) -> Box<dyn Any> {
        Box::new(self)
    }

    fn ports(&self) -> Option<Ports> {
        let port =
            |address: std::io::Result<socket2::SockAddr>| Some(address.ok()?.as_socket()?.port());
        Some((port(self.0.peer_addr())?, port(self.0.local_addr())?))
    }
}
