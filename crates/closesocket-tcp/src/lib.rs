//! Real TCP, and Unix sockets, on Linux as a [`Transport`](closesocket::engine::net::Transport) for the
//! engine of [`closesocket`].
//!
//! [`Tcp`] and [`Unix`] are the same code over another address family ([`Local`] says
//! what Unix sockets do differently). Either owns a reactor thread that turns the kernel's readiness into
//! [`Events`](closesocket::engine::net::Events); a [`StreamEndpoint`] is a
//! nonblocking socket. A thread that blocks polls its socket, beside a bell by which whoever
//! ends its operation wakes it; nothing else here waits in the kernel: a close
//! never does, since a linger time above zero is never given to it.
//!
//! What the kernel does differently from what the engine asks for, and what is
//! done about it (each has a test):
//!
//! - A socket that is closed with unread input resets the connection, and
//!   `shutdown(SHUT_RD)` makes it reset on input that comes behind its own FIN;
//!   either destroys queued data on its way (L6). So `SHUT_RD` is never used:
//!   input that nobody wants is read and thrown away.
//! - Closing with a linger time of 0 resets only when nobody else has the
//!   kernel's descriptor; a forked child may. So a reset is ordered by
//!   connecting to no address (`AF_UNSPEC`), which takes effect at once (C5).
//! - When a process exits or is killed, the kernel ends its connections with a
//!   FIN behind what it was given. While more waits in the engine, its linger
//!   time is 0, so that this is a reset and the peer does not take a part for
//!   the whole (S5). At such an end what the kernel itself holds is lost too.
//! - `O_NONBLOCK` and the linger time belong to all who have the descriptor, by a
//!   transfer or a fork. So each call says for itself that it must not wait.
//! - Whoever sets `SO_REUSEADDR` can bind a bound address, and whoever does not
//!   cannot bind one with connections in `TIME_WAIT`. So it is set and taken back
//!   (R7).
//! - Readiness is reported as an edge. A call that throws input away and leaves a
//!   part, to give others a turn, has it reported again.
//! - `SIOCOUTQ` says nothing of a lost connection: it goes on reporting the
//!   bytes that will never be acknowledged. The socket's error decides.
//! - The kernel gives a socket's error to the first who asks and then forgets
//!   it; the endpoint remembers it.
//! - No event comes for an acknowledgement; the engine's tick asks for it.
//! - A poll keeps its socket alive. So one that is closed under a blocked thread
//!   ends when the thread has woken; its FIN or reset does not wait for that, and
//!   at a listener nobody polls. The bell is one descriptor of each thread
//!   that has ever blocked; without one, the reactor tells the thread.
//!
//! A connection can be shared with another operating system process: see
//! [`transfer`]. A socket that somebody else has made can be adopted, lent and
//! given back: see [`native`].

#[cfg(not(target_os = "linux"))]
compile_error!("closesocket-tcp uses SIOCOUTQ and accept4 as Linux has them");

mod config;
mod endpoint;
mod error;
mod family;
mod kernel;
pub mod native;
mod options;
mod reactor;
pub mod transfer;
mod transport;

pub use config::TcpConfig;
pub use endpoint::{StreamEndpoint, TcpEndpoint, UnixEndpoint};
pub use family::{Family, Ip, Local};
pub use transport::{Streams, Tcp, Unix};
