//! S1 to S5: shutdown, cleanup, death, and readiness registrations.

use closesocket::engine::completions::{
    AlertableThread, CompletionQueue, Event, Interest, Notify, Overlapped,
};
use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::SystemClock;
use closesocket::engine::{Descriptor, Error, NoUpcalls, Provider, Shutdown};

use crate::world::{
    End, FOREVER, LONG, Network, Peer, Proc, Sys, Task, WINDOW, World, assert_all, assert_reset,
    pattern, settings,
};

scenarios! {
    s1_a_shutdown_closes_nothing_and_frees_nothing,
    s1_after_a_shutdown_of_the_send_side_receiving_goes_on,
    s1b_a_shut_receive_side_takes_whatever_a_peer_sends,
    s2_only_the_cleanup_that_matches_the_first_startup_acts,
    s2_a_cleanup_ends_operations_without_event_packet_or_routine,
    s2_a_cleanup_resets_what_is_hard_and_drains_the_rest_in_the_background,
    s2_a_cleanup_waits_for_no_linger_and_wakes_the_close_that_waits,
    s2_a_cleanup_wakes_every_blocked_thread_with_wsaeintr,
    s2_a_cleanup_leaves_the_sockets_that_others_share,
    s3_a_death_resets_what_is_hard_and_drains_the_rest_in_the_background,
    s3_a_death_posts_nothing_to_the_dead,
    s3_a_death_leaves_earlier_drains_to_go_on,
    s3_a_death_wakes_every_thread_that_still_runs,
    s3_the_last_handle_of_a_process_dropped_is_its_death,
    s4_a_close_sets_no_registered_event,
    s4_a_registration_dies_with_its_descriptor,
    s5_a_dropped_provider_resets_what_it_has_not_handed_over,
    s5_a_dropped_provider_ends_cleanly_what_it_has_handed_over,
}

//= docs/specification.md#s1-shutdown-is-not-a-close
//# - WSPShutdown MUST NOT close a descriptor or free any resource of the socket, so that a close
//# remains necessary.
fn s1_a_shutdown_closes_nothing_and_frees_nothing<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.send(descriptor, &pattern(0, 10)), Ok(10));
    assert_eq!(process.shutdown(descriptor, Shutdown::Both), Ok(()));
    assert_all(peer.read_to_end(), 10);
    peer.finish();
    assert_eq!(process.descriptors(), 1);
    assert_eq!(world.provider.usage().sockets, 1);
    assert_eq!(process.linger(descriptor), Ok(None));
    assert_eq!(process.send(descriptor, b"x"), Err(Error::ShutDown));
    assert_eq!(process.close(descriptor), Ok(()));
}

fn s1_after_a_shutdown_of_the_send_side_receiving_goes_on<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.shutdown(descriptor, Shutdown::Send), Ok(()));
    assert_all(peer.read_to_end(), 0);
    peer.write(b"answer");
    let mut buffer = [0; 6];
    assert_eq!(process.recv(descriptor, &mut buffer), Ok(6));
    assert_eq!(&buffer, b"answer");
    assert_eq!(process.close(descriptor), Ok(()));
}

fn s1b_a_shut_receive_side_takes_whatever_a_peer_sends<N: Network>(world: &World<N>) {
    for way in [Shutdown::Receive, Shutdown::Both] {
        let (descriptor, mut peer) = world.connect();
        world.process.shutdown(descriptor, way).unwrap();
        // More than fits anywhere, and nothing is pending here.
        for _ in 0..512 {
            peer.write(&pattern(0, 8192));
        }
        assert_eq!(world.process.close(descriptor), Ok(()));
        assert_all(peer.read_to_end(), 0);
    }
}

