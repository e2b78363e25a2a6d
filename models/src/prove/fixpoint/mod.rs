//! The fixpoint: every view that worlds of a family can have, of whatever size.
//!
//! What one does at a key is the same for all to whom the rest of the world is the
//! same and who are the same to it. So the views are kept in cells, one for a key
//! and a rest, each with a bit for every actor; what somebody does moves all bits of
//! a cell at once.

mod interference;

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasherDefault;

use closesocket::protocol::Phase;
use closesocket::protocol::invariant::{Event, Violations};
use closesocket::protocol::program::Next;

use super::call::Kind;
use super::family::Family;
use super::ghost::Ghosts;
use super::key::Key;
use super::leak::{leaks, may_stand};
use super::step::{Edge, Effect, Found, steps};
use super::view::{Actor, View};
use super::world::{Mover, worlds};
use crate::action::What;
use crate::defect::Defect;
use crate::hash::Multiply;
use crate::state::Slot;

type Hashed = BuildHasherDefault<Multiply>;

/// Who took the step into a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The actor of the view.
    Itself,
    /// Another thread at the same descriptor.
    Another,
    /// A thread at another descriptor of the socket.
    Elsewhere,
    /// The surroundings.
    Surroundings,
}

/// How a view was found first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) from: u32,
    pub(super) by: By,
    pub(super) what: What,
}

/// The keys of a socket, and what was done to it.
type Met = (Vec<Key>, Vec<(Edge, What)>);

/// What was found wrong.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// The view before.
    pub(super) view: u32,
    /// The step, if it is not the view itself.
    pub(super) what: Option<(By, What)>,
    pub(super) violated: Violations,
    pub(super) leak: Option<&'static str>,
}

/// What is known at one key.
struct AtKey {
    key: Key,
    cells: Vec<usize>,
    /// What was done here, by what the rest was to whoever did it and what it was
    /// to the rest.
    effects: Vec<Same>,
    /// What others have made of the socket.
    remotes: Vec<Remote>,
}

/// What a key becomes by a step at another descriptor of its socket.
#[derive(Clone, Copy)]
struct Remote {
    key: Key,
    /// What was pending is taken out.
    takes_all: bool,
    what: What,
}

/// Effects of those who were, and saw, the same.
struct Same {
    from: Ghosts,
    rest: Ghosts,
    effects: Vec<(Effect, By, What)>,
    known: HashSet<Effect, Hashed>,
}

/// The views of a key and a rest.
struct Cell {
    at: usize,
    rest: Ghosts,
    /// Which actors there are, and which of them have not seen yet what others did.
    actors: u128,
    news: u128,
}

/// The fixpoint of a family, with or without a defect.
pub(super) struct Fixpoint<'a> {
    family: &'a Family,
    defect: Option<Defect>,
    left_out: Ghosts,
    pub(super) views: Vec<(View, Option<Way>)>,
    known: HashMap<View, u32, Hashed>,
    actors: Vec<Actor>,
    /// Which of the actors are this to the rest.
    alike: Vec<(Ghosts, u128)>,
    keys: HashMap<Key, usize, Hashed>,
    at: Vec<AtKey>,
    cells: Vec<Cell>,
    cell_of: HashMap<(usize, Ghosts), usize, Hashed>,
    by_socket: HashMap<Key, Met, Hashed>,
    known_edges: HashSet<Edge, Hashed>,
    /// The keys that do not show their socket, and what ends any.
    hidden: Met,
    sockets: Vec<Key>,
    redeemers: Vec<u32>,
    queue: VecDeque<u32>,
    stirred: VecDeque<usize>,
    pub(super) transitions: u64,
    pub(super) wrong: Option<Wrong>,
}

