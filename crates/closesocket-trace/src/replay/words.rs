//! The words of all slots on the way through a trace, and what is still to be
//! done with them.

use std::collections::HashMap;

use closesocket::protocol::word::Word;

use super::needs::{Instruction, SlotName};

/// How many words are looked at for a way back; beyond them there is thought to
/// be one.
const REACH: usize = 64;

/// Words and what has still to happen to them.
#[derive(Default)]
pub(super) struct Words {
    words: HashMap<SlotName, Word>,
    /// How many records have still to see a word in this generation and phase.
    to_see: HashMap<(SlotName, u64), u32>,
    /// How many records have still to see a word and to make another of it.
    to_make: HashMap<(SlotName, Word), Vec<(Word, u32)>>,
}

/// The part of a word that only a phase change changes.
const fn phase_of(word: Word) -> u64 {
    word.bits() >> 30
}

impl Words {
    /// Starts with the words as they are now.
    pub(super) fn from(words: HashMap<SlotName, Word>) -> Self {
        Self {
            words,
            ..Self::default()
        }
    }

    /// A slot's word now.
    pub(super) fn now(&self, slot: SlotName) -> Word {
        self.words.get(&slot).copied().unwrap_or(Word::unused())
    }

    /// This instruction is still to be made.
    pub(super) fn expect(&mut self, word: Instruction) {
        self.note(word, |count| *count += 1);
    }

    /// This instruction is made.
    pub(super) fn make(&mut self, word: Instruction) {
        self.words.insert(word.slot, word.after);
        self.note(word, |count| *count = count.saturating_sub(1));
    }

    /// This instruction is taken back.
    pub(super) fn unmake(&mut self, word: Instruction) {
        self.words.insert(word.slot, word.before);
        self.note(word, |count| *count += 1);
    }

    /// Whether this instruction would leave a word behind that others have still
    /// to see, and that nothing makes again.
    pub(super) fn cuts_off(&self, word: Instruction) -> bool {
        if word.before == word.after {
            return false;
        }
        let phase = phase_of(word.before);
        let ends_phase = phase != phase_of(word.after);
        let others = self.to_see.get(&(word.slot, phase));
        if ends_phase && others.is_some_and(|it| *it > 1) {
            return true;
        }
        let others_here = self.to_make.get(&(word.slot, word.before));
        let others_here: u32 = others_here.map_or(0, |it| it.iter().map(|it| it.1).sum());
        others_here > 1 && !self.leads_back(word)
    }

    /// Whether what is left to be made leads from the word after this
    /// instruction to the one before it again.
    fn leads_back(&self, word: Instruction) -> bool {
        let mut reached = vec![word.after];
        let mut next = 0;
        while let Some(from) = reached.get(next).copied() {
            next += 1;
            for (to, left) in self.to_make.get(&(word.slot, from)).into_iter().flatten() {
                if *left > 0 && *to == word.before {
                    return true;
                }
                if *left > 0 && !reached.contains(to) {
                    reached.push(*to);
                }
            }
            if reached.len() > REACH {
                return true;
            }
        }
        false
    }

    /// Changes the counts of what is still to be seen and made.
    fn note(&mut self, word: Instruction, change: impl Fn(&mut u32)) {
        let phase = phase_of(word.before);
        change(self.to_see.entry((word.slot, phase)).or_default());
        let made = self.to_make.entry((word.slot, word.before)).or_default();
        match made.iter_mut().find(|(after, _)| *after == word.after) {
            Some((_, count)) => change(count),
            None => {
                let mut count = 0;
                change(&mut count);
                made.push((word.after, count));
            }
        }
    }
}
