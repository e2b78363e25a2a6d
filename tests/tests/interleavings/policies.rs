//! Closes under the policies that are not the default.

use closesocket::engine::Error;
use closesocket::engine::net::PeerRead;
use closesocket::protocol::{AbortScope, UnreadInput};

use super::model::{reached, run_model};
use super::world::{Setup, World, spawn};

/// Under [`AbortScope::LastReference`] the operation outlives its descriptor if
/// another reference is left, and keeps its handle until it ends.
fn last_of_both_aborts() {
    let world = World::set_up(&Setup {
        abort_scope: AbortScope::LastReference,
        ..Setup::default()
    });
    let (descriptor, peer) = world.connect();
    let shared = world.share(descriptor);
    world.start_receive(descriptor, 7).unwrap();
    let rival = spawn(&world, move |world| world.other.close(shared));
    assert_eq!(world.process.close(descriptor), Ok(()));
    let by_then = world.completions();
    reached(if by_then.is_empty() {
        "the operation outlived its descriptor"
    } else {
        "aborted at once"
    });
    assert_eq!(rival.join().unwrap(), Ok(()));
    let all = [by_then, world.completions()].concat();
    assert_eq!(all, [(7, Err(Error::OperationAborted))]);
    assert_eq!(peer.read(2), PeerRead::End);
    world.judge();
}

//= docs/specification.md#o1-closing-aborts
//# - Under `AbortScope::LastReference`, the end of the last reference MUST abort every operation
//# that is still pending on the socket.
#[test]
fn under_the_scope_of_the_last_reference_the_last_of_both_closes_aborts_once() {
    let outcomes = &["the operation outlived its descriptor", "aborted at once"];
    run_model(None, 210, outcomes, last_of_both_aborts);
}

/// Under [`AbortScope::LastReference`] bytes that come between the two closes
/// complete the operation, once.
fn completed_after_its_descriptor() {
    let world = World::set_up(&Setup {
        abort_scope: AbortScope::LastReference,
        counts_packets: true,
        ..Setup::default()
    });
    let (descriptor, peer) = world.connect();
    let shared = world.share(descriptor);
    world.start_receive(descriptor, 7).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let rival = spawn(&world, move |world| world.other.close(shared));
    let written = peer.write(b"ab");
    assert_eq!(rival.join().unwrap(), Ok(()));
    let completions = world.completions();
    if completions == [(7, Ok(2))] {
        reached("completed");
        assert_eq!(written, Ok(2));
    } else {
        reached("aborted");
        assert_eq!(completions, [(7, Err(Error::OperationAborted))]);
    }
    let returned = world.dll.returned.all();
    let mine = (world.process.id(), descriptor);
    let of_process = returned.iter().position(|it| (it.0, it.1) == mine);
    let packets = world.dll.packets.all();
    assert_eq!(of_process.map(|it| packets[it]), Some(1));
    world.judge();
}

#[test]
fn under_the_scope_of_the_last_reference_an_operation_completes_or_is_aborted() {
    let outcomes = &["completed", "aborted"];
    run_model(None, 160, outcomes, completed_after_its_descriptor);
}

/// Under [`UnreadInput::Reset`] a graceful close resets if input waits that
/// nobody has read.
fn unread_input() {
    let world = World::set_up(&Setup {
        unread_input: UnreadInput::Reset,
        ..Setup::default()
    });
    let (descriptor, peer) = world.connect();
    assert_eq!(peer.write(b"ab"), Ok(2));
    let reader = spawn(&world, move |world| {
        world.process.recv(descriptor, &mut [0; 2])
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    match reader.join().unwrap() {
        Ok(read) => {
            reached("read first");
            assert_eq!((read, peer.read(2)), (2, PeerRead::End));
        }
        Err(error) => {
            reached("closed with unread input");
            assert_eq!((error, peer.read(2)), (Error::NotSocket, PeerRead::Reset));
        }
    }
    world.judge();
}

#[test]
fn a_close_resets_because_of_unread_input_unless_a_receive_took_it_before() {
    let outcomes = &["read first", "closed with unread input"];
    run_model(None, 8_300, outcomes, unread_input);
}
