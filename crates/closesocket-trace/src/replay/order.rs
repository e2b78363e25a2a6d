//! Looks for an order of what was recorded that respects each thread's order,
//! each cell's numbers, each word's history and what must come before what.
//!
//! Each step of the search takes the next record of some thread. One that
//! changes no word never stands in another's way, so it is taken as soon as it
//! is possible. Of those that change a word the earliest by its timestamp is
//! taken; where that leads nowhere, the search goes back to the last choices on
//! the words that are in the way and puts them off, remembering what it has
//! tried at which positions. Timestamps are nearly right, so in practice the
//! search is linear.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use super::needs::{Gate, Instruction, Needs, Reached, SlotName};
use super::words::Words;
use crate::Record;

/// How many choices on the words in the way are looked at again.
const LOOK_BACK: usize = 1_024;
/// How many choices are made again before the search is given up, and for how
/// many records each.
const TRIES: usize = 4_096;

/// What was found: the longest order, and the record that stopped it.
pub(super) struct Found {
    pub(super) order: Vec<usize>,
    pub(super) stuck: Option<(usize, String)>,
}

/// Finds an order of these records, after what was reached before them.
pub(super) fn find(records: &[Record], reached: &Reached) -> Found {
    let mut search = Search::new(records, reached);
    let mut best: Option<Found> = None;
    for _ in 0..TRIES {
        let stuck = search.run();
        if stuck.is_empty() {
            return Found {
                order: search.order(),
                stuck: None,
            };
        }
        let found = search.trail.len();
        if best.as_ref().is_none_or(|it| it.order.len() < found) {
            best = Some(search.found(&stuck));
        }
        if !search.go_back(&stuck) && !search.start_again() {
            break;
        }
    }
    best.unwrap_or(Found {
        order: Vec::new(),
        stuck: None,
    })
}

/// Why a thread's next record is not possible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// Another number is due in its cell.
    Place,
    /// The word is another one.
    Word,
    /// Others have still to see this state of the word.
    Others,
    /// The descriptor must be closed first.
    Open,
    /// Something must come before.
    Gate,
}

/// One thread's records.
struct Lane {
    /// Places in the trace.
    records: Vec<usize>,
    next: usize,
}

struct Search<'a> {
    records: &'a [Record],
    needs: Vec<Needs>,
    lanes: Vec<Lane>,
    words: Words,
    cells: HashMap<u32, u64>,
    gates: HashMap<Gate, u32>,
    /// Lanes whose next record may be possible, the best first.
    ready: BinaryHeap<Reverse<(u64, usize)>>,
    /// Lanes that wait for a slot's word, a cell's number, a gate.
    at_slot: HashMap<SlotName, Vec<usize>>,
    at_cell: HashMap<(u32, u64), Vec<usize>>,
    at_gate: HashMap<Gate, Vec<usize>>,
    /// Lanes whose next record is possible, but led nowhere when it was tried.
    put_off: Vec<usize>,
    /// The lanes in the order in which they were taken.
    trail: Vec<usize>,
    /// A hash of the lanes' positions.
    position: u64,
    /// What was tried at which positions, and led nowhere.
    tried: HashSet<(u64, usize)>,
    /// Every choice is looked at again, not only those in the way.
    thorough: bool,
}

impl<'a> Search<'a> {
    fn new(records: &'a [Record], reached: &Reached) -> Self {
        let needs: Vec<Needs> = records
            .iter()
            .map(|it| Needs::of(&it.observation))
            .collect();
        let mut lanes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        let mut words = Words::from(reached.words.clone());
        for (index, record) in records.iter().enumerate() {
            lanes.entry(record.thread).or_default().push(index);
            if let Some(word) = needs[index].word {
                words.expect(word);
            }
        }
        let lanes = lanes.into_values().map(|records| Lane { records, next: 0 });
        let mut search = Self {
            records,
            needs,
            lanes: lanes.collect(),
            words,
            cells: reached.cells.clone(),
            gates: reached.gates.iter().map(|gate| (*gate, 1)).collect(),
            ready: BinaryHeap::new(),
            at_slot: HashMap::new(),
            at_cell: HashMap::new(),
            at_gate: HashMap::new(),
            put_off: Vec::new(),
            trail: Vec::new(),
            position: 0,
            tried: HashSet::new(),
            thorough: false,
        };
        search.look_at_all();
        search
    }

    /// The next record of a lane.
    fn head(&self, lane: usize) -> Option<usize> {
        let lane = self.lanes.get(lane)?;
        lane.records.get(lane.next).copied()
    }

