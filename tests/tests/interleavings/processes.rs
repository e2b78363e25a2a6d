//! Cleanup and death against everything else.

use closesocket::engine::Error;
use closesocket::engine::net::PeerRead;
use closesocket::engine::observe::{Observation, Step};

use super::model::{must_fail, reached, run_model};
use super::primitives::Defect;
use super::world::{World, spawn};

fn cleanup_and_close() {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    world.start_receive(descriptor, 7).unwrap();
    let closer = spawn(&world, move |world| world.process.close(descriptor));
    assert_eq!(world.process.cleanup(), Ok(()));
    let completions = world.completions();
    let closed = closer.join().unwrap();
    let late = world.completions();
    let completions = [completions, late].concat();
    match closed {
        Ok(()) if completions.is_empty() => reached("closed while it was cleaned up"),
        Ok(()) => {
            reached("closed first");
            assert_eq!(completions, [(7, Err(Error::OperationAborted))]);
        }
        Err(error) => {
            reached("cleaned up first");
            assert!(matches!(error, Error::NotSocket | Error::NotInitialised));
            assert_eq!(completions, [], "a cleanup is silent");
        }
    }
    assert_eq!(peer.read(8), PeerRead::End);
    world.judge();
}

//= docs/specification.md#s2-cleanup
//# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close every
//# descriptor of the process.
//= docs/specification.md#s2-cleanup
//# - Cleanup MUST end the pending operations of the process without posting an event, a packet or a
//# routine.
#[test]
fn a_cleanup_that_meets_a_close_closes_the_descriptor_once_between_them() {
    let outcomes = &[
        "closed first",
        "closed while it was cleaned up",
        "cleaned up first",
    ];
    run_model(None, 4_700, outcomes, cleanup_and_close);
}

fn cleanup_and_socket() {
    let world = World::new();
    let opener = spawn(&world, |world| world.process.socket());
    assert_eq!(world.process.cleanup(), Ok(()));
    reached(match opener.join().unwrap() {
        Ok(_) => "opened and swept",
        error => {
            assert_eq!(error, Err(Error::NotInitialised));
            let is_opening = |it: &Observation| matches!(it.step, Step::Opened { .. });
            if world.provider.probe().observations().iter().any(is_opening) {
                "closed by the opener"
            } else {
                "refused"
            }
        }
    });
    world.judge();
}

#[test]
fn a_socket_opened_during_a_cleanup_is_swept_or_closed_by_its_opener() {
    let outcomes = &["opened and swept", "closed by the opener", "refused"];
    run_model(Some(5), 1_200, outcomes, cleanup_and_socket);
}

//= docs/specification.md#s2-cleanup
//# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close every
//# descriptor of the process.
#[test]
fn a_sweep_that_reads_an_old_word_is_caught_by_a_socket_opened_during_a_cleanup() {
    let saying = "this socket is still in use";
    must_fail(Defect::SweepIsALoad, None, saying, cleanup_and_socket);
}

fn cleanup_and_blocked() {
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let caller = spawn(&world, move |world| {
        world.process.recv(descriptor, &mut [0; 2])
    });
    assert_eq!(world.process.cleanup(), Ok(()));
    reached(match caller.join().unwrap() {
        Err(Error::Interrupted) => "woken",
        error => {
            assert!(matches!(
                error,
                Err(Error::NotSocket | Error::NotInitialised)
            ));
            "refused"
        }
    });
    world.judge();
}

//= docs/specification.md#s2-cleanup
//# - A thread that is blocked in a call when its process is cleaned up MUST be woken with WSAEINTR.
#[test]
fn a_blocked_call_ends_with_its_process() {
    run_model(Some(5), 850, &["woken", "refused"], cleanup_and_blocked);
}

fn cleanup_and_lingering_close(restarts: bool) {
    let world = World::new();
    let (descriptor, peer) = world.connect();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(5)).unwrap();
    assert_eq!(world.process.send(descriptor, b"abcdef"), Ok(6));
    let closer = spawn(&world, move |world| world.process.close(descriptor));
    assert_eq!(world.process.cleanup(), Ok(()));
    if restarts {
        assert_eq!(world.process.startup(), Ok(()));
    }
    // The peer is still stalled: nothing but the end of its life can end the wait.
    reached(match closer.join().unwrap() {
        Err(Error::Interrupted) => "interrupted",
        error => {
            assert!(matches!(
                error,
                Err(Error::NotSocket | Error::NotInitialised)
            ));
            "cleaned up first"
        }
    });
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"abcdef".to_vec(), PeerRead::End));
    world.judge();
}

#[test]
fn a_lingering_close_ends_with_its_process_and_the_drain_goes_on() {
    let outcomes = &["interrupted", "cleaned up first"];
    let scenario = || cleanup_and_lingering_close(false);
    run_model(Some(5), 3_100, outcomes, scenario);
}

//= docs/specification.md#s2-cleanup
//# - A thread that is blocked in a call when its process is cleaned up MUST be woken with WSAEINTR.
#[test]
fn a_lingering_close_ends_with_its_life_though_the_next_has_begun() {
    let outcomes = &["interrupted", "cleaned up first"];
    let scenario = || cleanup_and_lingering_close(true);
    run_model(Some(4), 1_400, outcomes, scenario);
}

fn restart_and_socket() {
    let world = World::new();
    let opener = spawn(&world, |world| world.process.socket());
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_eq!(world.process.startup(), Ok(()));
    match opener.join().unwrap() {
        Ok(opened) => {
            // Of the first life and swept, or of the second and open.
            reached(match world.process.close(opened) {
                Ok(()) => "of the next life",
                error => {
                    assert_eq!(error, Err(Error::NotSocket));
                    "opened and swept"
                }
            });
        }
        error => {
            assert_eq!(error, Err(Error::NotInitialised));
            reached("refused, or closed by the opener");
        }
    }
    world.judge();
}

//= docs/specification.md#s2-cleanup
//# - A descriptor whose call began before a cleanup MUST NOT remain open after it, even if the
//# process has started up again.
#[test]
fn a_socket_that_a_restart_overtakes_is_of_one_life_or_the_other() {
    let outcomes = &[
        "of the next life",
        "opened and swept",
        "refused, or closed by the opener",
    ];
    run_model(Some(4), 500, outcomes, restart_and_socket);
}

fn cleanup_and_next_life() {
    let world = World::new();
    let first = world.process.socket().unwrap();
    let reviver = spawn(&world, |world| {
        world.process.startup()?;
        world.process.socket()
    });
    assert_eq!(world.process.cleanup(), Ok(()));
    let opened = reviver.join().unwrap().unwrap();
    let sweeps = |it: &Observation| matches!(it.step, Step::SweepBegan { .. });
    let swept = world.provider.probe().observations().iter().any(sweeps);
    reached(if swept {
        "started up again"
    } else {
        "started up twice"
    });
    // The first was swept if anything was, and the other opened behind that.
    assert_eq!(world.process.close(first).is_err(), swept);
    assert_eq!(world.process.close(opened), Ok(()));
    world.judge();
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
#[test]
fn a_cleanup_sweeps_nothing_of_the_life_that_begins_meanwhile() {
    let outcomes = &["started up again", "started up twice"];
    run_model(None, 1_200, outcomes, cleanup_and_next_life);
}
