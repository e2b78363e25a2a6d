//! Ten thousand idle connections on one thread: `cargo run --example c10k [HOW MANY]`.
//!
//! It waits until so many have come, each in a task that waits for a byte, and says
//! what that costs. A byte is sent back and its connection closed, and the close
//! awaited until the peer has everything. It ends with the last. The transport has a
//! thread too; the tasks all run on the other.
use closesocket::engine::{Closed, Error, Provider, System};
use closesocket_async::{AsyncListener, AsyncStream};
use closesocket_tcp::Tcp;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::task::JoinSet;

/// Descriptors that are no connections.
const OTHERS: u64 = 64;

/// Raises the limit of descriptors as far as may be, and returns it.
fn descriptor_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        println!("the limit of descriptors stays: {error}");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wanted = std::env::args()
        .nth(1)
        .map_or(Ok(10_000), |it| it.parse())?;
    let count = descriptor_limit().saturating_sub(OTHERS).min(wanted);
    if count < wanted {
        println!("this system lets it have {count} of {wanted} connections");
    }
    let process = Provider::over(Tcp::new()?).startup()?;
    let listener = AsyncListener::bind(&process, &"127.0.0.1:0".parse()?)?;
    let before = kilobytes();
    println!("listening on {}", listener.get_ref().local_address()?);
    let mut connections = JoinSet::new();
    for _ in 0..count {
        let (stream, _) = listener.accept().await?;
        connections.spawn(echo_one(stream));
    }
    let each = kilobytes().saturating_sub(before) as f64 / count as f64;
    println!("{count} idle, {each:.1} kB each");
    let ends = connections.join_all().await;
    let drained = ends.iter().filter(|it| **it == Ok(Closed::Drained));
    println!("{} drained", drained.count());
    Ok(())
}

async fn echo_one<S: System>(stream: AsyncStream<S>) -> Result<Closed, Error> {
    // Nothing of this is there while it waits, but for the byte.
    let mut byte = [0];
    let received = stream.recv(&mut byte).await?;
    stream.send(&byte[..received]).await?;
    stream.close().await
}

/// What the process has in memory.
fn kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let number = line.and_then(|it| it.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}
