//! The network under the engine, moved by the script alone.
//!
//! A wire takes exactly the bytes that a script lets it take, acknowledges what
//! a script lets it acknowledge, and writes down what the engine orders. It
//! reports its events when the script is done with it, never from within.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use closesocket::engine::Error;
use closesocket::engine::net::{Connecting, Endpoint, Events, Found, Received, Token, Transport};

use super::{Notes, lock};
use crate::call::{Happening, SocketId};

/// How far a wire's connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Fresh,
    Listening,
    Connecting,
    Connected,
}

/// One socket's share of the network.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) token: Token,
    pub(super) link: Link,
    /// The peer has refused the connect and the engine was not told yet.
    pub(super) refused: bool,
    /// The peer has reset the connection, and whether the engine knows: at all,
    /// and of the receive side.
    pub(super) reset: bool,
    noticed: bool,
    receive_noticed: bool,
    /// The engine has sent the FIN.
    pub(super) finished: bool,
    /// Bytes that the wire is going to take.
    pub(super) credit: usize,
    /// Bytes ever taken.
    pub(super) taken: u64,
    pub(super) in_flight: usize,
    pub(super) input: usize,
    pub(super) backlog: u32,
    pub(super) released: bool,
}

impl Wire {
    const fn new(token: Token, link: Link) -> Self {
        Self {
            token,
            link,
            refused: false,
            reset: false,
            noticed: false,
            receive_noticed: false,
            finished: false,
            credit: 0,
            taken: 0,
            in_flight: 0,
            input: 0,
            backlog: 0,
            released: false,
        }
    }

    /// Connected, as far as the script knows.
    pub(super) fn is_up(&self) -> bool {
        self.link == Link::Connected && !self.reset && !self.released
    }

    /// What every endpoint call on a connection asks first.
    fn check(&mut self) -> Result<(), Error> {
        if self.link != Link::Connected {
            return Err(Error::NotConnected);
        }
        if self.reset {
            self.noticed = true;
            return Err(Error::ConnectionReset);
        }
        Ok(())
    }

    fn check_input(&mut self) -> Result<(), Error> {
        if self.input > 0 {
            return Ok(());
        }
        let found = self.check();
        self.receive_noticed |= self.noticed;
        found
    }
}

/// All wires: the network of the engine under test, in the order in which their sockets came to be.
#[derive(Clone)]
pub struct Network {
    wires: Arc<Mutex<Vec<Wire>>>,
    events: Arc<OnceLock<Weak<dyn Events>>>,
    notes: Notes,
}

impl Network {
    pub(super) fn new(notes: Notes) -> Self {
        Self {
            wires: Arc::default(),
            events: Arc::default(),
            notes,
        }
    }

    /// Changes a wire, if there is one of this number.
    pub(super) fn with<R>(
        &self,
        socket: SocketId,
        change: impl FnOnce(&mut Wire) -> R,
    ) -> Option<R> {
        lock(&self.wires).get_mut(socket.0).map(change)
    }

    /// Changes a wire and reports it, released or not: a late event is to reach
    /// nobody.
    pub(super) fn push<R>(
        &self,
        socket: SocketId,
        change: impl FnOnce(&mut Wire) -> R,
    ) -> Option<R> {
        let (result, token) = self.with(socket, |wire| (change(wire), wire.token))?;
        if let Some(events) = self.events.get().and_then(Weak::upgrade) {
            events.ready(token);
        }
        Some(result)
    }

    /// The socket that has this token.
    pub(super) fn find(&self, token: Token) -> Option<SocketId> {
        let wires = lock(&self.wires);
        wires
            .iter()
            .position(|wire| wire.token == token)
            .map(SocketId)
    }

    /// The wires of which the engine is to be told something, by token.
    pub(super) fn unnoticed(&self) -> Vec<Wire> {
        let news = |wire: &&Wire| {
            let told = wire.noticed && (wire.receive_noticed || wire.input > 0);
            !wire.released && wire.reset && !told
        };
        lock(&self.wires).iter().filter(news).cloned().collect()
    }

