//! Records: redeemed once, by their target, and reclaimed with it.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use closesocket::engine::{Descriptor, Error};
use closesocket_tcp::native;
use closesocket_tcp::transfer::{receive_record, send_record};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use socket2::SockRef;

use crate::common::child::{Actor, alone, alone_and_clean};
use crate::common::world::{World, holdings, until_holdings_are};
use crate::common::{exhaust, read_to_end};
use crate::family::{Family, expect_nothing};

/// A record's bytes and descriptors, for whoever wants to forge.
fn intercept(stream: &UnixStream) -> (Vec<u8>, Vec<OwnedFd>) {
    let (mut bytes, mut space) = (
        [0; 64],
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))],
    );
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut bytes)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(stream, &mut into, &mut control, flags).unwrap();
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(those) = message {
            descriptors.extend(those);
        }
    }
    (bytes[..received.bytes].to_vec(), descriptors)
}

fn forge<D: AsFd>(stream: &UnixStream, bytes: &[u8], descriptors: &[D]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    }
    sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::empty(),
    )
    .unwrap();
}

fn send_to_self(world: &World, descriptor: Descriptor, stream: &UnixStream) -> Result<(), Error> {
    send_record(&world.process, descriptor, std::process::id(), stream)
}

#[test]
fn a_record_is_redeemed_once() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    family.expect("redeem", "Err(InvalidArgument)");
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    family.expect("close", "Ok(())");
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
    family.expect("redeem", "Err(InvalidArgument)");
    family.part();
}

#[test]
fn a_copy_of_a_redeemed_record_is_refused_and_is_no_reference() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    send_to_self(&world, descriptor, &here).unwrap();
    let (bytes, descriptors) = intercept(&there);
    forge(&here, &bytes, &descriptors);
    forge(&here, &bytes, &descriptors);
    drop(descriptors);
    let mut first = receive_record(&there).unwrap();
    let mut second = receive_record(&there).unwrap();
    let redeemed = first.redeem(&world.process).unwrap();
    let again = second.redeem(&world.process);
    assert_eq!(again, Err(Error::InvalidArgument));
    let once_more = second.redeem(&world.process);
    assert_eq!(once_more, Err(Error::InvalidArgument));
    for each in [descriptor, redeemed] {
        assert_eq!(world.process.close(each), Ok(()));
    }
    assert_eq!(read_to_end(&mut peer).unwrap(), 0, "while both are held");
    world.until_nothing_is_left();
}

#[test]
fn a_record_is_refused_by_a_process_that_is_not_its_target() {
    let mut family = Family::new();
    let (descriptor, peer) = family.world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    let target = family.child.process.id();
    let process = &family.world.process;
    send_record(process, descriptor, target, &here).unwrap();
    let (bytes, descriptors) = intercept(&there);
    forge(&here, &bytes, &descriptors);
    let mut record = receive_record(&there).unwrap();
    assert_eq!(record.target(), target);
    assert_eq!(record.redeem(process), Err(Error::InvalidArgument));
    // The refusal has not used it up: its target can have it.
    drop(record);
    forge(&family.stream, &bytes, &descriptors);
    drop(descriptors);
    assert_eq!(process.close(descriptor), Ok(()));
    expect_nothing(&peer);
    family.expect("receive", "Ok(())");
    family.expect("redeem", "Ok(())");
    family.close_last(peer, 0);
}

#[test]
fn a_record_for_a_dead_process_is_refused() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let (here, _there) = UnixStream::pair().unwrap();
    let mut child = Actor::start("family::the_child", "child");
    let target = child.process.id();
    child.process.kill().unwrap();
    // Until all of it is dead: its first thread alone is a zombie earlier, while
    // others are still on their way out, and the process is alive as long.
    let whole = WaitId::Pid(Pid::from_child(&child.process));
    let looks = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(whole, looks).unwrap();
    let refused = Err(Error::InvalidArgument);
    let send = |target| send_record(&world.process, descriptor, target, &here);
    // Nobody has waited for it, so its id is still taken.
    assert_eq!(send(target), refused);
    child.kill();
    for target in [target, 0, u32::MAX] {
        assert_eq!(send(target), refused, "{target}");
    }
    // It was not transferred, so its linger options are all there.
    let before = world.process.set_linger(descriptor, Some(5));
    assert_eq!(before.and(world.process.close(descriptor)), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
    world.until_nothing_is_left();
}

