//! Every public call of the engine meets handles it must refuse, and counters
//! at their limits. Nothing panics, every error is the right one, nothing leaks.

#![allow(clippy::unwrap_used)]

#[path = "../../crates/closesocket-conformance/src/every_call.rs"]
mod every_call;

use std::time::Duration;

use closesocket::engine::completions::Notify;
use closesocket::engine::net::{Memory, MemoryAddress};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Config, Descriptor, Error, NoUpcalls, Process, Provider, Shutdown};
use every_call::every_call;

const HOME: MemoryAddress = MemoryAddress(1);

fn assert_all(process: &Process, descriptor: Descriptor, expected: Error) {
    for (call, error) in every_call(process, descriptor, &HOME, &HOME) {
        assert_eq!(error, Some(expected), "{call} with {descriptor:?}");
    }
}

#[test]
fn every_call_refuses_handles_that_name_no_open_socket() {
    let provider = Provider::in_memory();
    let (process, other) = (provider.startup().unwrap(), provider.startup().unwrap());
    let stale = process.socket().unwrap();
    process.close(stale).unwrap();
    let reused = process.socket().unwrap();
    assert_eq!(
        stale.slot(),
        reused.slot(),
        "the slot is reused, the value is not"
    );
    let foreign = {
        let values = [other.socket().unwrap(), other.socket().unwrap()];
        values[1]
    };
    let bad = [
        stale,
        foreign,
        Descriptor::from_raw(0),
        Descriptor::from_raw(u64::MAX),
        Descriptor::new(reused.slot(), 0),
        Descriptor::new(reused.slot(), u32::MAX),
        Descriptor::new(u32::MAX, 1),
        Descriptor::new(1 << 20, 1),
    ];
    for descriptor in bad {
        assert_all(&process, descriptor, Error::NotSocket);
    }
    assert_eq!(process.close(reused), Ok(()));
    assert_eq!(process.descriptors(), 0);
    assert_eq!(provider.usage().sockets, 2, "those of the other process");
    drop(other);
    assert_eq!(provider.usage().sockets, 0);
}

#[test]
fn every_call_says_first_that_the_process_is_not_started_then_that_the_network_is_down() {
    let provider = Provider::in_memory();
    let process = provider.process();
    let nothing = Descriptor::from_raw(0);
    assert_all(&process, nothing, Error::NotInitialised);
    assert_eq!(process.socket(), Err(Error::NotInitialised));
    assert_eq!(process.cleanup(), Err(Error::NotInitialised));
    provider.set_network_down(true);
    assert_all(&process, nothing, Error::NotInitialised);
    process.startup().unwrap();
    assert_all(&process, nothing, Error::NetworkDown);
    assert_eq!(process.socket(), Err(Error::NetworkDown));
    provider.set_network_down(false);
    assert_all(&process, nothing, Error::NotSocket);
}

#[test]
fn a_network_that_is_down_holds_up_neither_cleanup_nor_death() {
    let provider = Provider::in_memory();
    let (process, other) = (provider.startup().unwrap(), provider.startup().unwrap());
    let descriptor = process.socket().unwrap();
    other.socket().unwrap();
    provider.set_network_down(true);
    assert_eq!(process.close(descriptor), Err(Error::NetworkDown));
    assert_eq!(process.cleanup(), Ok(()));
    other.die();
    assert_eq!((process.descriptors(), other.descriptors()), (0, 0));
    assert_eq!(provider.usage().sockets, 0);
}

