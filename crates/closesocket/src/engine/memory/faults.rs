//! What a transport itself can do wrong, whatever its peers do.

use std::collections::VecDeque;

use crate::protocol::Error;

/// Something that goes wrong in a transport itself. [`Memory::inject`] has it happen
/// there; who writes a transport may offer the same to the conformance suite.
///
/// [`Memory::inject`]: super::Memory::inject
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// From now on a send takes at most so many bytes, at least one; an event tells of
    /// room for the rest.
    ShortSends(usize),
    /// From now on a receive gives at most so many bytes, at least one.
    ShortReceives(usize),
    /// So often sends find no room, receives nothing and accepts nobody, whatever there
    /// is; an event follows each time.
    WouldBlock(u32),
    /// The next call of this kind fails with this error, and has done nothing.
    Fails(Call, Error),
}

/// A call of a transport that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// A new endpoint ([`Transport::open`](super::Transport::open)).
    Open,
    /// [`Endpoint::accept`](super::super::transport::Endpoint::accept).
    Accept,
    /// [`Endpoint::send`](super::super::transport::Endpoint::send).
    Send,
    /// [`Endpoint::receive`](super::super::transport::Endpoint::receive).
    Receive,
    /// [`Endpoint::send_fin`](super::super::transport::Endpoint::send_fin).
    SendFin,
    /// [`Endpoint::unacknowledged`](super::super::transport::Endpoint::unacknowledged).
    Unacknowledged,
}

/// The faults of a network.
#[derive(Debug)]
pub(super) struct Faults {
    short_sends: usize,
    short_receives: usize,
    would_block: u32,
    fails: VecDeque<(Call, Error)>,
}

/// What a call meets.
pub(super) enum Met {
    /// It is done, with at most so many bytes.
    Done(usize),
    /// It finds nothing, and an event has to follow.
    WouldBlock,
}

impl Faults {
    pub(super) const fn none() -> Self {
        Self {
            short_sends: usize::MAX,
            short_receives: usize::MAX,
            would_block: 0,
            fails: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        match fault {
            Fault::ShortSends(most) => self.short_sends = most.max(1),
            Fault::ShortReceives(most) => self.short_receives = most.max(1),
            Fault::WouldBlock(times) => self.would_block = times,
            Fault::Fails(call, error) => self.fails.push_back((call, error)),
        }
    }

    /// What a call of this kind meets.
    pub(super) fn meet(&mut self, call: Call) -> Result<Met, Error> {
        if let Some(at) = self.fails.iter().position(|it| it.0 == call)
            && let Some((_, error)) = self.fails.remove(at)
        {
            return Err(error);
        }
        let may_wait = matches!(call, Call::Accept | Call::Send | Call::Receive);
        if may_wait && self.would_block > 0 {
            self.would_block -= 1;
            return Ok(Met::WouldBlock);
        }
        Ok(Met::Done(match call {
            Call::Send => self.short_sends,
            Call::Receive => self.short_receives,
            _ => usize::MAX,
        }))
    }
}
