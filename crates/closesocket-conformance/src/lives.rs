//! S2: a process that starts up again while its cleanup still sweeps.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use closesocket::engine::Descriptor;
use closesocket::engine::completions::{CompletionQueue, Notify, Overlapped};

use crate::handles::last_reference;
use crate::world::{Address, LONG, Network, PATIENCE, Peer, Proc, Task, World, assert_all};

scenarios! {
    s2_a_cleanup_ends_no_operation_of_the_next_life,
    s2_a_cleanup_closes_no_descriptor_of_the_next_life,
}

/// Cleans up. In the upcall for the first handle that goes back, another thread
/// starts up again and lives on.
fn live_again<N: Network, T: Send + 'static>(
    live: impl Fn(&Proc<N>, &Address<N>) -> T + Clone + Send + Sync + 'static,
) -> (World<N>, T, N::Peer) {
    let world = last_reference::<N>();
    world.process.socket().unwrap();
    let (tell, told) = channel();
    let (process, address) = (world.process.clone(), world.peer_address());
    let again = AtomicBool::new(false);
    world.dll.during(move |_, _| {
        if again.swap(true, Ordering::SeqCst) {
            return;
        }
        let (process, address) = (process.clone(), address.clone());
        let (live, tell) = (live.clone(), tell.clone());
        let living = Task::start(move || {
            process.startup().unwrap();
            tell.send(live(&process, &address)).unwrap();
        });
        living.result();
    });
    let process = world.process.clone();
    let cleaning = Task::start(move || process.cleanup());
    let peer = world.next_peer();
    assert_eq!(cleaning.result(), Ok(()));
    let lived = told.recv_timeout(PATIENCE).unwrap();
    // It holds the process, which holds it.
    world.dll.during(|_, _| {});
    (world, lived, peer)
}

fn connect<N: Network>(process: &Proc<N>, address: &Address<N>) -> Descriptor {
    let descriptor = process.socket().unwrap();
    let connected = Overlapped::new();
    let notify = Notify::event(&connected);
    let connecting = process.connect_overlapped(descriptor, address, notify);
    connecting.unwrap();
    assert_eq!(connected.wait(LONG).unwrap().result, Ok(0));
    descriptor
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
//= docs/specification.md#o2-one-end-for-each-operation
//# - Every operation MUST end exactly once, either completed or aborted.
fn s2_a_cleanup_ends_no_operation_of_the_next_life<N: Network>(_: &World<N>) {
    let queue = CompletionQueue::new();
    let told = queue.clone();
    let (world, kept, mut peer) = live_again::<N, _>(move |process, address| {
        let first = connect::<N>(process, address);
        let record = process.duplicate(first, process.id()).unwrap();
        let kept = process.redeem(record).unwrap();
        let notify = Notify::queue(&told, 42);
        process.recv_overlapped(first, vec![0; 8], notify).unwrap();
        process.close(first).unwrap();
        kept
    });
    peer.write(b"hello");
    let received = queue.wait(LONG).unwrap();
    assert_eq!((received.key, received.result), (42, Ok(5)));
    assert_eq!(world.process.close(kept), Ok(()));
    assert!(queue.is_empty());
    assert_all(peer.read_to_end(), 0);
}

//= docs/specification.md#s2-cleanup
//# - Cleanup MUST NOT end anything that began after a later WSPStartup of the process.
fn s2_a_cleanup_closes_no_descriptor_of_the_next_life<N: Network>(_: &World<N>) {
    let (world, descriptor, mut peer) = live_again::<N, _>(connect::<N>);
    assert_eq!(world.process.descriptors(), 1);
    peer.write(b"hello");
    assert_eq!(world.process.recv(descriptor, &mut [0; 8]), Ok(5));
    assert_eq!(world.process.close(descriptor), Ok(()));
    assert_all(peer.read_to_end(), 0);
}
