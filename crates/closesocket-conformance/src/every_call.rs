//! Every public call that takes a descriptor.

use std::io::IoSlice;
use std::time::Duration;

use closesocket::engine::completions::{CompletionQueue, Event, Interest, Notify};
use closesocket::engine::sockopt::NoDelay;
use closesocket::engine::sync::Std;
use closesocket::engine::{AddressOf, Descriptor, Error, Process, Shutdown, System};

/// The error of each call with this descriptor. None of them may succeed, so none
/// posts anything. `peer` is an address to connect to, `free` is one to bind.
pub(crate) fn every_call<S: System<Primitives = Std>>(
    process: &Process<S>,
    it: Descriptor,
    peer: &AddressOf<S>,
    free: &AddressOf<S>,
) -> Vec<(&'static str, Option<Error>)> {
    let queue = CompletionQueue::new();
    let notify = || Notify::queue(&queue, 1);
    let (readable, now) = ([(it, Interest::READABLE)], Some(Duration::ZERO));
    let event = Event::new();
    let mut told = Vec::new();
    let mut call = |name, error| told.push((name, error));
    call("begin", process.begin(it).err());
    call("bind", process.bind(it, free).err());
    call("local_address", process.local_address(it).err());
    call("listen", process.listen(it, 1).err());
    call("accept", process.accept(it).err());
    let accept = process.accept_overlapped(it, notify());
    call("accept_overlapped", accept.err());
    call("connect", process.connect(it, peer).err());
    let connect = process.connect_overlapped(it, peer, notify());
    call("connect_overlapped", connect.err());
    call("recv", process.recv(it, &mut [0; 4]).err());
    call("recv nothing", process.recv(it, &mut []).err());
    let recv = process.recv_overlapped(it, vec![0; 4], notify());
    call("recv_overlapped", recv.err());
    call("send", process.send(it, b"stale").err());
    call("send nothing", process.send(it, b"").err());
    let send = process.send_overlapped(it, vec![0; 4], notify());
    call("send_overlapped", send.err());
    call("shutdown", process.shutdown(it, Shutdown::Both).err());
    call("set_linger", process.set_linger(it, Some(0)).err());
    call("linger", process.linger(it).err());
    for dont in [false, true] {
        let set = process.set_dont_linger(it, dont);
        call("set_dont_linger", set.err());
    }
    let set = process.set_nonblocking(it, true);
    call("set_nonblocking", set.err());
    call("set_option", process.set_option(it, NoDelay(true)).err());
    call("option", process.option::<NoDelay>(it).err());
    call("peek", process.peek(it, &mut [0; 4]).err());
    call("available", process.available(it).err());
    let send = process.send_vectored(it, &[IoSlice::new(b"stale"); 2]);
    call("send_vectored", send.err());
    let recv = process.recv_vectored(it, &mut []);
    call("recv_vectored", recv.err());
    call("network_events", process.network_events(it).err());
    call("queued", process.queued(it).err());
    call("duplicate", process.duplicate(it, process.id()).err());
    call("select", process.select(&readable, now).err());
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        let select = process.event_select(it, interest, &event);
        call("event_select", select.err());
    }
    call("close", process.close(it).err());
    assert!(queue.is_empty(), "a call that failed must post nothing");
    told
}
