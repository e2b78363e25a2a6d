//! Some layers of a search by several workers: a loop of timely dataflow, whose
//! times are layers.
//!
//! A worker goes through its states of a layer, keeps what it reaches of its own,
//! and sends the rest to their owners. It begins the next layer when timely says
//! that no states of it are on their way any more: so layers are synchronous, and
//! whoever is reached first is reached on a shortest way.

use std::cell::RefCell;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use timely::container::NoopBuilder;
use timely::dataflow::channels::pact::DistributorPact;
use timely::dataflow::operators::generic::{Operator as _, OutputBuilderSession};
use timely::dataflow::operators::{Capability, ConnectLoop as _, Feedback as _};
use timely::worker::Worker;

use crate::bytes::Codec;
use crate::parcel::{Parcel, Post};
use crate::report::Failure;
use crate::share::{Reached, Share};
use crate::shared::Shared;
use crate::space::Space;

/// States in a full parcel.
const PARCEL: usize = 512;
/// Chunks of states that are gone through before what others sent is looked at.
const CHUNKS: usize = 4;
/// Fingerprints that a worker remembers to have sent.
const SENT: usize = 1 << 15;

/// The worker that owns a state.
#[inline(always)]
pub(crate) fn owner(fingerprint: u64, workers: usize) -> usize {
    (((fingerprint & u64::from(u32::MAX)) * workers as u64) >> 32) as usize
}

/// Goes through all layers before `until`, together with all other workers. What
/// is left waits in `now`.
pub(crate) fn layers<P, C>(
    worker: &mut Worker,
    space: &Arc<P>,
    share: &Rc<RefCell<Share<P::State>>>,
    shared: &Arc<Shared>,
    until: u32,
) where
    P: Space + Send + Sync + 'static,
    P::State: Clone + Hash + Send + 'static,
    C: Codec<P::State>,
{
    let (me, peers) = (worker.index(), worker.peers());
    let base = share.borrow().layer;
    worker.dataflow::<u64, _, _>(|scope| {
        let (handle, cycle) = scope.feedback::<Parcel<P::State, C>>(1);
        let pact = DistributorPact(|_| Post);
        let stream = cycle.unary_frontier::<NoopBuilder<_>, _, _, _>(
            pact,
            "frontier",
            |capability, info| {
                let activator = scope.worker().activator_for(info.address);
                let mut through = Through {
                    space: Arc::clone(space),
                    share: Rc::clone(share),
                    shared: Arc::clone(shared),
                    capability: Some(capability),
                    out: (0..peers).map(|_| Reached::new()).collect(),
                    sent: vec![0; SENT],
                    me,
                    base,
                    until,
                };
                move |(input, frontier), output| {
                    let mut turn = || {
                        input.for_each(|from, parcel: &mut Parcel<_, C>| {
                            if let Some(time) = from.least() {
                                let capability = || from.retain_least(output.output_index());
                                through.receive(*time, std::mem::take(parcel), capability);
                            }
                        });
                        let complete = |time: u64| !frontier.less_equal(&time);
                        if through.go_on(complete, output) {
                            activator.activate();
                        }
                    };
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(&mut turn)) {
                        through.shared.fail(Failure::panicked(&*panic));
                        through.capability = None;
                    }
                }
            },
        );
        stream.connect_loop(handle);
    });
    run(worker, shared);
}

/// Steps until all dataflows are through, or everybody is to stop.
pub(crate) fn run(worker: &mut Worker, shared: &Shared) {
    while worker.has_dataflows() && !shared.stops() {
        worker.step_or_park(Some(std::time::Duration::from_millis(20)));
    }
}

type Output<'a, S, C> = OutputBuilderSession<'a, u64, NoopBuilder<Parcel<S, C>>>;

/// A worker on its way through layers.
struct Through<P: Space> {
    space: Arc<P>,
    share: Rc<RefCell<Share<P::State>>>,
    shared: Arc<Shared>,
    /// To send; kept while states wait.
    capability: Option<Capability<u64>>,
    /// What is to be sent, to each worker.
    out: Vec<Reached<P::State>>,
    /// The last that were sent, each at the place of its last bits: their owner
    /// knows them.
    sent: Vec<u64>,
    me: usize,
    /// The layer of time 0.
    base: u32,
    until: u32,
}

