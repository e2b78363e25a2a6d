//! Replays what each atomic instruction on a descriptor's word must have seen.

use std::collections::BTreeMap;

use closesocket::engine::{Observation, ProcessId};
use closesocket::protocol::word::{HOLDER, STEP, Word, WordPhase};

/// The words of all slots, as they must be by the steps seen so far.
#[derive(Default)]
pub(crate) struct Words(BTreeMap<(ProcessId, u32), Slot>);

struct Slot {
    word: Word,
    /// The word that a commit replaced which is not reported yet: a commit is
    /// reported a few instructions after its compare-and-swap.
    sealed: Option<Word>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            word: Word::unused(),
            sealed: None,
        }
    }
}

fn plus(word: Word, amount: u64) -> Word {
    Word::from_bits(word.bits().wrapping_add(amount))
}

impl Slot {
    /// An instruction saw this word. Commits and recyclings that were not
    /// reported (yet) are made up for.
    fn see(&mut self, seen: Word) -> Result<(), String> {
        if self.word.phase() == WordPhase::Claimed && seen.phase() != WordPhase::Claimed {
            self.word = plus(self.word, STEP);
        }
        let sealed = self.word.phase() == WordPhase::Open && seen.phase() != WordPhase::Open;
        if sealed {
            self.sealed = Some(self.word);
            self.word = plus(self.word, STEP + HOLDER);
        }
        self.expect(seen)
    }

    fn expect(&self, seen: Word) -> Result<(), String> {
        if seen == self.word {
            Ok(())
        } else {
            let word = self.word;
            Err(format!("a word was {seen:?}, by its history {word:?}"))
        }
    }
}

impl Words {
    /// Checks one observation and takes it into account.
    pub(crate) fn step(&mut self, observation: &Observation) -> Result<(), String> {
        match *observation {
            Observation::Opened {
                process,
                descriptor,
                ..
            } => {
                let slot = self.slot(process, descriptor.slot());
                if slot.word.phase() == WordPhase::Claimed {
                    slot.word = plus(slot.word, STEP);
                }
                let holders = slot.word.holders();
                slot.expect(Word::new(descriptor.generation(), WordPhase::Free, holders))?;
                slot.word = plus(slot.word, STEP);
            }
            Observation::Entered {
                process,
                descriptor,
                before,
                admitted,
            } => {
                let slot = self.slot(process, descriptor.slot());
                slot.see(before)?;
                slot.word = plus(slot.word, HOLDER);
                if admitted != before.is_open(descriptor.generation()) {
                    return Err(format!("wrongly admitted or refused: {descriptor:?}"));
                }
            }
            Observation::Left {
                process,
                descriptor,
                before,
                holders,
            } => {
                let slot = self.slot(process, descriptor.slot());
                slot.see(before)?;
                if before.holders() < holders {
                    return Err(format!("more left than were inside: {descriptor:?}"));
                }
                slot.word = Word::from_bits(before.bits() - holders);
            }
            Observation::Committed {
                process,
                descriptor,
                before,
                ..
            } => {
                let slot = self.slot(process, descriptor.slot());
                match slot.sealed.take() {
                    Some(sealed) if sealed == before => {}
                    Some(_) => return Err(format!("two seals of {descriptor:?}")),
                    None => {
                        slot.expect(before)?;
                        slot.word = plus(slot.word, STEP + HOLDER);
                    }
                }
            }
            Observation::Claimed {
                process,
                descriptor,
                won: true,
                ..
            } => {
                let slot = self.slot(process, descriptor.slot());
                slot.expect(Word::new(descriptor.generation(), WordPhase::Sealed, 0))?;
                slot.word = plus(slot.word, STEP);
            }
            _ => {}
        }
        Ok(())
    }

    fn slot(&mut self, process: ProcessId, index: u32) -> &mut Slot {
        self.0.entry((process, index)).or_default()
    }
}
