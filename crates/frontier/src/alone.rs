//! A search by one worker, without any exchange.

use std::convert::Infallible;
use std::hash::Hash;

use crate::bytes::Codec;
use crate::checkpoint::Keeper;
use crate::options::{Options, Progress};
use crate::report::{Ending, Failure, Report};
use crate::share::Share;
use crate::shared::Shared;
use crate::space::Space;
use crate::trail::{self, Trail};

/// Searches, keeping no checkpoint.
pub(crate) fn search<P: Space>(
    space: &P,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Report<P::State, P::Action> {
    let mut share = Share::new(options.paths);
    share.begin(space, |_| true);
    let forget = |_: &_| Ok::<_, Infallible>(());
    let Ok(ending) = go_through(space, options, &mut share, watch, forget);
    report(space, options, &share, ending)
}

/// Searches from a checkpoint, if there is one, and keeps others.
pub(crate) fn search_on<P: Space, C: Codec<P::State>>(
    space: &P,
    options: &Options,
    watch: &dyn Fn(&Progress),
) -> Result<Report<P::State, P::Action>, Failure> {
    let mut keeper = Keeper::<P::State, C>::new(options);
    let mut share = Share::new(options.paths);
    if !keeper.restore(&mut share, true, |_| true)? {
        share.begin(space, |_| true);
    }
    let ending = go_through(space, options, &mut share, watch, |share| {
        if keeper.is_due() {
            keeper.write(share, 1)?;
        }
        Ok::<_, Failure>(())
    })?;
    if ending == Ending::Complete {
        keeper.remove()?;
    }
    Ok(report(space, options, &share, ending))
}

/// Goes through all layers, unless something ends it before.
fn go_through<P: Space, E>(
    space: &P,
    options: &Options,
    share: &mut Share<P::State>,
    watch: &dyn Fn(&Progress),
    mut between: impl FnMut(&Share<P::State>) -> Result<(), E>,
) -> Result<Ending, E> {
    let shared = Shared::new(options.limits);
    let found = |share: &Share<_>| options.first_only && share.known != 0;
    while !share.now.is_empty() {
        while let Some(states) = share.now.take() {
            share.tell(&shared);
            watch(&shared.progress());
            if let Some(Ok(ending)) = shared.stopped() {
                return Ok(ending);
            }
            if found(share) {
                return Ok(Ending::Found);
            }
            share.expand(space, &states, |_, _, state| Some(state));
            share.next.give_back(states);
        }
        share.turn();
        share.layer += 1;
        between(share)?;
    }
    Ok(if found(share) {
        Ending::Found
    } else {
        Ending::Complete
    })
}

fn report<P: Space>(
    space: &P,
    options: &Options,
    share: &Share<P::State>,
    ending: Ending,
) -> Report<P::State, P::Action>
where
    P::State: Hash,
{
    let first = trail::nearest(share.found.clone());
    let trails = first.into_iter().map(|finding| {
        let mut trail = Trail::new(finding);
        let mut at = finding.before;
        while at != 0 {
            at = share.table.parent(at);
            trail.backwards.extend((at != 0).then_some(at));
        }
        trail
    });
    let trails: Vec<_> = trails.collect();
    Report {
        ending,
        unique_states: share.unique,
        transitions: share.transitions,
        depth: share.depth as usize,
        found: trail::found(space, &trails, options.paths),
        table_bytes: share.table.bytes(),
        own_states: share.unique,
    }
}
