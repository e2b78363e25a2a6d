//! The descriptor word: 64 bits that say whether a descriptor is open and who
//! is inside.
//!
//! ```text
//!  63            32 31 30 29                        0
//! +----------------+-----+---------------------------+
//! |   generation   |phase|          holders          |
//! +----------------+-----+---------------------------+
//!
//!            open              seal                claim            recycle
//!   FREE ----------> OPEN ------------> SEALED ------------> CLAIMED --------> FREE
//!    g       +STEP     g   +STEP +1        g    +STEP, only      g     +STEP    g+1
//!                          the closer's hold    when nobody inside
//! ```
//!
//! Every phase change adds the same [`STEP`]; leaving the last phase carries
//! into the generation. So opening and recycling are plain additions that keep
//! the holders that a stale handle's transient entry may have left (such an
//! entry lands for a moment on the slot's next occupant and backs out).
//!
//! Each function here judges the word that *one* atomic read-modify-write saw.
//! Whoever runs the protocol wraps each in exactly one such instruction: the
//! engine in a real one, the model in a transition.

use super::{Descriptor, Error};

/// What one phase change adds to a word.
pub const STEP: u64 = 1 << 30;
/// What one holder adds to a word.
pub const HOLDER: u64 = 1;
/// The most holders a descriptor admits: threads inside and operations pending.
/// The other half of the field is headroom for transient entries, which back
/// out, so that the count can never carry into the phase.
pub const MAX_HOLDERS: u64 = 1 << 29;

const HOLDERS_MASK: u64 = STEP - 1;
const GENERATION_SHIFT: u32 = 32;

/// Where a descriptor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordPhase {
    /// Nobody's: the slot can be opened.
    Free,
    /// Valid: calls are admitted (D1).
    Open,
    /// Closed: no call is admitted, some holders may still be inside (D1).
    Sealed,
    /// Nobody inside; one thread returns the handle and recycles the slot (H2).
    /// A retired slot stays here for ever (H4).
    Claimed,
}

/// One value of a descriptor's atomic word.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word(u64);

impl Word {
    /// A word of the given parts; `holders` must be below [`STEP`].
    #[must_use]
    pub const fn new(generation: u32, phase: WordPhase, holders: u64) -> Self {
        debug_assert!(holders <= HOLDERS_MASK);
        Self(((generation as u64) << GENERATION_SHIFT) | (phase as u64 * STEP) | holders)
    }

    /// The word of a slot that was never used: generation 1, free. Generation 0
    /// is never issued, so that handle value 0 is never valid.
    #[must_use]
    pub const fn unused() -> Self {
        Self::new(1, WordPhase::Free, 0)
    }

    /// The word that these bits are.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits to store in the atomic.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The occupant this word speaks of.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    /// Where the descriptor is in its life.
    #[must_use]
    pub const fn phase(self) -> WordPhase {
        match (self.0 / STEP) & 3 {
            0 => WordPhase::Free,
            1 => WordPhase::Open,
            2 => WordPhase::Sealed,
            _ => WordPhase::Claimed,
        }
    }

    /// Threads inside and operations pending, transient entries included.
    #[must_use]
    pub const fn holders(self) -> u64 {
        self.0 & HOLDERS_MASK
    }

    /// Whether the descriptor of this generation is open (D1, D3).
    #[must_use]
    pub const fn is_open(self, generation: u32) -> bool {
        self.generation() == generation && matches!(self.phase(), WordPhase::Open)
    }
}

impl core::fmt::Debug for Word {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Word({}:{:?}+{})",
            self.generation(),
            self.phase(),
            self.holders()
        )
    }
}

