//! The threads that play a world's.

use std::sync::Arc;
use std::thread::{self, Thread};

use closesocket_models::state::WORKER;

use super::primitives::look_at;
use super::scripted::SharedLooks;
use super::seat::Seat;

/// A thread with its seat.
pub(crate) type Player = (Arc<Seat>, Thread);

/// The threads that a conductor has: for each thread of a script one for each of its
/// calls, and the transport's.
pub(crate) struct Cast(Vec<Vec<Player>>);

/// The most calls in a script.
const CALLS: usize = 4;

impl Cast {
    /// New threads, which see and are seen here.
    pub(crate) fn new(looks: &SharedLooks) -> Self {
        let player = |index: usize| {
            let seat = Seat::new(index);
            let (serving, looks) = (Arc::clone(&seat), Arc::clone(looks));
            let thread = thread::spawn(move || {
                look_at(&looks);
                serving.serve();
            });
            (seat, thread.thread().clone())
        };
        let of = |index: usize| {
            let calls = if index == WORKER { 1 } else { CALLS };
            (0..calls).map(|_| player(index)).collect()
        };
        Self((0..=WORKER).map(of).collect())
    }

    /// Who makes this call of a thread.
    pub(crate) fn player(&self, thread: usize, call: usize) -> &Player {
        let players = &self.0[thread];
        players.get(call).unwrap_or(&players[0])
    }
}

impl Drop for Cast {
    fn drop(&mut self) {
        for (seat, thread) in self.0.iter().flatten() {
            seat.send_home(thread);
        }
    }
}
