//! Streams of tasks over real TCP, on a runtime with one thread.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod soak;
mod traits;
mod worker;

use std::net::SocketAddr;

use closesocket::engine::observe::NoProbe;
use closesocket::engine::sync::{Std, SystemClock};
use closesocket::engine::{Process, Provider};
use closesocket_async::{AsyncListener, AsyncStream};
use closesocket_tcp::Tcp;

type System = (Tcp, Std, SystemClock, NoProbe);
type Stream = AsyncStream<System>;

struct World {
    provider: Provider<System>,
    process: Process<System>,
    listener: AsyncListener<System>,
}

impl World {
    fn new() -> Self {
        let provider = Provider::over(Tcp::new().unwrap());
        let process = provider.startup().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let listener = AsyncListener::bind(&process, &any).unwrap();
        Self {
            provider,
            process,
            listener,
        }
    }

    fn address(&self) -> SocketAddr {
        self.listener.get_ref().local_address().unwrap()
    }

    async fn pair(&self) -> (Stream, Stream) {
        let connecting = AsyncStream::connect(&self.process, self.address());
        let (dialled, accepted) = tokio::join!(connecting, self.listener.accept());
        (dialled.unwrap(), accepted.unwrap().0)
    }

    /// Waits until nothing is left but the listener.
    async fn until_empty(&self) {
        while self.process.descriptors() > 1 || self.provider.usage().sockets > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}
