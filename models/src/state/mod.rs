//! The state of the model: what the step programs change and what the
//! invariants are judged on.
//!
//! Everything is small and `Copy`, and packed into 64 bytes; with the feature `wide`,
//! which holds larger worlds, into 112.

mod fields;
mod layout;
mod machine;
mod parts;
mod size;
mod values;

use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

use closesocket::protocol::Cause;
use closesocket::protocol::invariant::Violations;

pub use layout::WORDS;
pub(crate) use machine::is_held;
pub use parts::{Operation, Process, Record, Rest, Slot, SocketState, Thread};
pub(crate) use size::SWEPT;
pub use size::{
    ACCEPTED, ARRIVALS, CALLS, CHUNKS, OPERATIONS, PROCESSES, RECORDS, SLOTS, SOCKETS, TARGETS,
    THREADS, WORKER,
};

/// The whole world of a scenario at one moment, packed into a few words with a
/// cheap hash: what a search stores.
///
/// Its parts are unpacked when they are read and packed when they were changed;
/// a step touches few of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct State(pub(crate) Words);

/// The words of a packed state; [`layout`] says what is where.
pub(crate) type Words = [u64; WORDS];

/// A part of the state that has its own place in the words.
pub trait Part: Copy {
    /// Unpacks the part with this index.
    #[doc(hidden)]
    fn read(words: &[u64; WORDS], index: usize) -> Self;
    /// Packs it.
    #[doc(hidden)]
    fn write(self, words: &mut [u64; WORDS], index: usize);
}

/// A part that is being changed: packed again when it is dropped.
#[derive(Debug)]
pub struct Change<'a, T: Part> {
    words: &'a mut Words,
    index: usize,
    part: T,
}

impl<T: Part> Deref for Change<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.part
    }
}

impl<T: Part> DerefMut for Change<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.part
    }
}

impl<T: Part> Drop for Change<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.part.write(self.words, self.index);
    }
}

impl State {
    #[inline(always)]
    fn change<T: Part>(&mut self, index: usize) -> Change<'_, T> {
        let part = T::read(&self.0, index);
        Change {
            words: &mut self.0,
            index,
            part,
        }
    }

    /// What there is one of.
    #[inline(always)]
    #[must_use]
    pub fn rest(&self) -> Rest {
        Rest::read(&self.0, 0)
    }

    /// The same, to be changed.
    #[inline(always)]
    pub fn rest_mut(&mut self) -> Change<'_, Rest> {
        self.change(0)
    }

    /// What the step into this state violated.
    #[inline(always)]
    #[must_use]
    pub fn violated(&self) -> Violations {
        self.rest().violated()
    }

    /// Every thread.
    pub fn threads(&self) -> impl Iterator<Item = Thread> {
        (0..THREADS).map(|index| self.thread(index))
    }

    /// Every operation.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        (0..OPERATIONS).map(|index| self.operation(index))
    }

    /// Whether this process has died.
    #[must_use]
    pub fn is_dead(&self, process: usize) -> bool {
        self.process(process).gone() == Some(Cause::Death)
    }
}

/// Declares how a part of each kind is read, and how it is changed.
macro_rules! parts {
    ($($(#[$doc:meta])* $get:ident, $change:ident: $part:ident;)*) => {
        impl State {
            $(
                $(#[$doc])*
                #[inline(always)]
                #[must_use]
                pub fn $get(&self, index: impl Into<usize>) -> $part {
                    $part::read(&self.0, index.into())
                }

                /// The same, to be changed.
                #[inline(always)]
                pub fn $change(&mut self, index: impl Into<usize>) -> Change<'_, $part> {
                    self.change(index.into())
                }
            )*
        }
    };
}

parts! {
    /// A thread; the last is the transport's worker.
    thread, thread_mut: Thread;
    /// A descriptor slot.
    slot, slot_mut: Slot;
    /// A socket.
    socket, socket_mut: SocketState;
    /// An operation.
    operation, operation_mut: Operation;
    /// A duplication record.
    record, record_mut: Record;
    /// A process.
    process, process_mut: Process;
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        const { assert!(WORDS.is_multiple_of(2), "a word would not be hashed") }
        for pair in self.0.as_chunks::<2>().0 {
            state.write_u128(u128::from(pair[0]) << 64 | u128::from(pair[1]));
        }
    }
}

/// An index as the state stores it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "indices are below 16")]
pub const fn small(index: usize) -> u8 {
    (index & 15) as u8
}
