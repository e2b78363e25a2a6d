//! E1 and E2: which error comes first, and what an error says. R7: addresses in use.

use std::io::ErrorKind;
use std::time::Duration;

use closesocket::engine::completions::{AlertableThread, Notify, Overlapped};
use closesocket::engine::{Descriptor, Error, Shutdown};

use crate::world::{FOREVER, LONG, Network, Peer, World, assert_all, assert_every_call};

scenarios! {
    e1_wsanotinitialised_comes_before_everything,
    e1_every_call_heeds_the_process_then_the_network_then_the_descriptor,
    e1_wsaenetdown_comes_before_wsaenotsock,
    e1_wsaenetdown_comes_before_wsaewouldblock,
    e1_wsaenotsock_comes_before_wsaewouldblock,
    e1_a_close_in_a_callback_is_not_in_progress,
    e1_a_network_that_is_down_holds_up_neither_cleanup_nor_death,
    e2_every_error_that_a_user_meets_has_its_code_its_kind_and_words,
    e2_a_second_connect_is_told_that_the_first_goes_on,
    e2_a_call_in_the_wrong_state_is_told_so,
    r7_the_second_bind_of_a_bound_address_fails,
    r7_accepted_connections_leave_the_address_to_the_next_listener,
    r7_the_address_of_a_connection_is_bound_until_it_ends,
}

//= docs/specification.md#e1-precedence
//# - A close to which more than one error applies MUST report the one that comes first in this
//# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
fn e1_wsanotinitialised_comes_before_everything<N: Network>(world: &World<N>) {
    let process = world.provider.process();
    let (descriptor, _peer) = world.connect();
    world.provider.set_network_down(true);
    assert_eq!(process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(process.socket(), Err(Error::NotInitialised));
    let received = process.recv(descriptor, &mut [0; 1]);
    assert_eq!(received, Err(Error::NotInitialised));
    world.provider.set_network_down(false);
    assert_eq!(process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(world.process.close(descriptor), Ok(()));
}

fn e1_every_call_heeds_the_process_then_the_network_then_the_descriptor<N: Network>(
    world: &World<N>,
) {
    let process = world.provider.process();
    let nothing = Descriptor::from_raw(0);
    assert_every_call(world, &process, nothing, Error::NotInitialised);
    assert_eq!(process.cleanup(), Err(Error::NotInitialised));
    world.provider.set_network_down(true);
    assert_every_call(world, &process, nothing, Error::NotInitialised);
    process.startup().unwrap();
    assert_every_call(world, &process, nothing, Error::NetworkDown);
    assert_eq!(process.socket(), Err(Error::NetworkDown));
    world.provider.set_network_down(false);
    assert_every_call(world, &process, nothing, Error::NotSocket);
}

//= docs/specification.md#e1-precedence
//# - A close to which more than one error applies MUST report the one that comes first in this
//# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
fn e1_wsaenetdown_comes_before_wsaenotsock<N: Network>(world: &World<N>) {
    let (descriptor, _peer) = world.connect();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.provider.set_network_down(true);
    assert_eq!(world.process.close(descriptor), Err(Error::NetworkDown));
    world.provider.set_network_down(false);
    assert_eq!(world.process.close(descriptor), Err(Error::NotSocket));
}

//= docs/specification.md#e1-precedence
//# - A close to which more than one error applies MUST report the one that comes first in this
//# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
fn e1_wsaenetdown_comes_before_wsaewouldblock<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let process = &world.process;
    process.set_linger(descriptor, Some(FOREVER)).unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    world.provider.set_network_down(true);
    assert_eq!(process.close(descriptor), Err(Error::NetworkDown));
    world.provider.set_network_down(false);
    assert_eq!(process.close(descriptor), Err(Error::WouldBlock));
    process.set_dont_linger(descriptor, true).unwrap();
    assert_eq!(process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#e1-precedence
//# - A close to which more than one error applies MUST report the one that comes first in this
//# order: WSANOTINITIALISED, WSAENETDOWN, WSAEINPROGRESS, WSAENOTSOCK, WSAEWOULDBLOCK.
fn e1_wsaenotsock_comes_before_wsaewouldblock<N: Network>(world: &World<N>) {
    // The socket lives on in another process, and would block there.
    let (first, mut peer, accepted) = world.stalled();
    let other = world.other();
    let second = world.share(first, &other);
    other.set_linger(second, Some(FOREVER)).unwrap();
    other.set_nonblocking(second, true).unwrap();
    assert_eq!(world.process.close(first), Ok(()));
    assert_eq!(other.close(second), Err(Error::WouldBlock));
    assert_eq!(world.process.close(first), Err(Error::NotSocket));
    other.set_dont_linger(second, true).unwrap();
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), accepted);
}

//= docs/specification.md#e1-precedence
//# - A close that is called from a callback MUST NOT return WSAEINPROGRESS.
fn e1_a_close_in_a_callback_is_not_in_progress<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let (other, _other_peer) = world.connect();
    let thread = AlertableThread::new();
    let process = world.process.clone();
    let notify = Notify::routine(&thread, 1, move |_| {
        // Closed, closed already, and closed for good.
        assert_eq!(process.close(other), Ok(()));
        assert_eq!(process.close(other), Err(Error::NotSocket));
        assert_eq!(process.close(descriptor), Ok(()));
    });
    world.start_recv(descriptor, 4, notify);
    // A blocking call of another thread makes no difference either.
    let blocked = world.block(move |process| process.recv(other, &mut [0; 1]));
    peer.write(b"go");
    assert_eq!(thread.wait(LONG), 1);
    assert_eq!(blocked.result(), Err(Error::Interrupted));
}

