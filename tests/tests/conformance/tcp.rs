//! Connections over TCP, with peers of the standard library.

use std::any::Any;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use closesocket_conformance::{End, Network, Peer, Ports};
use closesocket_tcp::{Tcp, TcpConfig};
use socket2::{Domain, SockRef, Socket, Type};

/// Buffers that fill in no time, in bytes.
const SMALL: usize = 16 * 1024;

/// After this long a test has failed. Nothing is ever waited for this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// TCP over IPv4.
pub(crate) struct V4;
/// TCP over IPv6.
pub(crate) struct V6;

const fn home(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, 0)
}

fn listener(ip: IpAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(home(ip)), Type::STREAM, None)?;
    socket.set_recv_buffer_size(SMALL)?;
    socket.bind(&home(ip).into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// A peer of the standard library.
pub(crate) struct Plain(TcpStream);

fn peer(stream: TcpStream) -> Plain {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    // So a write waits unless the engine reads.
    let small = SockRef::from(&stream).set_send_buffer_size(SMALL);
    small.unwrap();
    Plain(stream)
}

macro_rules! network {
    ($name:ident, $ip:expr, $missing:expr) => {
        impl Network for $name {
            type Transport = Tcp;
            type Peer = Plain;
            type Listener = TcpListener;

            fn missing() -> Option<&'static str> {
                listener($ip, 1).is_err().then_some($missing)
            }

            fn transport() -> Tcp {
                Tcp::with_config(TcpConfig {
                    send_buffer: Some(SMALL),
                    receive_buffer: Some(SMALL),
                    nodelay: true,
                })
                .unwrap()
            }

            fn listen(_: &Tcp) -> TcpListener {
                listener($ip, 128).unwrap()
            }

            fn address(listener: &TcpListener) -> SocketAddr {
                listener.local_addr().unwrap()
            }

            fn accept(listener: &TcpListener) -> Plain {
                peer(listener.accept().unwrap().0)
            }

            fn free_address() -> SocketAddr {
                home($ip)
            }

            fn dial(_: &Tcp, address: &SocketAddr) -> Plain {
                peer(TcpStream::connect_timeout(address, PATIENCE).unwrap())
            }

            /// With a full backlog the kernel answers no SYN.
            fn deaf(_: &Tcp) -> (Box<dyn Any>, SocketAddr) {
                let listener = listener($ip, 0).unwrap();
                let address = listener.local_addr().unwrap();
                let first = TcpStream::connect(address).unwrap();
                (Box::new((listener, first)), address)
            }

            /// The kernel has twice the buffer that it was asked for.
            fn acknowledged_unread() -> usize {
                4 * SMALL
            }

            fn assert_freed(connections: &[Ports]) {
                for (ours, theirs) in owned_connections() {
                    assert!(
                        !connections.contains(&(ours, theirs)),
                        "the kernel's socket of port {ours} is still open"
                    );
                }
            }
        }
    };
}

network!(V4, IpAddr::V4(Ipv4Addr::LOCALHOST), "no 127.0.0.1 here");
network!(V6, IpAddr::V6(Ipv6Addr::LOCALHOST), "no ::1 here");

/// The connections that some process on this machine has a descriptor of.
fn owned_connections() -> Vec<Ports> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    lines.filter_map(owned_connection).collect()
}

fn owned_connection(line: &str) -> Option<Ports> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let port = |field: &str| u16::from_str_radix(field.rsplit_once(':')?.1, 16).ok();
    let (ours, theirs) = (port(fields.get(1)?)?, port(fields.get(2)?)?);
    let has_owner = *fields.get(9)? != "0";
    has_owner.then_some((ours, theirs))
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
        let found = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).unwrap();
        found.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    fn finish(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    fn reset(self) {
        SockRef::from(&self.0)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }

    /// Its kernel has no room left and nobody will make any.
    fn vanish(self) -> Box<dyn Any> {
        Box::new(self)
    }

    fn ports(&self) -> Option<Ports> {
        Some((
            self.0.peer_addr().ok()?.port(),
            self.0.local_addr().ok()?.port(),
        ))
    }
}
