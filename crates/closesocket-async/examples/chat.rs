//! A chat server: what one says, the others hear. `cargo run --example chat`, and as
//! many `nc` as you like. At the end of its own input it says no more: every guest
//! still gets what was said, within a grace period, and it tells how many did.
use std::io::Read;
use std::pin::pin;
use std::time::Duration;

use closesocket::engine::{Closed, Error, Provider, System};
use closesocket_async::{AsyncListener, AsyncStream};
use closesocket_tcp::Tcp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

/// A guest who has not read everything by then is cut off.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let process = Provider::over(Tcp::new()?).startup()?;
    let listener = AsyncListener::bind(&process, &"127.0.0.1:0".parse()?)?;
    println!("listening on {}", listener.get_ref().local_address()?);
    let (say, _) = broadcast::channel(1024);
    let (open, mut closing) = watch::channel(());
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        drop(open);
    });
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            _ = closing.changed() => break,
            accepted = listener.accept() => {
                let (say, closing) = (say.clone(), closing.clone());
                guests.spawn(guest(guests.len(), accepted?.0, say, closing));
            }
        }
    }
    drop((listener, say));
    let left = guests.join_all().await;
    let drained = left.iter().filter(|it| **it == Ok(Closed::Drained)).count();
    println!("{drained} got everything, {} cut off", left.len() - drained);
    Ok(())
}

/// Hears and speaks until the guest leaves or the evening is over.
async fn guest<S: System>(
    number: usize,
    mut stream: AsyncStream<S>,
    say: broadcast::Sender<(usize, String)>,
    mut closing: watch::Receiver<()>,
) -> Result<Closed, Error> {
    let mut heard = say.subscribe();
    // A descriptor of its own: what reads can be dropped, and the other closes.
    let ears = AsyncStream::from(stream.get_ref().try_clone()?);
    {
        let hear = async move {
            let mut lines = BufReader::new(ears).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = say.send((number, line));
            }
        };
        // Until nobody is left who could say something.
        let mut speak = pin!(async {
            while let Ok((by, line)) = heard.recv().await {
                let line = format!("{by}: {line}\n");
                if by != number && stream.write_all(line.as_bytes()).await.is_err() {
                    break;
                }
            }
        });
        tokio::select! {
            () = hear => {}
            () = &mut speak => {}
            _ = closing.changed() => drop(tokio::time::timeout(GRACE, speak).await),
        }
    }
    stream.close_within(GRACE).await
}
