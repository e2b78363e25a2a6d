//! Sockets that another operating system process may share (D9), where two processes
//! show nothing: the tests of the TCP crate have the rest.

use closesocket::engine::net::{Endpoint, Memory, PeerRead, Token, Transport};
use closesocket::engine::{Config, Error};

use crate::faulty::{Faults, World};

#[test]
fn the_linger_option_of_a_shared_listener_is_its_own() {
    let world = World::new(Config::default());
    let process = &world.process;
    let listening = world.listen(1);
    process
        .transfer(listening, |_, travelling| {
            assert!(travelling.listening);
            Ok(())
        })
        .unwrap();
    process.set_linger(listening, Some(0)).unwrap();
    assert!(!Faults::is(&world.faults.reset_at_end));
    assert_eq!(process.linger(listening), Ok(Some(0)));
}

#[test]
fn a_transfer_that_fails_on_its_way_has_changed_nothing() {
    let world = World::new(Config::default());
    let process = &world.process;
    let (descriptor, peer) = world.connect();
    let failed = process.transfer(descriptor, |_, _| Err(Error::NoBuffers));
    assert_eq!(failed, Err(Error::NoBuffers));
    process.set_linger(descriptor, Some(0)).unwrap();
    assert!(!Faults::is(&world.faults.reset_at_end));
    process.close(descriptor).unwrap();
    assert_eq!(peer.read(1), PeerRead::Reset);
}

#[test]
fn connections_that_cannot_travel_say_so() {
    let memory: Memory = Memory::default();
    let mut endpoint = memory.open(Token(1)).unwrap();
    assert_eq!(endpoint.set_reset_at_end(true), Err(Error::NotSupported));
    assert_eq!(endpoint.resets_at_end(), Err(Error::NotSupported));
}
