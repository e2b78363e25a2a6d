//! Random histories on threads, and what is recorded of them.

use std::sync::Barrier;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use closesocket::engine::net::{MemoryAddress, Peer};
use closesocket::engine::{Config, Process, Shutdown};
use closesocket::protocol::{AbortScope, UnreadInput};
use closesocket_trace::{Record, Recorder};
use proptest::prelude::*;

use super::{System, World, config};

/// A trace that is short to show.
#[derive(Clone)]
pub struct Trace(pub Vec<Record>);

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a trace of {} events", self.0.len())
    }
}

/// One call of a thread; numbers pick one of the descriptors or peers there are.
#[derive(Clone, Copy, Debug)]
enum Call {
    Open,
    Connect,
    Close(usize),
    LingeringClose(usize),
    NonblockingClose(usize),
    Share(usize),
    ShareInVain(usize),
    Recv(usize),
    Send(usize),
    Linger(usize, Option<u16>),
    ShutDown(usize),
    BlockedRecv(usize),
    Begin(usize),
    Cancel,
    PeerWrites(usize),
    PeerReads(usize),
    PeerResets(usize),
    PeerStalls(usize, bool),
}

/// Runs one call.
fn run(world: &World, call: Call) {
    match call {
        Call::Open => _ = world.open(),
        Call::Connect => connect(world),
        Call::Close(at) => close(world, at),
        Call::LingeringClose(at) => {
            let (owner, descriptor) = world.pick(at);
            let process = &world.processes[owner];
            process.set_linger(descriptor, Some(1)).ok();
            close(world, at);
        }
        Call::NonblockingClose(at) => {
            let (owner, descriptor) = world.pick(at);
            let process = &world.processes[owner];
            process.set_nonblocking(descriptor, true).ok();
            process.set_linger(descriptor, Some(5)).ok();
            close(world, at);
            process.set_nonblocking(descriptor, false).ok();
            process.set_dont_linger(descriptor, true).ok();
        }
        Call::Share(at) => {
            let (owner, descriptor) = world.pick(at);
            let target = &world.processes[1 - owner];
            if let Ok(record) = world.processes[owner].duplicate(descriptor, target.id())
                && let Ok(theirs) = target.redeem(record)
            {
                world.add(1 - owner, theirs);
            }
        }
        Call::ShareInVain(at) => {
            let (owner, descriptor) = world.pick(at);
            let target = world.provider.startup().unwrap();
            _ = world.processes[owner].duplicate(descriptor, target.id());
            target.cleanup().unwrap();
        }
        Call::Begin(at) => {
            let (owner, descriptor) = world.pick(at);
            drop(world.processes[owner].begin(descriptor));
        }
        Call::Cancel => {
            let thread = Process::<System>::current_thread();
            for other in thread.saturating_sub(3)..thread + 3 {
                world.processes[0].cancel_blocking_call(other);
            }
        }
        _ => transfer(world, call),
    }
}

/// Calls that move bytes.
fn transfer(world: &World, call: Call) {
    match call {
        Call::Recv(at) => {
            let (owner, descriptor) = world.pick(at);
            let process = &world.processes[owner];
            world.overlapped(|notify| process.recv_overlapped(descriptor, vec![0; 8], notify));
        }
        Call::Send(at) => {
            let (owner, descriptor) = world.pick(at);
            let process = &world.processes[owner];
            world.overlapped(|notify| process.send_overlapped(descriptor, vec![7; 100], notify));
        }
        Call::Linger(at, seconds) => {
            let (owner, descriptor) = world.pick(at);
            world.processes[owner].set_linger(descriptor, seconds).ok();
        }
        Call::ShutDown(at) => {
            let (owner, descriptor) = world.pick(at);
            let process = &world.processes[owner];
            process.shutdown(descriptor, Shutdown::Send).ok();
        }
        Call::BlockedRecv(at) => {
            let (owner, descriptor) = world.pick(at);
            // The peer writes first, so that it ends for one reason or another.
            world.peer(at, |peer| _ = peer.write(b"blocked!"));
            world.processes[owner].recv(descriptor, &mut [0; 8]).ok();
        }
        Call::PeerWrites(at) => drop(world.peer(at, |peer| _ = peer.write(b"abcdefgh"))),
        Call::PeerReads(at) => drop(world.peer(at, |peer| _ = peer.read(64))),
        Call::PeerResets(at) => drop(world.peer(at, Peer::reset)),
        Call::PeerStalls(at, stalled) => drop(world.peer(at, |peer| peer.stall(stalled))),
        _ => {}
    }
}

