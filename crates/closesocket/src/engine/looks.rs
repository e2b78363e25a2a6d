//! Looking at sockets as time passes: at the deadlines of drains, and for what no
//! event tells.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock as _;
use super::primitives::{Monitor, TransportCall};
use super::shared::Shared;
use super::socket::{FIRST_PAUSE, LONGEST_PAUSE, SocketState};
use super::{SocketId, System};
use crate::protocol::{Phase, Time};

/// The longest pause of what nobody waits for.
const LONGEST_PAUSE_OF_A_DRAIN: Duration = Duration::from_secs(1);
/// From the first pause to the longest.
const MOST_DOUBLINGS: u8 = 10;

impl<S: System> SocketState<S> {
    /// Plans when to look at the socket as time passes: at the deadline of a
    /// drain, and for acknowledgements, of which a transport need not tell. What
    /// the transport has no room for needs no look: an event tells of room.
    /// Returns a time that is to be entered in the list, earlier than one that is
    /// there.
    pub(super) fn plan_look(&mut self, now: impl Fn() -> Time) -> Option<Time> {
        let asks = if self.asks() {
            Some(now().after(self.next_pause()))
        } else {
            // Whatever it asks for next is news.
            self.seen_queued = u32::MAX;
            None
        };
        let at = [self.deadline(), asks].into_iter().flatten().min()?;
        if self.next_look.is_some_and(|planned| planned <= at) {
            return None;
        }
        self.next_look = Some(at);
        Some(at)
    }

    /// Whether there is anything to look for as time passes.
    pub(super) fn wants_look(&self) -> bool {
        self.deadline().is_some() || self.asks()
    }

    fn deadline(&self) -> Option<Time> {
        match self.machine.phase {
            Phase::Draining { deadline } => deadline,
            Phase::Open | Phase::Closed(_) => None,
        }
    }

    /// Whether it waits for something of which no event need tell.
    fn asks(&self) -> bool {
        self.more_to_discard
            || self.memory_refused
            || self.watch_refused
            || (self.machine.unsent == 0 && self.awaits_acknowledgements())
    }

    /// The longer nothing has changed, the longer it may wait.
    fn next_pause(&mut self) -> Duration {
        let queued = self.machine.queued();
        let news = queued != self.seen_queued || self.more_to_discard;
        self.seen_queued = queued;
        if news {
            self.doublings = 0;
        } else if self.next_look.is_none() {
            self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        }
        let longest = if self.machine.is_draining() {
            LONGEST_PAUSE_OF_A_DRAIN
        } else {
            LONGEST_PAUSE
        };
        (FIRST_PAUSE * (1 << self.doublings)).min(longest)
    }
}

impl<S: System> Shared<S> {
    /// Looks at every socket whose time has come. Returns after how long to look
    /// again; who enters an earlier look meanwhile wakes the transport.
    pub(super) fn tick(self: &Arc<Self>) -> Option<Duration> {
        let _call = TransportCall::<S::Primitives>::new();
        let now = self.services.clock.now();
        let due = self.looks.lock(|looks| {
            let mut due = Vec::new();
            while looks.peek().is_some_and(|Reverse((at, _))| *at <= now) {
                due.extend(looks.pop().map(|Reverse(look)| look));
            }
            due
        });
        for (at, id) in due {
            if self.with_plan(at, id, |plan| plan.take().is_some()) {
                self.look_at(id);
            }
        }
        loop {
            let next = self.looks.lock(|looks| looks.peek().copied());
            let Reverse((at, id)) = next?;
            if self.with_plan(at, id, |plan| plan.is_some()) {
                return Some(self.services.clock.now().until(at));
            }
            self.looks.lock(|looks| {
                if looks.peek() == next.as_ref() {
                    looks.pop();
                }
            });
        }
    }

    /// Works on the plan of a socket to be looked at, if this entry of the list is
    /// it and it is still wanted.
    fn with_plan(
        &self,
        at: Time,
        id: SocketId,
        section: impl FnOnce(&mut Option<Time>) -> bool,
    ) -> bool {
        self.cells.monitor(id).is_some_and(|monitor| {
            monitor.lock(|state| {
                if state.generation != id.generation() || state.next_look != Some(at) {
                    return false;
                }
                if !state.wants_look() {
                    state.next_look = None;
                }
                section(&mut state.next_look)
            })
        })
    }
}
