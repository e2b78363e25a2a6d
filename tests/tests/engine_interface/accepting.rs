//! What an accepted socket has from its listener.

use closesocket::engine::Config;
use closesocket::engine::completions::Interest;
use closesocket::engine::net::PeerRead;

use crate::faulty::{AWAY, World};

/// Closes the listener between the section that takes the connection and the
/// making of its socket.
fn accept_and_lose_the_listener(nonblocking: bool, selected: bool) {
    let world = World::new(Config::default());
    let process = &world.process;
    let listener = world.listen(4);
    process.set_linger(listener, Some(0)).unwrap();
    process.set_nonblocking(listener, nonblocking).unwrap();
    let peer = world.provider.transport().memory.dial(AWAY).unwrap();
    if selected {
        // It takes the connection out of the transport's backlog to see it.
        let ready = process.select(&[(listener, Interest::READABLE)], None);
        assert!(ready.unwrap()[0].1.readable);
    }
    let closer = process.clone();
    let close = move || closer.close(listener).unwrap();
    world.meanwhile(close);
    let accepted = process.accept(listener).unwrap();
    assert_eq!(process.linger(accepted), Ok(Some(0)));
    assert_eq!(process.recv(accepted, &mut []), Ok(0));
    if nonblocking {
        process.recv(accepted, &mut [0; 1]).unwrap_err();
    }
    process.close(accepted).unwrap();
    assert_eq!(peer.read(1), PeerRead::Reset);
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
#[test]
fn a_listener_that_is_closed_meanwhile_takes_no_option_from_the_socket_that_it_accepted() {
    for nonblocking in [false, true] {
        for selected in [false, true] {
            accept_and_lose_the_listener(nonblocking, selected);
        }
    }
}