#[test]
fn a_record_on_its_way_is_a_reference_until_its_target_dies() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.world.connect();
    family.send(descriptor).unwrap();
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    family.world.until_nothing_is_left();
    expect_nothing(&peer);
    family.child.kill();
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
}

#[test]
fn a_record_that_arrived_is_a_reference_until_it_is_dropped() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    send_to_self(&world, descriptor, &here).unwrap();
    let record = receive_record(&there).unwrap();
    assert_eq!(world.process.close(descriptor), Ok(()));
    world.until_nothing_is_left();
    expect_nothing(&peer);
    drop(record);
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
}

#[test]
fn a_stream_without_a_record_says_so() {
    let (mut here, there) = UnixStream::pair().unwrap();
    there.set_nonblocking(true).unwrap();
    assert_eq!(receive_record(&there).err(), Some(Error::WouldBlock));
    here.write_all(b"not a record at all").unwrap();
    assert_eq!(receive_record(&there).err(), Some(Error::InvalidArgument));
    assert_eq!(receive_record(&there).err(), Some(Error::NotConnected));
    let (here, there) = UnixStream::pair().unwrap();
    // The words of a record with descriptors that are none of ours.
    let mut bytes = *b"CSR\x01\0\0\0\0\0\0\0\0";
    bytes[8..].copy_from_slice(&std::process::id().to_le_bytes());
    let files: [OwnedFd; 2] = [(); 2].map(|()| File::open("/dev/null").unwrap().into());
    forge(&here, &bytes, &files);
    assert_eq!(receive_record(&there).err(), Some(Error::InvalidArgument));
    drop(here);
    assert_eq!(receive_record(&there).err(), Some(Error::NotConnected));
    let world = World::new();
    let (descriptor, _peer) = world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    drop(there);
    let sent = send_to_self(&world, descriptor, &here);
    assert_eq!(sent, Err(Error::NotConnected));
}

/// How a malformed message ends.
#[derive(Clone, Copy)]
enum Ends {
    /// Alone: the good record behind it is received.
    Alone,
    /// With the stream: where a record begins cannot be told any more.
    TheStream,
}

#[test]
fn a_malformed_record_ends_alone_or_ends_the_stream() {
    alone(|| {
        let world = World::new();
        let (descriptor, mut peer) = world.connect();
        let (here, there) = UnixStream::pair().unwrap();
        send_to_self(&world, descriptor, &here).unwrap();
        let (good, kernels) = intercept(&there);
        let before = holdings();
        for place in 0..good.len() - 4 {
            let mut words = good.clone();
            words[place] ^= 0x80;
            malformed(&good, &kernels, &words, &[0, 1], Ends::TheStream);
        }
        let long = [good.clone(), vec![0; 8]].concat();
        for (words, those, ends) in [
            (&good[..], &[][..], Ends::Alone),
            (&good, &[0], Ends::Alone),
            (&good, &[0, 1, 1], Ends::Alone),
            (&good, &[0, 1, 1, 1, 1], Ends::Alone),
            (&good, &[1, 0], Ends::Alone),
            (&good[..5], &[], Ends::TheStream),
            (&good[..5], &[0, 1], Ends::TheStream),
            (&long[8..], &[0, 1], Ends::TheStream),
        ] {
            malformed(&good, &kernels, words, those, ends);
        }
        // A record that was written in two pieces is one.
        let (here, there) = UnixStream::pair().unwrap();
        (&here).write_all(&good[..4]).unwrap();
        forge(&here, &good[4..], &kernels);
        assert!(receive_record(&there).is_ok());
        drop((here, there));
        until_holdings_are(before);
        drop(kernels);
        assert_eq!(world.process.close(descriptor), Ok(()));
        assert_eq!(read_to_end(&mut peer).unwrap(), 0);
    });
}

