//! Spaces to search.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use closesocket_frontier::{Findings, Report, Space, Wire};
use stateright::{Model, Property};

/// Four counters; one step raises one of them, up to `top`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) top: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counted(pub(crate) [u8; 4]);

impl Counted {
    pub(crate) fn sum(&self) -> usize {
        self.0.iter().map(|it| usize::from(*it)).sum()
    }
}

impl Counters {
    pub(crate) const fn unique(self) -> usize {
        (self.top as usize + 1).pow(4)
    }

    /// Each state has a step for each counter that is not at the top.
    pub(crate) const fn transitions(self) -> usize {
        4 * self.top as usize * (self.top as usize + 1).pow(3)
    }

    pub(crate) const fn depth(self) -> usize {
        4 * self.top as usize
    }

    pub(crate) fn after(self, state: &Counted, which: usize) -> Option<Counted> {
        let mut next = *state;
        next.0[which] += 1;
        (next.0[which] <= self.top).then_some(next)
    }
}

impl Model for Counters {
    type State = Counted;
    type Action = usize;

    fn init_states(&self) -> Vec<Counted> {
        vec![Counted([0; 4])]
    }

    fn actions(&self, _: &Counted, actions: &mut Vec<usize>) {
        actions.extend(0..4);
    }

    fn next_state(&self, state: &Counted, which: usize) -> Option<Counted> {
        self.after(state, which)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("below the top together", |model: &Self, state: &Counted| {
                state.sum() < model.depth()
            }),
            Property::sometimes("seven", |_, state: &Counted| state.sum() == 7),
            Property::sometimes("never", |_, _| false),
        ]
    }
}

/// The same as a space of its own, whose states can be written down. It may panic,
/// or end its process, when it comes to a sum; and it counts how often it is asked.
#[derive(Debug, Default)]
pub(crate) struct Spied {
    pub(crate) top: u8,
    pub(crate) panics_at: Option<usize>,
    /// How long each state takes, in microseconds asleep.
    pub(crate) idle: u64,
    pub(crate) asked: AtomicUsize,
}

impl Spied {
    /// With counters up to `top`, and nothing in its way.
    pub(crate) fn up_to(top: u8) -> Self {
        Self {
            top,
            ..Self::default()
        }
    }
}

/// The number of each finding, and how far it is.
pub(crate) fn found<S, A>(report: &Report<S, A>) -> Vec<(usize, usize)> {
    let found = report.found.iter();
    found.map(|it| (it.number, it.depth)).collect()
}

impl Space for Spied {
    type State = Counted;
    type Action = usize;

    fn starts(&self) -> Vec<Counted> {
        vec![Counted([0; 4])]
    }

    fn steps(&self, from: &Counted, mut step: impl FnMut(usize, Counted)) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.idle > 0 {
            std::thread::sleep(Duration::from_micros(self.idle));
        }
        assert!(self.panics_at != Some(from.sum()), "a sum it cannot stand");
        for which in 0..4 {
            if let Some(to) = (Counters { top: self.top }).after(from, which) {
                step(which, to);
            }
        }
    }

    /// Number 5 is the corner, furthest of all.
    fn in_state(&self, state: &Counted) -> Findings {
        Findings::from(state.sum() == 4 * usize::from(self.top)) << 5
    }

    /// Number 100 is a step that raises the last counter to three.
    fn in_step(&self, _: Findings, _: &Counted, which: &usize, to: &Counted) -> Findings {
        Findings::from(*which == 3 && to.0[3] == 3) << 100
    }
}

impl Wire for Counted {
    fn write(&self, to: &mut Vec<u8>) {
        u64::from(u32::from_le_bytes(self.0)).write(to);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let number = u32::try_from(u64::read(from)?).ok()?;
        Some(Self(number.to_le_bytes()))
    }
}
