//! From fingerprints back to steps.

use std::hash::Hash;

use crate::fingerprint::fingerprint;
use crate::report::{Found, Path};
use crate::share::Finding;
use crate::space::Space;

/// A finding, and the fingerprints of the states on the way to it, the last first.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    pub(crate) finding: Finding,
    pub(crate) backwards: Vec<u64>,
}

impl Trail {
    pub(crate) fn new(finding: Finding) -> Self {
        let ends = [finding.state, finding.before];
        let backwards = ends.into_iter().filter(|&it| it != 0).collect();
        Self { finding, backwards }
    }

    /// Walks it through the space again.
    fn walk<P: Space>(&self, space: &P) -> Option<Path<P::State, P::Action>>
    where
        P::State: Hash,
    {
        let mut forwards = self.backwards.iter().rev();
        let first = *forwards.next()?;
        let mut starts = space.starts().into_iter();
        let mut path = Path {
            start: starts.find(|it| fingerprint(it) == first)?,
            steps: Vec::new(),
        };
        for &wanted in forwards {
            let at = path.steps.last().map_or(&path.start, |(_, state)| state);
            let mut step = None;
            space.steps(at, |action, to| {
                if step.is_none() && fingerprint(&to) == wanted {
                    step = Some((action, to));
                }
            });
            path.steps.push(step?);
        }
        Some(path)
    }
}

/// The findings as they are told: with paths if there are trails that lead to a
/// start.
pub(crate) fn found<P: Space>(
    space: &P,
    trails: &[Trail],
    with_paths: bool,
) -> Vec<Found<P::State, P::Action>> {
    let each = trails.iter().map(|trail| Found {
        number: trail.finding.number as usize,
        depth: trail.finding.depth as usize,
        path: with_paths.then(|| trail.walk(space)).flatten(),
    });
    each.collect()
}

/// Of each number the nearest finding.
pub(crate) fn nearest(mut all: Vec<Finding>) -> Vec<Finding> {
    // By number, then by depth; a stable sort leaves the first found in front.
    all.sort_by_key(|it| (it.number, it.depth));
    all.dedup_by_key(|it| it.number);
    all
}