//= docs/specification.md#e1-precedence
//# - WSAENETDOWN MUST NOT hold up a cleanup or the handling of a process death.
fn e1_a_network_that_is_down_holds_up_neither_cleanup_nor_death<N: Network>(world: &World<N>) {
    let other = world.other();
    let ((_first, mut one), (_second, mut two)) = (world.connect(), world.connect_from(&other));
    world.provider.set_network_down(true);
    assert_eq!(world.process.cleanup(), Ok(()));
    other.die();
    assert_all(one.read_to_end(), 0);
    assert_all(two.read_to_end(), 0);
    world.until_released();
}

//= docs/specification.md#e2-what-an-error-carries
//# - Every error MUST map to one Winsock code.
//= docs/specification.md#e2-what-an-error-carries
//# - Every error MUST map to the `std::io::ErrorKind` that the table below gives for its code.
fn e2_every_error_that_a_user_meets_has_its_code_its_kind_and_words<N: Network>(world: &World<N>) {
    let process = &world.process;
    let (descriptor, peer, _) = world.stalled();
    let overlapped = Overlapped::new();
    let shared = world.share(descriptor, process);
    world.start_recv(shared, 4, Notify::event(&overlapped));
    let interrupted = world.block(move |process| process.recv(shared, &mut [0; 1]));
    process.close(shared).unwrap();
    let unconnected = process.socket().unwrap();
    process.set_nonblocking(descriptor, true).unwrap();
    process.set_linger(descriptor, Some(FOREVER)).unwrap();
    let mut met = vec![
        (
            overlapped.take().unwrap().result.unwrap_err(),
            995,
            ErrorKind::Interrupted,
        ),
        (
            interrupted.result().unwrap_err(),
            10_004,
            ErrorKind::Interrupted,
        ),
    ];
    let mut meet = |error: Option<Error>, code, kind| met.push((error.unwrap(), code, kind));
    meet(
        process.accept(descriptor).err(),
        10_022,
        ErrorKind::InvalidInput,
    );
    meet(
        process.close(descriptor).err(),
        10_035,
        ErrorKind::WouldBlock,
    );
    meet(process.close(shared).err(), 10_038, ErrorKind::InvalidInput);
    let connected = process.connect(descriptor, &world.peer_address());
    meet(connected.err(), 10_056, ErrorKind::AlreadyExists);
    let sent = process.send(unconnected, b"x");
    meet(sent.err(), 10_057, ErrorKind::NotConnected);
    process.shutdown(descriptor, Shutdown::Send).unwrap();
    let sent = process.send(descriptor, b"x");
    meet(sent.err(), 10_058, ErrorKind::BrokenPipe);
    peer.reset();
    process.set_nonblocking(descriptor, false).unwrap();
    let received = process.recv(descriptor, &mut [0; 1]);
    meet(received.err(), 10_054, ErrorKind::ConnectionReset);
    let (listener, refusing) = world.listener();
    process.close(listener).unwrap();
    let refused = process.connect(unconnected, &refusing);
    meet(refused.err(), 10_061, ErrorKind::ConnectionRefused);
    process.close(unconnected).unwrap();
    process.close(descriptor).unwrap();
    world.provider.set_network_down(true);
    meet(process.socket().err(), 10_050, ErrorKind::NetworkDown);
    world.provider.set_network_down(false);
    process.cleanup().unwrap();
    meet(process.socket().err(), 10_093, ErrorKind::Other);
    for (error, code, kind) in met {
        assert_eq!((error.code(), error.kind()), (code, kind), "{error:?}");
        let words = error.to_string();
        // What happened; what to do.
        assert!(words.contains(' ') && words.contains([';', ',']), "{words}");
        assert_eq!(std::io::Error::from(error).kind(), kind);
    }
}

fn e2_a_second_connect_is_told_that_the_first_goes_on<N: Network>(world: &World<N>) {
    let (_deaf, address) = N::deaf(world.provider.transport());
    let process = &world.process;
    let already = Error::AlreadyInProgress;
    let overlapped = process.socket().unwrap();
    let notify = Notify::nobody();
    process
        .connect_overlapped(overlapped, &address, notify)
        .unwrap();
    let nonblocking = process.socket().unwrap();
    process.set_nonblocking(nonblocking, true).unwrap();
    let first = process.connect(nonblocking, &address);
    assert_eq!(first, Err(Error::WouldBlock));
    for descriptor in [overlapped, nonblocking] {
        assert_eq!(process.connect(descriptor, &address), Err(already));
        let second = process.connect_overlapped(descriptor, &address, Notify::nobody());
        assert_eq!(second.unwrap_err(), already);
        assert_eq!(process.close(descriptor), Ok(()));
    }
}