fn connect(world: &World) {
    let process = &world.processes[0];
    let Ok(descriptor) = process.socket() else {
        return;
    };
    world.add(0, descriptor);
    let nobody = MemoryAddress(99);
    assert_ne!(process.connect(descriptor, &nobody), Ok(()));
}

fn close(world: &World, at: usize) {
    let (owner, descriptor) = world.pick(at);
    // The listener stays, so that threads blocked in an accept go on.
    if descriptor == world.listener() && owner == 0 {
        return;
    }
    world.close(owner, descriptor);
}

/// Records what these scripts do on a thread each.
fn record(config: Config, fails: u64, scripts: &[Vec<Call>]) -> Vec<Record> {
    let recorder = Recorder::in_memory();
    let world = World::new(config, &recorder, fails);
    for _ in 0..2 {
        world.open();
    }
    let barrier = Barrier::new(scripts.len());
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let world = &world;
        // Time passes, and nobody stays blocked for ever.
        let helper = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                world.provider.tick();
                world.wake_readers();
                thread::sleep(Duration::from_micros(500));
            }
        });
        let workers: Vec<_> = scripts
            .iter()
            .map(|script| {
                scope.spawn(|| {
                    barrier.wait();
                    script.iter().for_each(|call| run(world, *call));
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        helper.join().unwrap();
    });
    world.end(&recorder)
}

/// Any call that waits for nothing.
fn swift_call() -> impl Strategy<Value = Call> {
    let pick = || 0..8_usize;
    prop_oneof![
        3 => Just(Call::Open),
        1 => Just(Call::Connect),
        4 => pick().prop_map(Call::Close),
        1 => pick().prop_map(Call::NonblockingClose),
        3 => pick().prop_map(Call::Share),
        1 => pick().prop_map(Call::ShareInVain),
        4 => pick().prop_map(Call::Recv),
        4 => pick().prop_map(Call::Send),
        3 => pick().prop_map(Call::Begin),
        1 => (pick(), prop_oneof![Just(None), Just(Some(0))])
            .prop_map(|(at, seconds)| Call::Linger(at, seconds)),
        1 => pick().prop_map(Call::ShutDown),
        3 => pick().prop_map(Call::PeerWrites),
        3 => pick().prop_map(Call::PeerReads),
        1 => pick().prop_map(Call::PeerResets),
        1 => (pick(), any::<bool>()).prop_map(|(at, stalled)| Call::PeerStalls(at, stalled)),
    ]
}

/// Any call.
fn call() -> impl Strategy<Value = Call> {
    let pick = || 0..8_usize;
    prop_oneof![
        34 => swift_call(),
        1 => pick().prop_map(Call::LingeringClose),
        2 => pick().prop_map(Call::BlockedRecv),
        1 => Just(Call::Cancel),
    ]
}

/// The trace of a random history of these calls on three threads.
fn of(call: impl Strategy<Value = Call>) -> impl Strategy<Value = Trace> {
    let scripts = prop::collection::vec(prop::collection::vec(call, 1..40), 3);
    let scope = prop_oneof![
        Just(AbortScope::Descriptor),
        Just(AbortScope::LastReference)
    ];
    let unread = prop_oneof![Just(UnreadInput::Discard), Just(UnreadInput::Reset)];
    (scripts, scope, unread, prop_oneof![Just(0), Just(7)]).prop_map(
        |(scripts, scope, unread, fails)| Trace(record(config(scope, unread), fails, &scripts)),
    )
}

/// The trace of a random history.
pub fn history() -> impl Strategy<Value = Trace> {
    of(call())
}

/// The same, of one in which nobody waits: it takes no time.
pub fn swift_history() -> impl Strategy<Value = Trace> {
    of(swift_call())
}
