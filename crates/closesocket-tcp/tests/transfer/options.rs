//! Linger options that a shared connection can honour, and those that it cannot.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use closesocket::engine::Error;
use closesocket_tcp::transfer::{receive_record, send_record};
use socket2::SockRef;

use crate::common::copies::copy;
use crate::common::read_to_end;
use crate::common::world::{Task, World};
use crate::family::{Family, expect_nothing};

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - A request for a linger option that a transferred TCP socket cannot honour MUST fail with a
//# typed error.
#[test]
fn timed_linger_is_refused_before_and_after_a_transfer() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.world.connect();
    let refused = Err(Error::InvalidArgument);
    let process = &family.world.process;
    process.set_linger(descriptor, Some(5)).unwrap();
    assert_eq!(family.send(descriptor), refused);
    let process = &family.world.process;
    process.set_dont_linger(descriptor, true).unwrap();
    family.share(descriptor);
    let process = &family.world.process;
    assert_eq!(process.set_linger(descriptor, Some(5)), refused);
    assert_eq!(process.set_dont_linger(descriptor, false), refused);
    assert_eq!(process.linger(descriptor), Ok(None));
    family.expect("linger 5", "Err(InvalidArgument)");
    family.expect("close", "Ok(())");
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
    family.part();
}

#[test]
fn hard_linger_resets_when_the_last_process_leaves_and_not_before() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.world.connect();
    let process = &family.world.process;
    process.set_linger(descriptor, Some(0)).unwrap();
    family.share(descriptor);
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    expect_nothing(&peer);
    family.expect("send there", "Ok(5)");
    let mut text = [0; 5];
    std::io::Read::read_exact(&mut peer, &mut text).unwrap();
    family.expect("close", "Ok(())");
    let end = read_to_end(&mut peer).map_err(|error| error.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    family.part();
}

#[test]
fn hard_linger_set_in_one_process_is_seen_and_undone_in_the_other() {
    let mut family = Family::new();
    let (descriptor, mut peer) = family.shared();
    assert_eq!(family.world.process.linger(descriptor), Ok(None));
    family.expect("linger 0", "Ok(())");
    assert_eq!(family.world.process.linger(descriptor), Ok(Some(0)));
    family.world.process.set_linger(descriptor, None).unwrap();
    family.expect("close", "Ok(())");
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 0, "and no reset");
    family.part();
}

#[test]
fn a_transfer_waits_for_accepted_bytes_to_go_first_and_changes_nothing_else() {
    let mut family = Family::new();
    let (descriptor, mut peer, accepted) = family.world.stalled();
    assert_eq!(family.send(descriptor), Err(Error::WouldBlock));
    // It is no shared connection: these are still its own.
    let process = &family.world.process;
    process.set_linger(descriptor, Some(5)).unwrap();
    family.world.process.set_linger(descriptor, None).unwrap();
    std::io::Read::read_exact(&mut peer, &mut vec![0; accepted]).unwrap();
    family.share(descriptor);
    family.expect("close", "Ok(())");
    assert_eq!(family.world.process.close(descriptor), Ok(()));
    assert_eq!(read_to_end(&mut peer).unwrap(), 0);
    family.part();
}

//= docs/specification.md#d9-transfer-between-operating-system-processes
//# - A call on a TCP socket MUST NOT wait in the kernel where a close cannot wake it, whatever
//# another process that has its descriptor too does to the state that both share.
#[test]
fn a_close_waits_for_no_linger_time_that_another_process_has_set_in_the_kernel() {
    let world = World::new();
    let (descriptor, mut peer) = world.connect();
    let (here, there) = UnixStream::pair().unwrap();
    send_record(&world.process, descriptor, std::process::id(), &here).unwrap();
    drop(receive_record(&there).unwrap());
    // What the kernel has and the peer has no room for: a close would wait for it.
    let mut sent = 0;
    while world.process.queued(descriptor).unwrap() < 4096 {
        sent += world.process.send(descriptor, &[7; 4096]).unwrap();
        // What has room is acknowledged before the next look, late as that may be.
        thread::sleep(Duration::from_millis(60));
    }
    let theirs = copy(&peer);
    let long = Some(Duration::from_secs(600));
    SockRef::from(&theirs).set_linger(long).unwrap();
    drop(theirs);
    let process = world.process.clone();
    let closing = Task::start(move || process.close(descriptor));
    assert_eq!(closing.result(), Ok(()));
    world.until_nothing_is_left();
    assert_eq!(read_to_end(&mut peer).unwrap(), sent);
}
