//! Errors: one enum, each variant with its Winsock code and, with `std`, the
//! nearest `std::io::ErrorKind` (E1, E2).

#[cfg(feature = "std")]
use std::io;

/// Why a call failed, in the provider's terms (clause E2).
///
/// The message says what happened and what the caller can do. [`Error::code`]
/// gives the Winsock number and, with `std`, `Error::kind` the nearest portable
/// kind; `std::io::Error: From<Error>` keeps both.
//= docs/specification.md#e2-what-an-error-carries
//# - The text of every error MUST say in words what went wrong and which remedy the caller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `WSA_OPERATION_ABORTED`: the overlapped operation was ended by a close
    /// (O3) or a cancel (C1).
    #[error(
        "the overlapped operation was aborted by a close or a cancel; issue it again on an open descriptor"
    )]
    OperationAborted,
    /// `ERROR_NOT_FOUND`: there is nothing pending to cancel (C1).
    #[error(
        "no such operation is pending: it has ended, or never was; use its completion if it had one"
    )]
    NotFound,
    /// `WSAEINTR`: a blocked call was ended by a close or a cancel (O4, L9).
    #[error(
        "the blocking call was interrupted by a close, a cancel or the end of its process; do not use the descriptor if it was closed, nor close it again"
    )]
    Interrupted,
    /// `WSAEINTR` too: the descriptor of a blocked send was closed under it
    /// when a part had been accepted, which is queued data (C2, O6). With
    /// nothing accepted it is [`Error::Interrupted`]; both have the same code
    /// and kind, and [`Error::accepted`] of any error gives the count.
    #[error(
        "the blocking send was interrupted by a close or the end of its process after {accepted} bytes were accepted; do not use the descriptor, nor send those bytes again"
    )]
    SendInterrupted {
        /// Bytes that were accepted before.
        accepted: usize,
    },
    /// `WSAEACCES`: the system does not permit that.
    #[error("access is denied by the system; use another address, or ask for the permission")]
    AccessDenied,
    /// `WSAEINVAL`: the argument or the socket's state does not fit the call.
    #[error("the argument is not valid for this socket in its present state; correct the call")]
    InvalidArgument,
    /// `WSAEMFILE`: no descriptor, or no operation slot on one, is left.
    #[error("no more descriptors or operations are available; close some and try again")]
    TooManyDescriptors,
    /// `WSAEWOULDBLOCK`: the call cannot finish now and nothing has changed (L2, L3).
    #[error(
        "the call would block and nothing was changed; try again later, or for a close turn lingering off, set its time to 0, or shut down the send side first"
    )]
    WouldBlock,
    /// `WSAEINPROGRESS`: a blocking call of this thread is in progress (E1).
    #[error("a blocking call is in progress on this thread; wait until it has returned")]
    InProgress,
    /// `WSAEALREADY`: a connect of this socket is under way.
    #[error("the socket is connecting already; wait until that has ended")]
    AlreadyInProgress,
    /// `WSAENOTSOCK`: the descriptor is closed, stale or was never issued (D1, D3).
    #[error(
        "the descriptor is not an open socket: closed, or never issued; drop it and do not retry"
    )]
    NotSocket,
    /// `WSAENOPROTOOPT`: this kind of socket has no such option.
    #[error("this kind of socket has no such option; do without it, or use a network that has it")]
    NoProtocolOption,
    /// `WSAEOPNOTSUPP`: this kind of socket cannot do that.
    #[error(
        "the operation is not supported on this kind of socket; use a socket of the right kind"
    )]
    NotSupported,
    /// `WSAEAFNOSUPPORT`: the address's family is not that of the socket, or not available.
    #[error("the address family is not supported here; use an address of the socket's family")]
    FamilyNotSupported,
    /// `WSAEADDRINUSE`: the address is taken.
    #[error("the address is in use; choose another or wait until it is free")]
    AddressInUse,
    /// `WSAEADDRNOTAVAIL`: the address does not exist here.
    #[error("the address is not available here; choose a local one")]
    AddressNotAvailable,
    /// `WSAENETDOWN`: the network has failed under the provider (E1).
    #[error("the network is down; try again when it is back")]
    NetworkDown,
    /// `WSAENETUNREACH`: no way leads to the network.
    #[error("the network is unreachable; check the route or try again later")]
    NetworkUnreachable,
    /// `WSAECONNABORTED`: the connection was given up locally.
    #[error("the connection was aborted locally; close the socket")]
    ConnectionAborted,
    /// `WSAECONNRESET`: the peer reset the connection.
    #[error("the connection was reset by the peer; close the socket")]
    ConnectionReset,
    /// `WSAENOBUFS`: a counter or buffer limit was reached.
    #[error("a resource limit was reached; release something and try again")]
    NoBuffers,
    /// `WSAEISCONN`: the socket is connected already.
    #[error("the socket is connected already; use another socket")]
    AlreadyConnected,
    /// `WSAENOTCONN`: the socket is not connected.
    #[error("the socket is not connected; connect it first")]
    NotConnected,
    /// `WSAESHUTDOWN`: that side of the connection was shut down.
    #[error("that side of the connection was shut down; close the socket when done")]
    ShutDown,
    /// `WSAETIMEDOUT`: the time given to the call has passed.
    #[error("the time given has passed; try again or give more time")]
    TimedOut,
    /// `WSAECONNREFUSED`: nobody listens at the address.
    #[error("the connection was refused: nobody listens there; try another address, or later")]
    ConnectionRefused,
    /// `WSAEHOSTUNREACH`: no way leads to the host.
    #[error("the host is unreachable; check the route or try again later")]
    HostUnreachable,
    /// `WSANOTINITIALISED`: the process has not called startup, or cleaned up (S2).
    #[error("the provider is not started for this process; call startup first")]
    NotInitialised,
}

