//! Accepted bytes that wait for the transport.

use std::collections::VecDeque;

/// Accepted bytes that wait for the transport, in their order. It has memory only
/// while there are any, or soon after: most sockets never have.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "a word where there is nothing")]
pub(super) struct Unsent(Option<Box<VecDeque<u8>>>);

impl Unsent {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |bytes| bytes.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first of them, as many as lie in one piece.
    pub(super) fn first(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| bytes.as_slices().0)
    }

    /// The transport has taken this many.
    pub(super) fn taken(&mut self, count: usize) {
        if let Some(bytes) = &mut self.0 {
            bytes.drain(..count.min(bytes.len()));
        }
    }

    /// Puts these behind the others.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().extend(bytes);
        }
    }

    /// Throws them away, and gives their memory back.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// Bytes of memory that it has.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |bytes| bytes.capacity())
    }
}
