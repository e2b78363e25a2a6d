//! What differs between the address families of stream sockets; everything else is
//! the same code.

use std::fmt::Debug;
use std::io;
use std::net::{self, SocketAddr};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net as unix;

use closesocket::engine::sockopt::{OptionName, OptionValue};
use closesocket::protocol::Error;
use rustix::net::sockopt;
use socket2::{Domain, Protocol, SockAddr, Socket};

use crate::TcpConfig;
use crate::kernel::{self, retry};
use crate::options;

/// An address family of stream sockets: [`Ip`] or [`Local`].
pub trait Family: sealed::Kernel {}

/// IPv4 and IPv6, over TCP.
#[derive(Clone, Copy, Debug)]
pub enum Ip {}

/// `AF_UNIX`: connections within one machine, named by paths or abstract names.
///
/// What Linux does differently there, and what comes of it (each measured, and with
/// a test):
///
/// - **It cannot reset.** A close with unread input makes the peer read
///   `ECONNRESET`, behind what it had been sent; every other end reads as an end,
///   whatever linger is set, and a socket cannot be taken off its connection
///   (`AF_UNSPEC`). So a hard close, a drain that expires, and a provider that ends
///   with bytes in its queue (S5) look like a FIN to a reader, unless input of
///   that was unread; a writer finds the connection lost. What the kernel has taken
///   is not discarded by any of them. Who has to tell a whole stream from a part says in
///   the stream how long it is. With a forked child's copy the end is immediate all the
///   same (C5): it is ordered by a shutdown of both directions.
/// - **What a send hands over has arrived.** It is in the peer's queue, and neither our
///   close nor our death takes it back. So nothing is ever unacknowledged but what
///   waits in the engine; `SIOCOUTQ` would count what the peer has not read,
///   with the kernel's bookkeeping.
/// - **A connect waits for nothing.** The listener's backlog takes it, it is refused,
///   or the backlog is full (`EAGAIN`), of which no event tells when it is over; it is
///   tried again as time passes.
/// - **Room is told late**: when most of the buffer is free, not when some is.
/// - **The send buffer is not inherited** by what a listener accepts; it is copied (R4).
///   It is the only option: the receiver has no buffer of its own, and there is
///   nothing to delay or to keep alive.
/// - **A path stays** when its socket is closed, and keeps others from binding it until
///   somebody removes the file; an abstract name goes with the listener (R7). Binding
///   to no name has the kernel choose an abstract one.
///
/// The peer's credentials (`SO_PEERCRED`) are asked of the lent socket
/// ([`native::lend`](crate::native::lend)).
#[derive(Clone, Copy, Debug)]
pub enum Local {}

impl Family for Ip {}
impl Family for Local {}

pub(crate) mod sealed {
    use super::*;

    /// What the transport asks of a family.
    pub trait Kernel: Copy + Debug + Send + Sync + 'static {
        type Address: Clone + Debug + Send + Sync + 'static;
        /// A receive that gives less than it has room for has taken all there was.
        const SHORT_IS_ALL: bool;

        fn domain(address: &Self::Address) -> Domain;
        /// The one to ask what a socket would be like whose address is not known.
        fn any_domain() -> Domain;
        fn to_kernel(address: &Self::Address) -> io::Result<SockAddr>;
        fn from_kernel(address: &SockAddr) -> Option<Self::Address>;
        /// The protocol of its stream sockets, and whether a domain is its own.
        fn protocol() -> Option<Protocol>;
        fn has(domain: Domain) -> bool;
        /// Whether a socket of this local address was bound.
        fn is_bound(address: &SockAddr) -> bool;
        /// Sets a new socket up.
        fn prepare(socket: &Socket, domain: Domain, config: &TcpConfig) -> io::Result<()>;
        fn set_option(socket: &Socket, option: OptionValue) -> io::Result<()>;
        fn option(socket: &Socket, name: OptionName) -> io::Result<OptionValue>;
        /// Gives an accepted socket what the kernel has not.
        fn inherit(listener: &Socket, accepted: &Socket) -> io::Result<()>;
        /// Bytes that the peer's transport has not acknowledged.
        fn unacknowledged(socket: &Socket) -> io::Result<usize>;
        /// Ends the connection at once, whoever else has the socket, with a reset if
        /// there can be one.
        fn reset(socket: &Socket);
        /// Whether a broken pipe means that only our send side was shut down.
        fn is_only_shut(socket: &Socket) -> bool;
        /// Whether this refusal of a connect passes, with no event to tell.
        fn is_to_be_tried_again(error: &io::Error) -> bool;
    }
}

impl sealed::Kernel for Ip {
    type Address = SocketAddr;
    const SHORT_IS_ALL: bool = true;

    fn domain(address: &SocketAddr) -> Domain {
        Domain::for_address(*address)
    }

    fn any_domain() -> Domain {
        // An option of IPv6 is to be had too, where there is that.
        let here = net::Ipv6Addr::LOCALHOST;
        let bound = net::UdpSocket::bind((here, 0));
        bound.map_or(Domain::IPV4, |_| Domain::IPV6)
    }

    fn to_kernel(address: &SocketAddr) -> io::Result<SockAddr> {
        Ok(SockAddr::from(*address))
    }

    fn from_kernel(address: &SockAddr) -> Option<SocketAddr> {
        address.as_socket()
    }

    fn protocol() -> Option<Protocol> {
        Some(Protocol::TCP)
    }

    fn has(domain: Domain) -> bool {
        domain == Domain::IPV4 || domain == Domain::IPV6
    }

