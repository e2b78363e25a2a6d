//! Stale handles against the next occupant of their slot.

use closesocket::engine::Error;
use closesocket::engine::net::PeerRead;

use super::model::{NO_ORDER, must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{World, spawn};

fn stale_calls() {
    let world = World::new();
    let (old, peer) = world.connect();
    let caller = spawn(&world, move |world| {
        let sent = world.process.send(old, b"stale");
        (sent, world.process.close(old))
    });
    let closed = world.process.close(old);
    let (new, new_peer) = world.connect();
    assert_ne!(old, new);
    let reused = old.slot() == new.slot();
    let (sent, caller_closed) = caller.join().unwrap();
    assert!(closed.is_ok() != caller_closed.is_ok());
    reached(if reused {
        "the slot was reused"
    } else {
        "another slot"
    });
    let (received, end) = peer.read_all();
    assert_eq!(end, PeerRead::End);
    match sent {
        Ok(sent) => assert_eq!(received, b"stale"[..sent]),
        Err(error) => {
            reached("the send came too late");
            assert!(matches!(error, Error::NotSocket | Error::Interrupted));
            assert!(b"stale".starts_with(&received));
        }
    }
    // The new socket has seen nothing of all that.
    assert_eq!(new_peer.read(8), PeerRead::Nothing);
    assert_eq!(world.process.send(new, b"new"), Ok(3));
    assert_eq!(new_peer.read(8), PeerRead::Bytes(b"new".to_vec()));
    assert_eq!(world.process.close(new), Ok(()));
    world.judge();
}

//= docs/specification.md#d3-stale-values
//# - A value of a closed descriptor MUST NOT give access to another socket that was later given the
//# same value.
#[test]
fn a_stale_handle_never_reaches_the_next_socket_in_its_slot() {
    let outcomes = &[
        "the slot was reused",
        "another slot",
        "the send came too late",
    ];
    run_model(Some(3), 3_400, outcomes, stale_calls);
}

//= docs/specification.md#d3-stale-values
//# - A value of a closed descriptor MUST NOT give access to another socket that was later given the
//# same value.
#[test]
fn an_entry_that_is_not_one_instruction_is_caught_by_stale_calls() {
    must_fail(Defect::AdditionIsSplit, Some(3), NO_ORDER, stale_calls);
}

fn stale_entries() {
    let world = World::new();
    let old = world.process.socket().unwrap();
    let socket = world.process.begin(old).unwrap().socket();
    let enter = move |world: &World| match world.process.begin(old) {
        Ok(admission) => {
            // Inside, the slot is not given to anybody else.
            assert_eq!(admission.socket(), socket);
            reached("inside");
        }
        Err(error) => assert_eq!(error, Error::NotSocket),
    };
    let callers = [spawn(&world, enter), spawn(&world, enter)];
    assert_eq!(world.process.close(old), Ok(()));
    let new = world.process.socket().unwrap();
    reached(if old.slot() == new.slot() {
        "the slot was reused"
    } else {
        "another slot"
    });
    {
        let admission = world.process.begin(new).unwrap();
        assert_ne!(admission.socket(), socket);
    }
    assert_eq!(world.process.close(new), Ok(()));
    for caller in callers {
        caller.join().unwrap();
    }
    world.judge();
}

//= docs/specification.md#d3-stale-values
//# - An operation MUST keep the socket and the `(slot, generation)` with which it was issued,
//# without a second look-up.
#[test]
fn entries_through_a_stale_handle_leave_the_next_occupant_as_it_was() {
    let outcomes = &["inside", "the slot was reused", "another slot"];
    run_model(Some(2), 1_700, outcomes, stale_entries);
}

//= docs/specification.md#d3-stale-values
//# - An operation MUST keep the socket and the `(slot, generation)` with which it was issued,
//# without a second look-up.
#[test]
fn a_claim_that_does_not_compare_is_caught_by_stale_entries() {
    must_fail(Defect::SwapIsBlind, Some(2), NO_ORDER, stale_entries);
}
