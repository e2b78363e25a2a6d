//! Options that every new socket gets.

use std::io;

use socket2::Socket;

/// How the sockets of a [`Tcp`](crate::Tcp) or a [`Unix`](crate::Unix) are set up. Connections that are
/// accepted inherit it from their listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpConfig {
    /// Size of the kernel's send buffer in bytes; `None` leaves it to the
    /// kernel, which lets it grow. Linux doubles the number for its own needs
    /// and clamps it to its limits.
    pub send_buffer: Option<usize>,
    /// Size of the kernel's receive buffer in bytes, likewise.
    pub receive_buffer: Option<usize>,
    /// Send small segments at once (`TCP_NODELAY`); of no meaning within a machine.
    pub nodelay: bool,
}

impl TcpConfig {
    /// Must come before listen or connect: the window is negotiated then.
    pub(crate) fn apply(&self, socket: &Socket) -> io::Result<()> {
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Ok(())
    }
}
