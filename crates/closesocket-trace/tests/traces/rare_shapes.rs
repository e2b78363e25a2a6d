//! Correct runs of rare shapes are accepted.

use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;

use crate::common::numbering::{may_be_missing, renumber};
use crate::common::{System, config, expect_accepted};
use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Memory, MemoryAddress};
use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Descriptor, ProcessId, Provider, UpcallFailed, Upcalls};
use closesocket::protocol::{AbortScope, UnreadInput};
use closesocket_trace::{Record, Recorder, replay};

type Process = closesocket::engine::Process<System>;
type InUpcall = Box<dyn Fn() + Send + Sync>;

const HOME: MemoryAddress = MemoryAddress(1);

/// A DLL that does something in its next upcall.
#[derive(Clone, Default)]
struct Dll(Arc<Mutex<Option<InUpcall>>>);

impl Dll {
    fn next(&self, act: impl Fn() + Send + Sync + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(act));
    }
}

impl Upcalls for Dll {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        let act = self.0.lock().unwrap().take();
        act.iter().for_each(|act| act());
        Ok(())
    }
}

struct World {
    recorder: Recorder,
    memory: Memory,
    dll: Dll,
    provider: Provider<System>,
}

impl World {
    fn new(scope: AbortScope) -> Self {
        let recorder = Recorder::in_memory();
        let memory = Memory::with_window(32);
        let dll = Dll::default();
        let provider = Provider::new(
            config(scope, UnreadInput::Discard),
            memory.clone(),
            SystemClock::default(),
            recorder.clone(),
            dll.clone(),
        );
        Self {
            recorder,
            memory,
            dll,
            provider,
        }
    }

    fn listening(&self) -> (Process, Descriptor) {
        let process = self.provider.startup().unwrap();
        let listener = listen(&process);
        (process, listener)
    }

    /// The run is accepted, and nothing in it could be left out.
    fn accepted(self) {
        let records = self.judged();
        for index in 0..records.len() {
            let observation = records[index].observation;
            if may_be_missing(&observation) {
                continue;
            }
            let mut spoilt = records.clone();
            spoilt.remove(index);
            renumber(&mut spoilt);
            let accepted = replay(&spoilt).accepted;
            assert!(!accepted, "accepted without {observation:?}");
        }
    }

    fn judged(self) -> Vec<Record> {
        drop(self.provider);
        let records = self.recorder.finish().unwrap();
        expect_accepted(&replay(&records));
        records
    }
}

fn listen(process: &Process) -> Descriptor {
    let listener = process.socket().unwrap();
    process.bind(listener, &HOME).unwrap();
    process.listen(listener, 8).unwrap();
    listener
}

#[test]
fn an_accept_and_then_a_death() {
    let world = World::new(AbortScope::Descriptor);
    let (process, listener) = world.listening();
    let _peer = world.memory.dial(HOME).unwrap();
    process.accept(listener).unwrap();
    process.die();
    drop(process);
    world.accepted();
}

#[test]
fn a_connection_that_is_lost_and_then_dies_with_its_process() {
    let world = World::new(AbortScope::Descriptor);
    let (process, listener) = world.listening();
    let peer = world.memory.dial(HOME).unwrap();
    process.accept(listener).unwrap();
    peer.reset();
    process.die();
    drop(process);
    world.accepted();
}

/// A cleanup closes a descriptor, and in the upcall for it the process starts up
/// again, does this, and goes on living.
fn restart(scope: AbortScope, act: impl Fn(&Process) + Send + Sync + 'static) {
    let world = World::new(scope);
    let (process, listener) = world.listening();
    let peer = world.memory.dial(HOME).unwrap();
    let descriptor = process.accept(listener).unwrap();
    let queue = CompletionQueue::new();
    let notify = Notify::queue(&queue, 1);
    process
        .recv_overlapped(descriptor, vec![0; 4], notify)
        .unwrap();
    let again = Arc::new(OnceLock::<Process>::new());
    let inner = Arc::clone(&again);
    world.dll.next(move || {
        let process = inner.get().unwrap();
        process.startup().unwrap();
        act(process);
    });
    assert!(again.set(process.clone()).is_ok());
    process.cleanup().unwrap();
    let descriptor = process.socket().unwrap();
    process.close(descriptor).unwrap();
    process.die();
    drop((process, again, peer));
    // The upcall kept a handle of the process.
    world.dll.0.lock().unwrap().take();
    world.accepted();
}

