//! What runs in processes of its own: peers, load, connections that are held.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROLE: &str = "CLOSESOCKET_BENCH_ROLE";

/// Bytes of a request, and of its answer.
pub(crate) const REQUEST: usize = 64;

/// How long a turn of load takes.
const LOAD: Duration = Duration::from_millis(300);

/// What a child process does. Each says in a line when it is ready, or with
/// what; it ends when its standard input does.
pub(crate) enum Role {
    /// Echoes what each connection sends.
    Echo,
    /// Answers each so many bytes of a connection with one byte.
    Sink(usize),
    /// Answers the one byte of each connection, one connection after the other.
    Answer,
    /// Keeps so many connections to the server busy, for a while at each line
    /// of its input; answers with how many requests were answered.
    Load(SocketAddr, usize),
    /// Opens so many connections and does nothing with them.
    Hold(SocketAddr, usize),
}

/// The role of this process, if it is a child.
pub(crate) fn role() -> Option<Role> {
    let text = std::env::var(ROLE).ok()?;
    let parts: Vec<&str> = text.split(' ').collect();
    Some(match parts[..] {
        ["answer"] => Role::Answer,
        ["sink", bytes] => Role::Sink(bytes.parse().unwrap()),
        ["load", to, connections] => Role::Load(to.parse().unwrap(), connections.parse().unwrap()),
        ["hold", to, connections] => Role::Hold(to.parse().unwrap(), connections.parse().unwrap()),
        _ => Role::Echo,
    })
}

impl Role {
    pub(crate) fn run(self) {
        match self {
            Self::Echo => serve(|mut stream| {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(bytes) = stream.read(&mut buffer)
                    && bytes > 0
                    && stream.write_all(&buffer[..bytes]).is_ok()
                {}
            }),
            Self::Sink(portion) => serve(move |mut stream| {
                let mut buffer = vec![0; 64 * 1024];
                let mut left = portion;
                while let Ok(bytes) = stream.read(&mut buffer)
                    && bytes > 0
                {
                    left -= bytes;
                    if left == 0 {
                        left = portion;
                        stream.write_all(b"x").unwrap();
                    }
                }
            }),
            Self::Answer => {
                thread::spawn(|| {
                    until_the_parent_ends();
                    exit(0);
                });
                for mut stream in listen().incoming().flatten() {
                    let mut buffer = [0; 2];
                    while stream.read(&mut buffer).unwrap_or(0) > 0 {
                        stream.write_all(&buffer[..1]).unwrap();
                    }
                }
            }
            Self::Load(to, connections) => load(to, connections),
            Self::Hold(to, connections) => {
                let held: Vec<_> = (0..connections)
                    .map(|_| TcpStream::connect(to).unwrap())
                    .collect();
                println!("ready");
                until_the_parent_ends();
                drop(held);
            }
        }
    }

    /// Starts it, and waits for what it says.
    pub(crate) fn start(&self) -> Running {
        let role = match self {
            Self::Echo => "echo".to_owned(),
            Self::Answer => "answer".to_owned(),
            Self::Sink(bytes) => format!("sink {bytes}"),
            Self::Load(to, connections) => format!("load {to} {connections}"),
            Self::Hold(to, connections) => format!("hold {to} {connections}"),
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running {
            child,
            input,
            output,
            said: String::new(),
        };
        running.said = running.line();
        running
    }
}

/// A child process; it ends with this.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it said when it was ready.
    said: String,
}

impl Running {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.said.parse().unwrap()
    }

    /// One turn of load; how many nanoseconds each request took.
    pub(crate) fn turn(&mut self) -> f64 {
        self.input.as_mut().unwrap().write_all(b"go\n").unwrap();
        let requests: f64 = self.line().parse().unwrap();
        crate::table::nanos(LOAD) / requests
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }
}

/// Listens, and says where.
fn listen() -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    println!("{}", listener.local_addr().unwrap());
    listener
}

/// Serves each connection on a thread of its own.
fn serve(connection: impl Fn(TcpStream) + Clone + Send + 'static) {
    let listener = listen();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = connection.clone();
            thread::spawn(move || connection(stream));
        }
    });
    until_the_parent_ends();
}

fn until_the_parent_ends() {
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

/// Connections that each send a request when the last was answered.
fn load(to: SocketAddr, connections: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let mut streams: Vec<_> = (0..connections)
        .map(|_| {
            runtime
                .block_on(tokio::net::TcpStream::connect(to))
                .unwrap()
        })
        .collect();
    println!("ready");
    for _ in io::stdin().lines() {
        let end = Instant::now() + LOAD;
        let busy = |mut stream: tokio::net::TcpStream| async move {
            let (mut buffer, mut requests) = ([7; REQUEST], 0_u64);
            while Instant::now() < end {
                stream.write_all(&buffer).await.unwrap();
                stream.read_exact(&mut buffer).await.unwrap();
                requests += 1;
            }
            (stream, requests)
        };
        let tasks: Vec<_> = streams
            .drain(..)
            .map(|it| runtime.spawn(busy(it)))
            .collect();
        let mut total = 0;
        for task in tasks {
            let (stream, requests) = runtime.block_on(task).unwrap();
            streams.push(stream);
            total += requests;
        }
        println!("{total}");
    }
}
