//! What a network does not offer.

use std::panic::resume_unwind;

/// Why the behaviour that runs was skipped.
pub(crate) struct Skipped(pub(crate) String);

/// Skips the behaviour that runs, from within a [`Network`](crate::Network) or a
/// [`Peer`](crate::Peer) that does not offer what it was asked for.
///
/// # Panics
/// Always: that is how it leaves. It says nothing on the way.
pub fn skip(why: impl Into<String>) -> ! {
    resume_unwind(Box::new(Skipped(why.into())))
}