/// The name of the variant, in recordings. How many bytes a call was told is not
/// in them.
#[cfg(feature = "serde")]
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:?}", self.without_count()))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(from)?;
        let named = |error: &Self| alloc::format!("{error:?}") == text;
        let error = Self::ALL.into_iter().find(named);
        error.ok_or_else(|| serde::de::Error::custom(alloc::format!("`{text}` is no error")))
    }
}

impl Error {
    #[cfg(feature = "serde")]
    const fn without_count(self) -> Self {
        match self {
            Self::SendInterrupted { .. } => Self::Interrupted,
            other => other,
        }
    }

    /// Every error, in the order of its Winsock code;
    /// [`Error::SendInterrupted`] with no byte.
    pub const ALL: [Self; 28] = [
        Self::OperationAborted,
        Self::NotFound,
        Self::Interrupted,
        Self::SendInterrupted { accepted: 0 },
        Self::AccessDenied,
        Self::InvalidArgument,
        Self::TooManyDescriptors,
        Self::WouldBlock,
        Self::InProgress,
        Self::AlreadyInProgress,
        Self::NotSocket,
        Self::NoProtocolOption,
        Self::NotSupported,
        Self::FamilyNotSupported,
        Self::AddressInUse,
        Self::AddressNotAvailable,
        Self::NetworkDown,
        Self::NetworkUnreachable,
        Self::ConnectionAborted,
        Self::ConnectionReset,
        Self::NoBuffers,
        Self::AlreadyConnected,
        Self::NotConnected,
        Self::ShutDown,
        Self::TimedOut,
        Self::ConnectionRefused,
        Self::HostUnreachable,
        Self::NotInitialised,
    ];

    /// Whether a transport says by it that a connection is gone for good.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(
            self,
            Self::ConnectionReset
                | Self::ConnectionAborted
                | Self::TimedOut
                | Self::NetworkDown
                | Self::NetworkUnreachable
                | Self::HostUnreachable
        )
    }

    /// The Winsock error number, as in `winsock2.h` (E2).
    //= docs/specification.md#e2-what-an-error-carries
    //# - Every error MUST map to one Winsock code.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::OperationAborted => 995,
            Self::NotFound => 1168,
            Self::Interrupted | Self::SendInterrupted { .. } => 10_004,
            Self::AccessDenied => 10_013,
            Self::InvalidArgument => 10_022,
            Self::TooManyDescriptors => 10_024,
            Self::WouldBlock => 10_035,
            Self::InProgress => 10_036,
            Self::AlreadyInProgress => 10_037,
            Self::NotSocket => 10_038,
            Self::NoProtocolOption => 10_042,
            Self::NotSupported => 10_045,
            Self::FamilyNotSupported => 10_047,
            Self::AddressInUse => 10_048,
            Self::AddressNotAvailable => 10_049,
            Self::NetworkDown => 10_050,
            Self::NetworkUnreachable => 10_051,
            Self::ConnectionAborted => 10_053,
            Self::ConnectionReset => 10_054,
            Self::NoBuffers => 10_055,
            Self::AlreadyConnected => 10_056,
            Self::NotConnected => 10_057,
            Self::ShutDown => 10_058,
            Self::TimedOut => 10_060,
            Self::ConnectionRefused => 10_061,
            Self::HostUnreachable => 10_065,
            Self::NotInitialised => 10_093,
        }
    }

    /// The nearest portable error kind (E2).
    //= docs/specification.md#e2-what-an-error-carries
    //# - Every error MUST map to the `std::io::ErrorKind` that the table below gives for its code.
    #[cfg(feature = "std")]
    #[must_use]
    pub const fn kind(self) -> io::ErrorKind {
        match self {
            Self::OperationAborted | Self::Interrupted | Self::SendInterrupted { .. } => {
                io::ErrorKind::Interrupted
            }
            Self::NotFound => io::ErrorKind::NotFound,
            Self::InvalidArgument | Self::NotSocket => io::ErrorKind::InvalidInput,
            Self::TooManyDescriptors | Self::NoBuffers => io::ErrorKind::OutOfMemory,
            Self::WouldBlock => io::ErrorKind::WouldBlock,
            Self::AccessDenied => io::ErrorKind::PermissionDenied,
            Self::InProgress | Self::AlreadyInProgress => io::ErrorKind::ResourceBusy,
            Self::NoProtocolOption | Self::NotSupported | Self::FamilyNotSupported => {
                io::ErrorKind::Unsupported
            }
            Self::AddressInUse => io::ErrorKind::AddrInUse,
            Self::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
            Self::NetworkDown => io::ErrorKind::NetworkDown,
            Self::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
            Self::HostUnreachable => io::ErrorKind::HostUnreachable,
            Self::ConnectionAborted => io::ErrorKind::ConnectionAborted,
            Self::ConnectionReset => io::ErrorKind::ConnectionReset,
            Self::AlreadyConnected => io::ErrorKind::AlreadyExists,
            Self::NotConnected => io::ErrorKind::NotConnected,
            Self::ShutDown => io::ErrorKind::BrokenPipe,
            Self::TimedOut => io::ErrorKind::TimedOut,
            Self::ConnectionRefused => io::ErrorKind::ConnectionRefused,
            Self::NotInitialised => io::ErrorKind::Other,
        }
    }

    /// How many bytes of the send that failed with this error are queued data
    /// all the same (C2); 0 for every error that accepted none.
    #[must_use]
    pub const fn accepted(self) -> usize {
        match self {
            Self::SendInterrupted { accepted } => accepted,
            _ => 0,
        }
    }
}