impl<'a> Fixpoint<'a> {
    /// Goes on until nothing is new, or something is wrong.
    pub(super) fn of(family: &'a Family, defect: Option<Defect>, left_out: Ghosts) -> Self {
        let mut it = Self {
            family,
            defect,
            left_out,
            views: Vec::new(),
            known: HashMap::default(),
            actors: Vec::new(),
            alike: Vec::new(),
            keys: HashMap::default(),
            at: Vec::new(),
            cells: Vec::new(),
            cell_of: HashMap::default(),
            by_socket: HashMap::default(),
            known_edges: HashSet::default(),
            hidden: (Vec::new(), Vec::new()),
            sockets: Vec::new(),
            redeemers: Vec::new(),
            queue: VecDeque::new(),
            stirred: VecDeque::new(),
            transitions: 0,
            wrong: None,
        };
        let free = View {
            key: Key::new(Slot::default(), family.fresh(), false),
            actor: Actor::NOBODY,
            rest: Ghosts::NONE,
        };
        it.add(free, None);
        while it.wrong.is_none() {
            if let Some(view) = it.queue.pop_front() {
                it.expand(view);
            } else if let Some(cell) = it.stirred.pop_front() {
                it.stir(cell);
            } else {
                break;
            }
        }
        it
    }

    /// The place of a view, if it is one of them.
    pub(super) fn place(&self, view: &View) -> Option<u32> {
        self.known.get(view).copied()
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn actors(&self) -> usize {
        self.actors.len()
    }

    fn add(&mut self, view: View, way: Option<Way>) {
        let view = View {
            rest: view.rest.without(self.left_out),
            ..view
        };
        let at = self.at(view.key);
        let cell = self.cell(at, view.rest);
        let bit = self.bit(view.actor);
        if self.cells[cell].actors & bit != 0 {
            return;
        }
        let index = u32::try_from(self.views.len()).unwrap_or(u32::MAX);
        self.views.push((view, way));
        if bit == 0 {
            let full = "there are more actors than the cells have bits for";
            self.is_wrong(index, None, Violations::NONE, Some(full));
            return;
        }
        self.known.insert(view, index);
        self.queue.push_back(index);
        let it = &mut self.cells[cell];
        if it.news == 0 {
            self.stirred.push_back(cell);
        }
        it.actors |= bit;
        it.news |= bit;
        if self.at[at].cells.is_empty() {
            self.at[at].cells.push(cell);
            if view.key.has_socket() {
                self.new_socket(view.key, way);
            }
        } else if it.actors == bit {
            self.at[at].cells.push(cell);
        }
    }

    /// The bit of an actor; 0 if there are too many.
    fn bit(&mut self, actor: Actor) -> u128 {
        let known = self.actors.iter().position(|it| *it == actor);
        let index = known.unwrap_or(self.actors.len());
        let bit = u32::try_from(index)
            .ok()
            .and_then(|it| 1_u128.checked_shl(it));
        let Some(bit) = bit else { return 0 };
        if known.is_none() {
            self.actors.push(actor);
            let ghosts = actor.ghosts().without(self.left_out);
            match self.alike.iter_mut().find(|it| it.0 == ghosts) {
                Some(like) => like.1 |= bit,
                None => self.alike.push((ghosts, bit)),
            }
        }
        bit
    }

    fn at(&mut self, key: Key) -> usize {
        let next = self.at.len();
        let at = *self.keys.entry(key).or_insert(next);
        if at == next {
            self.at.push(AtKey {
                key,
                cells: Vec::new(),
                effects: Vec::new(),
                remotes: Vec::new(),
            });
        }
        at
    }

    fn cell(&mut self, at: usize, rest: Ghosts) -> usize {
        let next = self.cells.len();
        let cell = *self.cell_of.entry((at, rest)).or_insert(next);
        if cell == next {
            self.cells.push(Cell {
                at,
                rest,
                actors: 0,
                news: 0,
            });
        }
        cell
    }

    /// A key is there for the first time.
    fn new_socket(&mut self, key: Key, way: Option<Way>) {
        let (keys, edges) = if key.shows_its_socket() {
            self.by_socket.entry(key.socket_only()).or_default()
        } else {
            &mut self.hidden
        };
        keys.push(key);
        for (edge, what) in edges.clone() {
            self.meet(edge, what, key);
        }
        if key.is_alone() {
            self.sockets.push(key);
            for redeemer in self.redeemers.clone() {
                self.run(redeemer, &[key]);
            }
        } else if key.shows_its_socket() {
            let alone = View {
                key: key.socket_alone(),
                actor: Actor::NOBODY,
                rest: Ghosts::NONE,
            };
            self.add(alone, way);
        }
    }

    fn expand(&mut self, index: u32) {
        let view = self.views[index as usize].0;
        if let Some(leak) = leaks(&view, self.left_out) {
            self.is_wrong(index, None, Violations::NONE, Some(leak));
            return;
        }
        let redeems = view.actor.call == Kind::Redeem && view.actor.next() == Next::Open;
        let mut sockets = Vec::new();
        if redeems {
            self.redeemers.push(index);
            sockets.clone_from(&self.sockets);
        }
        self.run(index, &sockets);
    }

    /// Runs every step of a view's actor.
    fn run(&mut self, index: u32, sockets: &[Key]) {
        let view = self.views[index as usize].0;
        let (defect, family, left_out) = (self.defect, self.family, self.left_out);
        let (mut any, mut stuck, mut expires) = (false, false, false);
        let mut found = Vec::new();
        let mut transitions = 0;
        worlds(family, left_out, &view, sockets, &mut |world| {
            let count = steps(&view, world, defect, &mut |it| {
                expires |= matches!(it.event, Event::Expired { .. });
                found.push(it);
            });
            transitions += count as u64;
            any |= world.mover == Mover::Surroundings;
            stuck |= count == 0 && !may_stand(&view);
        });
        self.transitions += transitions;
        for it in found {
            self.take(index, &it);
            if self.wrong.is_some() {
                return;
            }
        }
        let machine = view.key.socket().machine();
        let timed =
            view.key.has_socket() && matches!(machine.phase, Phase::Draining { deadline: Some(_) });
        let leak = match () {
            () if stuck => "a thread in a call has no step left",
            () if any && timed && !expires => "a drain whose time is limited never expires",
            () => return,
        };
        self.is_wrong(index, None, Violations::NONE, Some(leak));
    }

    fn take(&mut self, index: u32, found: &Found) {
        let (by, others) = match found.mover {
            Mover::Thread(_) => (By::Itself, By::Another),
            Mover::Surroundings => (By::Surroundings, By::Surroundings),
        };
        let what = found.what;
        if !found.violated.is_empty() {
            self.is_wrong(index, Some((by, what)), found.violated, None);
            return;
        }
        let leak = match found {
            Found { repeats: true, .. } => "a thread in a call repeats a step that changes nothing",
            Found {
                miscounts: true, ..
            } => "a socket has other references than it counts",
            Found { strays: true, .. } => "a step changes more than one slot and one socket",
            Found { abandons: true, .. } => {
                "a descriptor is open whose life is over, and nobody comes to close it"
            }
            _ => "",
        };
        if !leak.is_empty() {
            self.is_wrong(index, Some((by, what)), Violations::NONE, Some(leak));
            return;
        }
        if found.elsewhere {
            return;
        }
        let from = index;
        for view in found.views.into_iter().flatten() {
            self.add(view, Some(Way { from, by, what }));
        }
        let key = self.views[index as usize].0.key;
        if found.effect.changes(key) {
            self.new_effect(key, found.effect, others, what);
        }
        if let Some(edge) = found.edge
            && self.known_edges.insert(edge)
        {
            let (keys, edges) = self.by_socket.entry(edge.from).or_default();
            edges.push((edge, what));
            let mut keys = keys.clone();
            if edge.is_last() {
                self.hidden.1.push((edge, what));
                keys.extend_from_slice(&self.hidden.0);
            }
            for key in keys {
                self.meet(edge, what, key);
            }
        }
    }

    fn is_wrong(
        &mut self,
        view: u32,
        what: Option<(By, What)>,
        violated: Violations,
        leak: Option<&'static str>,
    ) {
        self.wrong.get_or_insert(Wrong {
            view,
            what,
            violated,
            leak,
        });
    }
}
