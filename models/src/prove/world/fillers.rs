//! What stands for the operations of the rest, and for those that an actor has in
//! hand.

use closesocket::protocol::Connection;

use super::super::call::OPERATIONS;
use super::super::ghost::Ghosts;
use super::{Builder, World};

/// What stands for some of the rest, in operations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fillers {
    /// Which operations are pending, overlapped or of sleeping threads.
    pub(super) pending: u8,
    /// Which were taken out by somebody else.
    pub(super) taken: u8,
    /// Which were delivered by somebody else.
    pub(super) delivered: u8,
    /// Those that the actor has in hand: to deliver, delivered.
    pub(super) mine: [u8; 2],
    /// Which are waited for by a sleeping thread.
    pub(super) blocked: u8,
    /// Which are sends.
    pub(super) sends: u8,
    /// Which are of another descriptor.
    pub(super) remote: u8,
    /// The sends have two chunks left.
    pub(super) two: bool,
}

impl Builder<'_> {
    /// The operations that stand for what is pending, taken and delivered: each
    /// choice of how many, and of which are sends, that agrees with the key.
    pub(super) fn fillers(&self, every: bool) -> Vec<Fillers> {
        let (rest, sends) = (self.rest, self.view.key.sends());
        let counts = |ghost| match (rest.has(ghost), every) {
            (false, _) => 0..=0,
            (true, false) => 1..=1,
            (true, true) => 1..=2_usize,
        };
        let mut all = Vec::new();
        for overlapped in counts(Ghosts::PENDING) {
            for asleep in counts(Ghosts::ASLEEP).filter(|it| overlapped + it < 4) {
                let remote = if self.others_may_wait() && sends && overlapped + asleep < OPERATIONS
                {
                    0..=1_u8
                } else {
                    0..=0
                };
                for remote in remote {
                    self.filled(overlapped, asleep, remote, &mut all);
                }
            }
        }
        all
    }

    /// Whether operations can be pending on the socket through other descriptors:
    /// open ones, or closed ones that they outlive.
    fn others_may_wait(&self) -> bool {
        let key = self.view.key;
        self.others > 0 || key.own() > 0 && key.ends_together()
    }

    fn connects(&self) -> bool {
        let key = self.view.key;
        key.has_socket() && key.socket().machine().connection == Connection::Connecting
    }

    /// The same beside a receive that is pending through another descriptor.
    pub(super) fn beside_another(&self, it: Fillers) -> Option<Fillers> {
        let free = !(it.pending | it.taken | it.delivered) & 15;
        let room = self.others_may_wait() && !self.connects() && it.remote == 0 && free != 0;
        let remote = free & free.wrapping_neg();
        room.then_some(Fillers {
            pending: it.pending | remote,
            remote,
            ..it
        })
    }

    fn filled(&self, overlapped: usize, asleep: usize, remote: u8, all: &mut Vec<Fillers>) {
        // The sleepers' are the last: their threads have their indices.
        let mut free: Vec<usize> = (0..OPERATIONS).collect();
        let mut it = Fillers::default();
        for index in free.split_off(OPERATIONS - asleep) {
            it.pending |= 1 << index;
            it.blocked |= 1 << index;
        }
        let mut take = || {
            let first = (!free.is_empty()).then(|| free.remove(0));
            first.map_or(0, |index| 1_u8 << index)
        };
        (0..overlapped).for_each(|_| it.pending |= take());
        let local = it.pending;
        if remote > 0 {
            it.remote = take();
            it.pending |= it.remote;
        }
        if self.rest.has(Ghosts::HOLDER) {
            it.taken = take();
            it.delivered = take();
        }
        let connecting = self.connects();
        let subsets = Ghosts(u16::from(local)).subsets();
        all.extend(subsets.filter_map(|subset| {
            let sends = subset.0.to_le_bytes()[0] | it.remote;
            // While it connects, nothing else is pending on a socket, and that once.
            let alone = sends == it.pending && sends.count_ones() <= 1;
            let agrees = (sends != 0) == self.view.key.sends() && (alone || !connecting);
            // What is not pending any more may have been a send.
            let sends = sends | it.taken | it.delivered;
            agrees.then_some(Fillers { sends, ..it })
        }));
    }

    /// Whoever has taken operations out: one or two of each kind that it has.
    pub(super) fn in_hand(&self, out: &mut impl FnMut(&World)) {
        let hand = self.view.actor.hand();
        let counts = |some| if some { 1..=2_usize } else { 0..=0 };
        for taken in counts(hand.taken) {
            for asleep in counts(hand.unanswered).filter(|it| taken + it < 4) {
                // The overlapped from the first, the sleepers' from the last.
                let delivered = u8::from(hand.delivered) << taken;
                let sleepers =
                    0b1100_u8 & !(u8::from(asleep < 2) << 2) & !(u8::from(asleep < 1) << 3);
                let taken = (1_u8 << taken) - 1;
                let fillers = Fillers {
                    blocked: sleepers,
                    mine: [taken | sleepers, delivered],
                    ..Fillers::default()
                };
                self.one(self.view.actor.call, 0, fillers, 0, out);
            }
        }
    }
}
