//! What the fields of the packed state hold, asked of the packing itself.

use closesocket::protocol::{DuplicationRecord, ProcessId, Socket};

use crate::scenario::{SocketSpec, startups};
use crate::state::is_held;
use crate::state::{Process, Record, Slot};

/// The most that a field of a part holds.
pub(super) fn most<T: Default + Copy>(set: fn(&mut T, u8), get: fn(T) -> u8) -> u8 {
    let holds = |value: &u8| {
        let mut part = T::default();
        set(&mut part, *value);
        get(part) == *value
    };
    (0..=u8::MAX).rev().find(holds).unwrap_or_default()
}

/// Whether a machine that was changed so is packed as it is.
pub(super) fn is_kept(change: impl FnOnce(&mut Socket)) -> bool {
    let mut machine = SocketSpec::CONNECTED.machine();
    change(&mut machine);
    is_held(&machine)
}

pub(super) fn keeps_startups(count: u8) -> bool {
    let mut process = Process::default();
    process.set_startups(startups(count));
    process.startups() == startups(count)
}

/// The last generation that a slot's word holds.
pub(super) fn most_generation() -> u8 {
    use closesocket::protocol::word::{Word, WordPhase};
    let holds = |generation: &u8| {
        let word = Word::new(u32::from(*generation), WordPhase::Free, 0);
        let mut slot = Slot::default();
        slot.set_word(word);
        slot.word() == word
    };
    (0..=u8::MAX).rev().find(holds).unwrap_or_default()
}

/// The last process that a record can name.
pub(super) fn most_target() -> u8 {
    let holds = |target: &u8| {
        let made = Some(DuplicationRecord::new(ProcessId(u32::from(*target))));
        let mut record = Record::default();
        record.set_record(made);
        record.record() == made
    };
    (0..=u8::MAX).rev().find(holds).unwrap_or_default()
}
