//! Accepts against closes of their listener.

use closesocket::engine::Error;
use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::PeerRead;

use super::model::{reached, run_model};
use super::world::{World, spawn};

fn accept_and_close_of_the_listener() {
    let world = World::new();
    let (listener, address) = world.listen_hard();
    let peer = world.dial(address);
    let caller = spawn(&world, move |world| world.process.accept(listener));
    assert_eq!(world.process.close(listener), Ok(()));
    match caller.join().unwrap() {
        Ok(accepted) => {
            reached("accepted");
            assert_eq!(world.process.linger(accepted), Ok(Some(0)));
            assert_eq!(world.process.close(accepted), Ok(()));
        }
        error => {
            assert_eq!(error, Err(Error::NotSocket));
            reached("refused");
        }
    }
    assert_eq!(peer.read(1), PeerRead::Reset);
    world.judge();
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
#[test]
fn an_accepted_socket_has_its_listeners_options_though_the_listener_is_closed_meanwhile() {
    let outcomes = &["accepted", "refused"];
    run_model(Some(3), 320, outcomes, accept_and_close_of_the_listener);
}

fn pending_accept_and_close_of_the_listener() {
    let world = World::new();
    let (listener, address) = world.listen_hard();
    let queue = CompletionQueue::new();
    let notify = Notify::queue(&queue, 3);
    world.process.accept_overlapped(listener, notify).unwrap();
    let dialler = spawn(&world, move |world| {
        world.provider.transport().dial(address).ok()
    });
    assert_eq!(world.process.close(listener), Ok(()));
    let peer = dialler.join().unwrap();
    let completion = queue.take().unwrap();
    match completion.accepted {
        Some(accepted) => {
            reached("accepted");
            assert_eq!(world.process.linger(accepted), Ok(Some(0)));
            assert_eq!(world.process.close(accepted), Ok(()));
        }
        None => {
            assert_eq!(completion.result, Err(Error::OperationAborted));
            reached("aborted");
        }
    }
    if let Some(peer) = peer {
        assert_eq!(peer.read(1), PeerRead::Reset);
    }
    world.judge();
}

//= docs/specification.md#r4-options-of-an-accepted-socket
//# - An accepted socket MUST have the options that its listener had in the critical section in
//# which the connection was taken from it.
#[test]
fn an_accept_that_completes_has_its_listeners_options_though_the_listener_is_closed_meanwhile() {
    let outcomes = &["accepted", "aborted"];
    run_model(
        None,
        100,
        outcomes,
        pending_accept_and_close_of_the_listener,
    );
}