    fn add(&self, token: Token, link: Link) -> Line {
        let mut wires = lock(&self.wires);
        wires.push(Wire::new(token, link));
        Line {
            network: self.clone(),
            socket: SocketId(wires.len() - 1),
        }
    }
}

impl Transport for Network {
    type Endpoint = Line;

    fn attach(&self, events: Weak<dyn Events>) {
        let _ = self.events.set(events);
    }

    fn open(&self, token: Token) -> Result<Line, Error> {
        Ok(self.add(token, Link::Fresh))
    }
}

/// The engine's end of a wire.
pub struct Line {
    network: Network,
    socket: SocketId,
}

/// Where a connect goes to: a peer that answers at once, or one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub(super) at_once: bool,
}

impl Line {
    fn with<R>(&self, change: impl FnOnce(&mut Wire) -> Result<R, Error>) -> Result<R, Error> {
        self.network
            .with(self.socket, change)
            .unwrap_or(Err(Error::NotConnected))
    }

    fn note(&self, happening: Happening) {
        lock(&self.network.notes).push(happening);
    }
}

impl Endpoint for Line {
    type Address = Peer;

    fn bind(&mut self, _: &Peer) -> Result<(), Error> {
        Ok(())
    }

    fn local_address(&self) -> Result<Peer, Error> {
        Err(Error::InvalidArgument)
    }

    fn listen(&mut self, _: u32) -> Result<(), Error> {
        self.with(|wire| {
            wire.link = Link::Listening;
            Ok(())
        })
    }

    fn connect(&mut self, peer: &Peer) -> Result<Connecting, Error> {
        self.with(|wire| {
            if peer.at_once {
                wire.link = Link::Connected;
                return Ok(Connecting::Done);
            }
            wire.link = Link::Connecting;
            Ok(Connecting::InProgress)
        })
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.with(|wire| {
            if std::mem::take(&mut wire.refused) {
                return Err(Error::ConnectionRefused);
            }
            Ok(match wire.link {
                Link::Connected => Connecting::Done,
                _ => Connecting::InProgress,
            })
        })
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let waits = self.with(|wire| {
            let waits = wire.backlog > 0;
            wire.backlog = wire.backlog.saturating_sub(1);
            Ok(waits)
        })?;
        Ok(waits.then(|| self.network.add(Token(u64::MAX), Link::Connected)))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.with(|wire| {
            wire.token = token;
            Ok(())
        })
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.with(|wire| {
            wire.check()?;
            let taken = bytes.len().min(wire.credit);
            wire.credit -= taken;
            wire.taken += taken as u64;
            wire.in_flight += taken;
            Ok(taken)
        })
    }

    /// What has arrived comes before a reset (R1).
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        self.with(|wire| {
            wire.check_input()?;
            let read = buffer.len().min(wire.input);
            wire.input -= read;
            Ok(match read {
                0 => Received::Nothing,
                read => Received::Bytes(read),
            })
        })
    }

    /// No peer of the script ever finishes, so all input is bytes.
    fn look(&mut self) -> Result<Found, Error> {
        self.with(|wire| {
            wire.check_input()?;
            Ok(match wire.input {
                0 => Found::Nothing,
                _ => Found::Input,
            })
        })
    }

    /// The FIN is not counted: to the oracle it is on its way when it was sent.
    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.with(|wire| {
            wire.check()?;
            Ok(wire.in_flight)
        })
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.with(|wire| {
            wire.finished = true;
            wire.check()
        })?;
        self.note(Happening::Fin(self.socket));
        Ok(())
    }

    fn shut_down_receive(&mut self) {}

    fn reset(&mut self) {
        let backlog = self.with(|wire| Ok(std::mem::take(&mut wire.backlog)));
        if let Ok(waiting @ 1..) = backlog {
            self.note(Happening::BacklogReset(self.socket, waiting));
        }
        if self.with(Wire::check).is_ok() {
            self.note(Happening::Reset(self.socket));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let released = self.with(|wire| {
            wire.released = true;
            Ok(())
        });
        if released.is_ok() {
            self.note(Happening::Released(self.socket));
        }
    }
}
