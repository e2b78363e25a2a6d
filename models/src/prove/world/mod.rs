//! From a view back to worlds: the representatives, on which the steps of the model
//! run.
//!
//! A representative is a state of a scenario with the actor as its first thread.
//! What a view says there is *some* of is there once, or twice where a step could
//! use up the one; what no step of the actor can meet is only counted in the word.

mod fillers;
mod state;

use closesocket::protocol::program::Next;
use closesocket::protocol::word::{Word, WordPhase};
use closesocket::protocol::{Cause, DuplicationRecord, Ending, Phase, ProcessId, RecordState};

use super::call::{Kind, OPERATIONS};
use super::family::Family;
use super::ghost::Ghosts;
use super::key::{CURRENT, Key};
use super::view::{STALE, View};
use crate::scenario::{Scenario, SlotSpec};
use crate::state::{State, small};
use fillers::Fillers;

/// Who takes the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mover {
    Thread(usize),
    Surroundings,
}

/// A representative of a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) state: State,
    pub(super) mover: Mover,
    pub(super) call: Kind,
    /// The rest as it is here: every ghost is there or not.
    pub(super) rest: Ghosts,
    /// Of the rest, what is there as operations and sleeping threads.
    pub(super) shown: Ghosts,
    /// Another send may be pending than those that are there.
    pub(super) sends: bool,
    /// Which operations are of another descriptor of the socket: what becomes of
    /// them is seen from there.
    pub(super) remote: u8,
}

const SLOTS: &[SlotSpec] = &[
    SlotSpec {
        process: 0,
        socket: None,
    },
    SlotSpec {
        process: 1,
        socket: None,
    },
    SlotSpec {
        process: 1,
        socket: None,
    },
];

/// Hands every representative of a view to `out`. A ghost that is left out is none
/// in one and some in another.
pub(super) fn worlds(
    family: &Family,
    left_out: Ghosts,
    view: &View,
    sockets: &[Key],
    out: &mut impl FnMut(&World),
) {
    for unknown in left_out.subsets() {
        let rest = view.rest.and(unknown);
        let others = if view.key.others() { 1..=2 } else { 0..=0 };
        for others in others {
            for &lives in lives(family, view) {
                let builder = Builder {
                    family,
                    view,
                    rest,
                    others,
                    lives,
                };
                builder.all(sockets, out);
            }
        }
    }
}

/// How far the processes have come: that of the slot, or that for which a record
/// would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lives {
    /// Both live.
    GoOn,
    /// The slot's has cleaned up.
    CleanedUp,
    /// It has died.
    Died,
    /// It has cleaned up and begun another life.
    StartedAgain,
    /// The other has died.
    TargetDied,
}

/// Those that a step of the actor tells apart.
fn lives(family: &Family, view: &View) -> &'static [Lives] {
    use Lives::{CleanedUp, Died, GoOn, StartedAgain, TargetDied};
    match (view.actor.next(), view.actor.call) {
        _ if !family.ends_lives() => &[GoOn],
        (Next::Idle | Next::Lock | Next::Commit | Next::LookAtProcess, _) if view.key.is_over() => {
            &[CleanedUp, Died, StartedAgain]
        }
        (Next::Section, Kind::Duplicate) if view.key.is_over() => &[CleanedUp, TargetDied],
        (Next::Section, Kind::Duplicate) => &[GoOn, TargetDied],
        // Whatever has become of the process meanwhile.
        (Next::Recycle, _) => &[GoOn, CleanedUp],
        _ if view.key.is_over() => &[CleanedUp],
        _ => &[GoOn],
    }
}

struct Builder<'a> {
    family: &'a Family,
    view: &'a View,
    rest: Ghosts,
    /// References besides the slot's own.
    others: u32,
    lives: Lives,
}

