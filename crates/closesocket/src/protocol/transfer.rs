//! Sockets that another operating system process shares (D9).
//!
//! From then on only the kernel knows the last reference. What a close can still
//! do is to hand the own queue over to the kernel and leave; FIN or reset come
//! from the kernel when the last process has left.

use super::{
    AbortScope, CloseMode, Connection, Error, Linger, Phase, SendSide, Socket, UnreadInput,
};

/// What of a socket's state travels to another operating system process. The
/// rest is the kernel's, or each process's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferState {
    /// It is a listener, not a connection.
    pub listening: bool,
    /// Hard linger is set.
    pub hard: bool,
    /// The nonblocking mode.
    pub nonblocking: bool,
    /// The send side was shut down.
    pub send_shut: bool,
    /// The receive side was shut down.
    pub receive_shut: bool,
}

impl Socket {
    /// Whether another operating system process may share the connection, or
    /// the listener. Says what would travel.
    ///
    /// # Errors
    /// [`Error::NotConnected`] or [`Error::ConnectionReset`] if there is nothing
    /// to share; [`Error::InvalidArgument`] if timed linger is set, which could
    /// not be honoured any more; [`Error::WouldBlock`] while accepted bytes have
    /// not been handed to the transport: they must precede what the other
    /// process sends.
    pub const fn may_transfer(&self) -> Result<TransferState, Error> {
        match self.connection {
            Connection::Connected | Connection::Listening => {}
            Connection::Lost => return Err(Error::ConnectionReset),
            Connection::Unconnected | Connection::Connecting => return Err(Error::NotConnected),
        }
        if matches!(self.linger.close_mode(), CloseMode::Linger { .. }) {
            return Err(Error::InvalidArgument);
        }
        if self.unsent > 0 {
            return Err(Error::WouldBlock);
        }
        Ok(TransferState {
            listening: matches!(self.connection, Connection::Listening),
            hard: matches!(self.linger.close_mode(), CloseMode::Hard),
            nonblocking: self.nonblocking,
            send_shut: !matches!(self.send_side, SendSide::Open),
            receive_shut: self.receive_shut,
        })
    }

    /// Another operating system process shares the socket from here on. Says
    /// what travels.
    ///
    /// # Errors
    /// Those of [`Socket::may_transfer`]. Nothing has changed then.
    pub const fn transfer(&mut self) -> Result<TransferState, Error> {
        let may = self.may_transfer();
        if may.is_ok() {
            self.transferred = true;
        }
        may
    }

    /// The socket that has come from another operating system process, with one
    /// reference.
    #[must_use]
    pub const fn arrived(
        transfer_state: TransferState,
        window: u32,
        abort_scope: AbortScope,
        unread_input: UnreadInput,
    ) -> Self {
        let new = Self::new(window, abort_scope, unread_input);
        Self {
            connection: if transfer_state.listening {
                Connection::Listening
            } else {
                Connection::Connected
            },
            linger: if transfer_state.hard {
                Linger::off().set_on(0)
            } else {
                Linger::off()
            },
            nonblocking: transfer_state.nonblocking,
            send_side: if transfer_state.send_shut {
                SendSide::Finished
            } else {
                SendSide::Open
            },
            receive_shut: transfer_state.receive_shut,
            transferred: true,
            ..new
        }
    }

    /// Whether the linger option can be set to this: nobody can wait for a
    /// drain, or end it in time, whose end only the kernel knows (D9).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for timed linger on a transferred socket.
    //= docs/specification.md#d9-transfer-between-operating-system-processes
    //# - A request for a linger option that a transferred TCP socket cannot honour MUST fail with a
    //# typed error.
    pub const fn may_linger(&self, linger: Linger) -> Result<(), Error> {
        match linger.close_mode() {
            CloseMode::Linger { .. } if self.transferred => Err(Error::InvalidArgument),
            _ => Ok(()),
        }
    }

