//! Connections end: drained, reset, lost.
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::common::copies::copy;
use crate::common::world::until;
use crate::common::{Net, SMALL, fresh_token, read_to_end, reset_peer};
use closesocket::engine::net::{Endpoint, Found, Received};
use closesocket::protocol::Error;
use closesocket_tcp::{TcpConfig, TcpEndpoint};

const MILLISECOND: Option<Duration> = Some(Duration::from_millis(1));

/// The loss, once the kernel has heard of it.
fn loss(net: &Net, endpoint: &mut TcpEndpoint) -> Error {
    net.until(|| endpoint.unacknowledged().err())
}

#[test]
fn the_fin_counts_as_one_byte_until_it_is_acknowledged() {
    let net = Net::new(SMALL);
    let (mut endpoint, _peer) = net.connected();
    net.fill(&mut endpoint);
    // Nothing is acknowledged between the two looks: the window is closed once
    // two looks a tick apart agree.
    net.tick_every(MILLISECOND);
    let mut last = usize::MAX;
    net.until(|| {
        let now = endpoint.unacknowledged().unwrap();
        (std::mem::replace(&mut last, now) == now).then_some(())
    });
    endpoint.send_fin().unwrap();
    assert_eq!(endpoint.unacknowledged(), Ok(last + 1));
    assert_eq!(endpoint.send_fin(), Ok(()), "a second FIN is no error");
    assert_eq!(endpoint.unacknowledged(), Ok(last + 1));
    assert_eq!(endpoint.send(b"x"), Err(Error::ShutDown));
}

//= docs/specification.md#l-t2-hard-close
//# - With hard linger, a last close MUST discard the queued data and reset the connection, so that
//# the peer's receive fails with WSAECONNRESET.
#[test]
fn a_reset_reaches_the_peer_and_ends_the_endpoint() {
    let net = Net::new(SMALL);
    let (mut endpoint, mut peer) = net.connected();
    net.fill(&mut endpoint);
    endpoint.reset();
    let error = read_to_end(&mut peer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(endpoint.send(b"x"), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.receive(&mut [0]), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.look(), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.unacknowledged(), Err(Error::ConnectionAborted));
    assert_eq!(endpoint.send_fin(), Err(Error::ConnectionAborted));
    endpoint.reset();
}

#[test]
fn a_reset_after_the_fin_still_reaches_a_stalled_peer() {
    for peer_finished in [false, true] {
        let net = Net::new(SMALL);
        let (mut endpoint, mut peer) = net.connected();
        if peer_finished {
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(net.receive(&mut endpoint, &mut [0]), Ok(Received::End));
        }
        net.fill(&mut endpoint);
        endpoint.send_fin().unwrap();
        endpoint.reset();
        let error = read_to_end(&mut peer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_reset_by_the_peer_is_told_by_every_call_however_often() {
    let told = [
        |e: &mut TcpEndpoint| e.send(b"x").err(),
        |e: &mut TcpEndpoint| e.receive(&mut [0]).err(),
        |e: &mut TcpEndpoint| e.look().err(),
        |e: &mut TcpEndpoint| e.unacknowledged().err(),
        |e: &mut TcpEndpoint| e.send_fin().err(),
    ];
    for first in 0..told.len() {
        let net = Net::new(SMALL);
        let (mut endpoint, peer) = net.connected();
        net.fill(&mut endpoint);
        let before = net.ready().len();
        reset_peer(peer);
        net.until(|| (net.ready().len() > before).then_some(()));
        // The first call takes the error from the kernel, the others must
        // know it all the same.
        let order = (first..told.len()).chain(0..told.len());
        for call in order {
            assert_eq!(
                told[call](&mut endpoint),
                Some(Error::ConnectionReset),
                "call {call}, after {first}"
            );
        }
    }
}

#[test]
fn a_reset_is_a_loss_in_whatever_state_it_comes() {
    for (fin_sent, peer_finished) in [(true, false), (false, true), (true, true)] {
        let net = Net::new(SMALL);
        let (mut endpoint, peer) = net.connected();
        if peer_finished {
            peer.shutdown(Shutdown::Write).unwrap();
            net.until(|| (endpoint.look().unwrap() != Found::Nothing).then_some(()));
        }
        net.fill(&mut endpoint);
        if fin_sent {
            endpoint.send_fin().unwrap();
        }
        net.tick_every(MILLISECOND);
        reset_peer(peer);
        assert_eq!(loss(&net, &mut endpoint), Error::ConnectionReset);
        assert_eq!(endpoint.unacknowledged(), Err(Error::ConnectionReset));
    }
}

#[test]
fn unread_input_does_not_make_a_drop_a_reset() {
    let net = Net::new(SMALL);
    let (mut endpoint, mut peer) = net.connected();
    peer.write_all(b"never read").unwrap();
    net.until(|| (endpoint.look().unwrap() != Found::Nothing).then_some(()));
    let taken = net.fill(&mut endpoint);
    drop(endpoint);
    assert_eq!(read_to_end(&mut peer).unwrap(), taken);
}

/// Readiness comes as an edge, and what was there before the call makes none.
#[test]
fn unwanted_input_that_one_call_leaves_is_reported_again() {
    let net = Net::new(TcpConfig {
        receive_buffer: Some(1 << 20),
        ..TcpConfig::default()
    });
    let (mut listener, address, _) = net.listening();
    let mut peer = TcpStream::connect(address).unwrap();
    let mut endpoint = net.until(|| listener.accept().unwrap());
    endpoint.register(fresh_token()).unwrap();
    let copy = copy(&peer);
    let unread = || rustix::io::ioctl_fionread(&copy).unwrap();
    peer.write_all(&[1; 150_000]).unwrap();
    until("all has arrived", || unread() == 150_000);
    let mut calls = 0;
    loop {
        let before = net.ready().len();
        endpoint.shut_down_receive();
        calls += 1;
        if unread() == 0 {
            break;
        }
        net.until(|| (net.ready().len() > before).then_some(()));
    }
    assert!(calls > 1, "one call has thrown everything away");
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - When the last reference to a listener is closed, every connection in its backlog MUST be reset
//# or closed.
#[test]
fn a_listener_resets_its_backlog_when_reset_or_dropped() {
    let net = Net::new(TcpConfig::default());
    for order in [true, false] {
        let (mut listener, address, _) = net.listening();
        let mut waiting = TcpStream::connect(address).unwrap();
        net.until(|| (listener.look().unwrap() != Found::Nothing).then_some(()));
        if order {
            listener.reset();
            assert!(matches!(listener.accept(), Err(Error::InvalidArgument)));
        } else {
            drop(listener);
        }
        let error = waiting.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn a_connection_reset_in_the_backlog_is_accepted_or_skipped_but_never_an_accept_error() {
    let net = Net::new(TcpConfig::default());
    let (mut listener, address, _) = net.listening();
    let dead = TcpStream::connect(address).unwrap();
    net.until(|| (listener.look().unwrap() != Found::Nothing).then_some(()));
    reset_peer(dead);
    let _alive = TcpStream::connect(address).unwrap();
    let mut accepted = 0;
    net.tick_every(MILLISECOND);
    net.until(|| {
        while let Some(mut endpoint) = listener.accept().unwrap() {
            accepted += 1;
            if endpoint.unacknowledged().is_ok() {
                return Some(());
            }
        }
        None
    });
    assert!((1..=2).contains(&accepted));
}
