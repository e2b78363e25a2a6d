//! States that wait, first in, first out, in chunks that are freed as they are
//! taken.

use std::collections::VecDeque;
use std::hash::Hash;

use crate::fingerprint::fingerprint;

const CHUNK: usize = 1024;

/// A queue of states.
#[derive(Debug)]
pub(crate) struct Queue<S> {
    chunks: VecDeque<Vec<S>>,
    len: usize,
    /// For how many there is room in the chunks.
    room: usize,
    /// An empty chunk, to be filled again.
    spare: Option<Vec<S>>,
}

impl<S> Queue<S> {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: VecDeque::new(),
            len: 0,
            room: 0,
            spare: None,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, state: S) {
        self.len += 1;
        if let Some(last) = self.chunks.back_mut()
            && last.len() < CHUNK
        {
            let before = last.capacity();
            last.push(state);
            self.room += last.capacity() - before;
            return;
        }
        let mut chunk = self.spare.take().unwrap_or_default();
        chunk.push(state);
        self.room += chunk.capacity();
        self.chunks.push_back(chunk);
    }

    /// Takes the oldest states, as many as lie together.
    pub(crate) fn take(&mut self) -> Option<Vec<S>> {
        let chunk = self.chunks.pop_front()?;
        self.len -= chunk.len();
        self.room -= chunk.capacity();
        Some(chunk)
    }

    /// Takes an empty chunk back, so that its memory is used again.
    pub(crate) fn give_back(&mut self, mut chunk: Vec<S>) {
        chunk.clear();
        self.spare = Some(chunk);
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.room * size_of::<S>()
    }

    /// Every state, with its fingerprint.
    pub(crate) fn fingerprinted(&self) -> impl Iterator<Item = (u64, &S)>
    where
        S: Hash,
    {
        let states = self.chunks.iter().flatten();
        states.map(|it| (fingerprint(it), it))
    }
}
