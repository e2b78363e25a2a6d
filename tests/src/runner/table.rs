//! Descriptor tables: slots, their words, and the way in and out of them.

use closesocket::protocol::word::{self, HOLDER, Recycling, STEP, Word, WordPhase};
use closesocket::protocol::{
    AbortScope, Cause, Descriptor, Error, HandleKind, Preconditions, ProcessId, Socket, Startups,
    UnreadInput, returns_handle,
};

use super::{Entry, Machine, Runner};
use crate::call::{Answer, Happening, Key, Scope, Through, Unread};

#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub(super) startups: Startups,
    /// Set when the process has cleaned up or died.
    pub(super) gone: Option<Cause>,
    pub(super) slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) word: u64,
    pub(super) socket: usize,
    /// Why the present occupant was closed.
    pub(super) closed: Option<Cause>,
}

/// One occupant of one slot and its socket: what an operation remembers instead
/// of a value to look up again (D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) process: ProcessId,
    pub(super) descriptor: Descriptor,
    pub(super) socket: usize,
}

impl Process {
    pub(super) fn words(&self) -> impl Iterator<Item = Word> + '_ {
        self.slots.iter().map(|slot| Word::from_bits(slot.word))
    }

    pub(super) fn slot(&mut self, descriptor: Descriptor) -> Option<&mut Slot> {
        let index = usize::try_from(descriptor.slot()).unwrap_or(usize::MAX);
        self.slots.get_mut(index)
    }
}

impl Runner {
    pub(super) fn process(&mut self, process: ProcessId) -> Result<&mut Process, Error> {
        self.processes
            .get_mut(usize::try_from(process.0).unwrap_or(usize::MAX))
            .ok_or(Error::NotInitialised)
    }

    pub(super) fn machine(&mut self, reference: Reference) -> &mut Socket {
        &mut self.sockets[reference.socket].socket
    }

    pub(super) fn slot(&mut self, process: ProcessId, descriptor: Descriptor) -> Option<&mut Slot> {
        self.process(process).ok()?.slot(descriptor)
    }

    pub(super) fn preconditions(&mut self, process: ProcessId) -> Preconditions {
        let initialised = self
            .process(process)
            .is_ok_and(|it| it.startups.is_initialised());
        Preconditions {
            initialised,
            network_up: self.network_up,
            idle: true,
        }
    }

    pub(super) fn check(&mut self, process: ProcessId) -> Result<(), Error> {
        self.preconditions(process).check()
    }

    pub(super) fn socket(
        &mut self,
        process: ProcessId,
        scope: Scope,
        unread: Unread,
    ) -> Result<Answer, Error> {
        self.check(process)?;
        let scope = match scope {
            Scope::Descriptor => AbortScope::Descriptor,
            Scope::LastReference => AbortScope::LastReference,
        };
        let unread = match unread {
            Unread::Discard => UnreadInput::Discard,
            Unread::Reset => UnreadInput::Reset,
        };
        let slot = self.reserve(process)?;
        let socket = Socket::new(self.setup.window, scope, unread);
        Ok(self.open_new(process, slot, socket))
    }

    pub(super) fn open_new(&mut self, process: ProcessId, slot: u32, socket: Socket) -> Answer {
        self.sockets.push(Machine {
            socket,
            input: 0,
            waiting: 0,
        });
        self.open(process, slot, self.sockets.len() - 1)
    }

    /// Takes a free slot, or a new one while the table has room.
    pub(super) fn reserve(&mut self, process: ProcessId) -> Result<u32, Error> {
        let (room, generation) = (self.setup.slots, self.first_generation);
        let process = self.process(process)?;
        if let Some(slot) = process.free.pop() {
            return Ok(slot);
        }
        let slot = process.slots.len();
        if slot >= room {
            return Err(Error::TooManyDescriptors);
        }
        process.slots.push(Slot {
            word: Word::new(generation, WordPhase::Free, 0).bits(),
            socket: 0,
            closed: None,
        });
        u32::try_from(slot).map_err(|_| Error::TooManyDescriptors)
    }

    pub(super) fn unreserve(&mut self, process: ProcessId, slot: u32) {
        if let Ok(process) = self.process(process) {
            process.free.push(slot);
        }
    }

