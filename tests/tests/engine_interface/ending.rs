//! Processes that end, and descriptors that come and go.

use std::sync::Arc;

use closesocket::engine::net::PeerRead;
use closesocket::engine::{Config, Error};
use closesocket::protocol::HandleKind;

use crate::Task;
use crate::faulty::{AWAY, OPENING, World};

//= docs/specification.md#s2-cleanup
//# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close every
//# descriptor of the process.
//= docs/specification.md#h1-once-for-each-closed-descriptor
//# - A non-IFS provider MUST give back, exactly once, the handle of every descriptor that a
//# close or a cleanup has closed.
#[test]
fn a_call_that_opens_a_descriptor_and_is_overtaken_by_a_cleanup_returns_none() {
    for open in OPENING {
        let config = Config {
            handle_kind: HandleKind::NonIfs,
            ..Config::default()
        };
        let world = World::new(config);
        let listening = world.listen(1);
        let peer = world.provider.transport().memory.dial(AWAY).unwrap();
        let opened = open(&world, listening, |process| process.cleanup().unwrap());
        assert_eq!(opened, Err(Error::NotInitialised));
        assert_eq!(world.dll.count(), 2, "handles");
        assert!(matches!(peer.read(1), PeerRead::End | PeerRead::Reset));
        assert_eq!(world.process.descriptors(), 0);
        assert_eq!(world.provider.usage().sockets, 0);
    }
}

#[test]
fn a_slot_that_any_thread_has_freed_is_there_for_every_other() {
    const LIMIT: u32 = 64;
    let world = Arc::new(World::new(Config {
        descriptor_limit: LIMIT,
        ..Config::default()
    }));
    for _ in 0..8 {
        // Threads close one each: wherever they put the slots, all are found.
        let world = Arc::clone(&world);
        let opening = Task::start(move || {
            let all: Vec<_> = (0..LIMIT)
                .map(|_| world.process.socket().unwrap())
                .collect();
            assert_eq!(world.process.socket(), Err(Error::TooManyDescriptors));
            let closing = all.into_iter().map(|descriptor| {
                let process = world.process.clone();
                Task::start(move || process.close(descriptor))
            });
            for task in closing.collect::<Vec<_>>() {
                assert_eq!(task.result(), Ok(()));
            }
        });
        opening.result();
    }
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn a_close_that_begins_to_linger_when_its_process_was_just_cleaned_up_does_not_wait() {
    let world = World::new(Config::default());
    let (descriptor, peer) = world.connect_blocking();
    peer.stall(true);
    world.process.set_linger(descriptor, Some(600)).unwrap();
    world.process.send(descriptor, b"later").unwrap();
    let process = world.process.clone();
    world.meanwhile(move || process.cleanup().unwrap());
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Err(Error::Interrupted));
    peer.stall(false);
    assert_eq!(peer.read_all(), (b"later".to_vec(), PeerRead::End));
    assert_eq!(world.process.descriptors(), 0);
}

#[test]
fn one_list_of_free_slots_is_enough() {
    for free_list_shards in [0, 1] {
        let world = World::new(Config {
            descriptor_limit: 1,
            free_list_shards,
            ..Config::default()
        });
        for _ in 0..3 {
            let descriptor = world.process.socket().unwrap();
            world.process.close(descriptor).unwrap();
        }
        assert_eq!(world.process.descriptors(), 0);
        assert_eq!(world.provider.usage().sockets, 0);
    }
}