//= docs/specification.md#s2-cleanup
//# - A call of WSPCleanup that does not match the first WSPStartup of the process MUST NOT do more
//# than lower the startup count.
//= docs/specification.md#s2-cleanup
//# - The call of WSPCleanup that matches the first WSPStartup of the process MUST close every
//# descriptor of the process.
fn s2_only_the_cleanup_that_matches_the_first_startup_acts<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let process = &world.process;
    assert_eq!(process.startup(), Ok(()));
    assert_eq!(process.cleanup(), Ok(()));
    assert_eq!(process.send(descriptor, &pattern(0, 5)), Ok(5));
    assert_eq!(peer.read_exactly(5, 5), pattern(0, 5));
    assert!(peer.hears_nothing());
    assert_eq!(process.cleanup(), Ok(()));
    assert_all(peer.read_to_end(), 0);
    assert_eq!(process.close(descriptor), Err(Error::NotInitialised));
    assert_eq!(process.cleanup(), Err(Error::NotInitialised));
    // A new startup does not bring the descriptor back.
    assert_eq!(process.startup(), Ok(()));
    assert_eq!(process.close(descriptor), Err(Error::NotSocket));
}

/// Operations with every kind of notification, pending.
struct Issued {
    event: Overlapped,
    queue: CompletionQueue,
    thread: AlertableThread,
}

impl Issued {
    fn through<N: Network>(world: &World<N>, descriptor: Descriptor) -> Self {
        let issued = Self {
            event: Overlapped::new(),
            queue: CompletionQueue::new(),
            thread: AlertableThread::new(),
        };
        for notify in [
            Notify::event(&issued.event),
            Notify::queue(&issued.queue, 1),
            Notify::routine(&issued.thread, 2, |_| panic!("a routine ran")),
        ] {
            world.start_recv(descriptor, 4, notify);
        }
        issued
    }

    #[track_caller]
    fn assert_silent(&self) {
        assert!(!self.event.event().is_set());
        assert!(self.event.take().is_none());
        assert!(self.queue.is_empty());
        assert_eq!(self.thread.queued(), 0);
    }
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST end the pending operations of the process without posting an event, a packet or a
//# routine.
fn s2_a_cleanup_ends_operations_without_event_packet_or_routine<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let issued = Issued::through(world, descriptor);
    let registered = Event::new();
    world.watch(descriptor, Interest::READABLE, &registered);
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_all(peer.read_to_end(), 0);
    world.until_released();
    assert_eq!(world.process.descriptors(), 0);
    issued.assert_silent();
    assert!(!registered.is_set());
}

/// Ends a process that has a hard, a lingering and a default socket, all with
/// queued data, by `end`; that must wait for nothing.
fn ends_hard_and_in_the_background<N: Network>(world: &World<N>, end: fn(&Proc<N>)) {
    let process = &world.process;
    let connections = [Some(0), Some(FOREVER), None].map(|linger| {
        let (descriptor, peer, accepted) = world.stalled();
        process.set_linger(descriptor, linger).unwrap();
        process
            .set_nonblocking(descriptor, linger.is_none())
            .unwrap();
        (linger, peer, accepted)
    });
    let ending = process.clone();
    Task::start(move || end(&ending)).result();
    assert_eq!(process.descriptors(), 0);
    assert_eq!(world.provider.usage().sockets, 2);
    for (linger, mut peer, accepted) in connections {
        if linger == Some(0) {
            assert_reset(peer.read_to_end(), accepted);
        } else {
            assert_all(peer.read_to_end(), accepted);
        }
    }
    world.until_released();
}

//= docs/specification.md#s2-cleanup
//# - A socket that loses its last reference in a cleanup MUST be reset if hard linger is set, and
//# otherwise drain in the background.
fn s2_a_cleanup_resets_what_is_hard_and_drains_the_rest_in_the_background<N: Network>(
    world: &World<N>,
) {
    ends_hard_and_in_the_background(world, |process| assert_eq!(process.cleanup(), Ok(())));
}

