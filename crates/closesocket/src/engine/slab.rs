//! Append-only storage addressed by index: a cell never moves and is never
//! freed before the slab, so a stale index reads a cell and never freed memory.

use std::sync::OnceLock;

const SEGMENTS: usize = 32;

/// Segments that double in size; the first has `first` cells.
pub(super) struct Slab<T> {
    segments: [OnceLock<Box<[T]>>; SEGMENTS],
    first_log2: u32,
}

impl<T: Default> Slab<T> {
    /// A slab whose first segment has `2^first_log2` cells and exists already.
    pub(super) fn new(first_log2: u32) -> Self {
        let slab = Self {
            segments: [const { OnceLock::new() }; SEGMENTS],
            first_log2,
        };
        slab.cell(0);
        slab
    }

    /// The cell at this index, made if its segment does not exist yet. `None`
    /// beyond the last possible segment.
    pub(super) fn cell(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        let cells = self.segments.get(segment)?.get_or_init(|| {
            (0..1_u64 << (u64::try_from(segment).unwrap_or(0) + u64::from(self.first_log2)))
                .map(|_| T::default())
                .collect()
        });
        cells.get(offset)
    }

    /// The cell at this index, if its segment exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let (segment, offset) = self.place(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an offset is at most the index"
    )]
    const fn place(&self, index: u32) -> (usize, usize) {
        let shifted = index as u64 + (1 << self.first_log2);
        let log2 = u64::BITS - 1 - shifted.leading_zeros();
        (
            (log2 - self.first_log2) as usize,
            (shifted - (1 << log2)) as usize,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let slab = Slab::<u32>::new(2);
        let mut places: Vec<_> = (0..100).map(|index| slab.place(index)).collect();
        assert_eq!(places[0], (0, 0));
        assert_eq!(places[4], (1, 0));
        places.dedup();
        assert_eq!(places.len(), 100);
        assert!(slab.get(3).is_some());
        assert!(slab.get(4).is_none());
        assert!(slab.cell(4).is_some());
        assert!(slab.get(11).is_some());
        assert!(slab.get(u32::MAX).is_none());
    }
}
