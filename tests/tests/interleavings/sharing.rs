//! Closes and deaths against duplication.

use closesocket::engine::Error;
use closesocket::engine::net::PeerRead;

use super::model::{one_wins, reached, run_model};
use super::world::{World, spawn};

fn close_and_duplicate() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let duplicator = spawn(&world, move |world| {
        world.process.duplicate(descriptor, world.other.id())
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    match duplicator.join().unwrap() {
        Ok(record) => {
            reached("duplicated first");
            assert_eq!(peer.read(8), PeerRead::Nothing, "not the last reference");
            let shared = world.other.redeem(record).unwrap();
            assert_eq!(world.other.send(shared, b"on"), Ok(2));
            assert_eq!(world.other.close(shared), Ok(()));
            assert_eq!(peer.read_all(), (b"on".to_vec(), PeerRead::End));
        }
        Err(error) => {
            reached("closed first");
            assert_eq!(error, Error::NotSocket);
            assert_eq!(peer.read(8), PeerRead::End);
        }
    }
    world.judge();
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - An unredeemed duplication record MUST count as one reference from the moment of its creation.
//= docs/specification.md#d6a-one-critical-section
//# - Duplicating a descriptor, redeeming a record, setting an option, accepting bytes and
//# registering an operation MUST each happen under the lock of that same critical section.
#[test]
fn a_duplicate_that_meets_a_close_keeps_the_socket_or_is_refused() {
    let outcomes = &["duplicated first", "closed first"];
    run_model(None, 11_000, outcomes, close_and_duplicate);
}

fn close_and_redeem() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    assert_eq!(world.process.send(descriptor, b"ab"), Ok(2));
    let record = world.process.duplicate(descriptor, world.other.id());
    let record = record.unwrap();
    let redeemer = spawn(&world, move |world| {
        let shared = world.other.redeem(record).unwrap();
        assert_eq!(world.other.redeem(record), Err(Error::InvalidArgument));
        world.other.send(shared, b"cd").map(|_| shared)
    });
    assert_eq!(world.process.close(descriptor), Ok(()));
    let shared = redeemer.join().unwrap().unwrap();
    let all = PeerRead::Bytes(b"abcd".to_vec());
    assert_eq!(peer.read(8), all);
    assert_eq!(peer.read(8), PeerRead::Nothing, "not the last reference");
    assert_eq!(world.other.close(shared), Ok(()));
    assert_eq!(peer.read(8), PeerRead::End);
    world.judge();
}

#[test]
fn a_record_redeemed_while_the_original_closes_carries_the_socket_on() {
    run_model(None, 240, &[], close_and_redeem);
}

fn two_redeems() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let record = world.process.duplicate(descriptor, world.other.id());
    let record = record.unwrap();
    let rival = spawn(&world, move |world| world.other.redeem(record));
    let mine = world.other.redeem(record);
    let won = one_wins(mine, rival.join().unwrap(), Error::InvalidArgument);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(peer.read(8), PeerRead::Nothing, "not the last reference");
    assert_eq!(world.other.close(won), Ok(()));
    world.judge();
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - A duplication record MUST NOT be redeemed more than once.
#[test]
fn a_record_is_redeemed_once() {
    run_model(None, 1_100, &["main won", "the rival won"], two_redeems);
}

fn death_and_duplicate() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let duplicator = spawn(&world, move |world| {
        world.process.duplicate(descriptor, world.other.id())
    });
    world.other.die();
    match duplicator.join().unwrap() {
        Ok(_) => reached("duplicated and reclaimed"),
        Err(error) => {
            reached("the target was dead");
            assert_eq!(error, Error::InvalidArgument);
        }
    }
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_eq!(peer.read(8), PeerRead::End, "the last reference");
    world.judge();
}

//= docs/specification.md#d5-what-counts-as-a-reference
//# - When the target of a duplication record dies, the provider MUST reclaim the record.
#[test]
fn a_record_made_for_a_dying_process_is_reclaimed_or_refused() {
    let outcomes = &["duplicated and reclaimed", "the target was dead"];
    run_model(None, 85, outcomes, death_and_duplicate);
}

fn death_and_redeem() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    let record = world.process.duplicate(descriptor, world.other.id());
    let record = record.unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    let redeemer = spawn(&world, move |world| world.other.redeem(record));
    world.other.die();
    reached(match redeemer.join().unwrap() {
        Ok(_) => "redeemed and swept",
        Err(Error::NotInitialised) => "dead",
        error => {
            assert_eq!(error, Err(Error::InvalidArgument));
            "reclaimed"
        }
    });
    assert_eq!(peer.read(8), PeerRead::End, "the last reference");
    world.judge();
}

#[test]
fn a_record_redeemed_by_a_dying_process_leaves_nothing_behind() {
    let outcomes = &["redeemed and swept", "dead", "reclaimed"];
    run_model(Some(5), 1_700, outcomes, death_and_redeem);
}
