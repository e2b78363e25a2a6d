//! One end of a connection in memory.

use super::link::{Inbox, Link, Side};
use super::{Call, LinkOf, Listeners, MemoryAddress, Met, Network};
use crate::engine::keeper::Keeper;
use crate::engine::primitives::{Monitor, Primitives};
use crate::engine::standard::Std;
use crate::engine::transport::{Connecting, Endpoint, Found, Received, Token};
use crate::protocol::Error;

/// One end of a connection in memory, or a listener.
pub struct MemoryEndpoint<P: Primitives = Std> {
    pub(super) network: Keeper<Network<P>>,
    pub(super) token: Option<Token>,
    pub(super) address: Option<MemoryAddress>,
    /// It has bound the address itself.
    pub(super) bound: bool,
    pub(super) role: Role<P>,
    /// Accepted bytes wait in the engine: a drop resets.
    pub(super) unsent_waits: bool,
}

pub(super) enum Role<P: Primitives> {
    Fresh,
    Listening,
    Connected(LinkOf<P>, Side),
}

impl<P: Primitives> MemoryEndpoint<P> {
    /// How many bytes a call may have at most; `None` if it finds nothing, and an
    /// event tells it to look again.
    fn meet(&self, call: Call) -> Result<Option<usize>, Error> {
        Ok(match self.network.meet(call)? {
            Met::Done(most) => Some(most),
            Met::WouldBlock => {
                self.network.note(self.token);
                None
            }
        })
    }

    /// Works on the connection and notes what the other side has to see. A look
    /// that changes nothing notes nothing: two sockets that look whenever they
    /// hear of the other would keep each other busy for ever.
    fn with<R>(&self, work: impl FnOnce(&mut Link, Side) -> R) -> Option<R> {
        let Role::Connected(link, side) = &self.role else {
            return None;
        };
        Some(link.lock(|link| {
            let before = link.shape();
            let result = work(link, *side);
            if link.shape() != before {
                self.network.note(link.halves[1 - side].token);
            }
            result
        }))
    }
}

impl<P: Primitives> Endpoint for MemoryEndpoint<P> {
    type Address = MemoryAddress;

    fn bind(&mut self, address: &MemoryAddress) -> Result<(), Error> {
        if self.address.is_some() || !matches!(self.role, Role::Fresh) {
            return Err(Error::InvalidArgument);
        }
        self.network.bind(*address)?;
        self.address = Some(*address);
        self.bound = true;
        Ok(())
    }

    fn local_address(&self) -> Result<MemoryAddress, Error> {
        let of_connection = self.with(|link, side| link.addresses[side]);
        self.address.or(of_connection).ok_or(Error::InvalidArgument)
    }

    fn peer_address(&self) -> Result<MemoryAddress, Error> {
        self.with(|link, side| link.addresses[1 - side])
            .ok_or(Error::NotConnected)
    }

    fn listen(&mut self, backlog: u32) -> Result<(), Error> {
        if matches!(self.role, Role::Listening) {
            return Ok(());
        }
        let any = || self.network.listeners.lock(Listeners::any_address);
        let address = self.address.unwrap_or_else(any);
        let limit = usize::try_from(backlog).unwrap_or(usize::MAX).max(1);
        self.network.listen(address, self.token, limit, true)?;
        self.address = Some(address);
        self.role = Role::Listening;
        Ok(())
    }

    fn connect(&mut self, address: &MemoryAddress) -> Result<Connecting, Error> {
        let (link, established) = self.network.dial(self.address, *address)?;
        link.lock(|link| link.halves[0].token = self.token);
        self.role = Role::Connected(link, 0);
        Ok(if established {
            Connecting::Done
        } else {
            Connecting::InProgress
        })
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.with(|link, _| match (link.refused, link.established) {
            (true, _) => Err(Error::ConnectionRefused),
            (false, true) => Ok(Connecting::Done),
            (false, false) => Ok(Connecting::InProgress),
        })
        .unwrap_or(Err(Error::NotConnected))
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let address = self.address.ok_or(Error::InvalidArgument)?;
        let Some(_) = self.meet(Call::Accept)? else {
            return Ok(None);
        };
        let link = self.network.accept(address);
        Ok(link.map(|link| Self {
            network: self.network.clone(),
            token: None,
            address: Some(address),
            bound: false,
            role: Role::Connected(link, 1),
            unsent_waits: false,
        }))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.token = Some(token);
        self.with(|link, side| link.halves[side].token = Some(token));
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let Some(most) = self.meet(Call::Send)? else {
            return Ok(0);
        };
        let part = bytes.get(..most).unwrap_or(bytes);
        let sent = self
            .with(|link, side| link.send(side, part))
            .unwrap_or(Err(Error::NotConnected))?;
        if sent == part.len() && sent < bytes.len() {
            // There may be room for the rest.
            self.network.note(self.token);
        }
        Ok(sent)
    }

    fn set_unsent_waits(&mut self, waits: bool) {
        self.unsent_waits = waits;
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        let Some(most) = self.meet(Call::Receive)? else {
            return Ok(Received::Nothing);
        };
        let most = most.min(buffer.len());
        let found = self
            .with(|link, side| link.receive(side, &mut buffer[..most]))
            .unwrap_or(Err(Error::NotConnected))?;
        Ok(found.into())
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        let found = self
            .with(|link, side| {
                link.found(side)?;
                Ok(link.look(side, buffer))
            })
            .unwrap_or(Err(Error::NotConnected))?;
        Ok(found.into())
    }

    fn available(&mut self) -> Result<usize, Error> {
        self.with(|link, side| link.halves[side].inbox.len())
            .ok_or(Error::NotConnected)
    }

    fn look(&mut self) -> Result<Found, Error> {
        let found = self
            .with(|link, side| link.found(side))
            .unwrap_or(Err(Error::NotConnected))?;
        Ok(match found {
            Inbox::Empty => Found::Nothing,
            Inbox::Bytes(_) => Found::Input,
            Inbox::End => Found::End,
        })
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        self.meet(Call::Unacknowledged)?;
        self.with(|link, side| link.unacknowledged(side))
            .unwrap_or(Err(Error::NotConnected))
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.meet(Call::SendFin)?;
        self.with(Link::send_fin)
            .unwrap_or(Err(Error::NotConnected))
    }

    fn shut_down_receive(&mut self) {
        self.with(Link::shut_down_receive);
    }

    fn reset(&mut self) {
        match (&self.role, self.address) {
            (Role::Listening, Some(address)) => {
                self.network.close_listener(address);
                // The address may be another listener's from here on.
                self.role = Role::Fresh;
                self.bound = false;
            }
            _ => {
                self.with(Link::reset);
            }
        }
    }
}

impl From<Inbox> for Received {
    fn from(found: Inbox) -> Self {
        match found {
            Inbox::Bytes(bytes) => Self::Bytes(bytes),
            Inbox::Empty => Self::Nothing,
            Inbox::End => Self::End,
        }
    }
}

impl<P: Primitives> Drop for MemoryEndpoint<P> {
    fn drop(&mut self) {
        match (&self.role, self.address) {
            (Role::Listening, Some(address)) => self.network.close_listener(address),
            (_, address) => {
                if let Some(address) = address.filter(|_| self.bound) {
                    let listeners = &self.network.listeners;
                    listeners.lock(|listeners| listeners.bound.remove(&address));
                }
                self.with(|link, side| {
                    link.halves[side].token = None;
                    if self.unsent_waits {
                        link.reset(side);
                    }
                    link.close(side);
                });
            }
        }
    }
}

impl<P: Primitives> std::fmt::Debug for MemoryEndpoint<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryEndpoint")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
