//! Connections come about.
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::common::{Net, deaf, fresh_token};
use closesocket::engine::net::{Connecting, Endpoint, Found, Received, Token, Transport};
use closesocket::protocol::Error;
use closesocket_tcp::{TcpConfig, TcpEndpoint};
use socket2::SockRef;

fn outcome(net: &Net, endpoint: &mut TcpEndpoint) -> Result<Connecting, Error> {
    net.until(|| match endpoint.connect_progress() {
        Ok(Connecting::InProgress) => None,
        ended => Some(ended),
    })
}

/// An address where nobody listens, held so that nobody else takes it.
fn deaf_address() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[test]
fn a_refused_connect_can_be_tried_again() {
    let net = Net::new(TcpConfig::default());
    let (held, address) = deaf_address();
    let (mut endpoint, _) = net.open();
    assert_eq!(endpoint.connect(&address), Ok(Connecting::InProgress));
    assert_eq!(outcome(&net, &mut endpoint), Err(Error::ConnectionRefused));
    // It is remembered, and nothing was taken: the SYN does not count.
    assert_eq!(endpoint.connect_progress(), Err(Error::ConnectionRefused));
    assert_eq!(endpoint.unacknowledged(), Ok(0));
    assert_eq!(endpoint.send(b"x"), Err(Error::NotConnected));
    assert_eq!(endpoint.look(), Ok(Found::Nothing));
    held.listen(1).unwrap();
    endpoint.connect(&address).unwrap();
    assert_eq!(outcome(&net, &mut endpoint), Ok(Connecting::Done));
    assert_eq!(endpoint.connect(&address), Err(Error::AlreadyConnected));
    let listener = TcpListener::from(held);
    let mut peer = listener.accept().unwrap().0;
    peer.write_all(b"!").unwrap();
    let found = net.receive(&mut endpoint, &mut [0; 4]);
    assert_eq!(found, Ok(Received::Bytes(1)));
}

#[test]
fn an_endpoint_without_connection_says_so() {
    let net = Net::new(TcpConfig::default());
    let (mut endpoint, _) = net.open();
    assert_eq!(endpoint.local_address(), Err(Error::InvalidArgument));
    assert_eq!(endpoint.listen(1), Err(Error::InvalidArgument));
    assert!(matches!(endpoint.accept(), Err(Error::InvalidArgument)));
    assert_eq!(endpoint.connect_progress(), Err(Error::NotConnected));
    assert_eq!(endpoint.send(b"x"), Err(Error::NotConnected));
    assert_eq!(endpoint.receive(&mut [0]), Err(Error::NotConnected));
    assert_eq!(endpoint.send_fin(), Err(Error::NotConnected));
    assert_eq!(endpoint.unacknowledged(), Ok(0));
    assert_eq!(endpoint.look(), Ok(Found::Nothing));
    endpoint.shut_down_receive();
    endpoint.reset();
    let anywhere = "127.0.0.1:0".parse().unwrap();
    assert_eq!(endpoint.bind(&anywhere), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.connect(&anywhere), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.unacknowledged(), Err(Error::ConnectionAborted));
}

#[test]
fn an_address_in_use_is_an_error_and_another_can_be_bound() {
    let net = Net::new(TcpConfig::default());
    let (_first, taken, _) = net.listening();
    let (mut second, _) = net.open();
    assert_eq!(second.bind(&taken), Err(Error::AddressInUse));
    let nowhere = "192.0.2.1:0".parse().unwrap();
    assert_eq!(second.bind(&nowhere), Err(Error::AddressNotAvailable));
    let free = "[::1]:0".parse().unwrap();
    assert_eq!(second.bind(&free), Ok(()));
    assert_eq!(second.bind(&free), Err(Error::InvalidArgument));
    assert!(second.local_address().unwrap().is_ipv6());
}

#[test]
fn a_listener_hands_out_connections_that_report_once_registered() {
    let net = Net::new(TcpConfig::default());
    let (mut listener, address, listening) = net.listening();
    assert_eq!(listener.look(), Ok(Found::Nothing));
    assert!(listener.accept().unwrap().is_none());
    let mut peer = TcpStream::connect(address).unwrap();
    net.until(|| net.ready().contains(&listening).then_some(()));
    net.until(|| (listener.look().unwrap() != Found::Nothing).then_some(()));
    let mut accepted = listener.accept().unwrap().unwrap();
    assert!(listener.accept().unwrap().is_none());
    peer.write_all(b"early").unwrap();
    let token = fresh_token();
    accepted.register(token).unwrap();
    assert_eq!(accepted.register(token), Err(Error::InvalidArgument));
    net.until(|| net.ready().contains(&token).then_some(()));
    let mut buffer = [0; 8];
    let found = net.receive(&mut accepted, &mut buffer);
    assert_eq!(found, Ok(Received::Bytes(5)));
    assert_eq!(listener.unacknowledged(), Ok(0));
    assert_eq!(listener.send(b"x"), Err(Error::NotConnected));
}

#[test]
fn the_configuration_reaches_connected_and_accepted_sockets() {
    // Seen from outside: a small receive buffer stops a sender soon.
    let sent_before_it_stalls = |config| {
        let net = Net::new(config);
        let (mut listener, address, _) = net.listening();
        let peer = TcpStream::connect(address).unwrap();
        SockRef::from(&peer)
            .set_send_buffer_size(16 * 1024)
            .unwrap();
        let _accepted = net.until(|| listener.accept().unwrap());
        peer.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while let Ok(bytes) = (&peer).write(&[0; 4096]) {
            sent += bytes;
        }
        sent
    };
    assert!(sent_before_it_stalls(crate::common::SMALL) < 200_000);
    let net = Net::new(crate::common::SMALL);
    let (mut endpoint, _peer) = net.connected();
    assert!(net.fill(&mut endpoint) < 200_000);
}

#[test]
fn a_token_that_cannot_be_watched_is_refused() {
    let net = Net::new(TcpConfig::default());
    let refused = net.tcp.open(Token(u64::MAX));
    assert_eq!(refused.err(), Some(Error::InvalidArgument));
}

#[test]
fn a_connect_that_cannot_work_says_why() {
    let net = Net::new(TcpConfig::default());
    let (mut endpoint, _) = net.open();
    // To a broadcast address no connection leads.
    let nowhere = endpoint.connect(&"255.255.255.255:9".parse().unwrap());
    assert_eq!(nowhere, Err(Error::NetworkUnreachable));
    let (mut endpoint, _) = net.open();
    endpoint.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
    let other_family = endpoint.connect(&"[::1]:9".parse().unwrap());
    assert_eq!(other_family, Err(Error::FamilyNotSupported));
    let (_held, deaf) = deaf();
    let (mut endpoint, _) = net.open();
    assert_eq!(endpoint.connect(&deaf), Ok(Connecting::InProgress));
    assert_eq!(endpoint.connect(&deaf), Err(Error::AlreadyInProgress));
}
