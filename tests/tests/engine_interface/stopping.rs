//! A transport that stops for good.

use closesocket::engine::completions::Interest;
use closesocket::engine::{Config, Error};

use crate::PATIENCE;
use crate::faulty::{Faults, World};

const DOWN: Error = Error::NetworkDown;

#[test]
fn a_network_whose_transport_has_stopped_does_not_come_back() {
    let world = World::new(Config::default());
    let (descriptor, _peer) = world.connect();
    world.provider.set_network_down(true);
    world.provider.set_network_down(true);
    assert_eq!(world.process.socket(), Err(DOWN));
    world.provider.set_network_down(false);
    assert_eq!(world.process.linger(descriptor), Ok(None));
    // It may tell so more than once.
    world.faults.stop();
    world.faults.stop();
    world.provider.set_network_down(true);
    world.provider.set_network_down(false);
    assert_eq!(world.process.socket(), Err(DOWN));
    assert_eq!(world.process.recv(descriptor, &mut [0; 4]), Err(DOWN));
    assert_eq!(world.process.close(descriptor), Err(DOWN));
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_eq!(world.process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 0);
}

/// A call that was let in before the transport stopped, and that comes to its
/// socket only after, finds that nothing will ever be reported.
#[test]
fn a_select_that_a_stop_overtakes_says_that_the_network_is_down() {
    let world = World::new(Config::default());
    let (descriptor, _peer) = world.connect();
    let faults: Faults = world.faults.clone();
    world.meanwhile(move || faults.stop());
    let readable = [(descriptor, Interest::READABLE)];
    // The stop comes when the select has registered, before it first looks.
    assert_eq!(world.process.select(&readable, Some(PATIENCE)), Err(DOWN));
}
