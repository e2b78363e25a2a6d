//! One step of a representative, and what it comes to for everybody.

use closesocket::protocol::invariant::{Event, Step, Violations};
use closesocket::protocol::program::Next;
use closesocket::protocol::word::WordPhase;

use super::abstraction::Seen;
use super::call::{INSIDER, Kind};
use super::ghost::Ghosts;
use super::key::{CURRENT, Key};
use super::view::{Actor, View};
use super::world::{Mover, World};
use crate::action::What;
use crate::defect::Defect;
use crate::state::{OPERATIONS, RECORDS, SLOTS, SOCKETS, State, WORKER};
use crate::steps::Steps;
use crate::view;
use crate::when::{Heeding, violations_of};

/// What a step comes to for the others at its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Effect {
    /// The key afterwards.
    pub(super) key: Key,
    /// What the rest was to whoever took the step.
    pub(super) rest: Ghosts,
    /// What the one who took it was, and is.
    pub(super) from: Ghosts,
    pub(super) to: Ghosts,
    /// What else has gone and come.
    pub(super) removed: Ghosts,
    pub(super) added: Ghosts,
    /// The slot was given to its next occupant.
    pub(super) recycled: bool,
}

/// What a step comes to for the other descriptors of its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Edge {
    pub(super) from: Key,
    pub(super) to: Key,
    /// References before and after, and whether the slot itself was one.
    pub(super) references: [u32; 2],
    pub(super) own: u32,
}

/// What is found of a step.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) what: What,
    pub(super) mover: Mover,
    pub(super) event: Event,
    pub(super) violated: Violations,
    /// It changed a slot or a socket besides the actor's.
    pub(super) strays: bool,
    /// The socket has other references than it counts.
    pub(super) miscounts: bool,
    /// A thread in a call took it, and everything is as it was.
    pub(super) repeats: bool,
    /// It leaves a descriptor open whose life is over, or ends the life of an open
    /// one, and its thread will not close it.
    pub(super) abandons: bool,
    /// It was taken through another descriptor, from where it is seen as well.
    pub(super) elsewhere: bool,
    /// Whoever took the step, and a thread that it woke.
    pub(super) views: [Option<View>; 2],
    pub(super) effect: Effect,
    pub(super) edge: Option<Edge>,
}

/// Runs every step of the mover of a representative; how many there are.
pub(super) fn steps(
    view: &View,
    world: &World,
    defect: Option<Defect>,
    out: &mut impl FnMut(Found),
) -> usize {
    let steps = Steps {
        scenario: &world.scenario,
        defect,
        // That others wait for a lock takes steps away and adds none.
        locked: 0,
    };
    let mut count = 0;
    let mut take = |what, event, after: &State| {
        count += 1;
        of_step(view, world, (what, event, after), out);
    };
    match world.mover {
        Mover::Thread(t) => steps.of_thread(&world.state, t, &mut take),
        Mover::Surroundings => steps.of_environment(&world.state, &mut take),
    }
    count
}

fn of_step(
    view: &View,
    world: &World,
    (what, event, after): (What, Event, &State),
    out: &mut impl FnMut(Found),
) {
    let judged = |state| view::View {
        scenario: &world.scenario,
        state,
    };
    let judge = &Step {
        before: &judged(&world.state),
        event,
        after: &judged(after),
    };
    let heeding = Heeding::of_event(event).and(after.heeding_since(&world.state));
    let violated = violations_of(judge, heeding);
    let seen = Seen {
        scenario: &world.scenario,
        state: after,
    };
    let key = key_after(view, world, &seen);
    let recycled = is_recycled(world, after);
    let actor = match world.mover {
        Mover::Thread(t) => seen.actor(t, world.call, 0).unwrap_or(Actor::NOBODY),
        Mover::Surroundings => Actor::NOBODY,
    };
    let woken = (INSIDER + 1..WORKER).find(|&t| {
        world.state.thread(t).next() == Next::Sleep && after.thread(t).next() == Next::Leave
    });
    // What a close takes out of others' is seen from there by its edge.
    let elsewhere = !matches!(event, Event::Committed { .. })
        && (0..OPERATIONS).any(|it| {
            world.remote >> it & 1 == 1 && world.state.operation(it) != after.operation(it)
        });
    let rest = rest_after(view, world, &seen, recycled, woken.is_some());
    let inside = Ghosts::HOLDER.only_if(!world.rest.has(Ghosts::HOLDER));
    let woken = woken.map(|t| View {
        key,
        actor: seen.actor(t, Kind::BlockedRecv, 0).unwrap_or(Actor::NOBODY),
        rest: rest.without(inside).and(actor.ghosts()),
    });
    out(Found {
        what,
        mover: world.mover,
        event,
        violated,
        elsewhere,
        strays: !view.key.is_alone() && strays(&world.state, after),
        miscounts: miscounts(after),
        repeats: *after == world.state && !view.actor.is_nobody(),
        abandons: key.is_to_be_ended()
            && (!view.key.is_to_be_ended() || view.actor.ends_lives())
            && !actor.ends_lives(),
        views: [Some(View { key, actor, rest }), woken],
        effect: Effect {
            key,
            rest: world.rest,
            from: view.actor.ghosts(),
            to: actor.ghosts(),
            removed: world.rest.without(rest),
            added: rest.without(world.rest),
            recycled,
        },
        edge: edge(view, world, &seen),
    });
}

/// Whether a step meets more than one slot and one socket: a view would not show it.
fn strays(before: &State, after: &State) -> bool {
    (1..SLOTS).any(|it| before.slot(it) != after.slot(it))
        || (1..SOCKETS).any(|it| before.socket(it) != after.socket(it))
}