fn s2_a_cleanup_waits_for_no_linger_and_wakes_the_close_that_waits<N: Network>(world: &World<N>) {
    let (descriptor, mut peer, accepted) = world.stalled();
    let closing = world.close_lingering(descriptor);
    assert_eq!(world.process.cleanup(), Ok(()));
    assert_eq!(closing.result(), Err(Error::Interrupted));
    assert_all(peer.read_to_end(), accepted);
}

/// Blocks a thread in each kind of call, ends the process, and sees them wake.
fn wakes_every_blocked_thread<N: Network>(world: &World<N>, end: fn(&Proc<N>)) {
    let (_deaf, address) = N::deaf(world.provider.transport());
    let (reading, _one) = world.connect();
    let (sending, _two, accepted) = world.stalled();
    let (listener, _) = world.listener();
    let connecting = world.process.socket().unwrap();
    let blocked = [
        world.block(move |process| process.recv(reading, &mut [0; 4]).err()),
        world.block(move |process| {
            let rest = pattern(accepted, crate::world::BIG);
            process.send(sending, &rest).err()
        }),
        world.block(move |process| process.accept(listener).err()),
        world.block(move |process| process.connect(connecting, &address).err()),
    ];
    end(&world.process);
    for call in blocked {
        // With or without a part of a send that was accepted (C2).
        let told = call.result().map(Error::code);
        assert_eq!(told, Some(Error::Interrupted.code()));
    }
}

//= docs/specification.md#s2-cleanup
//# - A thread that is blocked in a call when its process is cleaned up MUST be woken with WSAEINTR.
fn s2_a_cleanup_wakes_every_blocked_thread_with_wsaeintr<N: Network>(world: &World<N>) {
    wakes_every_blocked_thread(world, |process| assert_eq!(process.cleanup(), Ok(())));
}

fn s2_a_cleanup_leaves_the_sockets_that_others_share<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let other = world.other();
    let second = world.share(first, &other);
    let queue = CompletionQueue::new();
    let notify = Notify::queue(&queue, 1);
    other.recv_overlapped(second, vec![0; 4], notify).unwrap();
    world.process.set_linger(first, Some(0)).unwrap();
    assert_eq!(world.process.cleanup(), Ok(()));
    peer.write(b"hi");
    assert_eq!(queue.wait(LONG).unwrap().result, Ok(2));
    other.set_dont_linger(second, true).unwrap();
    assert_eq!(other.close(second), Ok(()));
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#s3-process-death
//# - The death of a process MUST close every descriptor of that process without waiting for
//# anything.
//= docs/specification.md#s3-process-death
//# - A socket that loses its last reference by a process death MUST be reset if hard linger is set,
//# and otherwise drain in the background.
fn s3_a_death_resets_what_is_hard_and_drains_the_rest_in_the_background<N: Network>(
    world: &World<N>,
) {
    ends_hard_and_in_the_background(world, Proc::<N>::die);
}

//= docs/specification.md#s3-process-death
//# - A completion MUST NOT be posted to a dead process.
fn s3_a_death_posts_nothing_to_the_dead<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let issued = Issued::through(world, descriptor);
    world.process.die();
    assert_all(peer.read_to_end(), 0);
    world.until_released();
    issued.assert_silent();
    assert_eq!(world.process.startup(), Err(Error::NotInitialised));
}

//= docs/specification.md#s3-process-death
//# - A drain that began before the death of a process MUST go on after it.
fn s3_a_death_leaves_earlier_drains_to_go_on<N: Network>(world: &World<N>) {
    let (background, mut one, accepted) = world.stalled();
    let (lingering, mut two, also) = world.stalled();
    assert_eq!(world.process.close(background), Ok(()));
    let closing = world.close_lingering(lingering);
    world.process.die();
    assert_eq!(closing.result(), Err(Error::Interrupted));
    assert_eq!(world.provider.usage().sockets, 2);
    assert_all(one.read_to_end(), accepted);
    assert_all(two.read_to_end(), also);
}