impl Builder<'_> {
    fn all(&self, sockets: &[Key], out: &mut impl FnMut(&World)) {
        let actor = self.view.actor;
        match actor.next() {
            Next::Idle if actor.is_nobody() => self.beginnings(out),
            Next::Open if actor.call == Kind::Redeem => {
                // Only what anybody refers to has a record.
                for socket in sockets.iter().filter(|it| it.others()) {
                    self.redeeming(*socket, out);
                }
            }
            Next::Deliver | Next::Wait | Next::GiveUp => self.in_hand(out),
            // What they can meet is what is pending.
            Next::Lock | Next::Commit | Next::Section if actor.call.operation().is_none() => {
                for fillers in self.fillers(true) {
                    self.one(actor.call, 0, fillers, 0, out);
                    if let Some(fillers) = self.beside_another(fillers) {
                        self.one(actor.call, 0, fillers, 0, out);
                    }
                }
            }
            _ if actor.call.operation().is_some() => {
                let blocked = u8::from(!actor.call.is_overlapped());
                let sends = u8::from(actor.call.sends());
                let fillers = Fillers {
                    blocked,
                    sends,
                    ..Fillers::default()
                };
                self.one(actor.call, 0, fillers, 0, out);
            }
            _ => {
                let fillers = self.fillers(false);
                for fillers in fillers {
                    self.one(actor.call, 0, fillers, 0, out);
                }
            }
        }
    }

    /// Whoever is in no call begins one; and the surroundings.
    fn beginnings(&self, out: &mut impl FnMut(&World)) {
        let key = self.view.key;
        if !key.is_alone() {
            self.ends(out);
        }
        if matches!(self.lives, Lives::Died | Lives::StartedAgain) {
            // What else is begun asks only whether its life is over.
            return;
        }
        let every = self.fillers(true);
        for &fillers in &every {
            self.one(Kind::None, 0, fillers, 0, out);
            for two in [false, true] {
                // A send of two chunks may have its first one accepted already.
                self.one(Kind::Work, 0, Fillers { two, ..fillers }, 0, out);
            }
        }
        if key.is_alone() {
            if key.others() && self.family.ends_lives() {
                self.reclaiming(out);
            }
            return;
        }
        let current = (key.phase() != WordPhase::Free).then_some(CURRENT);
        let generations = || current.into_iter().chain([STALE]);
        for &call in self.family.calls {
            match call {
                Kind::Cancel | Kind::CancelForeign => {
                    for &fillers in &every {
                        let local = fillers.pending & !fillers.remote;
                        let there = local | fillers.taken | fillers.delivered;
                        for operation in (0..OPERATIONS).filter(|it| there >> it & 1 == 1) {
                            self.one(call, operation, fillers, 0, out);
                        }
                    }
                }
                Kind::Redeem | Kind::Open => self.one(call, 0, Fillers::default(), 0, out),
                Kind::Startup | Kind::Cleanup | Kind::Die => {}
                _ => {
                    let sends = u8::from(call.sends());
                    let blocked = u8::from(call.operation().is_some() && !call.is_overlapped());
                    let fillers = Fillers {
                        blocked,
                        sends,
                        ..Fillers::default()
                    };
                    for generation in generations() {
                        self.one(call, 0, fillers, generation, out);
                    }
                }
            }
        }
    }

    /// A life ends, or another begins.
    fn ends(&self, out: &mut impl FnMut(&World)) {
        let calls = self.family.calls.iter();
        let of_lives = calls.filter(|it| matches!(it, Kind::Startup | Kind::Cleanup | Kind::Die));
        of_lives.for_each(|&call| self.one(call, 0, Fillers::default(), 0, out));
    }

    /// A record, redeemed by its target, by somebody else, or once more.
    fn redeeming(&self, socket: Key, out: &mut impl FnMut(&World)) {
        use RecordState::{Redeemed, Unredeemed};
        for others in 0..=1_u32 {
            for (target, state) in [(0, Unredeemed), (1, Unredeemed), (0, Redeemed)] {
                let mut world = self.world(Kind::Redeem, 0, Fillers::default(), 0);
                let record = u32::from(state == Unredeemed);
                if record + others == 0 {
                    continue;
                }
                let mut it = socket.socket();
                it.run(|machine| machine.references = record + others);
                *world.state.socket_mut(0_usize) = it;
                world.state.rest_mut().set_created(1);
                self.refer(&mut world.state, others);
                let mut made = world.state.record_mut(0_usize);
                made.set_record(Some(DuplicationRecord {
                    target: ProcessId(target),
                    state,
                }));
                made.set_socket(0);
                drop(made);
                world.sends = socket.sends();
                out(&world);
            }
        }
    }

    /// One of the others that refer is a record, and its target has died.
    fn reclaiming(&self, out: &mut impl FnMut(&World)) {
        let mut world = self.world(Kind::Die, 0, Fillers::default(), 0);
        let state = &mut world.state;
        let mut instead = state.slot_mut(small(self.others as usize));
        instead.set_word(Word::unused());
        drop(instead);
        let mut record = state.record_mut(0_usize);
        record.set_record(Some(DuplicationRecord::new(ProcessId(0))));
        record.set_socket(0);
        drop(record);
        state.process_mut(0_u8).set_gone(Some(Cause::Death));
        let mut thread = state.thread_mut(0_usize);
        thread.set_next(Next::NextRecord);
        thread.set_cursor(small(SLOTS.len() + 1));
        drop(thread);
        out(&world);
    }

    fn one(
        &self,
        call: Kind,
        operation: usize,
        fillers: Fillers,
        handle: u8,
        out: &mut impl FnMut(&World),
    ) {
        let mut world = self.world(call, operation, fillers, handle);
        let Mover::Thread(t) = world.mover else {
            out(&world);
            return;
        };
        let thread = world.state.thread(t);
        match thread.next() {
            // What it has seen is the word as it is, or not any more.
            Next::Commit => {
                let holders =
                    small(usize::try_from(world.state.slot(0_usize).word().holders()).unwrap_or(0));
                for guess in [holders, holders + 1, holders.wrapping_sub(1) & 15] {
                    world.state.thread_mut(t).set_guess(guess);
                    self.elsewhere(world, t, out);
                }
            }
            _ => self.elsewhere(world, t, out),
        }
    }

    /// Of a thread whose descriptor was recycled, the socket is another one, of
    /// which no more is known than that it does not drain if the thread has waited.
    fn elsewhere(&self, mut world: World, t: usize, out: &mut impl FnMut(&World)) {
        let thread = world.state.thread(t);
        let outdated = thread.generation() == STALE;
        if !outdated || thread.next() == Next::Idle {
            out(&world);
            return;
        }
        let at = small(usize::from(self.view.key.has_socket()));
        world.state.thread_mut(t).set_socket(at);
        world.state.rest_mut().set_created(at + 1);
        let mut other = world.state.socket(at);
        other.run(|it| {
            it.references = 0;
            it.phase = Phase::Closed(Ending::Unconnected);
        });
        other.set_releases(1);
        *world.state.socket_mut(at) = other;
        out(&world);
    }
}
