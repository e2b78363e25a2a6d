//! Closes against closes.

use closesocket::engine::Error;
use closesocket::engine::completions::Notify;
use closesocket::engine::net::{MemoryAddress, PeerRead};

use super::model::{one_wins, reached, run_model};
use super::world::{World, spawn};

/// The socket lives on through another descriptor, so that a second commit would
/// not just find it gone.
fn two_closes() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let shared = world.share(descriptor);
    world.start_receive(descriptor, 7).unwrap();
    let rival = spawn(&world, move |world| world.process.close(descriptor));
    let mine = world.process.close(descriptor);
    one_wins(mine, rival.join().unwrap(), Error::NotSocket);
    assert_eq!(world.completions(), [(7, Err(Error::OperationAborted))]);
    assert_eq!(peer.read(2), PeerRead::Nothing, "not the last reference");
    assert_eq!(world.other.close(shared), Ok(()));
    world.judge();
}

//= docs/specification.md#d2-one-close-wins
//# - The provider MUST NOT let more than one close of a descriptor commit, however many closes of
//# it run concurrently.
//= docs/specification.md#d2-one-close-wins
//# - When none of several concurrent closes of a descriptor fails before its commit, the provider
//# MUST let exactly one of them commit.
//= docs/specification.md#o3-aborted-overlapped-operations
//# - The event, packet or routine of an overlapped operation that a close aborts MUST be delivered
//# once.
#[test]
fn of_two_closes_of_one_descriptor_one_wins_and_aborts_the_operation_once() {
    run_model(Some(5), 1_900, &["main won", "the rival won"], two_closes);
}

fn both_references() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let shared = world.share(descriptor);
    world.start_receive(descriptor, 1).unwrap();
    peer.stall(true);
    assert_eq!(world.process.send(descriptor, b"abcdef"), Ok(6));
    let rival = spawn(&world, move |world| world.other.close(shared));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(rival.join().unwrap(), Ok(()));
    assert_eq!(world.completions(), [(1, Err(Error::OperationAborted))]);
    assert_eq!(world.provider.usage().sockets, 1, "it drains");
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"abcdef".to_vec(), PeerRead::End));
    world.judge();
}

//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - A socket MUST NOT be released while a reference to it remains.
//= docs/specification.md#d6-only-the-last-reference-ends-the-socket
//# - Whether a reference is the last MUST be decided in the atomic step that takes it off the
//# count.
#[test]
fn of_the_closes_of_both_references_one_is_the_last_and_drains() {
    run_model(None, 47, &[], both_references);
}

fn listener_and_dialler() {
    let world = World::new();
    let address = MemoryAddress(2);
    let listener = world.process.socket().unwrap();
    world.process.bind(listener, &address).unwrap();
    world.process.listen(listener, 4).unwrap();
    let notify = Notify::queue(&world.queue, 9);
    world.process.accept_overlapped(listener, notify).unwrap();
    let dialler = spawn(&world, move |world| {
        world.provider.transport().dial(address)
    });
    assert_eq!(world.process.close(listener), Ok(()));
    let dialled = dialler.join().unwrap();
    let completion = world.queue.take().unwrap();
    match completion.accepted {
        Some(accepted) => {
            reached("accepted");
            assert_eq!(completion.result, Ok(0));
            let peer = dialled.unwrap();
            assert_eq!(world.process.send(accepted, b"kept"), Ok(4));
            assert_eq!(peer.read(8), PeerRead::Bytes(b"kept".to_vec()));
            assert_eq!(world.process.close(accepted), Ok(()));
        }
        None => {
            assert_eq!(completion.result, Err(Error::OperationAborted));
            match dialled {
                Ok(peer) => {
                    reached("reset in the backlog");
                    assert_eq!(peer.read(8), PeerRead::Reset);
                }
                Err(error) => {
                    reached("refused");
                    assert_eq!(error, Error::ConnectionRefused);
                }
            }
        }
    }
    world.judge();
}

//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - When the last reference to a listener is closed, every connection in its backlog MUST be reset
//# or closed.
//= docs/specification.md#o7-accept-connect-and-the-backlog
//# - An accept or connect whose completion came ahead of the commit MUST keep its success.
#[test]
fn a_connection_that_meets_the_close_of_its_listener_is_accepted_or_reset() {
    let outcomes = &["accepted", "reset in the backlog", "refused"];
    run_model(Some(5), 1_000, outcomes, listener_and_dialler);
}
