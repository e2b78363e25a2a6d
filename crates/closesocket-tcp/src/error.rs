//! From errno to the provider's errors, in one table.

use std::io;

use closesocket::protocol::Error;

/// What each errno means to a Winsock provider. Those without a counterpart of
/// their own are given the nearest that exists.
const TABLE: &[(i32, Error)] = &[
    // The peer, or the network, has ended the connection. EPIPE stands for a
    // reset that came behind the peer's FIN.
    (libc::ECONNRESET, Error::ConnectionReset),
    (libc::EPIPE, Error::ConnectionReset),
    (libc::ECONNABORTED, Error::ConnectionAborted),
    (libc::ETIMEDOUT, Error::TimedOut),
    (libc::ECONNREFUSED, Error::ConnectionRefused),
    (libc::ENETDOWN, Error::NetworkDown),
    (libc::ENETUNREACH, Error::NetworkUnreachable),
    (libc::EHOSTUNREACH, Error::HostUnreachable),
    (libc::EHOSTDOWN, Error::HostUnreachable),
    (libc::ENETRESET, Error::ConnectionReset),
    // Addresses. EPERM is what a packet filter answers.
    (libc::EADDRINUSE, Error::AddressInUse),
    (libc::EADDRNOTAVAIL, Error::AddressNotAvailable),
    (libc::EACCES, Error::AccessDenied),
    (libc::EPERM, Error::AccessDenied),
    (libc::EAFNOSUPPORT, Error::FamilyNotSupported),
    // The state of the socket.
    (libc::EISCONN, Error::AlreadyConnected),
    (libc::ENOTCONN, Error::NotConnected),
    (libc::EALREADY, Error::AlreadyInProgress),
    (libc::EINVAL, Error::InvalidArgument),
    (libc::EDESTADDRREQ, Error::InvalidArgument),
    (libc::EBADF, Error::NotSocket),
    (libc::ENOTSOCK, Error::NotSocket),
    (libc::ENOPROTOOPT, Error::NoProtocolOption),
    (libc::EOPNOTSUPP, Error::NotSupported),
    (libc::EPROTONOSUPPORT, Error::NotSupported),
    (libc::ESOCKTNOSUPPORT, Error::NotSupported),
    // Limits.
    (libc::EMFILE, Error::TooManyDescriptors),
    (libc::ENFILE, Error::TooManyDescriptors),
    (libc::ENOBUFS, Error::NoBuffers),
    (libc::ENOMEM, Error::NoBuffers),
    (libc::ENOSPC, Error::NoBuffers),
    (libc::EAGAIN, Error::WouldBlock),
    (libc::EINTR, Error::Interrupted),
];

/// The provider's error for what the kernel said. What is not in the table is a
/// failure of the network under the provider.
pub(crate) fn winsock(error: &io::Error) -> Error {
    error
        .raw_os_error()
        .and_then(|errno| TABLE.iter().find(|(known, _)| *known == errno))
        .map_or(Error::NetworkDown, |(_, error)| *error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(errno: i32) -> i32 {
        winsock(&io::Error::from_raw_os_error(errno)).code()
    }

    #[test]
    fn every_errno_of_the_table_maps_to_one_error() {
        for (index, (errno, error)) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..index].iter().all(|(other, _)| other != errno),
                "errno {errno} is in the table twice"
            );
            assert_eq!(code(*errno), error.code());
        }
    }

    #[test]
    fn the_common_errors_have_their_winsock_codes() {
        for (errno, expected) in [
            (libc::ECONNRESET, 10_054),
            (libc::EPIPE, 10_054),
            (libc::ECONNREFUSED, 10_061),
            (libc::ECONNABORTED, 10_053),
            (libc::ETIMEDOUT, 10_060),
            (libc::EADDRINUSE, 10_048),
            (libc::EADDRNOTAVAIL, 10_049),
            (libc::EISCONN, 10_056),
            (libc::ENOTCONN, 10_057),
            (libc::EMFILE, 10_024),
            (libc::ENFILE, 10_024),
            (libc::ENOBUFS, 10_055),
            (libc::ENETDOWN, 10_050),
            (libc::EAGAIN, 10_035),
            (libc::EINVAL, 10_022),
            (libc::ENOPROTOOPT, 10_042),
            (libc::EACCES, 10_013),
            (libc::EALREADY, 10_037),
            (libc::EAFNOSUPPORT, 10_047),
            (libc::ENETUNREACH, 10_051),
            (libc::EHOSTUNREACH, 10_065),
        ] {
            assert_eq!(code(errno), expected, "errno {errno}");
        }
    }

    #[test]
    fn an_unknown_error_is_a_failure_of_the_network() {
        assert_eq!(code(libc::ELOOP), 10_050);
        assert_eq!(winsock(&io::Error::other("no errno")).code(), 10_050);
    }
}