#[cfg(feature = "std")]
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// What can be wrong with a call before it looks at the socket, in the order
/// in which it is reported (E1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preconditions {
    /// The process has an outstanding startup.
    pub initialised: bool,
    /// The network works.
    pub network_up: bool,
    /// No blocking call of this thread is in progress. Always true for a close
    /// from a callback.
    pub idle: bool,
}

impl Preconditions {
    /// The first precondition that fails, by the precedence of E1.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::NetworkDown`], [`Error::InProgress`],
    /// in this order.
    //= docs/specification.md#e1-precedence
    //# - A close to which more than one error applies MUST report the one that comes first in this
    //# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
    pub const fn check(self) -> Result<(), Error> {
        if !self.initialised {
            Err(Error::NotInitialised)
        } else if !self.network_up {
            Err(Error::NetworkDown)
        } else if !self.idle {
            Err(Error::InProgress)
        } else {
            Ok(())
        }
    }

    /// What a call reports that its descriptor or its socket refuses with this
    /// error: a precondition that fails comes first (E1).
    #[must_use]
    pub const fn precede(self, error: Error) -> Error {
        match self.check() {
            Err(first) => first,
            Ok(()) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    //= docs/specification.md#e1-precedence
    //= type=test
    //# - A close to which more than one error applies MUST report the one that comes first in this
    //# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
    #[test]
    fn the_precedence_is_that_of_e1() {
        let all = [false, true];
        for initialised in all {
            for network_up in all {
                for idle in all {
                    let preconditions = Preconditions {
                        initialised,
                        network_up,
                        idle,
                    };
                    let of_all = [
                        (initialised, Error::NotInitialised),
                        (network_up, Error::NetworkDown),
                        (idle, Error::InProgress),
                    ];
                    let first = of_all.into_iter().find(|(fine, _)| !fine);
                    let first = first.map(|(_, error)| error);
                    assert_eq!(preconditions.check().err(), first);
                    for error in [Error::NotSocket, Error::WouldBlock] {
                        assert_eq!(preconditions.precede(error), first.unwrap_or(error));
                    }
                }
            }
        }
    }

    //= docs/specification.md#e2-what-an-error-carries
    //= type=test
    //# - The text of every error MUST say in words what went wrong and which remedy the caller has.
    #[test]
    fn every_error_says_what_went_wrong_and_what_to_do() {
        // A remedy is an order, or forbids something.
        let orders = [
            "call", "check", "choose", "close", "connect", "correct", "do", "drop", "issue",
            "release", "try", "use", "wait",
        ];
        for error in Error::ALL {
            let text = error.to_string();
            let parts = text.split_once("; ");
            let (wrong, remedy) = parts.unwrap_or_else(|| panic!("no remedy: {text}"));
            assert!(wrong.split(' ').count() >= 4, "in words: {text}");
            let order = remedy.split(' ').next().unwrap_or_default();
            assert!(orders.contains(&order), "no remedy: {text}");
        }
    }

    #[test]
    fn every_error_is_listed_in_the_order_of_its_code() {
        let codes = Error::ALL.map(Error::code);
        assert!(codes.is_sorted(), "{codes:?}");
        let mut once = codes.to_vec();
        once.dedup();
        // The two that a close ends a blocked call with share one.
        assert_eq!(once.len(), codes.len() - 1);
    }

    #[test]
    fn an_io_error_keeps_code_and_kind() {
        let error = io::Error::from(Error::ConnectionReset);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        assert_eq!(inner.map(|inner| inner.code()), Some(10_054));
    }
}
