//! The traits of the ecosystems, of a stream and its halves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use closesocket::engine::{Shutdown, System};

use crate::split::{ReadHalf, WriteHalf};
use crate::stream::{AsyncStream, poll_read, poll_write};

/// What is written is queued and sent in the background: there is nothing to flush.
/// The end of the writing is a shutdown of the send side; a close says more
/// ([`AsyncStream::close`]).
macro_rules! writes {
    ($trait:path, $poll_end:ident, $($type:ident),+) => {$(
        impl<S: System> $trait for $type<S> {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                let (stream, wait) = self.get_mut().writer();
                poll_write(stream, wait, bytes, context).map_err(io::Error::from)
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn $poll_end(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let (stream, _) = self.get_mut().writer();
                let shut = stream.shutdown(Shutdown::Send);
                Poll::Ready(shut.map_err(io::Error::from))
            }
        }
    )+};
}

#[cfg(feature = "tokio")]
mod of_tokio {
    use super::*;
    use std::task::ready;
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    macro_rules! reads {
        ($($type:ident),+) => {$(
            impl<S: System> AsyncRead for $type<S> {
                fn poll_read(
                    self: Pin<&mut Self>,
                    context: &mut Context<'_>,
                    buffer: &mut ReadBuf<'_>,
                ) -> Poll<io::Result<()>> {
                    let (stream, wait) = self.get_mut().reader();
                    let room = buffer.initialize_unfilled();
                    let bytes = ready!(poll_read(stream, wait, room, context))?;
                    buffer.advance(bytes);
                    Poll::Ready(Ok(()))
                }
            }
        )+};
    }

    reads!(AsyncStream, ReadHalf);
    writes!(AsyncWrite, poll_shutdown, AsyncStream, WriteHalf);
}

#[cfg(feature = "futures")]
mod of_futures {
    use super::*;
    use futures_io::{AsyncRead, AsyncWrite};

    macro_rules! reads {
        ($($type:ident),+) => {$(
            impl<S: System> AsyncRead for $type<S> {
                fn poll_read(
                    self: Pin<&mut Self>,
                    context: &mut Context<'_>,
                    buffer: &mut [u8],
                ) -> Poll<io::Result<usize>> {
                    let (stream, wait) = self.get_mut().reader();
                    poll_read(stream, wait, buffer, context).map_err(io::Error::from)
                }
            }
        )+};
    }

    reads!(AsyncStream, ReadHalf);
    writes!(AsyncWrite, poll_close, AsyncStream, WriteHalf);
}