#[test]
fn a_restart_in_an_upcall_of_the_cleanup_that_closes_a_descriptor() {
    for scope in [AbortScope::Descriptor, AbortScope::LastReference] {
        restart(scope, |process| {
            let descriptor = process.socket().unwrap();
            process.close(descriptor).unwrap();
        });
    }
}

#[test]
fn a_restart_in_an_upcall_that_duplicates_and_closes() {
    restart(AbortScope::Descriptor, |process| {
        let descriptor = process.socket().unwrap();
        let record = process.duplicate(descriptor, process.id()).unwrap();
        let other = process.redeem(record).unwrap();
        process.close(descriptor).unwrap();
        process.close(other).unwrap();
    });
}

#[test]
fn a_restart_in_an_upcall_that_cleans_up_again() {
    restart(AbortScope::Descriptor, |process| {
        process.socket().unwrap();
        process.cleanup().unwrap();
        process.startup().unwrap();
    });
}

/// Runs two things at once, over and over.
fn race(scope: AbortScope, one: impl Fn(&World, &Process, &Process) -> Race) {
    for _ in 0..60 {
        let world = World::new(scope);
        let (first, second) = (
            world.provider.startup().unwrap(),
            world.provider.startup().unwrap(),
        );
        let race = one(&world, &first, &second);
        let barrier = Barrier::new(race.len());
        thread::scope(|scope| {
            for act in race {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    act();
                });
            }
        });
        first.die();
        second.die();
        drop((first, second));
        world.judged();
    }
}

type Race = Vec<Box<dyn FnOnce() + Send>>;

#[test]
fn accepts_that_race_a_death_or_a_cleanup() {
    for dies in [false, true] {
        race(AbortScope::Descriptor, |world, process, _| {
            let listener = listen(process);
            // One at least, or the trace would show nothing.
            drop(world.memory.dial(HOME));
            process.accept(listener).unwrap();
            let memory = world.memory.clone();
            let [one, two, end] = [0; 3].map(|_| process.clone());
            vec![
                Box::new(move || {
                    for _ in 0..4 {
                        drop(memory.dial(HOME));
                    }
                }),
                Box::new(move || while one.accept(listener).is_ok() {}),
                Box::new(move || {
                    for _ in 0..3 {
                        two.accept_overlapped(listener, Notify::nobody()).ok();
                    }
                }),
                Box::new(move || {
                    if dies {
                        end.die();
                    } else {
                        end.cleanup().ok();
                    }
                }),
            ]
        });
    }
}

#[test]
fn redemptions_that_race_a_death_or_a_cleanup_of_either_side() {
    for (target_ends, dies) in [(false, false), (false, true), (true, false), (true, true)] {
        for scope in [AbortScope::Descriptor, AbortScope::LastReference] {
            race(scope, |world, process, target| {
                let listener = listen(process);
                let peer = world.memory.dial(HOME).unwrap();
                let descriptor = process.accept(listener).unwrap();
                drop(peer);
                let ended = if target_ends { target } else { process }.clone();
                let [giver, taker] = [process.clone(), target.clone()];
                let id = target.id();
                vec![
                    Box::new(move || {
                        for _ in 0..3 {
                            let Ok(record) = giver.duplicate(descriptor, id) else {
                                continue;
                            };
                            taker.redeem(record).ok();
                        }
                        giver.close(descriptor).ok();
                    }),
                    Box::new(move || {
                        if dies {
                            ended.die();
                        } else {
                            ended.cleanup().ok();
                        }
                    }),
                ]
            });
        }
    }
}

/// Under `LastReference` the operations outlive their descriptor, and end with
/// their process while another holds the socket, or with the socket.
#[test]
fn operations_that_outlive_their_descriptor_end_with_their_process() {
    race(AbortScope::LastReference, |world, process, other| {
        let listener = listen(process);
        let peer = world.memory.dial(HOME).unwrap();
        let descriptor = process.accept(listener).unwrap();
        let record = process.duplicate(descriptor, other.id()).unwrap();
        let theirs = other.redeem(record).unwrap();
        let queue = CompletionQueue::new();
        for key in 0..3 {
            let notify = Notify::queue(&queue, key);
            process
                .recv_overlapped(descriptor, vec![0; 4], notify)
                .unwrap();
        }
        process.close(descriptor).unwrap();
        let [ending, closing] = [process.clone(), other.clone()];
        vec![
            Box::new(move || ending.die()),
            Box::new(move || closing.close(theirs).unwrap()),
            Box::new(move || drop(peer)),
        ]
    });
}
