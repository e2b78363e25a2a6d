//! Two operating system processes that share connections.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use closesocket::engine::completions::{CompletionQueue, Notify};
use closesocket::engine::{Descriptor, Error};
use closesocket_tcp::transfer::{Record, receive_record, send_record};

use crate::common::child::{Actor, next_order, role, say, watch_out};
use crate::common::read_to_end;
use crate::common::world::{LONG, World};

/// A parent with its world, and a child that does what it is ordered.
pub(crate) struct Family {
    pub(crate) world: World,
    pub(crate) child: Actor,
    pub(crate) stream: UnixStream,
}

impl Family {
    pub(crate) fn new() -> Self {
        let mut child = Actor::start("family::the_child", "child");
        let name = format!("closesocket-{}-{}", std::process::id(), child.process.id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        assert_eq!(child.ask(&name), "ready");
        Self {
            world: World::new(),
            child,
            stream: listener.accept().unwrap().0,
        }
    }

    pub(crate) fn send(&self, descriptor: Descriptor) -> Result<(), Error> {
        let target = self.child.process.id();
        send_record(&self.world.process, descriptor, target, &self.stream)
    }

    /// A connection that parent and child share.
    pub(crate) fn shared(&mut self) -> (Descriptor, TcpStream) {
        let (descriptor, peer) = self.world.connect();
        self.share(descriptor);
        (descriptor, peer)
    }

    pub(crate) fn share(&mut self, descriptor: Descriptor) {
        self.send(descriptor).unwrap();
        self.expect("receive", "Ok(())");
        self.expect("redeem", "Ok(())");
    }

    /// Orders the child to do this, with this result.
    #[track_caller]
    pub(crate) fn expect(&mut self, order: &str, result: &str) {
        assert_eq!(self.child.ask(order), result, "{order}");
    }

    /// The child closes its descriptor, which was the last one: the peer has got so
    /// many bytes since, and the FIN. Then the child ends.
    #[track_caller]
    pub(crate) fn close_last(mut self, mut peer: TcpStream, bytes: usize) {
        self.expect("close", "Ok(())");
        assert_eq!(read_to_end(&mut peer).unwrap(), bytes);
        self.part();
    }

    /// Lets the child end by itself, with nothing left over.
    pub(crate) fn part(self) {
        self.world.until_nothing_is_left();
        self.child.leave();
    }
}

/// Sees that neither bytes nor an end have come.
#[track_caller]
pub(crate) fn expect_nothing(peer: &TcpStream) {
    peer.set_nonblocking(true).unwrap();
    let found = peer.peek(&mut [0]).map_err(|error| error.kind());
    peer.set_nonblocking(false).unwrap();
    assert_eq!(found, Err(ErrorKind::WouldBlock));
}

/// What the child has.
struct Child {
    world: World,
    stream: UnixStream,
    records: Vec<Record>,
    descriptors: Vec<Descriptor>,
    queue: CompletionQueue,
}

/// Not a test by itself: the process that others start.
#[test]
fn the_child() {
    if role().as_deref() != Some("child") {
        return;
    }
    watch_out();
    let address = SocketAddr::from_abstract_name(next_order().unwrap()).unwrap();
    let mut child = Child {
        stream: UnixStream::connect_addr(&address).unwrap(),
        world: World::new(),
        records: Vec::new(),
        descriptors: Vec::new(),
        queue: CompletionQueue::new(),
    };
    say("ready");
    while let Some(order) = next_order() {
        say(&child.obey(&order));
    }
    child.world.until_nothing_is_left();
}

impl Child {
    fn obey(&mut self, order: &str) -> String {
        let (verb, rest) = order.split_once(' ').unwrap_or((order, ""));
        let process = &self.world.process;
        match verb {
            "receive" => {
                let received = receive_record(&self.stream);
                format!("{:?}", received.map(|record| self.records.push(record)))
            }
            "redeem" => {
                let redeemed = self.records.last_mut().unwrap().redeem(process);
                format!("{:?}", redeemed.map(|new| self.descriptors.push(new)))
            }
            "accept" => {
                let accepted = process.accept(self.newest());
                format!("{:?}", accepted.map(|new| self.descriptors.push(new)))
            }
            "send" => format!("{:?}", process.send(self.newest(), rest.as_bytes())),
            "recv" => {
                let mut buffer = vec![0; rest.parse().unwrap()];
                let received = process.recv(self.newest(), &mut buffer);
                let text = received.map(|bytes| String::from_utf8_lossy(&buffer[..bytes]));
                format!("{text:?}")
            }
            "recv-overlapped" => {
                let notify = Notify::queue(&self.queue, 0);
                let started = process.recv_overlapped(self.newest(), vec![0; 64], notify);
                format!("{:?}", started.map(|_| ()))
            }
            "pending" => format!("{}", self.queue.is_empty()),
            "completion" => format!("{:?}", self.queue.wait(LONG).unwrap().result),
            "linger" => {
                let seconds = rest.parse().ok();
                format!("{:?}", process.set_linger(self.newest(), seconds))
            }
            "close" => {
                let newest = self.descriptors.pop().unwrap();
                format!("{:?}", process.close(newest))
            }
            other => panic!("no such order: {other}"),
        }
    }

    fn newest(&self) -> Descriptor {
        *self.descriptors.last().unwrap()
    }
}
