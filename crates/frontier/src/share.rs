//! A worker's share of a search: the states that fall to it, known and waiting.

use std::hash::Hash;

use crate::fingerprint::fingerprint;
use crate::queue::Queue;
use crate::shared::{Shared, Told};
use crate::space::{Findings, Space};
use crate::table::{Insertion, Table};

/// How many states are looked up together.
pub(crate) const BATCH: usize = 128;

/// The shortest way to a finding, as far as one worker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Which.
    pub(crate) number: u32,
    /// Steps from a start to `state`.
    pub(crate) depth: u32,
    /// The fingerprint of the state in which it is, or into which its step leads.
    pub(crate) state: u64,
    /// That of the state before; 0 at a start.
    pub(crate) before: u64,
}

impl Finding {
    pub(crate) const NUMBERS: usize = 4;

    /// As it is written down.
    pub(crate) fn numbers(self) -> [u64; Self::NUMBERS] {
        let (number, depth) = (u64::from(self.number), u64::from(self.depth));
        [number, depth, self.state, self.before]
    }

    #[expect(clippy::cast_possible_truncation, reason = "they were as small")]
    pub(crate) const fn of_numbers(numbers: [u64; Self::NUMBERS]) -> Self {
        let [number, depth, state, before] = numbers;
        Self {
            number: number as u32,
            depth: depth as u32,
            state,
            before,
        }
    }
}

/// States that were reached and may be new, with the fingerprints of both ends of
/// their steps.
#[derive(Clone, Debug)]
pub(crate) struct Reached<S> {
    pub(crate) fingerprints: Vec<u64>,
    pub(crate) before: Vec<u64>,
    pub(crate) states: Vec<S>,
}

impl<S> Reached<S> {
    pub(crate) const fn new() -> Self {
        Self {
            fingerprints: Vec::new(),
            before: Vec::new(),
            states: Vec::new(),
        }
    }

    pub(crate) fn with_room(room: usize) -> Self {
        Self {
            fingerprints: Vec::with_capacity(room),
            before: Vec::with_capacity(room),
            states: Vec::with_capacity(room),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, fingerprint: u64, before: u64, state: S) {
        self.fingerprints.push(fingerprint);
        self.before.push(before);
        self.states.push(state);
    }

    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.fingerprints.len()
    }
}

/// What a worker owns.
#[derive(Debug)]
pub(crate) struct Share<S> {
    pub(crate) table: Table,
    /// The states of the layer that is gone through.
    pub(crate) now: Queue<S>,
    /// Those of the next.
    pub(crate) next: Queue<S>,
    /// Steps from a start to the states of `now`.
    pub(crate) layer: u32,
    pub(crate) unique: usize,
    pub(crate) transitions: usize,
    /// Steps to the furthest state.
    pub(crate) depth: u32,
    /// The first of each, by number.
    pub(crate) found: Vec<Finding>,
    pub(crate) known: Findings,
    /// What it has reached itself and not looked up yet.
    pub(crate) mine: Reached<S>,
    /// Fingerprints of parents are wanted.
    pub(crate) with_parents: bool,
    told: Told,
}

impl<S: Clone + Hash> Share<S> {
    pub(crate) fn new(with_parents: bool) -> Self {
        Self {
            table: Table::new(with_parents),
            now: Queue::new(),
            next: Queue::new(),
            layer: 0,
            unique: 0,
            transitions: 0,
            depth: 0,
            found: Vec::new(),
            known: 0,
            mine: Reached::new(),
            with_parents,
            told: Told::default(),
        }
    }

    /// Begins with the starts that fall to it.
    pub(crate) fn begin<P: Space<State = S>>(&mut self, space: &P, mine: impl Fn(u64) -> bool) {
        let mut starts = Reached::new();
        for state in space.starts() {
            let it = fingerprint(&state);
            if mine(it) {
                starts.push(it, 0, state);
            }
        }
        self.absorb(space, &mut starts, 0);
        self.turn();
    }

    /// Goes on to the next layer.
    pub(crate) fn turn(&mut self) {
        std::mem::swap(&mut self.now, &mut self.next);
    }

    /// Goes through some states of this layer, and puts what they lead to where
    /// `owner` says: `None` is here.
    #[inline]
    pub(crate) fn expand<P: Space<State = S>>(
        &mut self,
        space: &P,
        states: &[S],
        mut elsewhere: impl FnMut(u64, u64, S) -> Option<S>,
    ) {
        for from in states {
            let before = if self.with_parents {
                fingerprint(from)
            } else {
                0
            };
            space.steps(from, |action, to| {
                self.transitions += 1;
                let it = fingerprint(&to);
                let found = space.in_step(self.known, from, &action, &to) & !self.known;
                if found != 0 {
                    self.note(found, self.layer + 1, it, before);
                }
                if let Some(to) = elsewhere(it, before, to) {
                    self.mine.push(it, before, to);
                }
            });
            if self.mine.len() >= BATCH {
                self.absorb_mine(space);
            }
        }
        self.absorb_mine(space);
    }

    fn absorb_mine<P: Space<State = S>>(&mut self, space: &P) {
        let mut mine = std::mem::replace(&mut self.mine, Reached::new());
        self.absorb(space, &mut mine, self.layer + 1);
        self.mine = mine;
    }

    /// Looks up what was reached, and keeps what is new for the next layer, which
    /// is `depth` steps from a start.
    pub(crate) fn absorb<P: Space<State = S>>(
        &mut self,
        space: &P,
        reached: &mut Reached<S>,
        depth: u32,
    ) {
        self.table.touch(&reached.fingerprints);
        let ends = reached.fingerprints.drain(..).zip(reached.before.drain(..));
        for ((it, before), state) in ends.zip(reached.states.drain(..)) {
            if self.table.insert(it, before) == Insertion::Known {
                continue;
            }
            self.unique += 1;
            self.depth = self.depth.max(depth);
            let found = space.in_state(&state) & !self.known;
            if found != 0 {
                self.note(found, depth, it, before);
            }
            self.next.push(state);
        }
    }

    #[cold]
    fn note(&mut self, found: Findings, depth: u32, state: u64, before: u64) {
        self.known |= found;
        for number in (0..Findings::BITS).filter(|at| found >> at & 1 == 1) {
            self.found.push(Finding {
                number,
                depth,
                state,
                before,
            });
        }
    }

    /// Tells the others where it is; whether it may go on.
    pub(crate) fn tell(&mut self, shared: &Shared) -> bool {
        let now = Told {
            states: self.unique,
            queue: self.now.len() + self.next.len(),
            bytes: self.table.bytes() + self.now.bytes() + self.next.bytes(),
        };
        let spare = self.table.growth();
        shared.tell(&mut self.told, now, spare, self.layer)
    }
}
