//! Connections of `AF_UNIX`, with peers of the standard library.

use std::any::Any;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use closesocket_tcp::{TcpConfig, Unix};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use closesocket_conformance::{End, Network, Peer};

/// A buffer that fills in no time, in bytes.
const SMALL: usize = 16 * 1024;

/// After this long a test has failed. Nothing is ever waited for this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stream sockets of `AF_UNIX`.
pub(crate) struct Local;

/// Scenarios in which somebody has to see a reset where no input was unread. What is
/// to be seen instead is in `closesocket-tcp/tests/unix.rs`.
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

/// A peer of the standard library.
pub(crate) struct Plain(UnixStream);

fn peer(stream: UnixStream) -> Plain {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let small = SockRef::from(&stream).set_send_buffer_size(SMALL);
    small.unwrap();
    Plain(stream)
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
        peer(listener.accept().unwrap().0)
    }

    fn free_address() -> SocketAddr {
        free_address()
    }

    fn dial(_: &Unix, address: &SocketAddr) -> Plain {
        peer(UnixStream::connect_addr(address).unwrap())
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
        let found = SockRef::from(&self.0).peek(&mut [std::mem::MaybeUninit::uninit()]);
        self.0.set_nonblocking(false).unwrap();
        found.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// It is one if there is something that it has not read.
    fn reset(self) {}

    /// Its kernel has no room left and nobody will make any.
    fn vanish(self) -> Box<dyn Any> {
        Box::new(self)
    }
}
