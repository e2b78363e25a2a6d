//! An attack with stale handles: 4 MB pending, close, the slot reused by a new
//! connection, a thousand times. Not one byte reaches the wrong peer (D3).
//!
//! A handle's value is `generation << 32 | slot`. The table has one slot, so every
//! connection gets the slot of the one before, in the next generation; the old
//! value is what a user of a stale handle, or a thread that still has it in a
//! register, goes on using.
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::common::world::{LONG, Sys, Task, World, until};
use closesocket::engine::completions::{CompletionQueue, Interest, Notify};
use closesocket::engine::{Config, Descriptor, Error, NoUpcalls, Process, Shutdown};

const ROUNDS: u32 = 1000;
/// Bytes of each pending send.
const PENDING: usize = 4 << 20;
/// What the attacks send. No round has this pattern.
const POISON: [u8; 4096] = [0xFF; 4096];

/// The bytes of a round: every eighth tells the round and the position.
fn write_pattern(round: u32, buffer: &mut [u8]) {
    for (position, word) in (0_u32..).zip(buffer.chunks_exact_mut(8)) {
        word[..4].copy_from_slice(&round.to_be_bytes());
        word[4..].copy_from_slice(&position.to_be_bytes());
    }
}

/// A new connection in the only slot. An attacker's hold may keep the slot for a
/// moment after the close.
fn connect(world: &World) -> (Descriptor, TcpStream) {
    until("the slot is free", || world.process.descriptors() == 0);
    world.connect()
}

/// Sees that everything that a stale value can be used for is refused. One after
/// the other: what got through might wait.
fn attack(process: &Process<Sys>, stale: Descriptor) {
    let refused = |call: &str, error: Option<Error>| {
        assert_eq!(error, Some(Error::NotSocket), "{call} through {stale:?}");
    };
    let queue = CompletionQueue::new();
    let notify = || Notify::queue(&queue, 0);
    refused("send", process.send(stale, &POISON).err());
    let sent = process.send_overlapped(stale, vec![0xFF; PENDING], notify());
    refused("overlapped send", sent.err());
    refused("recv", process.recv(stale, &mut [0; 64]).err());
    let received = process.recv_overlapped(stale, vec![0; 64], notify());
    refused("overlapped recv", received.err());
    let readable = [(stale, Interest::READABLE)];
    refused("select", process.select(&readable, LONG).err());
    refused("linger", process.set_linger(stale, Some(0)).err());
    refused("shutdown", process.shutdown(stale, Shutdown::Both).err());
    let record = process.duplicate(stale, process.id());
    refused("duplicate", record.err());
    refused("close", process.close(stale).err());
    assert!(queue.is_empty(), "a refused call posts nothing");
}

/// Uses the newest stale value, again and again, while the slot is closed,
/// recycled and opened. Returns how often.
fn attack_until(process: &Process<Sys>, newest: &AtomicU64, over: &AtomicBool) -> u64 {
    let mut attacks = 0;
    while !over.load(Ordering::Acquire) {
        let stale = Descriptor::from_raw(newest.load(Ordering::Acquire));
        let refused = Err(Error::NotSocket);
        // One after the other: a receive that got through would wait.
        assert_eq!(process.send(stale, &POISON), refused, "{stale:?}");
        assert_eq!(process.recv(stale, &mut [0; 64]), refused, "{stale:?}");
        assert_eq!(process.close(stale), Err(Error::NotSocket), "{stale:?}");
        attacks += 1;
    }
    attacks
}

/// Sees that the peer gets these bytes, then the FIN, and nothing else.
fn expect_exactly(peer: &mut TcpStream, expected: &[u8]) {
    let mut chunk = [0; 64 * 1024];
    let mut at = 0;
    loop {
        match peer.read(&mut chunk).unwrap() {
            0 => break,
            bytes => {
                let right = expected.get(at..at + bytes);
                assert!(right == Some(&chunk[..bytes]), "wrong bytes behind {at}");
                at += bytes;
            }
        }
    }
    assert_eq!(at, expected.len());
}

/// Sees that neither bytes nor an end have come.
fn expect_nothing(peer: &TcpStream) {
    peer.set_nonblocking(true).unwrap();
    let error = peer.peek(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    peer.set_nonblocking(false).unwrap();
}

#[test]
fn no_byte_reaches_the_wrong_peer_when_a_slot_is_reused_a_thousand_times() {
    let begun = Instant::now();
    let config = Config {
        descriptor_limit: 1,
        ..Config::default()
    };
    let world = World::with(config, NoUpcalls);
    let process = &world.process;
    let newest = Arc::new(AtomicU64::new(Descriptor::new(0, 0).raw()));
    let over = Arc::new(AtomicBool::new(false));
    let attacker = {
        let (process, newest, over) = (process.clone(), Arc::clone(&newest), Arc::clone(&over));
        Task::start(move || attack_until(&process, &newest, &over))
    };
    let queue = CompletionQueue::new();
    let mut buffer = vec![0; PENDING];
    let (mut descriptor, mut peer) = connect(&world);
    let mut received = 0;
    for round in 0..ROUNDS {
        write_pattern(round, &mut buffer);
        let notify = Notify::queue(&queue, u64::from(round));
        process.send_overlapped(descriptor, buffer, notify).unwrap();
        assert!(queue.is_empty(), "the peer does not read: it is pending");
        assert_eq!(process.close(descriptor), Ok(()));
        let aborted = queue.take().expect("aborted by the close");
        assert_eq!(aborted.key, u64::from(round));
        assert_eq!(aborted.result, Err(Error::OperationAborted));
        assert!((1..PENDING).contains(&aborted.transferred));
        buffer = aborted.buffer;

        let stale = Descriptor::from_raw(descriptor.raw());
        newest.store(stale.raw(), Ordering::Release);
        let (new, mut new_peer) = connect(&world);
        assert_eq!(new.slot(), stale.slot(), "the slot is reused");
        assert_eq!(new.generation(), stale.generation() + 1);
        new_peer.write_all(&round.to_be_bytes()).unwrap();
        if round % 10 == 0 {
            attack(process, stale);
        }

        // What the old connection still sends goes to the old peer.
        expect_exactly(&mut peer, &buffer[..aborted.transferred]);
        received += aborted.transferred;
        expect_nothing(&new_peer);
        let mut greeting = [0; 4];
        assert_eq!(process.recv(new, &mut greeting), Ok(4));
        assert_eq!(u32::from_be_bytes(greeting), round);
        (descriptor, peer) = (new, new_peer);
    }
    over.store(true, Ordering::Release);
    let attacks = attacker.result();
    process.close(descriptor).unwrap();
    expect_exactly(&mut peer, &[]);
    world.until_nothing_is_left();
    assert!(attacks > u64::from(ROUNDS), "{attacks} attacks");
    println!(
        "{ROUNDS} rounds, {attacks} attacks, {received} bytes received, {:?}",
        begun.elapsed()
    );
}
