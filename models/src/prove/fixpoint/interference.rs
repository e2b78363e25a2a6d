//! What one does is seen by all others: interference.

use std::collections::HashSet;

use super::super::ghost::Ghosts;
use super::super::key::Key;
use super::super::step::{Edge, Effect, third};
use super::super::view::{Actor, View};
use super::{By, Fixpoint, Remote, Same, Way};
use crate::action::What;

/// How others move a view.
#[derive(Clone, Copy)]
struct Move {
    key: Key,
    rest: Ghosts,
    recycled: bool,
    by: By,
    what: What,
}

impl Fixpoint<'_> {
    /// Another descriptor of the socket sees what happened to it.
    pub(super) fn meet(&mut self, edge: Edge, what: What, key: Key) {
        let Some(after) = edge.seen_from(key) else {
            return;
        };
        let at = self.at(key);
        let remote = Remote {
            key: after,
            takes_all: edge.takes_all(),
            what,
        };
        let like = |it: &Remote| (it.key, it.takes_all) == (remote.key, remote.takes_all);
        if after == key || self.at[at].remotes.iter().any(like) {
            return;
        }
        self.at[at].remotes.push(remote);
        for place in 0..self.at[at].cells.len() {
            let cell = self.at[at].cells[place];
            self.move_remotely(cell, self.cells[cell].actors, remote);
        }
    }

    /// Whoever else is at the key sees what was done there.
    pub(super) fn new_effect(&mut self, key: Key, effect: Effect, by: By, what: What) {
        let at = self.at(key);
        let all = &mut self.at[at].effects;
        let like = |it: &Same| (it.from, it.rest) == (effect.from, effect.rest);
        let same = all.iter().position(like).unwrap_or(all.len());
        if same == all.len() {
            all.push(Same {
                from: effect.from,
                rest: effect.rest,
                effects: Vec::new(),
                known: HashSet::default(),
            });
        }
        if !all[same].known.insert(effect) {
            return;
        }
        all[same].effects.push((effect, by, what));
        let last = all[same].effects.len() - 1;
        for place in 0..self.at[at].cells.len() {
            let cell = self.at[at].cells[place];
            self.move_here(cell, self.cells[cell].actors, same, last);
        }
    }

    /// The new views of a cell see what others do.
    pub(super) fn stir(&mut self, cell: usize) {
        let news = std::mem::take(&mut self.cells[cell].news);
        let at = self.cells[cell].at;
        for same in 0..self.at[at].effects.len() {
            self.move_here(cell, news, same, 0);
        }
        for remote in 0..self.at[at].remotes.len() {
            self.move_remotely(cell, news, self.at[at].remotes[remote]);
        }
    }

    /// These actors of a cell see these effects, from one on.
    fn move_here(&mut self, cell: usize, actors: u128, same: usize, first: usize) {
        let (at, my_rest) = (self.cells[cell].at, self.cells[cell].rest);
        for like in 0..self.alike.len() {
            let (mine, mask) = self.alike[like];
            let it = &self.at[at].effects[same];
            let theirs = it.from.without(self.left_out);
            let their_rest = it.rest.without(self.left_out);
            if actors & mask == 0 {
                continue;
            }
            let Some(third) = third((mine, my_rest), (theirs, their_rest)) else {
                continue;
            };
            for index in first..self.at[at].effects[same].effects.len() {
                let (effect, by, what) = self.at[at].effects[same].effects[index];
                for unknown in mine.both(theirs).subsets() {
                    let to = Move {
                        key: effect.key,
                        rest: effect.rest_seen(third.and(unknown)),
                        recycled: effect.recycled,
                        by,
                        what,
                    };
                    self.move_all(cell, actors & mask, to);
                }
            }
        }
    }

    fn move_remotely(&mut self, cell: usize, actors: u128, it: Remote) {
        let (at, rest) = (self.cells[cell].at, self.cells[cell].rest);
        let mut to = Move {
            key: it.key,
            rest,
            recycled: false,
            by: By::Elsewhere,
            what: it.what,
        };
        if it.takes_all && rest.any(Ghosts::OF_OPERATIONS) {
            let taker = Actor::taker(rest.has(Ghosts::PENDING), rest.has(Ghosts::ASLEEP));
            let left = Ghosts::UNANSWERED.only_if(rest.has(Ghosts::ASLEEP));
            let left = rest.without(Ghosts::OF_OPERATIONS).and(left);
            to.rest = left.and(taker.ghosts());
            let from = self.place(&View {
                key: self.at[at].key,
                actor: Actor::NOBODY,
                rest,
            });
            if let Some(from) = from {
                let (by, what) = (to.by, to.what);
                let view = View {
                    key: it.key,
                    actor: taker,
                    rest: left,
                };
                self.add(view, Some(Way { from, by, what }));
            }
        }
        self.move_all(cell, actors, to);
    }

    /// Moves these actors of a cell.
    fn move_all(&mut self, cell: usize, actors: u128, to: Move) {
        let rest = to.rest.without(self.left_out);
        let at = self.at(to.key);
        let target = self.cell(at, rest);
        let mut left = if to.recycled {
            actors
        } else {
            actors & !self.cells[target].actors
        };
        let (key, my_rest) = (self.at[self.cells[cell].at].key, self.cells[cell].rest);
        while left != 0 {
            let actor = self.actors[left.trailing_zeros() as usize];
            left &= left - 1;
            let mine = View {
                key,
                actor,
                rest: my_rest,
            };
            let way = self.place(&mine).map(|from| Way {
                from,
                by: to.by,
                what: to.what,
            });
            let actor = if to.recycled { actor.outdated() } else { actor };
            self.add(
                View {
                    key: to.key,
                    actor,
                    rest,
                },
                way,
            );
        }
    }
}
