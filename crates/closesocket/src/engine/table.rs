//! A process's descriptor table: one atomic word per slot, and free lists.
//!
//! Each method that touches a word is one atomic instruction judged by the
//! matching function of [`word`].

use std::sync::atomic::Ordering;

use super::SocketId;
use super::free_list::FreeList;
use super::primitives::{Primitives, Word as _};
use super::slab::Slab;
use crate::protocol::word::{self, Recycling, Word, WordPhase};
use crate::protocol::{Cause, Descriptor, Error};

/// The word has changed since it was seen; it is this one now.
pub(super) struct Missed(pub(super) Word);

/// One slot. A cache line of its own, so that threads on different descriptors
/// do not slow each other down.
#[repr(align(64))]
pub(super) struct Slot<P: Primitives> {
    word: P::Word,
    /// The socket of the present occupant; written before the word opens.
    socket: P::Word,
    /// Why the occupant was closed; written by the closer, who is inside.
    cause: P::Word,
    /// One more than the free cell that the next socket opened here lives in; 0 if
    /// there is none. Written by the closer too, and by whoever has reserved the slot.
    kept: P::Word,
}

impl<P: Primitives> Default for Slot<P> {
    fn default() -> Self {
        Self {
            word: P::Word::new(Word::unused().bits()),
            socket: P::Word::new(0),
            cause: P::Word::new(0),
            kept: P::Word::new(0),
        }
    }
}

impl<P: Primitives> Slot<P> {
    /// Enters with so many holds: one instruction. A refused entry is still
    /// counted and must [`leave`](Self::leave). Returns the word before too.
    ///
    /// # Errors
    /// As [`word::admit`].
    //= docs/specification.md#d6a-one-critical-section
    //# The start of a call is not among the locked steps, and an implementation MAY keep it
    //# lock-free.
    #[inline]
    pub(super) fn enter(&self, generation: u32, holders: u64) -> (Word, Result<(), Error>) {
        let before = Word::from_bits(self.word.fetch_add(holders, Ordering::Acquire));
        (before, word::admit(before, generation, holders))
    }

    /// Leaves: one instruction. Returns the word before, and the word to claim
    /// if nobody is left inside a closed descriptor.
    #[inline]
    pub(super) fn leave(&self, holders: u64) -> (Word, Option<Word>) {
        let before = Word::from_bits(self.word.fetch_sub(holders, Ordering::AcqRel));
        let empty = word::leave(before, holders);
        (
            before,
            empty.then(|| Word::from_bits(before.bits() - holders)),
        )
    }

    /// Claims the closed and empty descriptor: one instruction, one try. If a
    /// transient entry has changed the word, whoever backs out tries again.
    ///
    /// # Errors
    /// [`Missed`] if somebody else has claimed it or is going to.
    pub(super) fn claim(&self, seen: Word) -> Result<(), Missed> {
        match word::claim(seen) {
            Some(claimed) => self.swap(seen, claimed),
            None => Err(Missed(seen)),
        }
    }

    /// Puts a word in place of the one that was seen: the commit of a close, or
    /// a claim; one instruction.
    ///
    /// # Errors
    /// [`Missed`] if the word is another one by now.
    pub(super) fn swap(&self, seen: Word, new: Word) -> Result<(), Missed> {
        match self.word.compare_exchange(seen.bits(), new.bits()) {
            Ok(_) => Ok(()),
            Err(found) => Err(Missed(Word::from_bits(found))),
        }
    }

    /// The word now.
    pub(super) fn word(&self) -> Word {
        Word::from_bits(self.word.load(Ordering::Acquire))
    }

    /// The socket of the occupant. Only a hint unless the caller is inside.
    #[inline]
    pub(super) fn socket(&self) -> SocketId {
        SocketId(self.socket.load(Ordering::Acquire))
    }

    /// Keeps the cell of a socket that was released for the next one opened here;
    /// called by the closer. False if the slot has one.
    pub(super) fn keep(&self, socket: SocketId) -> bool {
        let keeps = self.kept.load(Ordering::Acquire) == 0 && socket.leaves_its_cell();
        if keeps {
            let kept = u64::from(socket.cell()) + 1;
            self.kept.store(kept, Ordering::Release);
        }
        keeps
    }

    /// Takes the cell that was kept; called by whoever has the slot to itself.
    fn take_kept(&self) -> Option<u32> {
        let kept = self.kept.load(Ordering::Acquire).checked_sub(1)?;
        self.kept.store(0, Ordering::Release);
        u32::try_from(kept).ok()
    }

    /// Notes why the descriptor was closed; called by its closer.
    pub(super) fn set_cause(&self, cause: Cause) {
        self.cause.store(cause as u64, Ordering::Release);
    }

    /// Why the descriptor was closed; called by its claimer.
    pub(super) fn cause(&self) -> Cause {
        let value = self.cause.load(Ordering::Acquire);
        [Cause::Call, Cause::Cleanup, Cause::Death]
            .into_iter()
            .find(|&cause| cause as u64 == value)
            .unwrap_or(Cause::Call)
    }
}

/// A slot taken out of the free list, to be opened or given back
/// ([`Table::unreserve`]).
pub(super) struct Reserved<'a, P: Primitives> {
    pub(super) index: u32,
    slot: &'a Slot<P>,
}