/// Sends a message of these words and descriptors, and a good record behind it.
fn malformed(good: &[u8], kernels: &[OwnedFd], words: &[u8], those: &[usize], ends: Ends) {
    let (here, there) = UnixStream::pair().unwrap();
    there.set_nonblocking(true).unwrap();
    let those: Vec<_> = those.iter().map(|&it| &kernels[it]).collect();
    forge(&here, words, &those);
    forge(&here, good, kernels);
    let received = || receive_record(&there).map(|_| ()).err();
    let what = format!("{words:?}, {} descriptors", those.len());
    assert_eq!(received(), Some(Error::InvalidArgument), "{what}");
    let next = match ends {
        Ends::Alone => [None, Some(Error::WouldBlock)],
        Ends::TheStream => [Some(Error::NotConnected); 2],
    };
    assert_eq!([received(), received()], next, "{what}");
    let told = (&here).write(b"more").is_err();
    assert_eq!(told, matches!(ends, Ends::TheStream), "{what}");
}

#[test]
fn only_connections_and_listeners_are_transferred() {
    let world = World::new();
    let process = &world.process;
    let (here, _there) = UnixStream::pair().unwrap();
    let descriptor = process.socket().unwrap();
    let send = || send_to_self(&world, descriptor, &here);
    assert_eq!(send(), Err(Error::NotConnected));
    process.close(descriptor).unwrap();
    assert_eq!(send(), Err(Error::NotSocket));
}

/// The linger option goes to the kernel with a record, and comes back if that is not
/// sent: the end of the operating system process would be a reset.
#[test]
fn a_record_that_is_not_sent_leaves_the_end_of_the_connection_to_the_engine() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    world.process.set_linger(descriptor, Some(0)).unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    drop(there);
    let sent = send_to_self(&world, descriptor, &here);
    assert_eq!(sent, Err(Error::NotConnected));
    let lent = native::lend(&world.process, descriptor).unwrap();
    assert_eq!(SockRef::from(&lent).linger().unwrap(), None);
    drop(lent);
    world.process.set_dont_linger(descriptor, true).unwrap();
    world.process.send(descriptor, b"all").unwrap();
    world.process.close(descriptor).unwrap();
    world.until_nothing_is_left();
    assert_eq!(read_to_end(&mut peer).unwrap(), 3);
}

#[test]
fn without_descriptors_a_record_stays_in_the_stream() {
    alone_and_clean(|| {
        let world = World::new();
        let (descriptor, mut peer) = world.connect();
        let (here, there) = UnixStream::pair().unwrap();
        send_to_self(&world, descriptor, &here).unwrap();
        let mut hoard = exhaust();
        let refused = Err(Error::TooManyDescriptors);
        assert_eq!(send_to_self(&world, descriptor, &here), refused);
        for spare in 0..2 {
            let error = receive_record(&there).err();
            assert_eq!(error, Some(Error::TooManyDescriptors), "{spare} spare");
            hoard.pop();
        }
        let mut record = receive_record(&there).unwrap();
        let redeemed = record.redeem(&world.process).unwrap();
        for each in [descriptor, redeemed] {
            assert_eq!(world.process.close(each), Ok(()));
        }
        assert_eq!(read_to_end(&mut peer).unwrap(), 0);
        world.until_nothing_is_left();
    });
}

#[test]
fn a_redemption_that_fails_can_be_tried_again() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    send_to_self(&world, descriptor, &here).unwrap();
    let mut record = receive_record(&there).unwrap();
    let stopped = world.provider.process();
    assert_eq!(record.redeem(&stopped), Err(Error::NotInitialised));
    let other = World::new();
    other.provider.transport().stop();
    assert_eq!(record.redeem(&other.process), Err(Error::NetworkDown));
    let redeemed = record.redeem(&world.process).unwrap();
    assert_eq!(world.process.send(redeemed, b"ok"), Ok(2));
    for each in [descriptor, redeemed] {
        assert_eq!(world.process.close(each), Ok(()));
    }
    assert_eq!(read_to_end(&mut peer).unwrap(), 2);
    world.until_nothing_is_left();
}