    fn is_bound(address: &SockAddr) -> bool {
        address.as_socket().is_some_and(|it| it.port() != 0)
    }

    fn prepare(socket: &Socket, domain: Domain, config: &TcpConfig) -> io::Result<()> {
        if domain == Domain::IPV6 {
            socket.set_only_v6(true)?;
        }
        config.apply(socket)?;
        if config.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        Ok(())
    }

    fn set_option(socket: &Socket, option: OptionValue) -> io::Result<()> {
        options::set(socket, option)
    }

    fn option(socket: &Socket, name: OptionName) -> io::Result<OptionValue> {
        options::get(socket, name)
    }

    fn inherit(_: &Socket, _: &Socket) -> io::Result<()> {
        Ok(())
    }

    fn unacknowledged(socket: &Socket) -> io::Result<usize> {
        kernel::unacknowledged(socket)
    }

    /// By taking the connection off the socket. A peer whose FIN was received and
    /// whose reply of ours was transmitted to the last byte, FIN included, is sent no
    /// reset by Linux: it has everything on its way.
    //= docs/specification.md#c5-a-reset-waits-for-nobody
    //# - A hard close and a drain that is reset MUST reset a TCP connection at once, also
    //# while another operating system process that knows nothing of the provider, such as a
    //# forked child, has inherited the kernel's descriptor of it.
    fn reset(socket: &Socket) {
        // Neither fails on a connection, unless another process sleeps in a
        // call on it (Linux 6.4 to 6.6): then the close at the end resets.
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
        let _ = retry(|| Ok(rustix::net::connect_unspec(socket)?));
    }

    fn is_only_shut(socket: &Socket) -> bool {
        socket.peer_addr().is_ok()
    }

    fn is_to_be_tried_again(_: &io::Error) -> bool {
        false
    }
}

impl sealed::Kernel for Local {
    type Address = unix::SocketAddr;
    /// The kernel stops behind a message that descriptors came with.
    const SHORT_IS_ALL: bool = false;

    fn domain(_: &unix::SocketAddr) -> Domain {
        Domain::UNIX
    }

    fn any_domain() -> Domain {
        Domain::UNIX
    }

    fn to_kernel(address: &unix::SocketAddr) -> io::Result<SockAddr> {
        if let Some(path) = address.as_pathname() {
            return SockAddr::unix(path);
        }
        match address.as_abstract_name() {
            Some(name) => {
                let name = [&[0], name].concat();
                SockAddr::unix(std::ffi::OsStr::from_bytes(&name))
            }
            None => SockAddr::unix(""),
        }
    }

    fn from_kernel(address: &SockAddr) -> Option<unix::SocketAddr> {
        let known = match (address.as_pathname(), address.as_abstract_namespace()) {
            (Some(path), _) => unix::SocketAddr::from_pathname(path),
            (_, Some(name)) => unix::SocketAddr::from_abstract_name(name),
            (None, None) => unix::SocketAddr::from_pathname(""),
        };
        known.ok()
    }

    fn protocol() -> Option<Protocol> {
        None
    }

    fn has(domain: Domain) -> bool {
        domain == Domain::UNIX
    }

    fn is_bound(address: &SockAddr) -> bool {
        !address.is_unnamed()
    }

    fn prepare(socket: &Socket, _: Domain, config: &TcpConfig) -> io::Result<()> {
        config.apply(socket)
    }

    fn set_option(socket: &Socket, option: OptionValue) -> io::Result<()> {
        match option {
            OptionValue::SendBuffer(_) => options::set(socket, option),
            _ => Err(io::Error::from_raw_os_error(libc::ENOPROTOOPT)),
        }
    }

    fn option(socket: &Socket, name: OptionName) -> io::Result<OptionValue> {
        match name {
            OptionName::SendBuffer => options::get(socket, name),
            _ => Err(io::Error::from_raw_os_error(libc::ENOPROTOOPT)),
        }
    }

    fn inherit(listener: &Socket, accepted: &Socket) -> io::Result<()> {
        // The kernel doubles what it is told.
        let bytes = sockopt::socket_send_buffer_size(listener)? / 2;
        accepted.set_send_buffer_size(bytes)
    }

    fn unacknowledged(_: &Socket) -> io::Result<usize> {
        Ok(0)
    }

    fn reset(socket: &Socket) {
        // Unread input makes the close at the end a reset, unless it is shut down
        // before: the peer would read the end first.
        let unread = rustix::io::ioctl_fionread(socket).is_ok_and(|bytes| bytes > 0);
        if !unread {
            let _ = socket.shutdown(net::Shutdown::Both);
        }
    }

    /// The kernel hangs up when the peer is gone.
    fn is_only_shut(socket: &Socket) -> bool {
        kernel::poll(socket).is_ok_and(|seen| !seen.hung_up)
    }

    fn is_to_be_tried_again(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock
    }
}

/// Why this socket is none of the family's streams.
pub(crate) fn check<F: Family>(socket: &Socket) -> Result<(), Error> {
    let failed = |error: io::Error| crate::error::winsock(&error);
    if !F::has(socket.domain().map_err(failed)?) {
        return Err(Error::FamilyNotSupported);
    }
    let stream = socket.r#type().map_err(failed)? == socket2::Type::STREAM;
    let protocol = socket.protocol().map_err(failed)?;
    if stream && protocol == F::protocol() {
        Ok(())
    } else {
        Err(Error::NotSupported)
    }
}