    /// Puts every lane where its next record is looked at.
    fn look_at_all(&mut self) {
        self.ready.clear();
        self.at_slot.clear();
        self.at_cell.clear();
        self.at_gate.clear();
        self.put_off.clear();
        (0..self.lanes.len()).for_each(|lane| self.make_ready(lane));
    }

    fn make_ready(&mut self, lane: usize) {
        if let Some(head) = self.head(lane) {
            // What changes no word goes first.
            let changes = self.needs[head]
                .word
                .is_some_and(|it| it.before != it.after);
            let nanos = if changes {
                self.records[head].nanos + 1
            } else {
                0
            };
            self.ready.push(Reverse((nanos, lane)));
        }
    }

    /// Why a record is not possible now.
    fn blocked(&self, head: usize) -> Option<Block> {
        let needs = &self.needs[head];
        if let Some((cell, sequence)) = needs.place
            && self.cells.get(&cell).copied().unwrap_or_default() + 1 != sequence
        {
            return Some(Block::Place);
        }
        if let Some((slot, generation)) = needs.closed
            && self.words.now(slot).is_open(generation)
        {
            return Some(Block::Open);
        }
        if let Some(gate) = needs.gate
            && !self.gates.contains_key(&gate)
        {
            return Some(Block::Gate);
        }
        let word = needs.word?;
        if self.words.now(word.slot) != word.before {
            return Some(Block::Word);
        }
        self.words.cuts_off(word).then_some(Block::Others)
    }

    /// The lane to look at next. What was tried here and led nowhere is put off
    /// until nothing else is possible.
    fn next_lane(&mut self) -> Option<usize> {
        if let Some(Reverse((_, lane))) = self.ready.pop() {
            return Some(lane);
        }
        let position = self.position;
        let moved = |lane: &usize| !self.tried.contains(&(position, *lane));
        let place = self.put_off.iter().position(moved)?;
        Some(self.put_off.swap_remove(place))
    }

    /// Takes records until none is possible. Returns the lanes that are stuck.
    fn run(&mut self) -> Vec<usize> {
        while let Some(lane) = self.next_lane() {
            let Some(head) = self.head(lane) else {
                continue;
            };
            match self.blocked(head) {
                None if self.tried.contains(&(self.position, lane)) => {
                    self.put_off.push(lane);
                }
                None => self.take(lane, head),
                Some(block) => self.park(lane, head, block),
            }
        }
        (0..self.lanes.len())
            .filter(|lane| self.head(*lane).is_some())
            .collect()
    }

    fn park(&mut self, lane: usize, head: usize, block: Block) {
        let needs = self.needs[head];
        let waiting = match block {
            Block::Place => needs
                .place
                .map(|place| self.at_cell.entry(place).or_default()),
            Block::Word | Block::Others => {
                let slot = needs.word.map(|it| it.slot);
                slot.map(|slot| self.at_slot.entry(slot).or_default())
            }
            Block::Open => {
                let slot = needs.closed.map(|it| it.0);
                slot.map(|slot| self.at_slot.entry(slot).or_default())
            }
            Block::Gate => needs.gate.map(|gate| self.at_gate.entry(gate).or_default()),
        };
        if let Some(waiting) = waiting {
            waiting.push(lane);
        }
    }

    fn take(&mut self, lane: usize, head: usize) {
        let needs = self.needs[head];
        let mut woken = Vec::new();
        if let Some(word) = needs.word {
            self.words.make(word);
            woken.extend(self.at_slot.remove(&word.slot).unwrap_or_default());
        }
        if let Some((cell, sequence)) = needs.place {
            self.cells.insert(cell, sequence);
            let next = self.at_cell.remove(&(cell, sequence + 1));
            woken.extend(next.unwrap_or_default());
        }
        for gate in needs.opens.into_iter().flatten() {
            *self.gates.entry(gate).or_default() += 1;
            woken.extend(self.at_gate.remove(&gate).unwrap_or_default());
        }
        self.position = self.position.wrapping_add(weight(lane));
        self.lanes[lane].next += 1;
        self.trail.push(lane);
        woken.push(lane);
        woken.into_iter().for_each(|lane| self.make_ready(lane));
    }

