//! D4 and R4 of the options that the transport keeps. A network that lacks one says
//! so (E2); none takes one and forgets it.

use std::time::Duration;

use closesocket::engine::sockopt::{
    KeepAlive, KeepAliveCount, KeepAliveIdle, KeepAliveInterval, NoDelay, ReceiveBuffer,
    SendBuffer, SocketOption, UserTimeout,
};
use closesocket::engine::{Descriptor, Error};

use crate::world::{Network, Proc, World};

scenarios! {
    d4_an_option_of_the_transport_is_shared_or_refused_with_wsaenoprotoopt,
    r4_an_accepted_socket_has_the_options_of_the_transport_that_its_listener_had,
}

const TIME: Duration = Duration::from_secs(17);

/// Sets an option through one descriptor, and sees it through another. False if the
/// network has none.
fn shares<N: Network, O: SocketOption + PartialEq>(
    (process, it): (&Proc<N>, Descriptor),
    (other, its): (&Proc<N>, Descriptor),
    option: O,
) -> bool {
    let before = process.option::<O>(it);
    match process.set_option(it, option) {
        Ok(()) => {
            assert_eq!(other.option(its), Ok(option));
            true
        }
        Err(error) => {
            assert_eq!(error, Error::NoProtocolOption);
            assert_eq!(
                (before, other.option(its)),
                (Err(error), Err::<O, _>(error))
            );
            false
        }
    }
}

//= docs/specification.md#d4-duplication-shares-the-socket
//# - An option that is set through one descriptor MUST be seen through every descriptor of the
//# same socket.
fn d4_an_option_of_the_transport_is_shared_or_refused_with_wsaenoprotoopt<N: Network>(
    world: &World<N>,
) {
    let (connected, _peer) = world.connect();
    let other = world.other();
    let process = &world.process;
    for it in [process.socket().unwrap(), connected] {
        let shared = world.share(it, &other);
        let (one, two) = ((process, it), (&other, shared));
        let mut had = Vec::new();
        for on in [true, false] {
            had.push(shares::<N, _>(one, two, NoDelay(on)));
            had.push(shares::<N, _>(one, two, KeepAlive(on)));
        }
        had.push(shares::<N, _>(one, two, KeepAliveIdle(TIME)));
        had.push(shares::<N, _>(one, two, KeepAliveInterval(TIME)));
        had.push(shares::<N, _>(one, two, KeepAliveCount(5)));
        for time in [Some(TIME), None] {
            had.push(shares::<N, _>(one, two, UserTimeout(time)));
        }
        assert!(had.iter().all(|it| *it == had[0]), "all of TCP's or none");
        // What the network makes of a size is its own affair.
        let sizes = (process.option(it), process.option(it));
        if let (Ok(SendBuffer(sent)), Ok(ReceiveBuffer(received))) = sizes {
            process.set_option(it, SendBuffer(2 * sent)).unwrap();
            process.set_option(it, ReceiveBuffer(2 * received)).unwrap();
            let SendBuffer(bytes) = other.option(shared).unwrap();
            assert!(bytes > sent);
            let ReceiveBuffer(bytes) = other.option(shared).unwrap();
            assert!(bytes > received);
        }
        process.close(it).unwrap();
        other.close(shared).unwrap();
    }
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section
//# in which the connection was taken from it.
fn r4_an_accepted_socket_has_the_options_of_the_transport_that_its_listener_had<N: Network>(
    world: &World<N>,
) {
    let (listener, address) = world.listener();
    let process = &world.process;
    let has_it = process.set_option(listener, KeepAliveIdle(TIME)).is_ok();
    if has_it {
        process.set_option(listener, KeepAlive(true)).unwrap();
    }
    let _peer = world.dial(&address);
    let accepted = process.accept(listener).unwrap();
    process.close(listener).unwrap();
    if has_it {
        assert_eq!(process.option(accepted), Ok(KeepAlive(true)));
        assert_eq!(process.option(accepted), Ok(KeepAliveIdle(TIME)));
    }
    process.close(accepted).unwrap();
}