/// Judges an entry: `before` is what `fetch_add(entrants)` returned. One compare
/// tests generation, phase and room at once (D1, D3). A call enters with one
/// [`HOLDER`], an overlapped one with a second for its operation.
///
/// A refused entry has still been counted: the caller must take it back with
/// [`leave`], all of it at once.
///
/// # Errors
/// [`Error::NotSocket`] if the descriptor of this generation is not open,
/// [`Error::TooManyDescriptors`] if there is no room for all entrants.
//= docs/specification.md#d1-the-commit-point
//# - A call that begins after the commit and names the closed descriptor MUST fail with
//# WSAENOTSOCK, unless an error that precedes WSAENOTSOCK in E1 applies.
//= docs/specification.md#d3-stale-values
//# - A value of a closed descriptor MUST NOT give access to another socket that was later given the
//# same value.
#[inline]
pub const fn admit(before: Word, generation: u32, entrants: u64) -> Result<(), Error> {
    let base = Word::new(generation, WordPhase::Open, 0).0;
    if before.0.wrapping_sub(base) <= MAX_HOLDERS.saturating_sub(entrants) {
        Ok(())
    } else if before.is_open(generation) {
        Err(Error::TooManyDescriptors)
    } else {
        Err(Error::NotSocket)
    }
}

/// The commit of a close: the word that a compare-and-swap must put in place of
/// `before`. It closes the descriptor and adds the closer as a holder (D1, H2).
///
/// # Errors
/// [`Error::NotSocket`] if the descriptor of this generation is not open: it is
/// stale, or another close won (D2).
//= docs/specification.md#d2-one-close-wins
//# - The provider MUST NOT let more than one close of a descriptor commit, however many closes of
//# it run concurrently.
//= docs/specification.md#h2-after-the-operations
//# - The closing thread MUST become a holder of the descriptor in the commit itself.
pub const fn seal(before: Word, generation: u32) -> Result<Word, Error> {
    if before.is_open(generation) {
        Ok(Word(before.0 + STEP + HOLDER))
    } else {
        Err(Error::NotSocket)
    }
}

/// Judges `leavers` holders going: `before` is what `fetch_sub(leavers)`
/// returned. True if nobody is left inside a closed descriptor; the caller must
/// then try to [`claim`] it, since nobody else may come (H2).
#[inline]
#[must_use]
pub const fn leave(before: Word, leavers: u64) -> bool {
    before.holders() == leavers && matches!(before.phase(), WordPhase::Sealed)
}

/// The word that a compare-and-swap must put in place of `before` to claim the
/// closed and empty descriptor, or `None` if it is not closed and empty. One
/// claimer wins and alone returns the handle and recycles the slot (H1, H2).
//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back before every operation through its descriptor has ended and
//# its result has been delivered.
//= docs/specification.md#h2-after-the-operations
//# - A handle MUST NOT be given back while a thread is inside a call through its descriptor.
#[must_use]
pub const fn claim(before: Word) -> Option<Word> {
    if before.holders() == 0 && matches!(before.phase(), WordPhase::Sealed) {
        Some(Word(before.0 + STEP))
    } else {
        None
    }
}

/// What becomes of a claimed slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recycling {
    /// Add [`STEP`] to the word and give the slot to the next occupant.
    Free,
    /// The slot stays claimed for ever: its handle could not be given back
    /// (H4), or its generations are used up, and wrapping around would make a
    /// stale handle valid again (D3).
    Retired,
}

/// Decides whether a claimed slot can be used again.
//= docs/specification.md#h4-one-attempt
//# - A slot whose handle upcall has failed MUST be retired, so that it never serves another
//# descriptor.
#[must_use]
pub const fn recycle(claimed: Word, handle_returned: bool) -> Recycling {
    if handle_returned && claimed.generation() < u32::MAX {
        Recycling::Free
    } else {
        Recycling::Retired
    }
}

