//! What a network does not offer.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a behaviour was skipped, if it was. The threads of the behaviour share it:
/// one that is skipped may leave another waiting.
#[derive(Clone, Default)]
pub(crate) struct Skipped(Arc<Mutex<Option<String>>>);

thread_local! {
    static HERE: RefCell<Skipped> = RefCell::default();
}

impl Skipped {
    /// That of the behaviour that this thread belongs to.
    pub(crate) fn here() -> Self {
        HERE.with_borrow(Self::clone)
    }

    /// Makes this thread one of that behaviour.
    pub(crate) fn enter(self) {
        HERE.set(self);
    }

    pub(crate) fn why(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Skips the behaviour that runs, from within a [`Network`](crate::Network) or a
/// [`Peer`](crate::Peer) that does not offer what it was asked for.
///
/// # Panics
/// Always: that is how it leaves. It says nothing on the way.
pub fn skip(why: impl Into<String>) -> ! {
    let skipped = Skipped::here();
    let mut slot = skipped.0.lock().unwrap_or_else(PoisonError::into_inner);
    slot.get_or_insert_with(|| why.into());
    drop(slot);
    resume_unwind(Box::new("skipped"))
}
