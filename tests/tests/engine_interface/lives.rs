//! A process that starts up again while its cleanup still sweeps, or while a call of
//! its last life goes on.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use closesocket::engine::observe::{Observation, Probe, Step};
use closesocket::engine::{Config, Error, Process};
use closesocket::protocol::{AbortScope, HandleKind};

use crate::faulty::{AWAY, OPENING, System, World};
use crate::{PATIENCE, Task, until};

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
#[test]
fn a_cleanup_wakes_no_thread_that_blocks_in_the_next_life() {
    let world = World::new(Config {
        handle_kind: HandleKind::NonIfs,
        ..Config::default()
    });
    let (process, (tell, told)) = (world.process.clone(), channel());
    world.dll.during(move |_, _| {
        process.startup().unwrap();
        let listening = process.socket().unwrap();
        process.listen(listening, 1).unwrap();
        let accepting = process.clone();
        let accept = Task::start(move || accepting.accept(listening));
        until("it blocks", || process.blocked_threads() > 0);
        tell.send(accept).unwrap();
    });
    world.process.socket().unwrap();
    world.process.cleanup().unwrap();
    // It holds the process, which holds it.
    world.dll.during(|_, _| {});
    let accept = told.recv_timeout(PATIENCE).unwrap();
    // Long enough to see that it is not woken.
    thread::sleep(Duration::from_millis(100));
    assert!(accept.goes_on());
    world.process.cleanup().unwrap();
}

/// Does something the next time that a close is refused.
#[derive(Clone, Default)]
struct ActingProbe(Arc<Mutex<Option<Act>>>);

type Act = Box<dyn FnOnce() + Send>;

impl Probe for ActingProbe {
    fn observe(&self, observation: Observation) {
        if matches!(observation.step, Step::CloseRefused { .. }) {
            let act = self.0.lock().unwrap().take();
            if let Some(act) = act {
                act();
            }
        }
    }
}

#[test]
fn a_close_that_a_cleanup_overtakes_says_that_nothing_is_initialised() {
    let world = World::observed(Config::default(), ActingProbe::default());
    let process = &world.process;
    let descriptor = process.socket().unwrap();
    process.close(descriptor).unwrap();
    let stopped = process.clone();
    let act: Act = Box::new(move || stopped.cleanup().unwrap());
    *world.provider.probe().0.lock().unwrap() = Some(act);
    assert_eq!(process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(process.descriptors(), 0);
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
