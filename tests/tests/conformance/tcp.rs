//! Connections over TCP, with peers of the standard library.

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use closesocket_conformance::{Network, Ports};
use closesocket_tcp::{Tcp, TcpConfig};
use socket2::{Domain, Socket, Type};

use super::plain::{PATIENCE, Plain, SMALL};

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

fn peer(stream: TcpStream) -> Plain {
    stream.set_nodelay(true).unwrap();
    Plain::over(stream)
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
