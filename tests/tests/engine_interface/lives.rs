//! A process that starts up again while its cleanup still sweeps.

use std::sync::{Arc, Mutex};

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::net::{Memory, MemoryAddress, Peer, PeerListener};
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{
    Config, Descriptor, Error, Process, ProcessId, Provider, UpcallFailed, Upcalls,
};
use closesocket::protocol::{AbortScope, HandleKind};
use closesocket_trace::{Recorder, replay};

use crate::faulty::{AWAY, OPENING, System, World};
use crate::{PATIENCE, Task};

type Recorded = (Memory, Std, SystemClock, Recorder);
type Act = Box<dyn FnOnce() + Send>;

/// Does something once, in the first handle upcall.
#[derive(Clone, Default)]
struct InUpcall(Arc<Mutex<Option<Act>>>);

impl Upcalls for InUpcall {
    fn close_socket_handle(&self, _: ProcessId, _: Descriptor) -> Result<(), UpcallFailed> {
        let act = self.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        Ok(())
    }
}

const HOME: MemoryAddress = MemoryAddress(1);

/// What the second life has: a receive whose descriptor is closed, another
/// descriptor of its socket, and the far end.
struct Second {
    kept: Descriptor,
    peer: Peer,
}

fn live_again(
    process: &Process<Recorded>,
    peers: &PeerListener,
    queue: &CompletionQueue,
) -> Second {
    process.startup().unwrap();
    let first = process.socket().unwrap();
    let notify = Notify::nobody();
    process.connect_overlapped(first, &HOME, notify).unwrap();
    let peer = peers.accept().unwrap();
    let record = process.duplicate(first, process.id()).unwrap();
    let kept = process.redeem(record).unwrap();
    let notify = Notify::queue(queue, 42);
    process.recv_overlapped(first, vec![0; 8], notify).unwrap();
    process.close(first).unwrap();
    Second { kept, peer }
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
//= docs/specification.md#o2-one-end-for-each-operation
//# - Every operation MUST end exactly once, either completed or aborted.
#[test]
fn a_cleanup_ends_no_operation_of_the_next_life_though_it_has_outlived_its_descriptor() {
    let upcalls = InUpcall::default();
    let recorder = Recorder::in_memory();
    let memory = Memory::default();
    let peers = memory.listen(HOME).unwrap();
    let config = Config {
        abort_scope: AbortScope::LastReference,
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    };
    let clock = SystemClock::default();
    let provider: Provider<Recorded> =
        Provider::new(config, memory, clock, recorder.clone(), upcalls.clone());
    let process = provider.startup().unwrap();
    process.socket().unwrap();
    let queue = CompletionQueue::new();
    let second = Arc::new(Mutex::new(None));
    let (again, told, made) = (process.clone(), queue.clone(), Arc::clone(&second));
    let act = move || {
        let live = move || live_again(&again, &peers, &told);
        *made.lock().unwrap() = Some(Task::start(live).result());
    };
    *upcalls.0.lock().unwrap() = Some(Box::new(act));
    process.cleanup().unwrap();
    let Second { kept, peer } = second.lock().unwrap().take().unwrap();
    peer.write(b"hello").unwrap();
    let received = queue.wait(Some(PATIENCE)).unwrap();
    assert_eq!((received.key, received.result), (42, Ok(5)));
    process.close(kept).unwrap();
    drop((peer, process, provider));
    let verdict = replay(&recorder.finish().unwrap());
    assert!(verdict.accepted, "{:?}", verdict.first_problem);
}

//= docs/specification.md#s2-cleanup
//# - A descriptor whose call began before a cleanup MUST NOT remain open after it, even if the
//# process has started up again.
#[test]
fn a_call_that_opens_a_descriptor_and_is_overtaken_by_a_restart_returns_none() {
    let restart = |process: &Process<System>| {
        process.cleanup().unwrap();
        process.startup().unwrap();
    };
    for open in OPENING {
        let world = World::new(Config::default());
        let process = &world.process;
        let listening = world.listen(1);
        let _peer = world.provider.transport().memory.dial(AWAY).unwrap();
        assert_eq!(open(&world, listening, restart), Err(Error::NotInitialised));
        assert_eq!(process.descriptors(), 0);
        assert_eq!(world.provider.usage().sockets, 0);
        assert!(process.socket().is_ok(), "the next life goes on");
    }
}

/// While somebody has the lock of a socket, another process ends.
fn end_while_a_lock_is_held(end: impl FnOnce(&Process<System>) + Send + 'static) {
    let world = World::new(Config {
        abort_scope: AbortScope::LastReference,
        ..Config::default()
    });
    let (descriptor, _peer) = world.connect();
    let other = world.provider.startup().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let sent = world.process.transfer(descriptor, |_, _| {
        let ending = Task::start(move || end(&other));
        let ended = ending.0.recv_timeout(PATIENCE).is_ok();
        tell.send(ended).map_err(|_| Error::InvalidArgument)
    });
    assert_eq!(sent, Ok(()));
    assert_eq!(told.recv(), Ok(true), "it waited for another's socket");
}

#[test]
fn the_end_of_a_process_waits_for_no_socket_of_others() {
    end_while_a_lock_is_held(|process| process.cleanup().unwrap());
    end_while_a_lock_is_held(Process::die);
}
