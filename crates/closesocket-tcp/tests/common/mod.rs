//! What the tests share: an engine's stand-in that records events, plain peers
//! that know nothing of us, and ways to wait for what happens.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it")]

pub(crate) mod child;
pub(crate) mod copies;
pub(crate) mod world;

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::{Duration, Instant};

use closesocket::engine::net::{Connecting, Endpoint, Events, Received, Token, Transport};
use closesocket::protocol::Error;
use closesocket_tcp::{Tcp, TcpConfig, TcpEndpoint};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};

/// After this long a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Buffers that a test fills in no time, in bytes.
pub(crate) const SMALL: TcpConfig = TcpConfig {
    send_buffer: Some(16 * 1024),
    receive_buffer: Some(16 * 1024),
    nodelay: true,
};

#[derive(Default)]
struct Seen {
    ready: Vec<Token>,
    ticks: u64,
    ended: bool,
    tick_every: Option<Duration>,
}

/// Takes the engine's place.
#[derive(Default)]
pub(crate) struct Recorder {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Events for Recorder {
    fn ready(&self, token: Token) {
        self.seen.lock().unwrap().ready.push(token);
        self.changed.notify_all();
    }

    fn tick(&self) -> Option<Duration> {
        let mut seen = self.seen.lock().unwrap();
        seen.ticks += 1;
        self.changed.notify_all();
        seen.tick_every
    }

    fn ended(&self) {
        self.seen.lock().unwrap().ended = true;
        self.changed.notify_all();
    }
}

impl Recorder {
    pub(crate) fn has_ended(&self) -> bool {
        self.seen.lock().unwrap().ended
    }
}

/// A transport with its recorder. Fields drop in this order.
pub(crate) struct Net {
    pub(crate) tcp: Tcp,
    pub(crate) recorder: Arc<Recorder>,
}

static TOKENS: AtomicU64 = AtomicU64::new(1 << 40);

/// A token that nobody has had, with bits above 32 set.
pub(crate) fn fresh_token() -> Token {
    Token(TOKENS.fetch_add(1, Ordering::Relaxed))
}

impl Net {
    pub(crate) fn new(config: TcpConfig) -> Self {
        let tcp = Tcp::with_config(config).unwrap();
        let recorder = Arc::new(Recorder::default());
        let events: Weak<Recorder> = Arc::downgrade(&recorder);
        tcp.attach(events);
        Self { tcp, recorder }
    }

    pub(crate) fn open(&self) -> (TcpEndpoint, Token) {
        let token = fresh_token();
        (self.tcp.open(token).unwrap(), token)
    }

    /// From now on tick this often; waits see acknowledgements only then.
    pub(crate) fn tick_every(&self, every: Option<Duration>) {
        self.recorder.seen.lock().unwrap().tick_every = every;
        self.tcp.wake();
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.recorder.seen.lock().unwrap().ticks
    }

    pub(crate) fn ready(&self) -> Vec<Token> {
        self.recorder.seen.lock().unwrap().ready.clone()
    }

    /// Asks again at each event or tick until there is an answer.
    #[track_caller]
    pub(crate) fn until<T>(&self, mut ask: impl FnMut() -> Option<T>) -> T {
        let give_up = Instant::now() + PATIENCE;
        let mut answered = (usize::MAX, u64::MAX);
        loop {
            {
                let mut seen = self.recorder.seen.lock().unwrap();
                while (seen.ready.len(), seen.ticks) == answered {
                    let left = give_up.saturating_duration_since(Instant::now());
                    assert!(!left.is_zero(), "nothing has happened for {PATIENCE:?}");
                    seen = self.recorder.changed.wait_timeout(seen, left).unwrap().0;
                }
                answered = (seen.ready.len(), seen.ticks);
            }
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(Instant::now() < give_up, "no answer within {PATIENCE:?}");
        }
    }

    /// An endpoint of ours, connected to a plain peer.
    pub(crate) fn connected(&self) -> (TcpEndpoint, TcpStream) {
        let listener = peer_listener();
        let (mut endpoint, _) = self.open();
        let mut progress = endpoint.connect(&listener.local_addr().unwrap()).unwrap();
        let peer = listener.accept().unwrap().0;
        if progress == Connecting::InProgress {
            progress = self.until(|| match endpoint.connect_progress().unwrap() {
                Connecting::InProgress => None,
                done => Some(done),
            });
        }
        assert_eq!(progress, Connecting::Done);
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        peer.set_write_timeout(Some(PATIENCE)).unwrap();
        (endpoint, peer)
    }

    /// A listener of ours.
    pub(crate) fn listening(&self) -> (TcpEndpoint, SocketAddr, Token) {
        let (mut listener, token) = self.open();
        listener.bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        listener.listen(16).unwrap();
        let address = listener.local_address().unwrap();
        (listener, address, token)
    }

    /// Sends until the kernel takes no more; the number of bytes it took.
    pub(crate) fn fill(&self, endpoint: &mut TcpEndpoint) -> usize {
        let chunk = [7; 8192];
        let mut taken = 0;
        loop {
            match endpoint.send(&chunk).unwrap() {
                0 => return taken,
                bytes => taken += bytes,
            }
        }
    }

    /// The next bytes or the end, waiting for an event.
    #[track_caller]
    pub(crate) fn receive(
        &self,
        endpoint: &mut TcpEndpoint,
        buffer: &mut [u8],
    ) -> Result<Received, Error> {
        self.until(|| match endpoint.receive(buffer) {
            Ok(Received::Nothing) => None,
            found => Some(found),
        })
    }
}

/// A plain listener with a small window.
pub(crate) fn peer_listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    SockRef::from(&listener)
        .set_recv_buffer_size(16 * 1024)
        .unwrap();
    listener
}

/// An address where a connect is neither accepted nor refused: with a full
/// backlog the kernel answers no SYN.
pub(crate) fn deaf() -> ((Socket, TcpStream), SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let first = TcpStream::connect(address).unwrap();
    ((listener, first), address)
}

/// Takes every descriptor that the process may have; dropping it gives them back.
pub(crate) fn exhaust() -> Vec<File> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(64);
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(!hoard.is_empty());
    hoard
}

/// Resets the connection from the peer's side.
pub(crate) fn reset_peer(peer: TcpStream) {
    SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(peer);
}

/// Reads to the end; how many bytes came.
pub(crate) fn read_to_end(peer: &mut TcpStream) -> std::io::Result<usize> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes)
}