fn e2_a_call_in_the_wrong_state_is_told_so<N: Network>(world: &World<N>) {
    let process = &world.process;
    let idle = process.socket().unwrap();
    let received = process.recv(idle, &mut [0; 4]);
    assert_eq!(received, Err(Error::NotConnected));
    assert_eq!(process.send(idle, b"x"), Err(Error::NotConnected));
    assert_eq!(process.accept(idle), Err(Error::InvalidArgument));
    let nothing = process.select(&[], Some(Duration::ZERO));
    assert_eq!(nothing, Err(Error::InvalidArgument));
    assert!(!process.cancel_blocking_call(0));
    let (listener, _) = world.listener();
    assert_eq!(process.listen(listener, u32::MAX), Ok(()));
    let connected = process.connect(listener, &world.peer_address());
    assert_eq!(connected, Err(Error::InvalidArgument));
    for descriptor in [idle, listener] {
        assert_eq!(process.close(descriptor), Ok(()));
    }
}

//= docs/specification.md#r7-an-address-is-bound-once
//# - Binding an address that another socket has bound MUST fail with WSAEADDRINUSE at the bind.
fn r7_the_second_bind_of_a_bound_address_fails<N: Network>(world: &World<N>) {
    let process = &world.process;
    let (first, second) = (process.socket().unwrap(), process.socket().unwrap());
    process.bind(first, &N::free_address()).unwrap();
    let address = process.local_address(first).unwrap();
    let again = process.bind(first, &N::free_address());
    assert_eq!(again, Err(Error::InvalidArgument));
    for _ in 0..2 {
        let taken = process.bind(second, &address);
        assert_eq!(taken, Err(Error::AddressInUse));
    }
    assert_eq!(process.listen(first, 1), Ok(()));
    assert_eq!(process.bind(second, &address), Err(Error::AddressInUse));
    assert_eq!(process.close(first), Ok(()));
    world.until("the address is free", || {
        process.bind(second, &address) == Ok(())
    });
    assert_eq!(process.close(second), Ok(()));
}

//= docs/specification.md#r7-an-address-is-bound-once
//# - Connections that an address had or has by accepting, once their listener is closed, and those
//# that are ended and only remembered by the transport, MUST NOT keep the address from being bound.
fn r7_accepted_connections_leave_the_address_to_the_next_listener<N: Network>(world: &World<N>) {
    let process = &world.process;
    let (mut listener, address) = world.listener();
    let mut alive = Vec::new();
    for _ in 0..3 {
        let mut stays = world.dial(&address);
        let mut ends = world.dial(&address);
        let accepted = process.accept(listener).unwrap();
        // We finish first, so that our side is remembered.
        let ended = process.accept(listener).unwrap();
        assert_eq!(process.close(ended), Ok(()));
        assert_all(ends.read_to_end(), 0);
        drop(ends);
        assert_eq!(process.close(listener), Ok(()));
        stays.write(b"on");
        assert_eq!(process.recv(accepted, &mut [0; 2]), Ok(2));
        alive.push((accepted, stays));
        listener = process.socket().unwrap();
        assert_eq!(process.bind(listener, &address), Ok(()));
        let other = process.socket().unwrap();
        assert_eq!(process.bind(other, &address), Err(Error::AddressInUse));
        assert_eq!(process.listen(listener, 8), Ok(()));
        assert_eq!(process.bind(other, &address), Err(Error::AddressInUse));
        assert_eq!(process.close(other), Ok(()));
    }
    for (accepted, mut peer) in alive {
        assert_eq!(process.close(accepted), Ok(()));
        assert_all(peer.read_to_end(), 0);
    }
    assert_eq!(process.close(listener), Ok(()));
}

fn r7_the_address_of_a_connection_is_bound_until_it_ends<N: Network>(world: &World<N>) {
    let process = &world.process;
    for shut_down_before in [false, true] {
        let descriptor = process.socket().unwrap();
        process.bind(descriptor, &N::free_address()).unwrap();
        let address = process.local_address(descriptor).unwrap();
        let mut peer = world.connect_it(process, descriptor);
        let second = process.socket().unwrap();
        assert_eq!(process.bind(second, &address), Err(Error::AddressInUse));
        if shut_down_before {
            process.shutdown(descriptor, Shutdown::Send).unwrap();
            assert_all(peer.read_to_end(), 0);
            peer.finish();
            // The transport remembers the connection from here on.
            assert_eq!(process.recv(descriptor, &mut [0]), Ok(0));
            assert_eq!(process.close(descriptor), Ok(()));
        } else {
            assert_eq!(process.close(descriptor), Ok(()));
            assert_all(peer.read_to_end(), 0);
            drop(peer);
        }
        world.until("the address is free", || {
            process.bind(second, &address) == Ok(())
        });
        assert_eq!(process.listen(second, 1), Ok(()));
        assert_eq!(process.close(second), Ok(()));
    }
}