#[test]
fn a_full_table_refuses_every_new_descriptor_and_leaks_nothing() {
    type System = (Memory, Std, SystemClock, NoProbe);
    let config = Config {
        descriptor_limit: 3,
        ..Config::default()
    };
    let (memory, clock) = (Memory::default(), SystemClock::default());
    let provider = Provider::<System>::new(config, memory.clone(), clock, NoProbe, NoUpcalls);
    let process = provider.startup().unwrap();
    let listener = process.socket().unwrap();
    process.bind(listener, &HOME).unwrap();
    process.listen(listener, 1).unwrap();
    let peer = memory.dial(HOME).unwrap();
    let second = process.socket().unwrap();
    let third = process.socket().unwrap();
    let full = Some(Error::TooManyDescriptors);
    assert_eq!(process.socket().err(), full);
    assert_eq!(process.accept(listener).err(), full);
    assert_eq!(
        process.accept_overlapped(listener, Notify::nobody()).err(),
        full
    );
    let record = process.duplicate(second, process.id()).unwrap();
    assert_eq!(process.redeem(record).err(), full);
    process.close(third).unwrap();
    let redeemed = process.redeem(record).unwrap();
    assert_eq!(
        process.redeem(record).err(),
        Some(Error::TooManyDescriptors)
    );
    process.close(redeemed).unwrap();
    assert_eq!(process.redeem(record).err(), Some(Error::InvalidArgument));
    let accepted = process.accept(listener).unwrap();
    for descriptor in [listener, second, accepted] {
        process.close(descriptor).unwrap();
    }
    drop(peer);
    assert_eq!((process.descriptors(), provider.usage().sockets), (0, 0));
}

#[test]
fn a_record_is_refused_to_everybody_but_its_target_and_after_its_use() {
    let provider = Provider::in_memory();
    let (process, target) = (provider.startup().unwrap(), provider.startup().unwrap());
    let descriptor = process.socket().unwrap();
    let unknown = closesocket::engine::ProcessId(u32::MAX);
    assert_eq!(
        process.duplicate(descriptor, unknown).err(),
        Some(Error::InvalidArgument)
    );
    let record = process.duplicate(descriptor, target.id()).unwrap();
    assert_eq!(process.redeem(record).err(), Some(Error::InvalidArgument));
    let theirs = target.redeem(record).unwrap();
    assert_eq!(target.redeem(record).err(), Some(Error::InvalidArgument));
    process.close(descriptor).unwrap();
    target.close(theirs).unwrap();
    assert_eq!(target.redeem(record).err(), Some(Error::InvalidArgument));
    target.die();
    let descriptor = process.socket().unwrap();
    assert_eq!(
        process.duplicate(descriptor, target.id()).err(),
        Some(Error::InvalidArgument)
    );
    assert_eq!(target.startup(), Err(Error::NotInitialised));
    process.close(descriptor).unwrap();
    assert_eq!(provider.usage().sockets, 0);
}

#[test]
fn calls_in_the_wrong_state_get_the_error_of_that_state() {
    let provider = Provider::in_memory();
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    assert_eq!(
        process.recv(descriptor, &mut [0; 4]),
        Err(Error::NotConnected)
    );
    assert_eq!(process.send(descriptor, b"x"), Err(Error::NotConnected));
    assert_eq!(
        process.shutdown(descriptor, Shutdown::Send),
        Err(Error::NotConnected)
    );
    assert_eq!(process.accept(descriptor), Err(Error::InvalidArgument));
    assert_eq!(
        process.connect(descriptor, &HOME),
        Err(Error::ConnectionRefused)
    );
    assert_eq!(
        process.select(&[], Some(Duration::ZERO)),
        Err(Error::InvalidArgument)
    );
    assert!(!process.cancel_blocking_call(0));
    assert_eq!(provider.tick(), None);
    process.bind(descriptor, &HOME).unwrap();
    process.listen(descriptor, 0).unwrap();
    assert_eq!(process.listen(descriptor, u32::MAX), Ok(()));
    assert_eq!(
        process.connect(descriptor, &HOME),
        Err(Error::InvalidArgument)
    );
    let second = process.socket().unwrap();
    assert_eq!(process.bind(second, &HOME), Err(Error::AddressInUse));
    assert_eq!(process.listen(second, 1), Ok(()), "an address of its own");
    process.close(descriptor).unwrap();
    process.close(second).unwrap();
    assert_eq!(provider.usage().sockets, 0);
}
