//! A close that lingers stalls no worker thread.

use std::net::TcpStream;
use std::time::Duration;

use std::io::Read;

use closesocket::engine::Closed;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::{Stream, World};

/// A stream that the kernel takes no more bytes of, and its peer, which does not
/// read. It tells how many were accepted.
async fn stalled(world: &World) -> (Stream, TcpStream, usize) {
    let peer = TcpStream::connect(world.address()).unwrap();
    let (mut stream, _) = world.listener.accept().await.unwrap();
    let mut accepted = 0;
    while let Ok(sent) = timeout(Duration::from_millis(50), stream.write(&[7; 65_536])).await {
        accepted += sent.unwrap();
    }
    (stream, peer, accepted)
}

//= docs/specification.md#l10-waiting-alone
//= type=test
//# - A close that waits in its linger MUST NOT hold up any other thread or any other
//# socket.
#[tokio::test(flavor = "current_thread")]
async fn a_linger_of_ten_seconds_stalls_no_worker_thread() {
    let world = World::new();
    let (stream, mut peer, accepted) = stalled(&world).await;
    let closing = tokio::spawn(stream.close_within(Duration::from_secs(10)));
    // On the one thread that there is, another task goes on while it lingers.
    let (other, other_peer) = world.pair().await;
    for tick in 0..20 {
        other.send(&[tick]).await.unwrap();
        let mut got = [0];
        assert_eq!(other_peer.recv(&mut got).await, Ok(1));
        assert_eq!(got, [tick]);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(!closing.is_finished());
    }
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        peer.read_to_end(&mut read)
    });
    assert_eq!(closing.await.unwrap(), Ok(Closed::Drained));
    assert_eq!(reader.join().unwrap().unwrap(), accepted);
}

//= docs/specification.md#l-t3-timed-linger-on-a-blocking-socket
//= type=test
//# - When the linger timeout expires before the drain has ended, the connection MUST be
//# reset before the close returns.
#[tokio::test(flavor = "current_thread")]
async fn a_linger_that_runs_out_wakes_the_task_with_a_reset() {
    let world = World::new();
    let (stream, mut peer, accepted) = stalled(&world).await;
    let closed = stream.close_within(Duration::from_secs(1)).await;
    assert_eq!(closed, Ok(Closed::Reset));
    let mut read = Vec::new();
    let error = peer.read_to_end(&mut read).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(read.len() < accepted);
    world.until_empty().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_dropped_stream_drains_in_the_background() {
    let world = World::new();
    let (stream, mut peer, accepted) = stalled(&world).await;
    drop(stream);
    let reader = std::thread::spawn(move || {
        let mut read = Vec::new();
        peer.read_to_end(&mut read)
    });
    world.until_empty().await;
    assert_eq!(reader.join().unwrap().unwrap(), accepted);
}
