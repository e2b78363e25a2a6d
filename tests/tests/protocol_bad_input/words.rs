//! Descriptor words meet what they must not be given: handles that are stale or
//! were never issued, counts at their limits, generations that are used up, and
//! any bits at all.

use closesocket::protocol::word::{
    self, HOLDER, Recycling, STEP, Word, WordPhase, admit, claim, leave, recycle, seal,
};
use closesocket::protocol::{Descriptor, Error};
use proptest::prelude::*;

#[test]
fn a_full_descriptor_admits_nobody_and_can_still_be_closed() {
    // Everybody that headroom has room for backs out at the same time.
    let crowded = Word::new(1, WordPhase::Open, STEP - 2);
    assert_eq!(admit(crowded, 1, HOLDER), Err(Error::TooManyDescriptors));
    let sealed = seal(crowded, 1).expect("open");
    assert_eq!(sealed, Word::new(1, WordPhase::Sealed, STEP - 1));
    assert!(leave(sealed, STEP - 1));
    assert!(!leave(sealed, 1));
}

#[test]
fn zero_is_no_descriptor() {
    let zero = Descriptor::from_raw(0);
    assert_eq!((zero.slot(), zero.generation()), (0, 0));
    let first = Word::from_bits(Word::unused().bits() + STEP);
    assert_ne!(word::descriptor(first, 0), zero);
    assert_eq!(
        admit(first, zero.generation(), HOLDER),
        Err(Error::NotSocket)
    );
    assert_eq!(admit(Word::from_bits(0), 0, HOLDER), Err(Error::NotSocket));
}

/// One thing that happens to a descriptor slot.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// Somebody enters with the handle that was issued this many openings ago.
    Enter(u8),
    /// Somebody that is inside, or was refused, leaves.
    Leave(u8),
    Close(u8),
    Open,
}

/// A slot under any order of entering, leaving, closing and opening, where a
/// refused entry may stay counted for long: the word must tell the truth.
#[derive(Default)]
struct Slot {
    word: u64,
    /// The generations inside: admitted, and refused but not backed out.
    admitted: Vec<u32>,
    refused: usize,
    issued: Vec<u32>,
    claims: Vec<u32>,
}

impl Slot {
    fn word(&self) -> Word {
        Word::from_bits(self.word)
    }

    fn handle(&self, ago: u8) -> u32 {
        let len = self.issued.len();
        len.checked_sub(1 + usize::from(ago))
            .map_or(0, |index| self.issued[index])
    }

    fn step(&mut self, it: Move) {
        match it {
            Move::Enter(ago) => {
                let generation = self.handle(ago);
                let before = self.word();
                self.word += HOLDER;
                match admit(before, generation, HOLDER) {
                    Ok(()) => self.admitted.push(generation),
                    Err(_) => self.refused += 1,
                }
            }
            Move::Leave(which) => {
                if self.refused > 0 && which % 2 == 0 {
                    self.refused -= 1;
                } else if self.admitted.pop().is_none() {
                    return;
                }
                self.out();
            }
            Move::Close(ago) => {
                if let Ok(sealed) = seal(self.word(), self.handle(ago)) {
                    self.word = sealed.bits();
                    self.out();
                }
            }
            Move::Open => {
                if self.word().phase() == WordPhase::Free {
                    self.word += STEP;
                    self.issued.push(self.word().generation());
                }
            }
        }
    }

    fn out(&mut self) {
        let before = self.word();
        self.word -= HOLDER;
        if leave(before, HOLDER)
            && let Some(claimed) = claim(self.word())
        {
            self.claims.push(claimed.generation());
            self.word = claimed.bits();
            if recycle(claimed, true) == Recycling::Free {
                self.word += STEP;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_word_counts_right_under_late_leavers_and_stale_entries(moves in prop::collection::vec(
        prop_oneof![
            4 => (0..3_u8).prop_map(Move::Enter),
            4 => any::<u8>().prop_map(Move::Leave),
            2 => (0..3_u8).prop_map(Move::Close),
            3 => Just(Move::Open),
        ],
        1..60,
    )) {
        let mut slot = Slot { word: Word::unused().bits(), ..Slot::default() };
        for it in moves {
            let (admitted, before) = (slot.admitted.len(), slot.word());
            slot.step(it);
            // A value of old closes nothing.
            if matches!(it, Move::Close(ago) if slot.handle(ago) != before.generation()) {
                prop_assert_eq!(slot.word(), before);
            }
            let inside = slot.admitted.len() + slot.refused;
            prop_assert_eq!(slot.word().holders(), inside as u64);
            if slot.admitted.len() > admitted {
                let generation = slot.admitted.last().copied().unwrap_or(0);
                prop_assert!(slot.word().is_open(generation));
            }
            // Nobody is inside a descriptor that was claimed.
            prop_assert!(slot.admitted.iter().all(|it| !slot.claims.contains(it)));
            let mut once = slot.claims.clone();
            once.dedup();
            prop_assert_eq!(&once, &slot.claims);
        }
        // When all have left, every closed occupant's handle was claimed.
        while slot.admitted.len() + slot.refused > 0 {
            slot.step(Move::Leave(if slot.refused > 0 { 0 } else { 1 }));
        }
        slot.step(Move::Close(0));
        prop_assert_eq!(&slot.claims, &slot.issued);
    }

    #[test]
    fn no_bits_of_a_word_make_its_functions_panic(bits in any::<u64>(), generation in any::<u32>()) {
        let word = Word::from_bits(bits);
        prop_assert_eq!(word.bits(), bits);
        let open = word.phase() == WordPhase::Open && word.generation() == generation;
        prop_assert_eq!(word.is_open(generation), open);
        prop_assert!(admit(word, generation, HOLDER).is_err() || open);
        // A full word has no room for a closer: `STEP - 1` holders are never there.
        if word.holders() < STEP - 1 {
            prop_assert_eq!(seal(word, generation).is_ok(), open);
        }
        let closed_and_empty = word.phase() == WordPhase::Sealed && word.holders() == 0;
        prop_assert_eq!(claim(word).is_some(), closed_and_empty);
        let _ = leave(word, word.holders());
        let _ = (recycle(word, true), recycle(word, false), word::descriptor(word, u32::MAX));
    }
}