impl<P> Through<P>
where
    P: Space,
    P::State: Clone + Hash + Send + 'static,
{
    fn time(&self, layer: u32) -> u64 {
        u64::from(layer.saturating_sub(self.base))
    }

    /// Takes up states of the layer of this time.
    #[expect(clippy::cast_possible_truncation, reason = "layers are of 32 bits")]
    fn receive<C>(
        &mut self,
        time: u64,
        mut parcel: Parcel<P::State, C>,
        capability: impl FnOnce() -> Option<Capability<u64>>,
    ) {
        if parcel.to != Some(self.me) {
            let why = "another process sent what cannot be read".to_owned();
            self.shared.fail(Failure::Meeting(why));
            return;
        }
        let share = &mut *self.share.borrow_mut();
        let depth = self.base.saturating_add(time as u32);
        // Who sent this knew that the layer before it is complete, even if it is
        // news here.
        while share.layer + 1 < depth {
            share.turn();
            share.layer += 1;
        }
        share.absorb(&*self.space, &mut parcel.reached, depth);
        if self.capability.is_none() && !share.next.is_empty() {
            self.capability = capability();
        }
    }

    /// Goes through some more states; whether there are more.
    fn go_on<C>(
        &mut self,
        complete: impl Fn(u64) -> bool,
        output: &mut Output<'_, P::State, C>,
    ) -> bool
    where
        C: Codec<P::State>,
    {
        let share = Rc::clone(&self.share);
        let share = &mut *share.borrow_mut();
        if !share.tell(&self.shared) {
            self.capability = None;
            return false;
        }
        if share.now.is_empty() && !share.next.is_empty() && complete(self.time(share.layer + 1)) {
            share.turn();
            share.layer += 1;
        }
        if share.layer >= self.until || (share.now.is_empty() && share.next.is_empty()) {
            self.capability = None;
            return false;
        }
        let Some(mut capability) = self.capability.take() else {
            return false;
        };
        for _ in 0..CHUNKS {
            let Some(states) = share.now.take() else {
                break;
            };
            self.expand(share, &states, &capability, output);
            share.next.give_back(states);
        }
        if !share.now.is_empty() {
            self.capability = Some(capability);
            return true;
        }
        for to in 0..self.out.len() {
            self.send(to, &capability, output);
        }
        if !share.next.is_empty() {
            capability.downgrade(&self.time(share.layer + 1));
            self.capability = Some(capability);
        }
        false
    }

    fn expand<C>(
        &mut self,
        share: &mut Share<P::State>,
        states: &[P::State],
        capability: &Capability<u64>,
        output: &mut Output<'_, P::State, C>,
    ) where
        C: Codec<P::State>,
    {
        let peers = self.out.len();
        for states in states.chunks(PARCEL / 4) {
            let (out, sent, me) = (&mut self.out, &mut self.sent, self.me);
            share.expand(&*self.space, states, |fingerprint, before, state| {
                let to = owner(fingerprint, peers);
                if to == me {
                    return Some(state);
                }
                let place = usize::try_from(fingerprint).unwrap_or(usize::MAX) % SENT;
                let place = &mut sent[place];
                if *place != fingerprint {
                    *place = fingerprint;
                    out[to].push(fingerprint, before, state);
                }
                None
            });
            for to in 0..peers {
                if self.out[to].len() >= PARCEL {
                    self.send(to, capability, output);
                }
            }
        }
    }

    fn send<C>(
        &mut self,
        to: usize,
        capability: &Capability<u64>,
        output: &mut Output<'_, P::State, C>,
    ) where
        C: Codec<P::State>,
    {
        if self.out[to].len() > 0 {
            let empty = Reached::with_room(PARCEL + PARCEL / 4);
            let reached = std::mem::replace(&mut self.out[to], empty);
            let mut parcel = Parcel::<_, C>::new(Some(to), reached);
            let mut session = output.session_with_builder(capability);
            session.give_container(&mut parcel);
        }
    }
}
