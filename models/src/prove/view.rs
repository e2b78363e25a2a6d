//! Views: what is kept of a world, from the standpoint of one actor.

use closesocket::protocol::program::Next;

use super::call::Kind;
use super::ghost::Ghosts;
use super::key::{CURRENT, Key};
use crate::state::Thread;

/// The generation of an earlier occupant; [`CURRENT`] is that of the present one.
pub(super) const STALE: u8 = 1;

/// A thread in a call, or the transport's worker; with [`Kind::None`] whoever is in
/// no call, and the surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Actor {
    pub(super) call: Kind,
    thread: Packed,
}

#[cfg(not(feature = "wide"))]
type Packed = u32;
#[cfg(feature = "wide")]
type Packed = u64;

const _: () = assert!(Thread::BITS <= Packed::BITS);

/// What an actor has in hand, instead of the operations as a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InHand {
    /// Overlapped operations that it has still to deliver.
    pub(super) taken: bool,
    /// Overlapped ones that it has delivered.
    pub(super) delivered: bool,
    /// Sleeping threads that it has still to answer.
    pub(super) unanswered: bool,
    /// Its own operation is registered.
    pub(super) registered: bool,
}

impl Actor {
    pub(super) const NOBODY: Self = Self {
        call: Kind::None,
        thread: 0,
    };

    /// An actor at this place; `present` is the generation of the slot's occupant.
    pub(super) fn new(call: Kind, thread: Thread, hand: InHand, present: u8) -> Self {
        let relative = |generation| match generation {
            0 => 0,
            it if it == present => CURRENT,
            _ => STALE,
        };
        let next = thread.next();
        if next == Next::Idle {
            return Self::NOBODY;
        }
        let mut it = Thread::default();
        it.set_next(next);
        it.set_holding(thread.holding());
        // What it has waited for is no more, once its descriptor is another's.
        let over = next == Next::Claim && relative(thread.generation()) == STALE;
        it.set_waited(thread.waited() && !over);
        it.set_cancelled(thread.cancelled() && !over);
        // The worker may know one from another slot, which it has claimed.
        let names_none = match next {
            Next::BackOut | Next::Open | Next::LookAtProcess => true,
            Next::Deliver | Next::GiveUp => !thread.holding(),
            _ => false,
        };
        if !names_none {
            it.set_generation(relative(thread.generation()));
        }
        let flags = [hand.taken, hand.delivered, hand.unanswered, hand.registered];
        it.set_taken(
            flags
                .iter()
                .rev()
                .fold(0, |mask, &flag| mask << 1 | u8::from(flag)),
        );
        Self {
            call: plain_call(call, next),
            thread: Packed::try_from(it.0).unwrap_or_default(),
        }
    }

    /// Somebody who has come from elsewhere and taken out what was pending here:
    /// overlapped operations, or those of sleeping threads.
    pub(super) fn taker(taken: bool, unanswered: bool) -> Self {
        let mut thread = Thread::default();
        thread.set_next(Next::Deliver);
        let hand = InHand {
            taken,
            unanswered,
            ..InHand::default()
        };
        Self::new(Kind::Work, thread, hand, CURRENT)
    }

    /// Somebody who ends a life and will come by.
    pub(super) fn sweeper(call: Kind) -> Self {
        let mut thread = Thread::default();
        thread.set_next(Next::NextSlot);
        Self::new(call, thread, InHand::default(), CURRENT)
    }

    /// Whether it closes the descriptor if its life is over.
    pub(super) fn ends_lives(self) -> bool {
        let thread = self.thread();
        let closes = thread.generation() == CURRENT && self.call != Kind::Close;
        match thread.next() {
            Next::NextSlot | Next::LookAtProcess => true,
            Next::Lock | Next::Commit => closes,
            _ => false,
        }
    }

    pub(super) fn is_nobody(self) -> bool {
        self.call == Kind::None
    }

    #[allow(clippy::useless_conversion, reason = "not of the ordinary size")]
    fn packed(self) -> Thread {
        Thread(u64::from(self.thread))
    }

    /// The thread, whose operations are not named yet.
    pub(super) fn thread(self) -> Thread {
        let mut it = self.packed();
        it.set_taken(0);
        it
    }

    pub(super) fn hand(self) -> InHand {
        let flags = self.packed().taken();
        InHand {
            taken: flags & 1 != 0,
            delivered: flags & 2 != 0,
            unanswered: flags & 4 != 0,
            registered: flags & 8 != 0,
        }
    }

    pub(super) fn next(self) -> Next {
        self.thread().next()
    }

    /// What it is when the slot has got another occupant.
    pub(super) fn outdated(self) -> Self {
        let mut it = self.packed();
        if it.generation() == CURRENT {
            it.set_generation(STALE);
            it.set_waited(false);
            it.set_cancelled(false);
        }
        Self {
            call: self.call,
            thread: Packed::try_from(it.0).unwrap_or_default(),
        }
    }

    /// What it is to the others.
    pub(super) fn ghosts(self) -> Ghosts {
        let (thread, hand) = (self.thread(), self.hand());
        match thread.next() {
            Next::BackOut => Ghosts::TRANSIENT,
            Next::Section | Next::Leave => Ghosts::HOLDER,
            Next::Deliver | Next::Wait | Next::GiveUp => {
                let holds = thread.holding() || hand.taken || hand.delivered;
                Ghosts::HOLDER
                    .only_if(holds)
                    .and(Ghosts::ANSWERER.only_if(hand.unanswered))
            }
            Next::Claim => Ghosts::CLAIMER.only_if(thread.generation() == CURRENT),
            Next::ReturnHandle | Next::Recycle => Ghosts::OWNER,
            Next::Open => Ghosts::OPENER,
            _ => Ghosts::NONE,
        }
    }
}

/// The call as far as it still decides anything.
fn plain_call(call: Kind, next: Next) -> Kind {
    match next {
        Next::BackOut if call.is_overlapped() => Kind::Recv,
        Next::Claim | Next::ReturnHandle | Next::Recycle if call == Kind::Close => call,
        Next::BackOut | Next::Claim | Next::ReturnHandle | Next::Recycle => Kind::LingerOff,
        Next::Leave if !call.is_overlapped() => Kind::LingerOff,
        Next::Leave => Kind::Recv,
        Next::LookAtProcess => Kind::Open,
        Next::Lock | Next::Commit if call == Kind::Redeem => Kind::Open,
        // Once it has committed, all that end a life go on alike.
        Next::Deliver | Next::GiveUp if matches!(call, Kind::Die | Kind::Open | Kind::Redeem) => {
            Kind::Cleanup
        }
        Next::Deliver | Next::GiveUp
            if matches!(call, Kind::Cancel | Kind::CancelForeign | Kind::Work) =>
        {
            Kind::Work
        }
        // A send that was accepted at once leaves as a cancel through its descriptor does.
        Next::Deliver | Next::GiveUp if call.operation().is_some() => Kind::CancelThrough,
        _ => call,
    }
}

/// A key, an actor there, and what the rest of the world is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct View {
    pub(super) key: Key,
    pub(super) actor: Actor,
    pub(super) rest: Ghosts,
}