    /// Takes back the last record that was taken, and returns it.
    fn take_back(&mut self) -> Option<(usize, usize)> {
        let lane = self.trail.pop()?;
        self.lanes[lane].next -= 1;
        self.position = self.position.wrapping_sub(weight(lane));
        let head = self.head(lane)?;
        let needs = self.needs[head];
        if let Some(word) = needs.word {
            self.words.unmake(word);
        }
        if let Some((cell, sequence)) = needs.place {
            self.cells.insert(cell, sequence - 1);
        }
        for gate in needs.opens.into_iter().flatten() {
            if let Some(count) = self.gates.get_mut(&gate) {
                *count -= 1;
                if *count == 0 {
                    self.gates.remove(&gate);
                }
            }
        }
        Some((lane, head))
    }

    /// Starts again, looking at every choice from now on. False if it did so
    /// before.
    fn start_again(&mut self) -> bool {
        if std::mem::replace(&mut self.thorough, true) {
            return false;
        }
        while self.take_back().is_some() {}
        self.tried.clear();
        self.look_at_all();
        true
    }

    /// Goes back to the last choice on a word that is in the way where there
    /// was something else to choose. False if there was none.
    fn go_back(&mut self, stuck: &[usize]) -> bool {
        let mut in_the_way: HashSet<SlotName> = HashSet::new();
        in_the_way.extend(stuck.iter().filter_map(|lane| self.slot_of(*lane)));
        let mut choices = 0;
        while choices < LOOK_BACK {
            let Some((lane, head)) = self.take_back() else {
                return false;
            };
            let word = self.needs[head].word;
            let in_the_way_is = |it: Instruction| {
                it.before != it.after && (self.thorough || in_the_way.contains(&it.slot))
            };
            if !word.is_some_and(in_the_way_is) {
                continue;
            }
            choices += 1;
            self.tried.insert((self.position, lane));
            let other = |other: usize| {
                other != lane
                    && !self.tried.contains(&(self.position, other))
                    && self
                        .head(other)
                        .is_some_and(|head| self.blocked(head).is_none())
            };
            if (0..self.lanes.len()).any(other) {
                self.look_at_all();
                return true;
            }
            // Nothing else was possible here: what others waited for is in the
            // way too.
            in_the_way.extend((0..self.lanes.len()).filter_map(|lane| self.slot_of(lane)));
        }
        false
    }

    /// The slot that a lane's next record is about.
    fn slot_of(&self, lane: usize) -> Option<SlotName> {
        let needs = &self.needs[self.head(lane)?];
        let closed = needs.closed.map(|it| it.0);
        needs.word.map(|it| it.slot).or(closed)
    }

    fn order(&self) -> Vec<usize> {
        let mut next = vec![0; self.lanes.len()];
        let take = |lane: &usize| {
            let place = self.lanes[*lane].records[next[*lane]];
            next[*lane] += 1;
            place
        };
        self.trail.iter().map(take).collect()
    }

    /// The order so far, and of the records that are stuck the one to blame:
    /// the earliest of those that wait for nothing that may still come.
    fn found(&self, stuck: &[usize]) -> Found {
        let heads = stuck.iter().filter_map(|lane| self.head(*lane));
        let blame = heads
            .map(|head| {
                let block = self.blocked(head);
                let rank = match block {
                    Some(Block::Word) | None => 0,
                    Some(Block::Place | Block::Open) => 1,
                    Some(Block::Gate | Block::Others) => 2,
                };
                (rank, self.records[head].nanos, head, block)
            })
            .min_by_key(|it| (it.0, it.1));
        Found {
            order: self.order(),
            stuck: blame.map(|(_, _, head, block)| (head, self.reason(head, block))),
        }
    }

    fn reason(&self, head: usize, block: Option<Block>) -> String {
        let needs = &self.needs[head];
        match (block, needs.word, needs.place) {
            (Some(Block::Word), Some(word), _) => format!(
                "its instruction saw the word {}, by its history it was {}",
                word.before,
                self.words.now(word.slot)
            ),
            (Some(Block::Place), _, Some((cell, sequence))) => format!(
                "it is number {sequence} under the lock of cell {cell}, after number {}",
                self.cells.get(&cell).copied().unwrap_or_default()
            ),
            (Some(Block::Open), ..) => "the descriptor is open".to_owned(),
            (Some(Block::Gate), ..) => {
                let gate = needs.gate.map(|it| it.to_string());
                format!("{} must happen before", gate.unwrap_or_default())
            }
            (Some(Block::Others), ..) => {
                "others have still to see the word as it was before".to_owned()
            }
            _ => "no order of what follows was found".to_owned(),
        }
    }
}

/// What a step of a lane adds to the hash of a position.
const fn weight(lane: usize) -> u64 {
    let mixed = (lane as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1
}
