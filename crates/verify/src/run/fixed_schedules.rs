//! Schedules that are the same in every run: those of the four fixed ways to
//! close, and that of a crowd.

use super::schedule::{Act, Ending, Habit, How, Notice, Opening, PeerPlan, Schedule, Step};

/// The ways, in the order in which connections take turns.
pub(super) const WAYS: [Ending; 4] = [
    Ending::Graceful,
    Ending::Hard,
    Ending::Lingering,
    Ending::Shared,
];

const RECEIVE: Act = Act::Receive {
    bytes: 16,
    how: How::Overlapped(Notice::Queue),
};

/// Closes with receives pending, while the peer does not read.
pub(super) fn way(number: u64) -> Schedule {
    let place = usize::try_from(number % WAYS.len() as u64).unwrap_or_default();
    let ending = WAYS[place];
    let mut acts = vec![RECEIVE, RECEIVE, Act::Fill];
    if ending == Ending::Shared {
        acts.extend([Act::Share { other: true }, Act::CloseOldest, Act::Fill]);
    }
    schedule(number, Opening::Connect, Habit::Waits, &acts, ending)
}

/// Closes when all others are open too, with a receive pending.
pub(super) fn crowd(number: u64) -> Schedule {
    let acts = [RECEIVE, Act::Arrive, Act::AwaitCrowd];
    let opening = Opening::ConnectElsewhere;
    schedule(number, opening, Habit::Elsewhere, &acts, Ending::Crowd)
}

fn schedule(number: u64, opening: Opening, habit: Habit, acts: &[Act], ending: Ending) -> Schedule {
    Schedule {
        number,
        opening,
        peer: PeerPlan {
            habit,
            sends: 0,
            half_closes: false,
            late_pieces: 0,
        },
        steps: acts.iter().map(|act| Step::first(*act)).collect(),
        last_receives: 0,
        last_send: None,
        ending,
    }
}
