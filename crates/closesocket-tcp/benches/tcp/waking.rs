//! How soon a blocked receive is woken: by a close, by a shutdown of std's.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use closesocket::engine::Error;

use crate::child::Role;
use crate::engine;
use crate::table::{Contender, Row, Target, nanos};

/// How long a thread gets to fall asleep in its receive.
const ASLEEP: Duration = Duration::from_millis(1);

const TIMES: u32 = 20;

pub(crate) fn rows() -> Vec<Row> {
    vec![Row {
        name: "close to wake-up of a blocked recv",
        rounds: 31,
        contenders: Box::new(contenders),
    }]
}

fn contenders() -> Vec<Contender> {
    let peer = Rc::new(Role::Echo.start());
    let to = peer.address();
    let process = Arc::new(engine::process());
    let blocked = Blocked::new({
        let process = Arc::clone(&process);
        move |descriptor| {
            let received = process.recv(descriptor, &mut [0]);
            assert_eq!(received, Err(Error::Interrupted));
        }
    });
    let ours = Contender::new("engine", None, move || {
        let _ = &peer;
        blocked.turn(
            || engine::connect(&process, &to),
            |descriptor| process.close(descriptor).unwrap(),
        )
    });
    let blocked = Blocked::new(|stream: Arc<TcpStream>| {
        assert_eq!((&*stream).read(&mut [0]).unwrap(), 0);
    });
    let target = Some(Target::TimeAtMost(1.1));
    let std = Contender::new("std::net, shutdown", target, move || {
        blocked.turn(
            || Arc::new(TcpStream::connect(to).unwrap()),
            |stream| stream.shutdown(Shutdown::Both).unwrap(),
        )
    });
    vec![ours, std]
}

/// A thread that blocks in what it is given, and says when it has woken.
struct Blocked<C> {
    connections: Sender<C>,
    woken: Receiver<Instant>,
}

impl<C: Clone + Send + 'static> Blocked<C> {
    fn new(receive: impl Fn(C) + Send + 'static) -> Self {
        let (connections, next) = channel();
        let (wakes, woken) = channel();
        thread::spawn(move || {
            for connection in next {
                receive(connection);
                wakes.send(Instant::now()).unwrap();
            }
        });
        Self { connections, woken }
    }

    /// From the call of `end` to the return of the receive, in nanoseconds.
    fn turn(&self, connect: impl Fn() -> C, end: impl Fn(C)) -> f64 {
        let mut total = Duration::ZERO;
        for _ in 0..TIMES {
            let connection = connect();
            self.connections.send(connection.clone()).unwrap();
            thread::sleep(ASLEEP);
            let start = Instant::now();
            end(connection);
            total += self.woken.recv().unwrap() - start;
        }
        nanos(total) / f64::from(TIMES)
    }
}