    /// The last local reference of a transferred connection is gone: the rest of
    /// the queue is handed over, without a limit, since the reset that would
    /// follow it is not ours to order.
    //= docs/specification.md#d9-transfer-between-operating-system-processes
    //# - Closing the last local reference of a transferred TCP socket MUST hand the local send
    //# queue over to the kernel and close without shutting the connection down.
    pub(super) const fn hand_over(&mut self) {
        self.phase = Phase::Draining { deadline: None };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::word::{Word, WordPhase};
    use crate::protocol::{Actions, Cause, CloseRequest, Ending, PendingOperations, Take, Time};

    struct NoOperations;

    impl PendingOperations for NoOperations {
        type Taken = ();

        fn take(&mut self, _: Take) {}
    }

    fn connected() -> Socket {
        let listener = Socket::new(100, AbortScope::Descriptor, UnreadInput::Reset);
        Socket::accepted(&listener)
    }

    fn close(socket: &mut Socket) -> (Actions, bool) {
        let request = CloseRequest {
            cause: Cause::Call,
            now: Time::ZERO,
            drain_limit: Some(Duration::from_secs(1)),
            may_wait: true,
        };
        let seen = Word::new(1, WordPhase::Open, 0);
        let commit = socket
            .close::<_, Error>(request, seen, 1, &mut NoOperations, |_| Ok(()))
            .unwrap();
        assert!(commit.last);
        (commit.actions, commit.wait)
    }

    const RELEASE: Actions = Actions {
        send_fin: false,
        reset: false,
        reset_backlog: false,
        release: true,
    };

    #[test]
    fn the_last_local_close_hands_the_queue_over_and_sends_no_fin() {
        let mut socket = connected();
        assert!(socket.transfer().is_ok());
        assert_eq!(socket.accept_bytes(30), 30);
        assert_eq!(close(&mut socket), (Actions::default(), false));
        assert!(socket.is_draining());
        assert_eq!(
            socket.expire(Time::from_nanos(u64::MAX)),
            Actions::default()
        );
        assert_eq!(socket.transmitted(20), Actions::default());
        assert_eq!(socket.transmitted(10), RELEASE);
        assert_eq!(socket.phase, Phase::Closed(Ending::HandedOver));
    }

    #[test]
    fn neither_unread_input_nor_hard_linger_makes_the_close_reset() {
        let mut socket = connected();
        socket.set_linger(Linger::off().set_on(0));
        socket.set_input_unread(true);
        assert!(socket.transfer().is_ok_and(|it| it.hard));
        assert_eq!(close(&mut socket), (RELEASE, false));
    }

    #[test]
    fn timed_linger_is_refused_before_and_after() {
        let timed = Linger::off().set_on(5);
        let mut socket = connected();
        assert_eq!(socket.may_linger(timed), Ok(()));
        socket.set_linger(timed);
        let before = socket;
        assert_eq!(socket.transfer(), Err(Error::InvalidArgument));
        assert_eq!(socket, before);
        socket.set_linger(Linger::off());
        assert!(socket.transfer().is_ok());
        assert_eq!(socket.may_linger(timed), Err(Error::InvalidArgument));
        assert_eq!(socket.may_linger(Linger::off().set_on(0)), Ok(()));
    }

    #[test]
    fn accepted_bytes_go_before_the_transfer() {
        let mut socket = connected();
        assert_eq!(socket.accept_bytes(1), 1);
        assert_eq!(socket.transfer(), Err(Error::WouldBlock));
        let _ = socket.transmitted(1);
        assert!(socket.transfer().is_ok());
    }

    #[test]
    fn what_travels_arrives() {
        let mut socket = connected();
        socket.set_nonblocking(true);
        socket.shut_down_receive().unwrap();
        let _ = socket.shut_down_send(false).unwrap();
        socket.set_linger(Linger::off().set_on(0));
        let transfer_state = socket.transfer().unwrap();
        let mut arrived = Socket::arrived(
            transfer_state,
            100,
            AbortScope::Descriptor,
            UnreadInput::Reset,
        );
        assert_eq!(arrived, socket);
        assert_eq!(arrived.transfer(), Ok(transfer_state));
        let mut unconnected = Socket::new(1, AbortScope::Descriptor, UnreadInput::Discard);
        assert_eq!(unconnected.transfer(), Err(Error::NotConnected));
        assert!(unconnected.listen().is_ok());
        assert!(unconnected.transfer().is_ok_and(|it| it.listening));
    }
}