//= docs/specification.md#s3-process-death
//# - A thread that is blocked in a call of a process that has died, and that itself still runs,
//# MUST be woken with WSAEINTR.
fn s3_a_death_wakes_every_thread_that_still_runs<N: Network>(world: &World<N>) {
    wakes_every_blocked_thread(world, Proc::<N>::die);
}

fn s3_the_last_handle_of_a_process_dropped_is_its_death<N: Network>(world: &World<N>) {
    let process = world.provider.startup().unwrap();
    let (descriptor, mut peer) = world.connect_from(&process);
    let clone = process.clone();
    drop(process);
    assert_eq!(clone.send(descriptor, &pattern(0, 3)), Ok(3));
    drop(clone);
    assert_all(peer.read_to_end(), 3);
    world.until_released();
}

//= docs/specification.md#s4-no-fd-close-for-the-closer
//# - A close MUST NOT cause FD_CLOSE to be posted to the closer.
fn s4_a_close_sets_no_registered_event<N: Network>(world: &World<N>) {
    let (descriptor, mut peer) = world.connect();
    let both = Interest::READABLE;
    let event = Event::new();
    world.watch(descriptor, both, &event);
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
    world.until_released();
    assert!(!event.is_set());
}

//= docs/specification.md#s4-no-fd-close-for-the-closer
//# - A readiness registration MUST end together with the descriptor through which it was made.
fn s4_a_registration_dies_with_its_descriptor<N: Network>(world: &World<N>) {
    let (first, mut peer) = world.connect();
    let second = world.share(first, &world.process);
    let (gone, kept) = (Event::new(), Event::new());
    let process = &world.process;
    world.watch(first, Interest::READABLE, &gone);
    world.watch(second, Interest::READABLE, &kept);
    assert_eq!(process.close(first), Ok(()));
    gone.reset();
    peer.write(b"later");
    assert!(kept.wait(LONG));
    assert!(!gone.is_set());
    assert_eq!(process.close(second), Ok(()));
}

/// A provider with a connection that this many bytes were queued on, its last
/// descriptor closed or not, is dropped: how many bytes were accepted, and what
/// the peer receives.
fn dropped<N: Network>(bytes: usize, close: bool) -> (usize, (Vec<u8>, End)) {
    let clock = SystemClock::default();
    let provider: Provider<Sys<N>> =
        Provider::new(settings(), N::transport(), clock, NoProbe, NoUpcalls);
    let listener = N::listen(provider.transport());
    let process = provider.startup().unwrap();
    let descriptor = process.socket().unwrap();
    let connected = Overlapped::new();
    process
        .connect_overlapped(
            descriptor,
            &N::address(&listener),
            Notify::event(&connected),
        )
        .unwrap();
    let mut peer = N::accept(&listener);
    assert_eq!(connected.wait(LONG).unwrap().result, Ok(0));
    process.set_nonblocking(descriptor, true).unwrap();
    let accepted = process.send(descriptor, &pattern(0, bytes)).unwrap();
    if close {
        process.close(descriptor).unwrap();
    }
    drop((process, provider));
    (accepted, peer.read_to_end())
}

//= docs/specification.md#s5-a-provider-that-ends
//# - When a provider ends while bytes that it has accepted wait in its own queue, be it dropped, its
//# transport stopped, or its operating system process ended or killed, their connection MUST end in
//# a reset, never in a FIN.
fn s5_a_dropped_provider_resets_what_it_has_not_handed_over<N: Network>(_: &World<N>) {
    for close in [true, false] {
        let (accepted, received) = dropped::<N>(WINDOW as usize, close);
        assert!(assert_reset(received, accepted) < accepted);
    }
}

fn s5_a_dropped_provider_ends_cleanly_what_it_has_handed_over<N: Network>(_: &World<N>) {
    for close in [true, false] {
        let (accepted, received) = dropped::<N>(1000, close);
        assert_eq!(accepted, 1000);
        assert_all(received, 1000);
    }
}
