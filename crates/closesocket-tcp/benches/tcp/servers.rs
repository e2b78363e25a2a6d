//! Echo servers, each with its load in a process of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::channel;
use std::thread;

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Descriptor, Process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::child::Role;
use crate::engine::{self, System};
use crate::table::{Contender, Row, Target};

const CONNECTIONS: [usize; 3] = [1, 50, 500];

/// Bytes that a server receives into: it does not know how long a request is.
const BUFFER: usize = 4096;

/// A server, started by each call; returns where it listens.
type Server = fn() -> SocketAddr;

pub(crate) fn rows() -> Vec<Row> {
    let threads: (Server, Server) = (engine_threads, std_threads);
    let queue: (Server, Server) = (engine_queue, tokio_tasks);
    let mut rows = Vec::new();
    for (names, (ours, (other, theirs)), least) in [
        (
            [
                "echo server, a thread each, 1",
                "echo server, a thread each, 50",
                "echo server, a thread each, 500",
            ],
            (threads.0, ("std, a thread each", threads.1)),
            [1.0; 3],
        ),
        (
            [
                "echo server, completion queue, 1",
                "echo server, completion queue, 50",
                "echo server, completion queue, 500",
            ],
            (queue.0, ("tokio, one thread", queue.1)),
            [0.95, 1.0, 1.0],
        ),
    ] {
        for ((name, connections), least) in names.into_iter().zip(CONNECTIONS).zip(least) {
            rows.push(Row {
                name,
                rounds: 11,
                contenders: Box::new(move || {
                    let target = Some(Target::RateAtLeast(least));
                    vec![
                        loaded("engine", None, ours, connections),
                        loaded(other, target, theirs, connections),
                    ]
                }),
            });
        }
    }
    rows
}

fn loaded(
    name: &'static str,
    target: Option<Target>,
    server: Server,
    connections: usize,
) -> Contender {
    let mut load = Role::Load(server(), connections).start();
    Contender::new(name, target, move || load.turn())
}

fn engine_threads() -> SocketAddr {
    let process = engine::process();
    let (listener, address) = engine::listen(&process);
    thread::spawn(move || {
        thread::scope(|scope| {
            while let Ok(connection) = process.accept(listener) {
                let process = &process;
                scope.spawn(move || {
                    let mut buffer = [0; BUFFER];
                    while let Ok(bytes) = process.recv(connection, &mut buffer)
                        && bytes > 0
                    {
                        process.send(connection, &buffer[..bytes]).unwrap();
                    }
                    process.close(connection).unwrap();
                });
            }
        });
    });
    address
}

fn std_threads() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; BUFFER];
                while let Ok(bytes) = stream.read(&mut buffer)
                    && bytes > 0
                {
                    stream.write_all(&buffer[..bytes]).unwrap();
                }
            });
        }
    });
    address
}

/// Which connection a packet is about; a listener's accept has none.
const ACCEPT: u64 = u64::MAX;

fn engine_queue() -> SocketAddr {
    let process = engine::process();
    let (listener, address) = engine::listen(&process);
    thread::spawn(move || serve_queue(&process, listener));
    address
}

fn serve_queue(process: &Process<System>, listener: Descriptor) {
    let queue = CompletionQueue::new();
    let mut connections: Vec<Descriptor> = Vec::new();
    let accept = || process.accept_overlapped(listener, Notify::queue(&queue, ACCEPT));
    let receive = |connection, key, buffer| {
        process.recv_overlapped(connection, buffer, Notify::queue(&queue, key))
    };
    accept().unwrap();
    while let Some(completion) = queue.wait(None) {
        if let Some(connection) = completion.accepted {
            let key = connections.len() as u64;
            connections.push(connection);
            receive(connection, key, vec![0; BUFFER]).unwrap();
            accept().unwrap();
            continue;
        }
        let connection = connections[usize::try_from(completion.key).unwrap()];
        let bytes = completion.result.unwrap_or(0);
        if bytes == 0 {
            process.close(connection).unwrap();
        } else {
            process
                .send(connection, &completion.buffer[..bytes])
                .unwrap();
            receive(connection, completion.key, completion.buffer).unwrap();
        }
    }
}

fn tokio_tasks() -> SocketAddr {
    let (address, listening) = channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
                .await
                .unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut buffer = [0; BUFFER];
                    while let Ok(bytes) = stream.read(&mut buffer).await
                        && bytes > 0
                    {
                        stream.write_all(&buffer[..bytes]).await.unwrap();
                    }
                });
            }
        });
    });
    listening.recv().unwrap()
}
