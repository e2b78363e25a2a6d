//! [`closesocket`]'s sockets for tasks: [`AsyncStream`] and [`AsyncListener`].
//!
//! Over any transport and on any runtime: the engine wakes a task from whichever
//! thread brings what it waits for, and no timer is needed. With the feature `tokio`
//! they have `AsyncRead` and `AsyncWrite` of tokio, with `futures` those of
//! `futures-io`.
//!
//! What a runtime's own sockets cannot do is to close: a lingering close would block
//! the thread. [`AsyncStream::close`] and [`AsyncStream::close_within`] wait as a
//! task, until the peer has acknowledged everything or the time has passed, and say
//! which. Every call here can be dropped at any point: a read that is dropped has
//! taken no byte, a write has queued none, an accept has taken no connection.
#![forbid(unsafe_code)]

mod listener;
mod split;
mod stream;
mod traits;

pub use listener::AsyncListener;
pub use split::{ReadHalf, WriteHalf};
pub use stream::AsyncStream;
