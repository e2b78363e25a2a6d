//! What is asked of the kernel beyond what [`socket2`] offers.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{SockAddr, Socket};

/// Bytes sent and not acknowledged by the peer's TCP, and one for a FIN that is
/// out. Errors with `EINVAL` on a listener.
///
/// After a reset the number stays where it was, so it is only worth something
/// when [`poll`] shows no error afterwards. A connect that failed leaves its
/// SYN counted.
#[allow(
    unsafe_code,
    reason = "no crate at hand wraps SIOCOUTQ, and there is no other way to learn what is unacknowledged"
)]
pub(crate) fn unacknowledged(socket: &Socket) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open, since it is borrowed from a live socket.
    // SIOCOUTQ (the same number as TIOCOUTQ) writes one int through its
    // argument, which points to an int that outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// What a poll that does not wait has seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// Bytes, the end, or a connection to accept.
    pub(crate) input: bool,
    /// Room to send, or a connect that has ended.
    pub(crate) output: bool,
    /// The socket has an error; it is still there for
    /// [`Socket::take_error`]. Unlike asking for the error, this leaves out
    /// the soft ones (a host that is unreachable for the moment), which do not
    /// end a connection.
    pub(crate) error: bool,
    /// It is not connected and not about to be, or finished in both directions.
    pub(crate) hung_up: bool,
}

/// Looks at the socket without waiting and without changing anything.
pub(crate) fn poll(socket: &Socket) -> io::Result<Readiness> {
    let borrowed = socket.as_fd();
    let mut entries = [PollFd::new(&borrowed, PollFlags::IN | PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    retry(|| Ok(rustix::event::poll(&mut entries, Some(&at_once))?))?;
    let seen = entries[0].revents();
    Ok(Readiness {
        input: seen.contains(PollFlags::IN),
        output: seen.contains(PollFlags::OUT),
        error: seen.contains(PollFlags::ERR),
        hung_up: seen.contains(PollFlags::HUP),
    })
}

/// Where [`discard`] has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// There is nothing more for now.
    SoFar,
    /// The limit was reached: there may be more, of which no event tells.
    Limit,
    /// The peer has finished sending.
    End,
}

/// Throws away received bytes, about `limit` at most: a peer that sends without
/// end must not hold up its caller.
pub(crate) fn discard(socket: &Socket, limit: usize) -> io::Result<Discarded> {
    // With MSG_TRUNC TCP drops the bytes instead of copying them (tcp(7)), so
    // the buffer is only there for its length.
    let mut chunk = [MaybeUninit::<u8>::uninit(); 16 * 1024];
    let mut total = 0;
    while total < limit {
        match retry(|| socket.recv_with_flags(&mut chunk, libc::MSG_TRUNC | libc::MSG_DONTWAIT)) {
            Ok(0) => return Ok(Discarded::End),
            Ok(bytes) => total += bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(Discarded::SoFar);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Discarded::Limit)
}

/// Binds as Winsock does: nobody else can bind the address from then on, but
/// connections that it still has, or had, are no obstacle.
///
/// To the kernel, both are a matter of `SO_REUSEADDR`, which has to be set on
/// both sides. So it is set while there is nothing but a connection: for those
/// that a listener accepts, and when one ends. An address where only connections
/// are can be bound with it, and nobody else gets there once it is taken back.
//= docs/specification.md#r7-an-address-is-bound-once
//# - Binding an address that another socket has bound MUST fail with WSAEADDRINUSE at the bind.
pub(crate) fn bind(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    match socket.bind(address) {
        // Only now: an address where nobody is would be open to all who set it.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            socket.set_reuse_address(true)?;
            let bound = socket.bind(address);
            socket.set_reuse_address(false)?;
            bound
        }
        bound => bound,
    }
}

/// Listens. The kernel lets nobody bind where a listener is, whatever it has set.
//= docs/specification.md#r7-an-address-is-bound-once
//# - Connections that an address had or has by accepting, once their listener is closed, and those
//# that are ended and only remembered by the transport, MUST NOT keep the address from being bound.
pub(crate) fn listen(socket: &Socket, backlog: i32) -> io::Result<()> {
    // Before: connections can come at once, and they inherit it.
    socket.set_reuse_address(true)?;
    let listening = socket.listen(backlog);
    if listening.is_err() {
        socket.set_reuse_address(false)?;
    }
    listening
}

/// Calls again as long as a signal has interrupted the call.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_made_again_and_its_result_kept() {
        let mut answers = vec![Ok(7), Err(libc::EINTR), Err(libc::EINTR)];
        let mut call = || answers.pop().unwrap().map_err(io::Error::from_raw_os_error);
        assert_eq!(retry(&mut call).unwrap(), 7);
        let failed = retry(|| Err::<(), _>(io::Error::from_raw_os_error(libc::EIO)));
        assert_eq!(failed.unwrap_err().raw_os_error(), Some(libc::EIO));
    }
}
