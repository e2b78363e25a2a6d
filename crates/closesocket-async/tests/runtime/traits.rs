//! The traits of tokio and of futures-io, the halves, and addresses.

use closesocket::engine::{Closed, Shutdown};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::World;

#[tokio::test]
async fn tokio_copies_through_the_halves_of_a_stream() {
    let world = World::new();
    let (dialled, accepted) = world.pair().await;
    let echo = async {
        let (mut reader, mut writer) = accepted.into_split();
        let copied = tokio::io::copy(&mut reader, &mut writer).await;
        let stream = reader.reunite(writer).unwrap();
        (copied.unwrap(), stream.close().await)
    };
    let (mut reader, mut writer) = dialled.into_split();
    let sent = vec![7; 3_000_000];
    let send = async {
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
        drop(writer);
    };
    let mut echoed = Vec::new();
    let ((copied, closed), (), read) = tokio::join!(echo, send, reader.read_to_end(&mut echoed));
    assert_eq!((copied, closed), (3_000_000, Ok(Closed::Drained)));
    assert_eq!(read.unwrap(), sent.len());
    assert!(echoed == sent);
    drop(reader);
    world.until_empty().await;
}

#[tokio::test]
async fn futures_copy_through_a_stream() {
    use futures_util::{AsyncReadExt as Reads, AsyncWriteExt as Writes};
    let world = World::new();
    let (mut dialled, mut accepted) = world.pair().await;
    let send = async {
        Writes::write_all(&mut dialled, &[7; 100_000])
            .await
            .unwrap();
        Writes::close(&mut dialled).await.unwrap();
    };
    let mut read = Vec::new();
    let ((), all) = tokio::join!(send, Reads::read_to_end(&mut accepted, &mut read));
    assert_eq!(all.unwrap(), 100_000);
    assert_eq!(accepted.close().await, Ok(Closed::Drained));
    assert_eq!(dialled.close().await, Ok(Closed::Drained));
    world.until_empty().await;
}

#[tokio::test]
async fn halves_of_different_streams_stay_halves() {
    let world = World::new();
    let (one, other) = world.pair().await;
    let (reader, writer) = one.into_split();
    let (mut other_reader, other_writer) = other.into_split();
    let (reader, other_writer) = reader.reunite(other_writer).unwrap_err();
    let mut one = reader.reunite(writer).unwrap();
    one.write_all(b"still").await.unwrap();
    one.shutdown().await.unwrap();
    let mut text = String::new();
    other_reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "still");
    drop((other_reader, other_writer));
    assert_eq!(one.close().await, Ok(Closed::Drained));
}

#[tokio::test]
async fn both_ends_know_both_addresses() {
    let world = World::new();
    let connecting = super::Stream::connect(&world.process, world.address());
    let (dialled, accepted) = tokio::join!(connecting, world.listener.accept());
    let (dialled, (accepted, peer)) = (dialled.unwrap(), accepted.unwrap());
    assert_eq!(dialled.get_ref().peer_address(), Ok(world.address()));
    assert_eq!(dialled.get_ref().local_address().ok(), peer);
    assert_eq!(accepted.get_ref().peer_address().ok(), peer);
    // The kernel knows no more when the connection is gone.
    assert_eq!(dialled.abort(), Ok(Closed::Reset));
    while accepted.recv(&mut [0; 1]).await.is_ok() {}
    let gone = accepted.get_ref().peer_address();
    assert_eq!(gone, Err(closesocket::engine::Error::NotConnected));
    let listener = world.listener.get_ref().descriptor();
    assert!(world.process.peer_address(listener).is_err());
}

#[tokio::test]
async fn a_shutdown_ends_the_reads_of_the_peer_and_a_connect_is_refused_where_nobody_listens() {
    let world = World::new();
    let (dialled, accepted) = world.pair().await;
    dialled.get_ref().shutdown(Shutdown::Send).unwrap();
    assert_eq!(accepted.recv(&mut [0; 1]).await, Ok(0));
    let address = world.address();
    drop((dialled, accepted));
    let World {
        process, listener, ..
    } = world;
    drop(listener);
    let refused = super::Stream::connect(&process, address).await;
    let error = std::io::Error::from(refused.unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
