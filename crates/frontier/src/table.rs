//! The set of known states: their fingerprints, and of each, if wanted, that of
//! its parent.
//!
//! Open addressing in segments that grow one at a time, so that there is never a
//! second copy of the whole. A fingerprint's place is its first bits, scaled to
//! the room of its segment: growing copies from front to back.

use std::hint::black_box;

/// The bits of a fingerprint that choose its segment.
const SEGMENT_BITS: u32 = 6;
const FIRST_ROOM: usize = 16;

/// Whether a fingerprint was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insertion {
    New,
    Known,
}

/// A set of fingerprints.
#[derive(Debug)]
pub(crate) struct Table {
    segments: Vec<Segment>,
    with_parents: bool,
    bytes: usize,
    /// Bytes of the largest segment.
    largest: usize,
}

#[derive(Debug)]
struct Segment {
    /// 0 is nobody's.
    keys: Vec<u64>,
    /// At the same places; empty if nobody wants to know.
    parents: Vec<u64>,
    /// How many more fit before it has to grow.
    spare: usize,
}

impl Table {
    pub(crate) fn new(with_parents: bool) -> Self {
        let segment = |_| Segment::with_room(FIRST_ROOM, with_parents);
        let segments: Vec<_> = (0..1 << SEGMENT_BITS).map(segment).collect();
        Self {
            bytes: segments.iter().map(Segment::bytes).sum(),
            largest: segments.first().map_or(0, Segment::bytes),
            segments,
            with_parents,
        }
    }

    /// Loads the place of each, so that the processor waits for many at a time.
    #[inline]
    pub(crate) fn touch(&self, fingerprints: &[u64]) {
        let mut seen = 0;
        for &it in fingerprints {
            let segment = &self.segments[segment_of(it)];
            seen ^= segment.keys[segment.home(it)];
        }
        black_box(seen);
    }

    /// Puts one in, which must not be 0; the first parent stays.
    #[inline]
    pub(crate) fn insert(&mut self, fingerprint: u64, parent: u64) -> Insertion {
        let segment = &mut self.segments[segment_of(fingerprint)];
        if segment.spare == 0 {
            let before = segment.bytes();
            segment.grow(self.with_parents);
            self.bytes += segment.bytes() - before;
            self.largest = self.largest.max(segment.bytes());
        }
        segment.insert(fingerprint, parent)
    }

    /// The parent of one that is there; 0 if it has none, or is not there.
    pub(crate) fn parent(&self, fingerprint: u64) -> u64 {
        let segment = &self.segments[segment_of(fingerprint)];
        let mut at = segment.home(fingerprint);
        while segment.keys[at] != fingerprint && segment.keys[at] != 0 {
            at = segment.next(at);
        }
        let there = segment.keys[at] == fingerprint;
        let parent = segment.parents.get(at).copied();
        parent.filter(|_| there).unwrap_or(0)
    }

    /// What it takes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it may take beyond that while one more segment grows.
    pub(crate) const fn growth(&self) -> usize {
        2 * self.largest
    }

    /// Every fingerprint with its parent.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.segments.iter().flat_map(|segment| {
            let keys = segment.keys.iter().enumerate();
            keys.filter(|(_, key)| **key != 0)
                .map(|(at, &key)| (key, segment.parents.get(at).copied().unwrap_or(0)))
        })
    }
}

#[inline(always)]
fn segment_of(fingerprint: u64) -> usize {
    (fingerprint >> (u64::BITS - SEGMENT_BITS)) as usize
}

impl Segment {
    fn with_room(room: usize, with_parents: bool) -> Self {
        Self {
            keys: vec![0; room],
            parents: vec![0; if with_parents { room } else { 0 }],
            spare: room * 3 / 4,
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "below the room")]
    fn home(&self, fingerprint: u64) -> usize {
        let scaled = u128::from(fingerprint << SEGMENT_BITS) * self.keys.len() as u128;
        (scaled >> 64) as usize
    }

    #[inline(always)]
    fn next(&self, at: usize) -> usize {
        if at + 1 == self.keys.len() { 0 } else { at + 1 }
    }

    #[inline]
    fn insert(&mut self, fingerprint: u64, parent: u64) -> Insertion {
        let mut at = self.home(fingerprint);
        loop {
            let key = self.keys[at];
            if key == fingerprint {
                return Insertion::Known;
            }
            if key == 0 {
                break;
            }
            at = self.next(at);
        }
        self.keys[at] = fingerprint;
        if let Some(place) = self.parents.get_mut(at) {
            *place = parent;
        }
        self.spare -= 1;
        Insertion::New
    }

    /// Half as much room again: between a half and three quarters are taken.
    #[cold]
    fn grow(&mut self, with_parents: bool) {
        let room = self.keys.len() + self.keys.len() / 2;
        let mut larger = Self::with_room(room, with_parents);
        for (at, &key) in self.keys.iter().enumerate() {
            if key != 0 {
                larger.insert(key, self.parents.get(at).copied().unwrap_or(0));
            }
        }
        *self = larger;
    }

    const fn bytes(&self) -> usize {
        (self.keys.len() + self.parents.len()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Insertion, Table};

    #[test]
    fn a_table_keeps_each_once_with_its_first_parent() {
        for with_parents in [false, true] {
            let mut table = Table::new(with_parents);
            let mut naive = HashMap::new();
            let mut seed = 1_u64;
            for _ in 0..200_000 {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                // Few bits, so that many come twice, and crowds at both ends.
                let key = (seed >> 48).wrapping_mul(0x0003_0000_0000_0001) | 1;
                let new = !naive.contains_key(&key);
                naive.entry(key).or_insert(seed);
                let inserted = table.insert(key, seed);
                assert_eq!(inserted == Insertion::New, new);
            }
            let mut entries: Vec<_> = table.entries().collect();
            entries.sort_unstable();
            let kept = |(&key, &parent)| (key, if with_parents { parent } else { 0 });
            let mut expected: Vec<_> = naive.iter().map(kept).collect();
            expected.sort_unstable();
            assert_eq!(entries, expected);
            for (key, parent) in expected {
                assert_eq!(table.parent(key), parent);
            }
            assert_eq!(table.parent(2), 0, "not there");
        }
    }

    #[test]
    fn a_state_takes_at_most_16_bytes_and_with_its_parent_32() {
        for (with_parents, most) in [(false, 16), (true, 32)] {
            let mut table = Table::new(with_parents);
            let mut key = 0_u64;
            for count in 1..300_000_usize {
                key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
                table.insert(key, 0);
                if count > 10_000 {
                    assert!(table.bytes() <= count * most, "{count}");
                }
            }
            let segments = table.segments.iter().map(super::Segment::bytes);
            assert_eq!(table.bytes(), segments.clone().sum::<usize>());
            assert_eq!(Some(table.growth() / 2), segments.max());
        }
    }
}