/// Whether a socket counts other references than it has in the representative. The
/// views know no more of others than that count.
fn miscounts(after: &State) -> bool {
    let open = (0..SLOTS).filter(|&it| {
        let slot = after.slot(it);
        slot.word().phase() == WordPhase::Open && slot.socket() == 0
    });
    let records = (0..RECORDS).filter(|&it| {
        let record = after.record(it);
        record.socket() == 0 && record.record().is_some_and(|it| it.is_reference())
    });
    let there = u32::try_from(open.count() + records.count()).unwrap_or(u32::MAX);
    after.rest().created() > 0 && after.socket(0_usize).machine().references != there
}

fn is_recycled(world: &World, after: &State) -> bool {
    let generation = |state: &State| state.slot(0_usize).word().generation();
    generation(&world.state) != generation(after)
}

fn key_after(view: &View, world: &World, seen: &Seen) -> Key {
    let key = if view.key.is_alone() {
        seen.alone(0)
    } else {
        seen.key(0)
    };
    let sends = world.sends && key.has_socket() && !all_are_taken(view, seen.state);
    if sends { key.with_sends() } else { key }
}

/// Whether the last reference has gone, and with it what was pending through any
/// descriptor (O1).
fn all_are_taken(view: &View, after: &State) -> bool {
    let referred = view.key.socket().machine().references > 0;
    let left = after.socket(0_usize).machine().references;
    view.key.ends_together() && referred && left == 0
}

/// What the rest is afterwards.
fn rest_after(view: &View, world: &World, seen: &Seen, recycled: bool, woken: bool) -> Ghosts {
    let there = seen.anonymous(0);
    let hidden = world.rest.without(world.shown);
    let inside = Ghosts::HOLDER.only_if(woken);
    let rest = hidden.and(there).and(inside);
    // Of the sleepers those that the actor has to answer are there. Others are if
    // somebody else has to answer them: an operation has one owner.
    let answers = view.actor.hand().unanswered && !there.has(Ghosts::UNANSWERED);
    let last = answers && !world.rest.has(Ghosts::ANSWERER);
    let rest = rest.without(Ghosts::UNANSWERED.only_if(last));
    if recycled {
        rest.both(Ghosts::TRANSIENT)
    } else {
        rest
    }
}

/// What other descriptors see of the step: nothing if the socket is as it was.
fn edge(view: &View, world: &World, seen: &Seen) -> Option<Edge> {
    let by_a_thread = world.mover != Mover::Surroundings;
    let mine = view.key.shows_its_socket() && by_a_thread;
    let with = |it: Key, sends: bool| if sends { it.with_sends() } else { it };
    let left = world.sends && !all_are_taken(view, seen.state);
    let before = Seen {
        state: &world.state,
        ..*seen
    };
    let from = with(before.alone(0), world.sends).socket_only();
    let to = with(seen.alone(0), left);
    let machine = |state: &State| state.socket(0_usize).machine();
    let references = [&world.state, seen.state].map(|it| machine(it).references);
    let changed = references[0] != references[1] || from != to.socket_only();
    (mine && changed).then(|| Edge {
        from,
        to,
        references,
        own: view.key.own(),
    })
}

impl Edge {
    /// Whether the last reference has gone.
    pub(super) const fn is_last(&self) -> bool {
        self.references[0] > 0 && self.references[1] == 0
    }

    /// Whether what was pending through any descriptor was taken out with it.
    pub(super) fn takes_all(&self) -> bool {
        self.is_last() && self.to.ends_together()
    }

    /// What another key of the same socket becomes; `None` if the step was of
    /// another world than that key is of.
    pub(super) fn seen_from(&self, key: Key) -> Option<Key> {
        let [before, after] = self.references;
        if !key.shows_its_socket() {
            // Whichever socket it was, others have let go of it.
            return self.is_last().then(|| key.with_socket(self.to, 0));
        }
        let others = before.checked_sub(key.own())?;
        let left = after.checked_sub(key.own())?;
        let mine =
            key.socket_only() == self.from && (others > 0) == key.others() && others >= self.own;
        mine.then(|| key.with_socket(self.to, left))
    }
}

impl Effect {
    /// Whether anybody else can notice it.
    pub(super) fn changes(&self, key: Key) -> bool {
        self.key != key
            || self.from != self.to
            || self.removed != Ghosts::NONE
            || self.added != Ghosts::NONE
            || self.recycled
    }

    /// What the rest becomes to somebody else, if these are who is there besides.
    pub(super) fn rest_seen(&self, third: Ghosts) -> Ghosts {
        let rest = third.without(self.removed).and(self.added).and(self.to);
        if self.recycled {
            rest.both(Ghosts::TRANSIENT)
        } else {
            rest
        }
    }
}

/// Who is there besides two, by what each is and what the rest is to it; `None` if
/// the two are not of one world. Of what both are, others may be there too.
pub(super) fn third(mine: (Ghosts, Ghosts), theirs: (Ghosts, Ghosts)) -> Option<Ghosts> {
    let ((me, my_rest), (them, their_rest)) = (mine, theirs);
    let differ = Ghosts(my_rest.0 ^ their_rest.0).without(me.and(them));
    let one_world = differ == Ghosts::NONE && my_rest.has(them) && their_rest.has(me);
    one_world.then(|| {
        let seen_by_them = their_rest.both(them).without(me);
        my_rest.without(them).and(seen_by_them)
    })
}

const _: () = assert!(CURRENT == 2, "a recycled slot has the next generation");