    pub(super) fn open(&mut self, process: ProcessId, index: u32, socket: usize) -> Answer {
        let Some(slot) = self.slot(process, Descriptor::new(index, 0)) else {
            return Answer::refused(Error::TooManyDescriptors);
        };
        slot.socket = socket;
        slot.closed = None;
        slot.word += STEP;
        Answer::Opened(word::descriptor(Word::from_bits(slot.word), index))
    }

    /// Enters: counted first, then judged; a refused entry is taken back.
    fn enter(&mut self, process: ProcessId, descriptor: Descriptor) -> Result<Reference, Error> {
        let preconditions = self.preconditions(process);
        let Some(slot) = self.slot(process, descriptor) else {
            return Err(preconditions.precede(Error::NotSocket));
        };
        let before = Word::from_bits(slot.word);
        slot.word += HOLDER;
        let socket = slot.socket;
        let admitted = word::admit(before, descriptor.generation(), HOLDER);
        let reference = Reference {
            process,
            descriptor,
            socket,
        };
        let entered = preconditions.check().and(admitted);
        if entered.is_err() {
            self.leave(reference, 1);
        }
        entered.map(|()| reference)
    }

    /// Leaves; whoever takes a closed descriptor to nobody inside gives its
    /// handle back.
    pub(super) fn leave(&mut self, reference: Reference, leavers: u64) {
        let Some(slot) = self.slot(reference.process, reference.descriptor) else {
            return;
        };
        let before = Word::from_bits(slot.word);
        slot.word -= leavers;
        if !word::leave(before, leavers) {
            return;
        }
        let Some(claimed) = word::claim(Word::from_bits(slot.word)) else {
            return;
        };
        slot.word = claimed.bits();
        let cause = slot.closed;
        self.give_back(reference, claimed, cause);
    }

    /// The upcall, tried once, and what becomes of the slot.
    fn give_back(&mut self, reference: Reference, claimed: Word, cause: Option<Cause>) {
        let kind = if self.setup.non_ifs {
            HandleKind::NonIfs
        } else {
            HandleKind::Ifs
        };
        let Reference {
            process,
            descriptor,
            ..
        } = reference;
        let descriptor = word::descriptor(claimed, descriptor.slot());
        let upcall = cause.is_some_and(|cause| returns_handle(kind, cause));
        let failed = upcall && self.upcalls_fail;
        if failed {
            self.happenings
                .push(Happening::HandleKept(process, descriptor));
        } else if upcall {
            self.happenings
                .push(Happening::HandleReturned(process, descriptor));
        }
        if word::recycle(claimed, !failed) == Recycling::Free
            && let Some(slot) = self.slot(process, descriptor)
        {
            slot.word += STEP;
            self.unreserve(process, descriptor.slot());
        }
    }

    pub(super) fn enter_and_stop(
        &mut self,
        process: ProcessId,
        descriptor: Descriptor,
    ) -> Result<Answer, Error> {
        let reference = self.enter(process, descriptor)?;
        let key = Key(self.calls);
        self.entries.push(Entry { key, reference });
        Ok(Answer::Pending)
    }

    fn take_entry(&mut self, key: Key) -> Result<Reference, Error> {
        let index = self.entries.iter().position(|it| it.key == key);
        index
            .map(|index| self.entries.remove(index).reference)
            .ok_or(Error::InvalidArgument)
    }

    pub(super) fn leave_entry(&mut self, key: Key) -> Result<Answer, Error> {
        let reference = self.take_entry(key)?;
        self.leave(reference, 1);
        Ok(Answer::Done)
    }

    /// The hold with which a call goes on.
    pub(super) fn admitted(&mut self, through: Through) -> Result<Reference, Error> {
        match through {
            Through::Handle(process, descriptor) => self.enter(process, descriptor),
            Through::Entered(key) => self.take_entry(key),
        }
    }

    /// Whether the reference is still its socket's (O1a), as the engine knows
    /// it under the socket's lock.
    pub(super) fn is_live(&mut self, reference: Reference) -> bool {
        self.slot(reference.process, reference.descriptor)
            .is_some_and(|slot| {
                Word::from_bits(slot.word).is_open(reference.descriptor.generation())
            })
    }

    /// A call that registers nothing: in, its critical section, and out.
    pub(super) fn with(
        &mut self,
        through: Through,
        section: impl FnOnce(&mut Self, Reference) -> Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        let reference = self.admitted(through)?;
        let answer = if self.is_live(reference) {
            section(self, reference)
        } else {
            Err(Error::NotSocket)
        };
        self.leave(reference, 1);
        answer
    }
}
