//! Connections of `AF_UNIX`, with peers of the standard library.

use std::any::Any;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};

use closesocket_tcp::{TcpConfig, Unix};
use socket2::{Domain, SockAddr, Socket, Type};

use closesocket_conformance::Network;

use super::plain::{Plain, SMALL};

/// Stream sockets of `AF_UNIX`.
pub(crate) struct Local;

/// Scenarios in which somebody has to see a reset where no input was unread. What is
/// to be seen instead is in `closesocket-tcp/tests/connections/unix.rs`.
const NEED_A_RESET: &[&str] = &[
    "d6_a_hard_linger_resets_only_with_the_last_reference",
    "d8_sockets_closed_in_every_way_are_all_released",
    "l1_a_hard_linger_is_a_way_out",
    "l6_under_reset_input_that_comes_while_draining_is_unread_input_too",
    "l6_under_reset_the_queued_data_is_acknowledged_before_the_reset",
    "lt1_a_background_drain_that_exceeds_the_providers_limit_is_reset",
    "lt2_a_hard_close_resets_and_discards",
    "lt2_a_nonblocking_hard_close_succeeds",
    "lt3_at_expiry_the_connection_is_reset_before_close_returns_success",
    "o6_after_a_hard_close_the_peer_has_a_prefix",
    "r1_pending_receives_get_the_answer_in_their_order_and_the_last_the_loss",
    "r2_an_empty_receive_waits_for_input_and_takes_none",
    "s2_a_cleanup_resets_what_is_hard_and_drains_the_rest_in_the_background",
    "s3_a_death_resets_what_is_hard_and_drains_the_rest_in_the_background",
    "s5_a_dropped_provider_resets_what_it_has_not_handed_over",
];

fn next_name() -> String {
    static NAMES: AtomicU32 = AtomicU32::new(1);
    let number = NAMES.fetch_add(1, Ordering::Relaxed);
    format!("closesocket-{}-{number}", std::process::id())
}

/// An abstract name that nobody has.
fn free_address() -> SocketAddr {
    SocketAddr::from_abstract_name(next_name()).unwrap()
}

impl Network for Local {
    type Transport = Unix;
    type Peer = Plain;
    type Listener = UnixListener;

    fn lacks(scenario: &str) -> Option<&'static str> {
        let needs = NEED_A_RESET.contains(&scenario);
        needs.then_some("Linux resets an AF_UNIX connection only for unread input")
    }

    fn transport() -> Unix {
        Unix::with_config(TcpConfig {
            send_buffer: Some(SMALL),
            ..TcpConfig::default()
        })
        .unwrap()
    }

    fn listen(_: &Unix) -> UnixListener {
        UnixListener::bind_addr(&free_address()).unwrap()
    }

    fn address(listener: &UnixListener) -> SocketAddr {
        listener.local_addr().unwrap()
    }

    fn accept(listener: &UnixListener) -> Plain {
        Plain::over(listener.accept().unwrap().0)
    }

    fn free_address() -> SocketAddr {
        free_address()
    }

    fn dial(_: &Unix, address: &SocketAddr) -> Plain {
        Plain::over(UnixStream::connect_addr(address).unwrap())
    }

    /// With a full backlog the kernel takes no connection.
    fn deaf(_: &Unix) -> (Box<dyn Any>, SocketAddr) {
        let name = format!("\0{}", next_name());
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(name).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let listener = UnixListener::from(std::os::fd::OwnedFd::from(socket));
        let address = listener.local_addr().unwrap();
        let first = UnixStream::connect_addr(&address).unwrap();
        (Box::new((listener, first)), address)
    }

    /// What the kernel has taken has arrived: twice the buffer that it was asked for.
    fn acknowledged_unread() -> usize {
        4 * SMALL
    }
}
