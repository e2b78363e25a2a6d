//! One client at a time, with a peer in a process of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use crate::child::{Role, Running};
use crate::engine;
use crate::table::{Contender, Row, Target};

const BULK: usize = 64 << 20;
/// Bytes of one send of the bulk.
const CHUNK: usize = 64 * 1024;

pub(crate) fn rows() -> Vec<Row> {
    let row = |name, rounds, contenders: fn() -> Vec<Contender>| Row {
        name,
        rounds,
        contenders: Box::new(contenders),
    };
    vec![
        row("echo, 64 B", 41, || echo(64, (1.10, Some(1.05)))),
        row("echo, 64 KiB", 41, || echo(64 * 1024, (1.08, None))),
        row("bulk, 64 MiB one way", 21, bulk),
        row("connect, a byte each way, close", 41, connect),
    ]
}

fn at_most(ratio: f64) -> Option<Target> {
    Some(Target::TimeAtMost(ratio))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

/// Sends and gets back `bytes`.
fn echo(bytes: usize, (than_std, than_tokio): (f64, Option<f64>)) -> Vec<Contender> {
    let peer = Rc::new(Role::Echo.start());
    let to = peer.address();
    let process = engine::process();
    let descriptor = engine::connect(&process, &to);
    let (mut buffer, kept) = (vec![7; bytes], Rc::clone(&peer));
    let ours = Contender::repeating("engine", None, move || {
        let _ = &kept;
        assert_eq!(process.send(descriptor, &buffer), Ok(bytes));
        engine::receive_exactly(&process, descriptor, &mut buffer);
    });
    let (mut stream, mut buffer) = (TcpStream::connect(to).unwrap(), vec![7; bytes]);
    let std = Contender::repeating("std::net", at_most(than_std), move || {
        stream.write_all(&buffer).unwrap();
        stream.read_exact(&mut buffer).unwrap();
    });
    let (runtime, mut buffer) = (runtime(), vec![7; bytes]);
    let mut stream = runtime
        .block_on(tokio::net::TcpStream::connect(to))
        .unwrap();
    let tokio = Contender::repeating("tokio", than_tokio.and_then(at_most), move || {
        runtime.block_on(async {
            stream.write_all(&buffer).await.unwrap();
            stream.read_exact(&mut buffer).await.unwrap();
        });
    });
    vec![ours, std, tokio]
}

/// Sends the bulk and waits for the byte that says that all has come.
fn bulk() -> Vec<Contender> {
    let peer: Rc<Running> = Rc::new(Role::Sink(BULK).start());
    let to = peer.address();
    let process = engine::process();
    let descriptor = engine::connect(&process, &to);
    let chunk = vec![7; CHUNK];
    let ours = Contender::repeating("engine", None, move || {
        let _ = &peer;
        for _ in 0..BULK / CHUNK {
            assert_eq!(process.send(descriptor, &chunk), Ok(CHUNK));
        }
        engine::receive_exactly(&process, descriptor, &mut [0]);
    });
    let (mut stream, chunk) = (TcpStream::connect(to).unwrap(), vec![7; CHUNK]);
    let std = Contender::repeating("std::net", at_most(1.05), move || {
        for _ in 0..BULK / CHUNK {
            stream.write_all(&chunk).unwrap();
        }
        stream.read_exact(&mut [0]).unwrap();
    });
    vec![ours, std]
}

fn connect() -> Vec<Contender> {
    let peer: Rc<Running> = Rc::new(Role::Answer.start());
    let to: SocketAddr = peer.address();
    let process = engine::process();
    let ours = Contender::repeating("engine", None, move || {
        let _ = &peer;
        let descriptor = engine::connect(&process, &to);
        assert_eq!(process.send(descriptor, b"x"), Ok(1));
        engine::receive_exactly(&process, descriptor, &mut [0]);
        process.close(descriptor).unwrap();
    });
    let std = Contender::repeating("std::net", at_most(1.10), move || {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    });
    let runtime = runtime();
    let tokio = Contender::repeating("tokio", at_most(1.05), move || {
        runtime.block_on(async {
            let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
        });
    });
    vec![ours, std, tokio]
}
