//! The sockets on which a process has left something that its end must find.

use std::collections::BTreeMap;

use super::SocketId;
use super::primitives::{Monitor as _, Primitives};

/// How much a process has on which socket: so that a sweep of it touches only
/// what is its own, however many sockets there are.
///
/// Its lock is taken under a socket's, and no other is taken under it. It counts
/// what is there and what may be there in a moment: whoever adds a thing counts it
/// before anybody can see it, so a sweep that looks here and then locks the socket
/// misses none.
pub(super) struct Sockets<P: Primitives>(P::Monitor<BTreeMap<SocketId, usize>>);

impl<P: Primitives> Sockets<P> {
    pub(super) fn new() -> Self {
        Self(P::Monitor::new(BTreeMap::new()))
    }

    /// Counts one more on this socket.
    pub(super) fn add(&self, socket: SocketId) {
        self.0
            .lock(|counts| *counts.entry(socket).or_default() += 1);
    }

    /// Counts one less.
    pub(super) fn remove(&self, socket: SocketId) {
        self.0.lock(|counts| {
            if let Some(count) = counts.get_mut(&socket) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&socket);
                }
            }
        });
    }

    /// The sockets that count.
    pub(super) fn all(&self) -> Vec<SocketId> {
        self.0.lock(|counts| counts.keys().copied().collect())
    }
}