impl<P: Primitives> Reserved<'_, P> {
    /// Takes the cell that was kept for its next socket.
    #[inline]
    pub(super) fn take_kept(&self) -> Option<u32> {
        self.slot.take_kept()
    }

    /// Opens it for this socket: one instruction. Returns its descriptor and the
    /// word before.
    #[inline]
    pub(super) fn open(self, socket: SocketId) -> (Descriptor, Word) {
        self.slot.socket.store(socket.0, Ordering::Release);
        let before = self.slot.word.fetch_add(word::STEP, Ordering::AcqRel);
        let before = Word::from_bits(before);
        (word::descriptor(before, self.index), before)
    }
}

/// The occupants of a table's slots.
#[derive(Default)]
pub(super) struct Occupied {
    pub(super) open: Vec<Descriptor>,
    /// The sockets of those that are closed, and may have somebody inside.
    pub(super) closed: Vec<SocketId>,
}

/// The descriptor table of one process.
pub(super) struct Table<P: Primitives> {
    slots: Slab<Slot<P>, 32, 0>,
    free: FreeList<P>,
}

impl<P: Primitives> Table<P> {
    /// A table for at most `limit` descriptors at once; its first segment has
    /// `2^first_log2` slots.
    pub(super) fn new(first_log2: u32, limit: u32, shards: usize) -> Self {
        Self {
            slots: Slab::new(first_log2),
            free: FreeList::new(limit, shards),
        }
    }

    /// The slot of this descriptor value, if there ever was one.
    #[inline]
    pub(super) fn slot(&self, descriptor: Descriptor) -> Option<&Slot<P>> {
        self.slots.get(descriptor.slot())
    }

    /// Takes a slot out of the free list.
    ///
    /// # Errors
    /// [`Error::TooManyDescriptors`] if none is left.
    #[inline]
    pub(super) fn reserve(&self) -> Result<Reserved<'_, P>, Error> {
        let index = self.free.take().ok_or(Error::TooManyDescriptors)?;
        self.reserved(index)
    }

    /// The slot of this index, which the caller has reserved before.
    ///
    /// # Errors
    /// [`Error::TooManyDescriptors`] if there cannot be so many.
    #[inline]
    pub(super) fn reserved(&self, index: u32) -> Result<Reserved<'_, P>, Error> {
        let slot = self.slots.cell(index).ok_or(Error::TooManyDescriptors)?;
        Ok(Reserved { index, slot })
    }

    /// Gives an unopened slot back.
    pub(super) fn unreserve(&self, index: u32) {
        self.free.put(index);
    }

    /// Frees a claimed slot for its next occupant, or retires it (D3, H4): one
    /// instruction. `told` gets the word before and whether it was retired, and
    /// runs before anybody can open the slot.
    pub(super) fn recycle(
        &self,
        slot: &Slot<P>,
        index: u32,
        handle_returned: bool,
        told: impl FnOnce(Word, bool),
    ) {
        let claimed = slot.word();
        match word::recycle(claimed, handle_returned) {
            Recycling::Free => {
                let before = slot.word.fetch_add(word::STEP, Ordering::AcqRel);
                told(Word::from_bits(before), false);
                self.free.put(index);
            }
            Recycling::Retired => told(claimed, true),
        }
    }

    /// The occupants, for a sweep of the whole table. Those that open after the
    /// sweep has passed them re-check their process's state.
    pub(super) fn swept(&self) -> Occupied {
        let mut occupied = Occupied::default();
        for index in 0..self.free.issued() {
            // Also one that no opener has come to yet, though it has the index: passed
            // over, it could be opened by who does not see the sweep's flag.
            let Some(slot) = self.slots.cell(index) else {
                continue;
            };
            // An addition of nothing, not a load: it takes part in the
            // word's one order, so either the sweep sees the opening or
            // the opening acquires what the sweep knows, the sweep's flag.
            let word = Word::from_bits(slot.word.fetch_add(0, Ordering::SeqCst));
            match word.phase() {
                WordPhase::Open => occupied.open.push(word::descriptor(word, index)),
                WordPhase::Sealed => occupied.closed.push(slot.socket()),
                WordPhase::Free | WordPhase::Claimed => {}
            }
        }
        occupied
    }

    /// How many cells are kept; exact when nobody else is at it.
    pub(super) fn kept(&self) -> usize {
        let has = |it: &&Slot<P>| it.kept.load(Ordering::Acquire) != 0;
        self.issued().filter(has).count()
    }

    /// Takes the cells that were kept, when nobody else uses the table.
    pub(super) fn take_kept(&self) -> impl Iterator<Item = u32> {
        self.issued().filter_map(Slot::take_kept)
    }

    fn issued(&self) -> impl Iterator<Item = &Slot<P>> {
        (0..self.free.issued()).filter_map(|index| self.slots.get(index))
    }

    /// How many slots are not free: open, closing or retired.
    pub(super) fn occupied(&self) -> usize {
        self.free.taken()
    }
}

#[cfg(test)]
mod tests {
    use super::super::standard::Std;
    use super::*;

    #[test]
    fn a_sweep_looks_at_every_slot_that_was_issued_also_where_no_opener_has_come_to() {
        let table = Table::<Std>::new(0, 4, 1);
        for index in 0..4 {
            assert_eq!(table.free.take(), Some(index));
        }
        assert!(table.slots.get(3).is_none());
        assert!(table.swept().open.is_empty());
        assert!(table.slots.get(3).is_some(), "its word was looked at");
    }
}