/// The handle of the occupant that this word speaks of, in slot `index`.
#[must_use]
pub const fn descriptor(word: Word, index: u32) -> Descriptor {
    Descriptor::new(index, word.generation())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [WordPhase; 4] = [
        WordPhase::Free,
        WordPhase::Open,
        WordPhase::Sealed,
        WordPhase::Claimed,
    ];
    const GENERATIONS: [u32; 4] = [1, 2, u32::MAX - 1, u32::MAX];
    const HOLDERS: [u64; 7] = [
        0,
        1,
        2,
        MAX_HOLDERS - 2,
        MAX_HOLDERS - 1,
        MAX_HOLDERS,
        MAX_HOLDERS + 1,
    ];

    fn every_word() -> impl Iterator<Item = Word> {
        GENERATIONS.into_iter().flat_map(|generation| {
            PHASES.into_iter().flat_map(move |phase| {
                HOLDERS
                    .into_iter()
                    .map(move |holders| Word::new(generation, phase, holders))
            })
        })
    }

    #[test]
    fn a_word_gives_back_its_parts() {
        for word in every_word() {
            let again = Word::new(word.generation(), word.phase(), word.holders());
            assert_eq!(again, Word::from_bits(word.bits()));
        }
    }

    #[test]
    fn only_the_open_descriptor_of_the_same_generation_admits() {
        for word in every_word() {
            for generation in [0, 1, 2, 3, u32::MAX - 1, u32::MAX] {
                let open = word.generation() == generation && word.phase() == WordPhase::Open;
                for entrants in [1, 2] {
                    let expected = match (open, word.holders() + entrants <= MAX_HOLDERS) {
                        (true, true) => Ok(()),
                        (true, false) => Err(Error::TooManyDescriptors),
                        (false, _) => Err(Error::NotSocket),
                    };
                    let judged = admit(word, generation, entrants);
                    assert_eq!(judged, expected, "{word:?} {generation} {entrants}");
                }
                assert_eq!(
                    seal(word, generation).is_ok(),
                    open,
                    "{word:?} {generation}"
                );
            }
        }
    }

    //= docs/specification.md#h2-after-the-operations
    //= type=test
    //# - The closing thread MUST become a holder of the descriptor in the commit itself.
    #[test]
    fn a_seal_adds_the_closer_and_keeps_everybody_inside() {
        for holders in HOLDERS {
            let sealed = seal(Word::new(7, WordPhase::Open, holders), 7);
            assert_eq!(sealed, Ok(Word::new(7, WordPhase::Sealed, holders + 1)));
        }
    }

    #[test]
    fn only_a_sealed_and_empty_word_is_claimed() {
        for word in every_word() {
            let expected = word.phase() == WordPhase::Sealed && word.holders() == 0;
            assert_eq!(claim(word).is_some(), expected, "{word:?}");
            if let Some(claimed) = claim(word) {
                assert_eq!(claimed, Word::new(word.generation(), WordPhase::Claimed, 0));
            }
        }
    }

    #[test]
    fn the_last_holder_out_of_a_sealed_word_is_told_so() {
        for word in every_word().filter(|word| word.holders() > 0) {
            let sealed = word.phase() == WordPhase::Sealed;
            assert_eq!(leave(word, word.holders()), sealed, "{word:?}");
            if word.holders() > 1 {
                assert!(!leave(word, 1), "{word:?}");
            }
        }
    }

    #[test]
    fn recycling_is_the_same_addition_and_keeps_transient_holders() {
        let claimed = Word::new(7, WordPhase::Claimed, 3);
        assert_eq!(recycle(claimed, true), Recycling::Free);
        let free = Word::from_bits(claimed.bits() + STEP);
        assert_eq!(free, Word::new(8, WordPhase::Free, 3));
        let open = Word::from_bits(free.bits() + STEP);
        assert_eq!(open, Word::new(8, WordPhase::Open, 3));
    }

    #[test]
    fn a_slot_retires_rather_than_wrap_its_generation_or_lose_a_handle() {
        let last = Word::new(u32::MAX, WordPhase::Claimed, 0);
        assert_eq!(recycle(last, true), Recycling::Retired);
        let before = Word::new(u32::MAX - 1, WordPhase::Claimed, 0);
        assert_eq!(recycle(before, true), Recycling::Free);
        assert_eq!(
            recycle(Word::new(3, WordPhase::Claimed, 0), false),
            Recycling::Retired
        );
    }
}
